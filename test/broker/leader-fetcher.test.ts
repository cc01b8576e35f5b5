/** How a follower fetches, as its leader sees it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Partition } from '../../src/broker/partition.js'
import { ErrorCode } from '../../src/protocol/errors.js'
import { ControllerWorld, topicOn } from './other-broker.js'
import { batchOf } from './requests.js'
import { type AnsweredPartition, answerFor, ScriptedLeader, type SeenFetch } from './scripted-leader.js'

interface Following {
  readonly world: ControllerWorld
  readonly leader: ScriptedLeader
  readonly topicId: string
  readonly partition: Partition
  readonly add: (name: string) => string
}

/** This node follows a topic of the scripted broker. */
function following(seed: string, settings: Readonly<Record<string, string>> = {}): Following {
  const world = new ControllerWorld(seed, settings)
  const leader = new ScriptedLeader(() => world.simulation.nowMs)
  const other = world.other(2, { connection: leader.connection }).join()
  const add = (name: string): string => {
    assert.equal(other.answer('CreateTopics', topicOn(name, 2, 1)).answer!.reply.topics[0]!.errorMessage, null)
    world.until(() => world.topic(name) !== undefined, 'applied')
    return world.topic(name)!.topicId
  }
  const topicId = add('there')
  const partition = world.node.broker!.replicas.find(topicId, 0)
  assert.ok(partition instanceof Partition)
  return { world, leader, topicId, partition, add }
}

const found = (changes: Partial<AnsweredPartition> = {}): AnsweredPartition => ({
  ...{ partitionIndex: 0, errorCode: 0, highWatermark: 0, logStartOffset: 0, abortedTransactions: null },
  records: new Uint8Array(0),
  ...changes,
})

/** As it stands in the leader's log. */
function stored(values: readonly string[], baseOffset: number, epoch: number): Buffer {
  const bytes = Buffer.from(batchOf(values))
  bytes.writeBigInt64BE(BigInt(baseOffset), 0)
  bytes.writeInt32BE(epoch, 12)
  return bytes
}

test('its requests say what the settings say, and which incarnation of which replica asks', () => {
  const others = {
    'replica.fetch.wait.max.ms': '70',
    'replica.fetch.min.bytes': '9',
    'replica.fetch.response.max.bytes': '5000',
    'replica.fetch.max.bytes': '300',
  }
  const byDefault = [500, 1, 10_485_760, 1_048_576]
  for (const [settings, values] of [
    [{}, byDefault],
    [others, Object.values(others).map(Number)],
  ] as const) {
    const { world, leader, topicId } = following(`settings ${values[0]}`, settings)
    world.until(() => leader.seen.length > 0, 'a fetch')
    const { maxWaitMs, minBytes, maxBytes, topics, replicaState, sessionId, sessionEpoch } = leader.seen[0]!.request
    const [part] = topics[0]!.partitions
    assert.deepEqual([maxWaitMs, minBytes, maxBytes, part!.partitionMaxBytes], values)
    assert.deepEqual({ ...replicaState }, { replicaId: 1, replicaEpoch: world.broker(1)!.brokerEpoch })
    assert.deepEqual([sessionId, sessionEpoch, topics[0]!.topicId], [0, 0, topicId])
    const { leaderEpoch } = world.topic('there')!.partitions[0]!
    assert.deepEqual([part!.currentLeaderEpoch, part!.fetchOffset, part!.lastFetchedEpoch], [leaderEpoch, 0, -1])
  }
})

test('after an error a partition is left alone, longer each time, up to replica.fetch.backoff.ms', () => {
  for (const longestMs of [1000, 200]) {
    const settings = { 'replica.fetch.backoff.ms': String(longestMs) }
    const { world, leader, topicId } = following(`backoff ${longestMs}`, settings)
    leader.script = () => answerFor(topicId, [found({ errorCode: ErrorCode.UNKNOWN_LEADER_EPOCH })])
    world.pass(6000)
    const gaps = leader.seen.slice(1).map(({ atMs }, at) => atMs - leader.seen[at]!.atMs)
    assert.ok(gaps[0]! < 100, `${gaps}`)
    assert.ok(gaps.at(-1)! >= longestMs && gaps.at(-1)! < longestMs + 100, `${gaps}`)
    assert.ok(gaps.length < 12 + 6000 / longestMs, `${gaps}`)
  }
})

test('in a session it names what has changed, and begins a new one after any error of it', () => {
  const { world, leader, topicId, partition } = following('session')
  const { leaderEpoch } = world.topic('there')!.partitions[0]!
  const named = ({ request }: SeenFetch): readonly unknown[] => [
    request.sessionId,
    request.sessionEpoch,
    request.topics.flatMap(({ partitions }) => partitions.map(({ fetchOffset }) => fetchOffset)),
  ]
  const answers = [
    answerFor(topicId, [found({ records: stored(['a', 'b'], 0, leaderEpoch), highWatermark: 1 })], 77),
    answerFor(topicId, [], 77),
    answerFor(topicId, [found({ highWatermark: 2 })], 77),
    answerFor(topicId, [], 0, ErrorCode.INVALID_FETCH_SESSION_EPOCH),
    answerFor(topicId, [found({ highWatermark: 2 })], 78),
    answerFor(topicId, [], 0, ErrorCode.FETCH_SESSION_ID_NOT_FOUND),
  ]
  leader.script = () => answers.shift()
  world.until(() => answers.length === 0, 'all answers')
  world.pass(100)
  assert.deepEqual(leader.seen.map(named), [
    [0, 0, [0]],
    [77, 1, [2]],
    [77, 2, []],
    [77, 3, []],
    [77, 0, [2]],
    [78, 1, []],
    [0, 0, [2]],
  ])
  assert.deepEqual([partition.log.flushedEndOffset, partition.highWatermark], [2, 2])
})

test('what it is given is flushed before it says that it has it', () => {
  const { world, leader, topicId, partition } = following('flushed')
  const { leaderEpoch } = world.topic('there')!.partitions[0]!
  let at = 0
  leader.script = ({ request }) => {
    const offset = request.topics[0]?.partitions[0]?.fetchOffset ?? at
    assert.ok(offset <= partition.log.flushedEndOffset, `${offset} of ${partition.log.flushedEndOffset}`)
    at = offset + 1
    return at > 30 ? undefined : answerFor(topicId, [found({ records: stored(['x'], offset, leaderEpoch) })], 5)
  }
  world.until(() => partition.log.flushedEndOffset === 30, 'all of it')
})

test('a batch that has rotted is not appended, and fetched again', () => {
  const { world, leader, topicId, partition } = following('rotten')
  const { leaderEpoch } = world.topic('there')!.partitions[0]!
  const rotten = Buffer.concat([stored(['good'], 0, leaderEpoch), stored(['bad'], 1, leaderEpoch)])
  rotten[rotten.length - 2]! ^= 1
  const answers = [rotten, stored(['bad'], 1, leaderEpoch)]
  leader.script = () => (answers.length === 0 ? undefined : answerFor(topicId, [found({ records: answers.shift()! })]))
  world.until(() => answers.length === 1, 'an answer')
  world.until(() => partition.log.flushedEndOffset === 1, 'the good one')
  assert.equal(partition.log.nextOffset, 1)
  world.until(() => partition.log.flushedEndOffset === 2, 'the other one')
})

test('a log that parts from the leader is cut, one that the leader has deleted begins anew where that starts', () => {
  const { world, leader, topicId, partition } = following('cut')
  const { leaderEpoch } = world.topic('there')!.partitions[0]!
  const answers = [
    found({ records: Buffer.concat([stored(['a'], 0, leaderEpoch), stored(['b', 'c'], 1, leaderEpoch)]) }),
    found({ divergingEpoch: { epoch: leaderEpoch, endOffset: 1 } }),
    found({ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE, logStartOffset: 40, highWatermark: 50 }),
  ]
  leader.script = () => (answers.length === 0 ? undefined : answerFor(topicId, [answers.shift()!]))
  world.until(() => answers.length === 0, 'all answers')
  world.pass(1000)
  const offsets = leader.seen.map(({ request }) => request.topics[0]!.partitions[0]!.fetchOffset)
  assert.deepEqual(offsets, [0, 3, 1, 40])
  assert.deepEqual([partition.log.startOffset, partition.log.nextOffset, partition.highWatermark], [40, 40, 40])
})

test('after a cut it names the epoch of what it has last, and no later one', () => {
  const { world, leader, topicId, partition } = following('epochs')
  const { leaderEpoch } = world.topic('there')!.partitions[0]!
  const records = Buffer.concat([stored(['a'], 0, leaderEpoch), stored(['b'], 1, leaderEpoch + 3)])
  const answers = [found({ records }), found({ divergingEpoch: { epoch: leaderEpoch, endOffset: 1 } })]
  leader.script = () => (answers.length === 0 ? undefined : answerFor(topicId, [answers.shift()!]))
  world.until(() => answers.length === 1, 'an answer')
  world.until(() => partition.log.flushedEndOffset === 2, 'both')
  world.until(() => leader.seen.length === 3, 'after the cut')
  const asked = leader.seen.map(({ request }) => {
    const { fetchOffset, lastFetchedEpoch } = request.topics[0]!.partitions[0]!
    return [fetchOffset, lastFetchedEpoch]
  })
  assert.deepEqual(asked, [
    [0, -1],
    [2, leaderEpoch + 3],
    [1, leaderEpoch],
  ])
})

test('a partition that comes anew does not wait until a fetch of others is answered', () => {
  const { world, leader, topicId, add } = following('anew')
  leader.script = ({ request }) => (request.sessionEpoch === 0 ? answerFor(topicId, [found()], 9) : undefined)
  world.until(() => leader.seen.length === 2, 'one that waits')
  const beganMs = world.simulation.nowMs
  const newId = add('anew')
  world.until(() => leader.seen.length === 3, 'another')
  assert.ok(world.simulation.nowMs - beganMs < 300)
  const { connection, request } = leader.seen[2]!
  assert.deepEqual([connection, request.sessionId, request.sessionEpoch], [1, 9, 0])
  assert.deepEqual(new Set(request.topics.map((each) => each.topicId)), new Set([topicId, newId]))
})

test('what all leaders together are asked for at once is bounded, and is free again when they have answered', () => {
  const { world, leader } = following('sum', { 'replica.fetch.response.max.bytes': '60000000' })
  const second = new ScriptedLeader(() => world.simulation.nowMs)
  const other = world.other(3, { connection: second.connection }).join()
  assert.equal(other.answer('CreateTopics', topicOn('elsewhere', 3, 1)).answer!.reply.topics[0]!.errorMessage, null)
  world.until(() => leader.seen.length > 0 && second.seen.length > 0, 'both are asked')
  const half = 32 * 1024 * 1024
  assert.deepEqual([leader.seen[0]!.request.maxBytes, second.seen[0]!.request.maxBytes], [half, half / 2])
  // The first goes, and is asked for nothing any more.
  world.network.rules.add({ applies: (from, to) => [from, to].includes('node2'), cuts: true })
  second.script = ({ request }) =>
    request.sessionEpoch === 0 ? answerFor(world.topic('elsewhere')!.topicId, [found()], 9) : undefined
  world.until(() => second.seen.length > 1, 'asked again')
  assert.equal(second.seen[1]!.request.maxBytes, half)
})
