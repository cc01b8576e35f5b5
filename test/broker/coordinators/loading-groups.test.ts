/** What clients are told while the groups of a broker are being loaded, and of groups that it does not coordinate. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_UUID } from '../../../src/base/uuid.js'
import { describeGroups } from '../../../src/broker/apis/group/describe-groups.js'
import { heartbeat } from '../../../src/broker/apis/group/heartbeat.js'
import { listGroups } from '../../../src/broker/apis/group/list-groups.js'
import { offsetFetch } from '../../../src/broker/apis/group/offset-fetch.js'
import { syncGroup } from '../../../src/broker/apis/group/sync-group.js'
import { GroupCoordinator } from '../../../src/broker/coordinators/group-coordinator.js'
import { nodeConfig } from '../../../src/config/node-config.js'
import { encodeGroupRecord } from '../../../src/coordinator/group/group-records.js'
import { EMPTY_IMAGE } from '../../../src/metadata/image.js'
import { errorByCode } from '../../../src/protocol/errors.js'
import { buildBatch } from '../../../src/records/builder.js'
import { FakeClock } from '../../fake-clock.js'
import { MemoryLogger } from '../../node-ports.js'
import { brokerAround, ModelPartition } from './model-partition.js'

class Rig {
  readonly clock = new FakeClock()
  readonly groups: GroupCoordinator
  readonly logger = new MemoryLogger()
  readonly partition = new ModelPartition('__consumer_offsets', 0)

  constructor() {
    const { settings } = nodeConfig({ 'offsets.topic.num.partitions': '2' })
    this.groups = new GroupCoordinator(
      { clock: this.clock, logger: this.logger },
      {
        settings: () => settings,
        image: () => EMPTY_IMAGE,
        random: { below: () => 0, bytes: (length) => new Uint8Array(length) },
      },
    )
  }

  /** Leads the first of two partitions. */
  lead(): void {
    this.groups.runtime.partitionChanged(this.partition)
  }

  /** Kept in this partition. */
  groupIn(partition: number): string {
    return ['a', 'b'].find((name) => this.groups.partitionOf(name) === partition)!
  }

  /** The errors in the answer. */
  ask(
    handler: { handle: (request: never, services: never, call: never) => void },
    request: object,
    version: number,
  ): string[] {
    const codes: number[] = []
    const reply = (answer: object): void => {
      JSON.stringify(answer, (key, value) => {
        if (key === 'errorCode') codes.push(value)
        return value
      })
    }
    const call = {
      version,
      clientId: 'c',
      remote: { host: '127.0.0.1', port: 1 },
      allows: () => true,
      whenGone() {},
      reply,
    }
    const broker = { ...brokerAround(this.clock), groups: this.groups, image: EMPTY_IMAGE }
    handler.handle(request as never, { broker } as never, call as never)
    return codes.map((code) => errorByCode(code).name)
  }
}

const LIST = { statesFilter: [], typesFilter: [] }

test('as long as a shard is loaded no groups are listed, and members are taken for alive', () => {
  const rig = new Rig()
  assert.deepEqual(rig.ask(listGroups, LIST, 5), ['NONE'], 'where nothing is coordinated there are none')
  rig.lead()
  const member = { groupId: rig.groupIn(0), memberId: 'm', generationId: 1, assignments: [] }
  assert.deepEqual(rig.ask(listGroups, LIST, 5), ['COORDINATOR_LOAD_IN_PROGRESS'])
  assert.deepEqual(rig.ask(heartbeat, member, 4), ['NONE'])
  assert.deepEqual(rig.ask(syncGroup, member, 4), ['COORDINATOR_LOAD_IN_PROGRESS'])
  rig.clock.advance(100)
  assert.deepEqual(rig.ask(listGroups, LIST, 5), ['NONE'])
  assert.deepEqual(rig.ask(heartbeat, member, 4), ['UNKNOWN_MEMBER_ID'])
})

test('where the log is out of service members are not taken for alive, and no groups are listed', () => {
  const rig = new Rig()
  rig.partition.fail(0)
  rig.lead()
  rig.clock.advance(100)
  const member = { groupId: rig.groupIn(0), memberId: 'm', generationId: 1, assignments: [] }
  assert.deepEqual(rig.ask(heartbeat, member, 4), ['NOT_COORDINATOR'])
  assert.deepEqual(rig.ask(syncGroup, member, 4), ['NOT_COORDINATOR'])
  assert.deepEqual(rig.ask(listGroups, LIST, 5), ['COORDINATOR_LOAD_IN_PROGRESS'])
})

test('groups of several shards are answered each for itself, in the versions that can say so', () => {
  const rig = new Rig()
  rig.lead()
  rig.clock.advance(100)
  const both = [rig.groupIn(0), rig.groupIn(1)]
  assert.deepEqual(rig.ask(describeGroups, { groups: both }, 6), ['GROUP_ID_NOT_FOUND', 'NOT_COORDINATOR'])
  const groups = both.map((groupId) => ({ groupId, memberId: null, memberEpoch: -1, topics: [] }))
  assert.deepEqual(rig.ask(offsetFetch, { groups }, 8), ['NONE', 'NOT_COORDINATOR'])
  const topics = [{ name: 't', partitionIndexes: [0, 1] }]
  const old = { groups: [], groupId: both[1], topics }
  assert.deepEqual(rig.ask(offsetFetch, old, 1), ['NOT_COORDINATOR', 'NOT_COORDINATOR', 'NOT_COORDINATOR'])
  assert.deepEqual(rig.ask(offsetFetch, old, 5), ['NOT_COORDINATOR'])
})

test('a record in a version that this build does not know ends the load, less and less often; one of a type that it does not know is passed over', () => {
  const rig = new Rig()
  const groupId = rig.groupIn(0)
  const { key, value } = encodeGroupRecord({
    type: 'OffsetCommit',
    key: { group: groupId, topic: 't', partition: 0 },
    value: { offset: 5, leaderEpoch: -1, metadata: '', commitTimestamp: 1, expireTimestamp: -1, topicId: ZERO_UUID },
  })
  const of = (version: number): Uint8Array => {
    const changed = Buffer.from(value!)
    changed.writeInt16BE(version)
    return changed
  }
  const strange = Buffer.from(key)
  strange.writeInt16BE(99)
  rig.partition.add(buildBatch([{ key: strange, value: of(4) }]))
  rig.partition.add(buildBatch([{ key, value: of(77) }]))
  rig.lead()
  rig.clock.advance(600_000)
  assert.deepEqual(rig.ask(listGroups, LIST, 5), ['COORDINATOR_LOAD_IN_PROGRESS'])
  const failures = rig.logger.lines.filter(({ message }) => message === 'coordinator cannot be loaded')
  assert.ok(failures.length > 10 && failures.length < 40, `${failures.length} times`)
  const { error } = failures[0]!.fields as { error: string }
  assert.equal(error, 'the record at offset 1: OffsetCommitValue has version 77, and here 0 to 4 are known')
  // The cleaner, or who administers the topic, has taken it away.
  rig.partition.startOffset = 2
  rig.partition.add(buildBatch([{ key, value: of(4) }]))
  rig.partition.highWatermark = 3
  rig.clock.advance(60_000)
  const groups = [{ groupId, memberId: null, memberEpoch: -1, topics: null }]
  assert.deepEqual(rig.ask(offsetFetch, { groups }, 8), ['NONE', 'NONE'])
})
