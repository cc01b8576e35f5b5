/** Requests that name several groups or topics: what the client may not do is answered for itself, with Kafka's error, and the rest is done. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { consumerGroupDescribe } from '../../../src/broker/apis/group/consumer-group-describe.js'
import { consumerGroupHeartbeat } from '../../../src/broker/apis/group/consumer-group-heartbeat.js'
import { deleteGroups } from '../../../src/broker/apis/group/delete-groups.js'
import { describeGroups } from '../../../src/broker/apis/group/describe-groups.js'
import { describeRebalances } from '../../../src/broker/apis/group/describe-rebalances.js'
import { findCoordinator } from '../../../src/broker/apis/group/find-coordinator.js'
import { heartbeat } from '../../../src/broker/apis/group/heartbeat.js'
import { joinGroup } from '../../../src/broker/apis/group/join-group.js'
import { leaveGroup } from '../../../src/broker/apis/group/leave-group.js'
import { listGroups } from '../../../src/broker/apis/group/list-groups.js'
import { offsetCommit } from '../../../src/broker/apis/group/offset-commit.js'
import { offsetDelete } from '../../../src/broker/apis/group/offset-delete.js'
import { offsetFetch } from '../../../src/broker/apis/group/offset-fetch.js'
import { syncGroup } from '../../../src/broker/apis/group/sync-group.js'
import type { Services } from '../../../src/broker/apis/services.js'
import { GroupCoordinator } from '../../../src/broker/coordinators/group-coordinator.js'
import type { Handler } from '../../../src/broker/server/handler.js'
import { ANONYMOUS, type Need } from '../../../src/broker/server/stages.js'
import { nodeConfig } from '../../../src/config/node-config.js'
import { MetadataDelta } from '../../../src/metadata/delta.js'

import { GROUP_VERSION } from '../../../src/metadata/release.js'
import { errorByCode } from '../../../src/protocol/errors.js'
import { addTopic, topicId } from '../../coordinator/group/consumer/modern-rig.js'
import { Rig as ShardRig } from '../../coordinator/group/rig.js'
import { FakeClock } from '../../fake-clock.js'
import { MemoryLogger } from '../../node-ports.js'
import { brokerAround, ModelPartition } from '../coordinators/model-partition.js'

/** One partition with the topics `orders` and `secret`; what is denied is `OPERATION TYPE name`, and `*` for every operation. */
class Rig {
  readonly clock = new FakeClock()
  readonly partition = new ModelPartition('__consumer_offsets', 0)
  readonly groups: GroupCoordinator
  readonly denied = new Set<string>()
  readonly image

  constructor() {
    const { settings } = nodeConfig({ 'offsets.topic.num.partitions': '1' })
    const topics = new ShardRig()
    addTopic(topics, 'orders', 2)
    addTopic(topics, 'secret', 2)
    const delta = new MetadataDelta(topics.image)
    delta.replay({ type: 'featureLevel', name: GROUP_VERSION, level: 1 }, 99)
    this.image = delta.image()
    this.groups = new GroupCoordinator(
      { clock: this.clock, logger: new MemoryLogger() },
      {
        settings: () => settings,
        image: () => this.image,
        random: { below: () => 0, bytes: (length) => new Uint8Array(length) },
      },
    )
    this.groups.runtime.partitionChanged(this.partition)
    this.clock.advance(100)
  }

  deny(...denied: readonly string[]): this {
    for (const each of denied) this.denied.add(each)
    return this
  }

  readonly #allows = (_: unknown, needs: readonly Need[]): boolean =>
    needs.every(({ operation, resource }) => {
      const name = resource.type === 'CLUSTER' ? '' : ` ${resource.name}`
      return [operation, '*'].every((each) => !this.denied.has(`${each} ${resource.type}${name}`))
    })

  /** As the pipeline does it. */
  ask(handler: Handler<Services>, version: number, request: object): Record<string, unknown> {
    let answer: object | undefined
    const call = {
      version,
      clientId: 'c',
      principal: ANONYMOUS,
      remote: { host: '127.0.0.1', port: 1 },
      allows: this.#allows,
      whenGone() {},
      reply: (response: object) => {
        answer = response
      },
    }
    if (!this.#allows(undefined, handler.authorize(request))) {
      return handler.refuse(request, -1) as Record<string, unknown>
    }
    const broker = { ...brokerAround(this.clock), groups: this.groups, image: this.image }
    handler.handle(request, { broker } as never, call as never)
    this.partition.highWatermark = this.partition.nextOffset
    this.groups.runtime.partitionChanged(this.partition)
    this.clock.advance(10)
    assert.ok(answer !== undefined, 'it waits')
    return answer as Record<string, unknown>
  }

  commit(groupId: string, names: readonly string[], version = 9): string[] {
    const answer = this.ask(offsetCommit, version, {
      groupId,
      memberId: '',
      groupInstanceId: null,
      generationIdOrMemberEpoch: -1,
      retentionTimeMs: -1,
      topics: names.map((name) => ({
        name: version >= 10 ? '' : name,
        topicId: version >= 10 ? topicId(name) : NO_ID,
        partitions: [
          {
            partitionIndex: 0,
            committedOffset: 5,
            committedLeaderEpoch: -1,
            commitTimestamp: -1,
            committedMetadata: null,
          },
        ],
      })),
    })
    return this.errors(answer)
  }

  /** All error codes of an answer, sorted by what they belong to. */
  errors(answer: object): string[] {
    const found: string[] = []
    const look = (value: unknown, at: string): void => {
      if (Array.isArray(value)) for (const each of value) look(each, at)
      else if (value !== null && typeof value === 'object' && !(value instanceof Uint8Array)) {
        const fields = value as Record<string, unknown>
        const named = fields['name'] || this.image.topicsById.get(fields['topicId'] as string)?.name
        const own = fields['groupId'] ?? fields['key'] ?? named
        const name = own === undefined ? at : `${at}${own} `
        if (typeof fields['errorCode'] === 'number') found.push(`${name}${errorByCode(fields['errorCode']).name}`)
        for (const each of Object.values(fields)) look(each, name)
      }
    }
    look(answer, '')
    return found.sort()
  }
}

const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

describe('of groups and topics that the client may not see or change', () => {
  it('a request about one group is refused with the error of groups', () => {
    const rig = new Rig().deny('READ GROUP a', 'DELETE GROUP a')
    const member = { groupId: 'a', memberId: 'm', generationId: 1, groupInstanceId: null }
    for (const [handler, version, request] of [
      [heartbeat, 4, member],
      [syncGroup, 5, { ...member, protocolType: 'consumer', protocolName: 'range', assignments: [] }],
      [leaveGroup, 5, { groupId: 'a', memberId: '', members: [] }],
      [joinGroup, 9, { ...member, protocolType: 'consumer', protocols: [] }],
      [consumerGroupHeartbeat, 1, { ...member, subscribedTopicNames: null }],
      [offsetDelete, 0, { groupId: 'a', topics: [] }],
    ] as const) {
      const { errorCode } = rig.ask(handler, version, request)
      assert.equal(errorByCode(errorCode as number).name, 'GROUP_AUTHORIZATION_FAILED', handler.message.name)
    }
    assert.deepEqual(rig.commit('a', ['orders']), ['orders GROUP_AUTHORIZATION_FAILED'])
  })

  it('OffsetCommit takes the offsets of the other topics, and does not tell whether a topic is there', () => {
    const rig = new Rig().deny('READ TOPIC secret', 'READ TOPIC missing')
    assert.deepEqual(rig.commit('a', ['orders', 'secret', 'missing', 'gone']), [
      'gone UNKNOWN_TOPIC_OR_PARTITION',
      'missing TOPIC_AUTHORIZATION_FAILED',
      'orders NONE',
      'secret TOPIC_AUTHORIZATION_FAILED',
    ])
    assert.deepEqual(rig.commit('a', ['orders', 'secret', 'gone'], 10), [
      'UNKNOWN_TOPIC_ID',
      'orders NONE',
      'secret TOPIC_AUTHORIZATION_FAILED',
    ])
    assert.equal([...rig.groups.shards()][0]!.offsets.size, 1)
  })

  it('OffsetFetch tells of the other groups and topics, in all shapes', () => {
    const rig = new Rig()
    for (const groupId of ['a', 'b']) rig.commit(groupId, ['orders', 'secret'])
    rig.deny('DESCRIBE GROUP b', 'DESCRIBE TOPIC secret')
    const named = (byId: boolean) =>
      ['orders', 'secret'].map((name) => ({
        name: byId ? '' : name,
        topicId: byId ? topicId(name) : NO_ID,
        partitionIndexes: [0],
      }))
    for (const version of [8, 10]) {
      const wanted = (topics: unknown) =>
        ['a', 'b'].map((groupId) => ({ groupId, memberId: null, memberEpoch: -1, topics }))
      const some = rig.ask(offsetFetch, version, { groups: wanted(named(version === 10)) })
      assert.deepEqual(rig.errors(some), [
        'a NONE',
        'a orders NONE',
        'a secret TOPIC_AUTHORIZATION_FAILED',
        'b GROUP_AUTHORIZATION_FAILED',
      ])
      const all = rig.ask(offsetFetch, version, { groups: wanted(null) })
      assert.deepEqual(rig.errors(all), ['a NONE', 'a orders NONE', 'b GROUP_AUTHORIZATION_FAILED'])
    }
    const one = { groups: [], groupId: 'a', topics: named(false) }
    assert.deepEqual(rig.errors(rig.ask(offsetFetch, 5, one)), [
      'NONE',
      'orders NONE',
      'secret TOPIC_AUTHORIZATION_FAILED',
    ])
    const denied = rig.ask(offsetFetch, 5, { ...one, groupId: 'b' })
    assert.deepEqual(rig.errors(denied), ['GROUP_AUTHORIZATION_FAILED'])
    assert.deepEqual(rig.errors(rig.ask(offsetFetch, 1, { ...one, groupId: 'b' })), [
      'GROUP_AUTHORIZATION_FAILED',
      'orders GROUP_AUTHORIZATION_FAILED',
      'secret GROUP_AUTHORIZATION_FAILED',
    ])
  })

  it('OffsetDelete forgets the offsets of the other topics', () => {
    const rig = new Rig()
    rig.commit('a', ['orders', 'secret'])
    rig.deny('READ TOPIC secret')
    const topics = ['orders', 'secret'].map((name) => ({ name, partitions: [{ partitionIndex: 0 }] }))
    assert.deepEqual(rig.errors(rig.ask(offsetDelete, 0, { groupId: 'a', topics })), [
      'NONE',
      'orders NONE',
      'secret TOPIC_AUTHORIZATION_FAILED',
    ])
    assert.equal([...rig.groups.shards()][0]!.offsets.size, 1)
  })

  it('DescribeGroups, DescribeRebalances, ListGroups and FindCoordinator tell of the others', () => {
    const rig = new Rig()
    for (const groupId of ['a', 'b']) rig.commit(groupId, ['orders'])
    rig.deny('DESCRIBE GROUP b', 'DELETE GROUP a')
    const groups = { groups: ['a', 'b'], includeAuthorizedOperations: true }
    const described = rig.ask(describeGroups, 6, groups)
    assert.deepEqual(rig.errors(described), ['a NONE', 'b GROUP_AUTHORIZATION_FAILED'])
    const operations = (described['groups'] as { authorizedOperations?: number }[]).map((each) => {
      return each.authorizedOperations
    })
    assert.deepEqual(operations, [undefined, 3400 - 2 ** 6])
    assert.deepEqual(rig.errors(rig.ask(describeRebalances, 0, { groupIds: ['a', 'b'] })), [
      'a NONE',
      'b GROUP_AUTHORIZATION_FAILED',
    ])
    const listed = () =>
      (rig.ask(listGroups, 5, { statesFilter: [], typesFilter: [] })['groups'] as { groupId: string }[]).map(
        ({ groupId }) => groupId,
      )
    assert.deepEqual(listed(), ['a', 'b'])
    rig.deny('DESCRIBE CLUSTER')
    assert.deepEqual(listed(), ['a'])
    rig.deny('DESCRIBE GROUP a')
    const keys = { key: 'a', keyType: 0, coordinatorKeys: ['a', 'b'] }
    assert.deepEqual(rig.errors(rig.ask(findCoordinator, 6, keys)), [
      'a GROUP_AUTHORIZATION_FAILED',
      'b GROUP_AUTHORIZATION_FAILED',
    ])
    assert.deepEqual(rig.errors(rig.ask(findCoordinator, 3, { ...keys, coordinatorKeys: [] })), [
      'GROUP_AUTHORIZATION_FAILED',
    ])
  })

  it('DeleteGroups deletes the others', () => {
    const rig = new Rig()
    for (const groupId of ['a', 'b']) rig.commit(groupId, ['orders'])
    rig.deny('DELETE GROUP b')
    assert.deepEqual(rig.errors(rig.ask(deleteGroups, 2, { groupsNames: ['a', 'b', 'b'] })), [
      'a NONE',
      'b GROUP_AUTHORIZATION_FAILED',
    ])
    assert.deepEqual(
      [...[...rig.groups.shards()][0]!.groups].map(({ groupId }) => groupId),
      ['b'],
    )
  })

  it('a consumer group is not joined for a topic, nor told of, that the client may not describe', () => {
    const rig = new Rig()
    const joins = (groupId: string, subscribedTopicNames: readonly string[]) =>
      rig.errors(
        rig.ask(consumerGroupHeartbeat, 1, {
          groupId,
          memberId: 'm',
          memberEpoch: 0,
          instanceId: null,
          rackId: null,
          rebalanceTimeoutMs: 1000,
          subscribedTopicNames,
          subscribedTopicRegex: null,
          serverAssignor: null,
          topicPartitions: [],
        }),
      )
    assert.deepEqual(joins('a', ['orders']), ['NONE'])
    assert.deepEqual(joins('b', ['secret']), ['NONE'])
    rig.deny('DESCRIBE TOPIC secret', 'DESCRIBE GROUP c')
    assert.deepEqual(joins('d', ['orders', 'secret']), ['TOPIC_AUTHORIZATION_FAILED'])
    const told = rig.ask(consumerGroupDescribe, 1, { groupIds: ['a', 'b', 'c'], includeAuthorizedOperations: true })
    assert.deepEqual(rig.errors(told), ['a NONE', 'b TOPIC_AUTHORIZATION_FAILED', 'c GROUP_AUTHORIZATION_FAILED'])
    const members = (told['groups'] as { groupId: string; members: unknown[] }[]).map((each) => {
      return `${each.groupId} ${each.members.length}`
    })
    assert.deepEqual(members.sort(), ['a 1', 'b 0', 'c 0'])
  })
})
