/** Groups of a whole node over the wire, in the simulator: finding the coordinator, rounds, offsets, and what old versions are told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_UUID } from '../../../src/base/uuid.js'
import { partitionOfKey } from '../../../src/broker/coordinators/group-coordinator.js'
import { DeleteGroups } from '../../../src/protocol/messages/delete-groups.js'
import { DeleteTopics } from '../../../src/protocol/messages/delete-topics.js'
import { DescribeConfigs } from '../../../src/protocol/messages/describe-configs.js'
import { DescribeGroups } from '../../../src/protocol/messages/describe-groups.js'
import { FindCoordinator } from '../../../src/protocol/messages/find-coordinator.js'
import { JoinGroup } from '../../../src/protocol/messages/join-group.js'
import { LeaveGroup } from '../../../src/protocol/messages/leave-group.js'
import { ListGroups } from '../../../src/protocol/messages/list-groups.js'
import { Metadata } from '../../../src/protocol/messages/metadata.js'
import { OffsetCommit } from '../../../src/protocol/messages/offset-commit.js'
import { OffsetDelete } from '../../../src/protocol/messages/offset-delete.js'
import { OffsetFetch } from '../../../src/protocol/messages/offset-fetch.js'
import { SyncGroup } from '../../../src/protocol/messages/sync-group.js'
import { golden } from '../../golden.js'
import { batchOf, Produce, produceRequest } from '../requests.js'
import { type Sent, SimulatedBroker } from '../simulated-broker.js'
import { GroupClient, type Joined, nameOf, outcomeOf } from './group-client.js'

const SETTINGS = { 'offsets.topic.num.partitions': '4', 'log.dir.reserved.bytes': '0' }

function started(settings: Readonly<Record<string, string>> = {}): SimulatedBroker {
  return new SimulatedBroker('groups', { ...SETTINGS, ...settings })
}

const waitIn =
  (broker: SimulatedBroker) =>
  (sent: Sent<unknown>): void =>
    broker.until(() => sent.response !== undefined, 'an answer')

test('a group finds its coordinator, joins, syncs, commits and fetches; offsets are there after a restart', () => {
  const broker = started()
  broker.createTopic('t')
  const member = new GroupClient(broker.client())
  const { errorCode, nodeId, host, port } = member.find()
  assert.deepEqual([nameOf(errorCode), nodeId, host, port], ['NONE', 1, 'broker1', 9092])
  const joined: Joined = member.join(waitIn(broker))
  assert.equal(joined.leader, joined.memberId)
  assert.deepEqual(
    joined.members.map(({ metadata }) => Buffer.from(metadata).toString()),
    ['wants t'],
  )
  assert.equal(member.sync(joined, { [joined.memberId]: 't-0' }), 't-0')
  assert.equal(member.heartbeat(joined), 'NONE')
  const sent = member.sendCommit({ topic: 't', offset: 42 }, joined)
  waitIn(broker)(sent)
  assert.equal(outcomeOf(sent.response!), 'NONE')
  assert.equal(member.fetch('t'), 42)

  broker.world.crash()
  broker.until(() => !broker.world.serving, 'it is gone')
  broker.until(() => broker.world.serving, 'it is back')
  const after = new GroupClient(broker.client())
  broker.until(() => after.fetch('t') === 42, 'the offset is there')
  assert.equal(after.heartbeat(joined), 'NONE')
  assert.equal(after.leave(joined), 'NONE')
  assert.equal(after.heartbeat(joined), 'UNKNOWN_MEMBER_ID')
})

/** A client of a node whose groups are loaded, and a topic `t` of two partitions. */
function ready(settings: Readonly<Record<string, string>> = {}): {
  broker: SimulatedBroker
  member: GroupClient
  topicId: string
} {
  const broker = started(settings)
  const topicId = broker.createTopic('t', 2)
  const member = new GroupClient(broker.client())
  broker.until(() => nameOf(member.find().errorCode) === 'NONE' && member.fetch('t') === -1, 'a coordinator')
  return { broker, member, topicId }
}

function commit({ broker, member }: ReturnType<typeof ready>, offset: number, topic = 't', partition = 0): string {
  const sent = member.sendCommit({ topic, partition, offset })
  waitIn(broker)(sent)
  return outcomeOf(sent.response!)
}

test('a group is kept in the partition that Kafka keeps it in', () => {
  const cases = golden<{ kind: string; id: string; of50: number; of1: number }>('primitives.jsonl').filter(
    ({ kind }) => kind === 'coordinator-partition',
  )
  assert.ok(cases.length >= 5)
  for (const { id, of50, of1 } of cases) {
    assert.deepEqual([partitionOfKey(id, 50), partitionOfKey(id, 1)], [of50, of1], id)
  }
  // Its hash is -2^31.
  assert.equal(partitionOfKey('polygenelubricants', 50), 0)
})

test('the topic is made once, as it must be, whoever asks first; others than groups have no coordinator', () => {
  const broker = started({ 'offsets.topic.segment.bytes': '2097152' })
  const clients = Array.from({ length: 3 }, () => broker.client())
  const asked = clients.map((client) => client.send(FindCoordinator, 4, { keyType: 0, coordinatorKeys: ['a', 'b'] }))
  for (const sent of asked) {
    waitIn(broker)(sent)
    assert.deepEqual(
      sent.response!.coordinators.map(({ key, errorCode, nodeId }) => [key, nameOf(errorCode), nodeId]),
      ['a', 'b'].map((key) => [key, 'NONE', 1]),
    )
  }
  const [client] = clients
  const { topics } = client!.request(Metadata, 12, { topics: [{ name: '__consumer_offsets' }] })
  assert.deepEqual(
    topics.map(({ isInternal, partitions }) => [isInternal, partitions.length, partitions[0]!.replicaNodes]),
    [[true, 4, [1]]],
  )
  const resources = [{ resourceType: 2, resourceName: '__consumer_offsets', configurationKeys: null }]
  const { results } = client!.request(DescribeConfigs, 4, { resources })
  const configured = (key: string) => results[0]!.configs.find(({ name }) => name === key)!.value
  assert.deepEqual(['cleanup.policy', 'segment.bytes', 'compression.type'].map(configured), [
    'compact',
    '2097152',
    'producer',
  ])
  const old = client!.request(FindCoordinator, 0, { key: 'a' })
  assert.deepEqual([nameOf(old.errorCode), old.nodeId, old.host, old.port], ['NONE', 1, 'broker1', 9092])
  for (const [version, keyType, error] of [
    [6, 1, 'COORDINATOR_NOT_AVAILABLE'],
    [6, 2, 'COORDINATOR_NOT_AVAILABLE'],
    [5, 2, 'INVALID_REQUEST'],
    [6, 9, 'INVALID_REQUEST'],
  ] as const) {
    const { coordinators } = client!.request(FindCoordinator, version, { keyType, coordinatorKeys: ['x'] })
    assert.deepEqual(
      [nameOf(coordinators[0]!.errorCode), coordinators[0]!.nodeId],
      [error, -1],
      `${version} ${keyType}`,
    )
  }
})

test('who asks for the metadata of the topic has it made as it must be', () => {
  const broker = started()
  const client = broker.client()
  const ask = () => client.request(Metadata, 12, { topics: [{ name: '__consumer_offsets' }] }).topics[0]!
  ask()
  broker.until(() => ask().errorCode === 0, 'it is there')
  assert.equal(ask().partitions.length, 4)
})

test('offsets.topic.num.partitions, offsets.topic.replication.factor: what is set is taken, and needs as many brokers', () => {
  const broker = started({ 'offsets.topic.num.partitions': '7', 'offsets.topic.replication.factor': '1' })
  const member = new GroupClient(broker.client())
  assert.equal(nameOf(member.find().errorCode), 'NONE')
  assert.equal(broker.world.node!.broker!.image.topicsByName.get('__consumer_offsets')!.partitions.length, 7)
  const alone = started({ 'offsets.topic.replication.factor': '2' })
  const { errorCode, errorMessage } = new GroupClient(alone.client()).find()
  assert.equal(nameOf(errorCode), 'COORDINATOR_NOT_AVAILABLE')
  assert.match(errorMessage!, /__consumer_offsets cannot be made: /)
})

test('clients do not write to the topic, but for who administers it; it can be deleted, and offsets are gone then', () => {
  const all = ready()
  const { broker, member } = all
  assert.equal(commit(all, 5), 'NONE')
  const produced = (client: GroupClient['client']) =>
    client.request(
      Produce,
      9,
      produceRequest({ name: '__consumer_offsets' }, batchOf(['x'], {}, Date.UTC(2000, 1), Buffer.from('k'))),
    ).responses[0]!.partitionResponses[0]!.errorCode
  assert.equal(nameOf(produced(broker.client())), 'INVALID_TOPIC_EXCEPTION')
  assert.equal(nameOf(produced(broker.client('__admin_client'))), 'NONE')
  const topics = [{ name: '__consumer_offsets', topicId: ZERO_UUID }]
  const { responses } = member.client.request(DeleteTopics, 6, { topics, timeoutMs: 5000 })
  assert.equal(nameOf(responses[0]!.errorCode), 'NONE')
  assert.equal(member.fetch('t'), 'NOT_COORDINATOR')
  broker.until(() => nameOf(member.find().errorCode) === 'NONE' && member.fetch('t') === -1, 'a new topic')
})

test('several groups are asked shard by shard: fetched, listed, described and deleted', () => {
  const all = ready()
  const { broker, member } = all
  const names = ['a', 'b', 'c', 'd', 'e']
  for (const [n, name] of names.entries()) {
    const sent = new GroupClient(member.client, name).sendCommit({ topic: 't', offset: n })
    waitIn(broker)(sent)
    assert.equal(outcomeOf(sent.response!), 'NONE')
  }
  const topics = [{ name: 't', partitionIndexes: [0] }]
  const fetched = member.client.request(OffsetFetch, 8, { groups: names.map((groupId) => ({ groupId, topics })) })
  assert.deepEqual(
    fetched.groups.map((each) => [each.groupId, each.topics[0]!.partitions[0]!.committedOffset]),
    names.map((name, n) => [name, n]),
  )
  const list = (filter = {}) =>
    member.client
      .request(ListGroups, 5, { statesFilter: [], typesFilter: [], ...filter })
      .groups.map(({ groupId }) => groupId)
  assert.deepEqual(list().sort(), names)
  assert.deepEqual(list({ statesFilter: ['Stable'] }), [])
  const described = member.client.request(DescribeGroups, 6, {
    groups: [...names, 'none'],
    includeAuthorizedOperations: true,
  })
  assert.deepEqual(
    described.groups
      .map((each) => [each.groupId, nameOf(each.errorCode), each.groupState, each.authorizedOperations])
      .sort(),
    [...names.map((name) => [name, 'NONE', 'Empty', 3400]), ['none', 'GROUP_ID_NOT_FOUND', 'Dead', -2147483648]].sort(),
  )
  const deleted = member.client.request(DeleteGroups, 2, { groupsNames: ['a', 'c', 'none', 'a'] })
  assert.deepEqual(deleted.results.map(({ groupId, errorCode }) => `${groupId} ${nameOf(errorCode)}`).sort(), [
    'a NONE',
    'c NONE',
    'none GROUP_ID_NOT_FOUND',
  ])
  assert.deepEqual(list().sort(), ['b', 'd', 'e'])
  const gone = [{ name: 't', partitions: [{ partitionIndex: 0 }, { partitionIndex: 9 }] }]
  const { topics: removed } = member.client.request(OffsetDelete, 0, { groupId: 'b', topics: gone })
  assert.deepEqual(
    removed[0]!.partitions.map(({ partitionIndex, errorCode }) => [partitionIndex, nameOf(errorCode)]),
    [
      [0, 'NONE'],
      [9, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ],
  )
  assert.equal(new GroupClient(member.client, 'b').fetch('t'), -1)
})

test('commits of partitions that are not there are refused, and the others taken', () => {
  const { member, topicId } = ready()
  const partitions = [0, 7].map((partitionIndex) => ({ partitionIndex, committedOffset: 3, committedMetadata: null }))
  const answer = member.client.request(OffsetCommit, 9, {
    groupId: 'g',
    topics: [
      { name: 't', partitions },
      { name: 'none', partitions },
    ],
  })
  assert.deepEqual(
    answer.topics.map((each) => [each.name, each.partitions.map(({ errorCode }) => nameOf(errorCode))]),
    [
      ['t', ['NONE', 'UNKNOWN_TOPIC_OR_PARTITION']],
      ['none', ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION']],
    ],
  )
  const other = 'AAAAAAAAAAAAAAAAAAAABQ'
  const byId = member.client.request(OffsetCommit, 10, {
    groupId: 'g',
    topics: [
      { topicId, partitions: [{ partitionIndex: 1, committedOffset: 8, committedMetadata: null }] },
      { topicId: other, partitions: partitions.slice(0, 1) },
    ],
  })
  assert.deepEqual(
    byId.topics.map((each) => [each.topicId, nameOf(each.partitions[0]!.errorCode)]),
    [
      [topicId, 'NONE'],
      [other, 'UNKNOWN_TOPIC_ID'],
    ],
  )
  const wanted = [
    { topicId, partitionIndexes: [0, 1] },
    { topicId: other, partitionIndexes: [0] },
  ]
  const named = member.client.request(OffsetFetch, 10, { groups: [{ groupId: 'g', topics: wanted }] }).groups[0]!
  assert.deepEqual(
    named.topics.map((each) => [each.topicId, each.partitions.map((p) => [p.committedOffset, nameOf(p.errorCode)])]),
    [
      [
        topicId,
        [
          [3, 'NONE'],
          [8, 'NONE'],
        ],
      ],
      [other, [[-1, 'UNKNOWN_TOPIC_ID']]],
    ],
  )
  const everything = member.client.request(OffsetFetch, 10, { groups: [{ groupId: 'g', topics: null }] }).groups[0]!
  assert.deepEqual(
    everything.topics.map((each) => [each.topicId, each.partitions.length]),
    [[topicId, 2]],
  )
})

test('the oldest versions are answered in their shape', () => {
  const { broker, member } = ready()
  const { client } = member
  for (const version of [0, 1, 2, 5]) {
    const topics = [
      { name: 't', partitions: [{ partitionIndex: 0, committedOffset: 10 + version, committedMetadata: 'm' }] },
    ]
    const { topics: committed } = client.request(OffsetCommit, version, { groupId: 'old', topics })
    assert.equal(nameOf(committed[0]!.partitions[0]!.errorCode), 'NONE', `v${version}`)
    const fetched = client.request(OffsetFetch, version, {
      groupId: 'old',
      topics: [{ name: 't', partitionIndexes: [0, 1] }],
    })
    assert.deepEqual(
      fetched.topics[0]!.partitions.map(({ committedOffset, metadata }) => [committedOffset, metadata]),
      [
        [10 + version, 'm'],
        [-1, ''],
      ],
    )
  }
  assert.equal(client.request(OffsetFetch, 2, { groupId: 'old', topics: null }).topics.length, 1)
  const joining = client.send(JoinGroup, 0, {
    ...{ groupId: 'first', sessionTimeoutMs: 10_000, memberId: '', protocolType: 'consumer' },
    protocols: [{ name: 'range', metadata: Buffer.from('m') }],
  })
  waitIn(broker)(joining)
  const { memberId, generationId, errorCode, protocolName } = joining.response!
  assert.deepEqual([nameOf(errorCode), protocolName], ['NONE', 'range'])
  const assignments = [{ memberId, assignment: Buffer.from('all of it') }]
  const synced = client.request(SyncGroup, 0, { groupId: 'first', memberId, generationId, assignments })
  assert.equal(Buffer.from(synced.assignment).toString(), 'all of it')
  const unknown = client.send(JoinGroup, 0, {
    ...{ groupId: 'first', sessionTimeoutMs: 10_000, memberId: 'nobody', protocolType: 'consumer' },
    protocols: [{ name: 'range', metadata: Buffer.from('m') }],
  })
  waitIn(broker)(unknown)
  assert.deepEqual([nameOf(unknown.response!.errorCode), unknown.response!.protocolName], ['UNKNOWN_MEMBER_ID', ''])
  assert.equal(
    nameOf(client.request(LeaveGroup, 0, { groupId: 'first', memberId: 'nobody' }).errorCode),
    'UNKNOWN_MEMBER_ID',
  )
  assert.equal(nameOf(client.request(LeaveGroup, 2, { groupId: 'first', memberId }).errorCode), 'NONE')
  assert.equal(client.request(DescribeGroups, 0, { groups: ['none'] }).groups[0]!.groupState, 'Dead')
})

test('a member whose connection ends while it waits for the round is still a member', () => {
  const { broker, member } = ready({ 'group.initial.rebalance.delay.ms': '3000' })
  const leaving = new GroupClient(broker.client())
  const first = leaving.sendJoin()
  waitIn(broker)(first)
  leaving.sendJoin(first.response!.memberId)
  broker.pass(500)
  leaving.client.close()
  const joined = member.join(waitIn(broker))
  assert.equal(joined.leader, first.response!.memberId)
  const members = () =>
    member.client.request(DescribeGroups, 5, { groups: ['g'] }).groups[0]!.members.map(({ memberId }) => memberId)
  assert.equal(members().length, 2)
  for (let n = 0; n < 4; n++) {
    broker.pass(3000)
    member.heartbeat(joined)
  }
  assert.deepEqual(members(), [joined.memberId], 'until its session is over')
})

test('what members say is kept, and not the memory in which it came', () => {
  const { broker, member } = ready()
  const texts = ['first', 'second', 'third'].map((name) => `${name} ${'x'.repeat(100)}`)
  const members = texts.map((metadata) => {
    const first = member.sendJoin('', { metadata })
    waitIn(broker)(first)
    return first.response!.memberId
  })
  // Each on a connection of its own: answers of one leave in the order of its requests.
  const joining = members.map((memberId, n) =>
    new GroupClient(broker.client()).sendJoin(memberId, { metadata: texts[n]! }),
  )
  for (const sent of joining) waitIn(broker)(sent)
  const { leader } = joining[0]!.response!
  const told = joining[members.indexOf(leader)]!.response!.members
  assert.deepEqual(told.map(({ metadata }) => Buffer.from(metadata).toString()).sort(), [...texts].sort())
  const { generationId } = joining[0]!.response!
  const assignments = Object.fromEntries(members.map((memberId, n) => [memberId, `part ${n}`]))
  member.sync({ memberId: leader, generationId }, assignments)
  for (const [n, memberId] of members.entries()) {
    assert.equal(new GroupClient(broker.client()).sync({ memberId, generationId }), `part ${n}`)
  }
  const { groups } = member.client.request(DescribeGroups, 5, { groups: ['g'] })
  assert.deepEqual(
    groups[0]!.members.map(({ memberMetadata }) => Buffer.from(memberMetadata).toString()).sort(),
    [...texts].sort(),
  )
})
