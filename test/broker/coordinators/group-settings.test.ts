/** The settings about groups, each at two values, over the wire. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeConfig } from '../../../src/config/node-config.js'
import { ConsumerGroupDescribe } from '../../../src/protocol/messages/consumer-group-describe.js'
import { ConsumerGroupHeartbeat } from '../../../src/protocol/messages/consumer-group-heartbeat.js'
import { IncrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.js'
import type { Infer } from '../../../src/protocol/schema.js'
import { type Sent, SimulatedBroker } from '../simulated-broker.js'
import { GroupClient, nameOf, outcomeOf } from './group-client.js'

type Settings = Readonly<Record<string, string>>

class Rig {
  readonly broker: SimulatedBroker
  readonly member: GroupClient

  constructor(settings: Settings = {}) {
    const few = { 'offsets.topic.num.partitions': '2', 'log.dir.reserved.bytes': '0' }
    this.broker = new SimulatedBroker('group settings', { ...few, ...settings })
    this.broker.createTopic('t', 2)
    this.member = new GroupClient(this.broker.client())
    const isReady = () => nameOf(this.member.find().errorCode) === 'NONE' && this.member.fetch('t') === -1
    this.broker.until(isReady, 'a coordinator')
  }

  readonly wait = (sent: Sent<unknown>): void => this.broker.until(() => sent.response !== undefined, 'an answer')

  /** What a member is told that asks for such a session. */
  join(sessionTimeoutMs: number, member = this.member): { readonly error: string; readonly tookMs: number } {
    let sent = member.sendJoin('', { sessionTimeoutMs })
    this.wait(sent)
    if (nameOf(sent.response!.errorCode) === 'MEMBER_ID_REQUIRED') {
      sent = member.sendJoin(sent.response!.memberId, { sessionTimeoutMs })
      this.wait(sent)
    }
    return { error: nameOf(sent.response!.errorCode), tookMs: sent.tookMs }
  }

  commit(metadata = ''): string {
    const sent = this.member.sendCommit({ topic: 't', offset: 5, metadata })
    this.wait(sent)
    return outcomeOf(sent.response!)
  }

  /** A new member of a consumer group, or one that is there already. */
  beat(
    memberId = 'AAAAAAAAAAAAAAAAAAAABw',
    groupId = 'new',
    memberEpoch = 0,
  ): Infer<typeof ConsumerGroupHeartbeat.response> {
    const first = memberEpoch === 0
    return this.member.client.request(ConsumerGroupHeartbeat, 1, {
      ...{ groupId, memberId, memberEpoch },
      ...(first && { rebalanceTimeoutMs: 10_000, subscribedTopicNames: ['t'], topicPartitions: [] }),
    })
  }
}

const OTHER = 'AAAAAAAAAAAAAAAAAAAACA'

test('group.min.session.timeout.ms, group.max.session.timeout.ms: which sessions are taken', () => {
  assert.equal(new Rig().join(5000).error, 'INVALID_SESSION_TIMEOUT')
  assert.equal(new Rig({ 'group.min.session.timeout.ms': '5000' }).join(5000).error, 'NONE')
  assert.equal(new Rig().join(60_000).error, 'NONE')
  assert.equal(new Rig({ 'group.max.session.timeout.ms': '59999' }).join(60_000).error, 'INVALID_SESSION_TIMEOUT')
})

test('group.initial.rebalance.delay.ms: how long the first round takes', () => {
  const { tookMs } = new Rig().join(10_000)
  assert.ok(tookMs >= 3000 && tookMs < 3500, `${tookMs} ms`)
  assert.ok(new Rig({ 'group.initial.rebalance.delay.ms': '0' }).join(10_000).tookMs < 500)
})

test('group.max.size: how many members a classic group takes', () => {
  for (const [size, error] of [
    ['1', 'GROUP_MAX_SIZE_REACHED'],
    ['2', 'NONE'],
  ] as const) {
    const rig = new Rig({ 'group.max.size': size, 'group.initial.rebalance.delay.ms': '0' })
    assert.equal(rig.join(6000).error, 'NONE')
    assert.equal(rig.join(6000, new GroupClient(rig.broker.client())).error, error)
  }
})

test('group.consumer.heartbeat.interval.ms: what members are told', () => {
  assert.equal(new Rig().beat().heartbeatIntervalMs, 5000)
  assert.equal(new Rig({ 'group.consumer.heartbeat.interval.ms': '6000' }).beat().heartbeatIntervalMs, 6000)
})

test('group.consumer.session.timeout.ms: when a member that is silent is missed', () => {
  for (const [sessionMs, error] of [
    ['45000', 'UNKNOWN_MEMBER_ID'],
    ['55000', 'NONE'],
  ] as const) {
    const rig = new Rig({ 'group.consumer.session.timeout.ms': sessionMs })
    const { memberId, memberEpoch } = rig.beat()
    rig.broker.pass(50_000)
    assert.equal(nameOf(rig.beat(memberId!, 'new', memberEpoch).errorCode), error, sessionMs)
  }
})

test('group.consumer.max.size: how many members a consumer group takes', () => {
  for (const [size, error] of [
    ['1', 'GROUP_MAX_SIZE_REACHED'],
    ['2', 'NONE'],
  ] as const) {
    const rig = new Rig({ 'group.consumer.max.size': size })
    assert.equal(nameOf(rig.beat().errorCode), 'NONE')
    assert.equal(nameOf(rig.beat(OTHER).errorCode), error)
  }
})

test('group.consumer.assignors: the first is taken where nobody says another', () => {
  for (const [assignors, first] of [
    ['uniform,range', 'uniform'],
    ['range', 'range'],
  ] as const) {
    const rig = new Rig({ 'group.consumer.assignors': assignors })
    rig.beat()
    const request = { groupIds: ['new'], includeAuthorizedOperations: false }
    assert.equal(rig.member.client.request(ConsumerGroupDescribe, 1, request).groups[0]!.assignorName, first)
  }
  assert.throws(() => nodeConfig({ 'group.consumer.assignors': 'unifrom' }), /must name uniform, range or both/)
})

test('group.consumer.migration.policy: whether a classic group with members becomes a consumer group', () => {
  const told = (policy: string): string => {
    const rig = new Rig({ 'group.consumer.migration.policy': policy, 'group.initial.rebalance.delay.ms': '0' })
    // A subscription to `t`, as consumers write it.
    const metadata = Buffer.from('0000000000010001740000000000', 'hex').toString('latin1')
    const joined = rig.member.join(rig.wait, { metadata })
    rig.member.sync(joined, { [joined.memberId]: Buffer.from('00000000000000000000', 'hex').toString('latin1') })
    return nameOf(rig.beat(undefined, 'g').errorCode)
  }
  assert.equal(told('bidirectional'), 'NONE')
  assert.equal(told('downgrade'), 'GROUP_ID_NOT_FOUND')
})

test('group.consumer.regex.refresh.interval.ms: how often it is looked what a regular expression matches', () => {
  const looked = (intervalMs: string): number => {
    const rig = new Rig({ 'group.consumer.regex.refresh.interval.ms': intervalMs })
    const { client } = rig.member
    let member = { groupId: 'new', memberId: 'AAAAAAAAAAAAAAAAAAAABw', memberEpoch: 0 }
    const wish = { rebalanceTimeoutMs: 10_000, subscribedTopicRegex: 't.*', topicPartitions: [] }
    for (let n = 0; n < 5; n++) {
      const { errorCode, memberEpoch } = client.request(ConsumerGroupHeartbeat, 1, {
        ...member,
        ...(member.memberEpoch === 0 && wish),
      })
      assert.equal(nameOf(errorCode), 'NONE')
      member = { ...member, memberEpoch }
      rig.broker.pass(15_000)
    }
    // What was found stands in the log, each time.
    const ofOffsets = rig.broker.world.partitions.filter(({ id }) => id.topic === '__consumer_offsets')
    return ofOffsets.reduce((sum, { log }) => sum + log.nextOffset, 0)
  }
  assert.equal(looked('10000') - looked('600000'), 4)
})

test('bounds of consumer groups: group.consumer.min.session.timeout.ms, group.consumer.max.session.timeout.ms, group.consumer.min.heartbeat.interval.ms, group.consumer.max.heartbeat.interval.ms', () => {
  const cases: [Settings, RegExp | undefined][] = [
    [{ 'group.consumer.session.timeout.ms': '40000' }, /^group.consumer.min.session.timeout.ms=45000 is not allowed/],
    [{ 'group.consumer.session.timeout.ms': '40000', 'group.consumer.min.session.timeout.ms': '40000' }, undefined],
    [{ 'group.consumer.session.timeout.ms': '70000' }, /at most group.consumer.max.session.timeout.ms, which is 60000/],
    [{ 'group.consumer.session.timeout.ms': '70000', 'group.consumer.max.session.timeout.ms': '70000' }, undefined],
    [
      { 'group.consumer.heartbeat.interval.ms': '4000' },
      /^group.consumer.min.heartbeat.interval.ms=5000 is not allowed/,
    ],
    [{ 'group.consumer.heartbeat.interval.ms': '4000', 'group.consumer.min.heartbeat.interval.ms': '4000' }, undefined],
    [{ 'group.consumer.heartbeat.interval.ms': '16000' }, /at most group.consumer.max.heartbeat.interval.ms/],
    [
      { 'group.consumer.heartbeat.interval.ms': '16000', 'group.consumer.max.heartbeat.interval.ms': '16000' },
      undefined,
    ],
  ]
  for (const [settings, wrong] of cases) {
    if (wrong === undefined) nodeConfig(settings)
    else assert.throws(() => nodeConfig(settings), { message: wrong })
  }
})

test('consumer.heartbeat.interval.ms, consumer.session.timeout.ms: what counts for one group', () => {
  const rig = new Rig()
  const { client } = rig.member
  const change = (name: string, value: string | null, resourceName = 'new') => {
    const configs = [{ name, configOperation: value === null ? 1 : 0, value }]
    const resources = [{ resourceType: 32, resourceName, configs }]
    const [response] = client.request(IncrementalAlterConfigs, 1, { resources, validateOnly: false }).responses
    return `${nameOf(response!.errorCode)} ${response!.errorMessage ?? ''}`
  }
  const beat = (member: string, groupId: string) => {
    const { memberId, memberEpoch, heartbeatIntervalMs, errorCode } = rig.beat(member, groupId)
    assert.equal(nameOf(errorCode), 'NONE')
    return { heartbeatIntervalMs, again: () => nameOf(rig.beat(memberId!, groupId, memberEpoch).errorCode) }
  }
  assert.equal(change('consumer.heartbeat.interval.ms', '7000'), 'NONE ')
  assert.equal(change('consumer.session.timeout.ms', '60000'), 'NONE ')
  assert.equal(beat(OTHER, 'new').heartbeatIntervalMs, 7000)
  assert.equal(beat(OTHER, 'another').heartbeatIntervalMs, 5000)
  const members = ['new', 'another'].map((groupId) => beat('AAAAAAAAAAAAAAAAAAAABw', groupId))
  rig.broker.pass(50_000)
  assert.deepEqual(
    members.map(({ again }) => again()),
    ['NONE', 'UNKNOWN_MEMBER_ID'],
  )
  assert.equal(change('consumer.heartbeat.interval.ms', null), 'NONE ')
  assert.equal(beat('AAAAAAAAAAAAAAAAAAAACQ', 'new').heartbeatIntervalMs, 5000)
})

test('offset.metadata.max.bytes: how much may be committed with an offset', () => {
  assert.equal(new Rig().commit('m'.repeat(4097)), 'OFFSET_METADATA_TOO_LARGE')
  assert.equal(new Rig({ 'offset.metadata.max.bytes': '5000' }).commit('m'.repeat(4097)), 'NONE')
})

test('offsets.retention.minutes, offsets.retention.check.interval.ms: when an offset is forgotten', () => {
  const left = (settings: Settings): string | number => {
    const rig = new Rig(settings)
    assert.equal(rig.commit(), 'NONE')
    rig.broker.pass(150_000)
    return rig.member.fetch('t')
  }
  const often = { 'offsets.retention.check.interval.ms': '10000' }
  assert.equal(left({ ...often, 'offsets.retention.minutes': '1' }), -1)
  assert.equal(left({ ...often, 'offsets.retention.minutes': '3' }), 5)
  assert.equal(left({ 'offsets.retention.minutes': '1' }), 5, 'nobody has looked yet')
})

test('offsets.topic.compression.codec: how commits stand in the log', () => {
  const sizes = ['0', '1', '3'].map((codec) => {
    const rig = new Rig({ 'offsets.topic.compression.codec': codec })
    assert.equal(rig.commit('m'.repeat(4000)), 'NONE')
    const ofOffsets = rig.broker.world.partitions.filter(({ id }) => id.topic === '__consumer_offsets')
    return ofOffsets.reduce((sum, { log }) => sum + log.sizeBytes, 0)
  })
  assert.ok(sizes[0]! > 4000 && sizes[1]! < 400 && sizes[2]! < 400, sizes.join(' '))
})
