/** Fetches of followers: what they are given, and what the leader makes of where they fetch from. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorByCode } from '../../../src/protocol/errors.js'
import { ControllerWorld, topicOn } from '../other-broker.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, valuesIn } from '../requests.js'

const nameOf = (errorCode: number): string => errorByCode(errorCode).name
const VERSION = 18

interface Replicated {
  readonly world: ControllerWorld
  readonly topic: { readonly name: string; readonly topicId: string }
  /** Of the other broker's registration. */
  readonly brokerEpoch: number
  readonly leaderEpoch: number
}

/** A topic of two replicas that this node leads; the other one's fetches are the test's. */
function replicated(seed: string, settings: Readonly<Record<string, string>> = {}): Replicated {
  const world = new ControllerWorld(seed, settings)
  const other = world.other(2).join()
  assert.equal(other.answer('CreateTopics', topicOn('t', 1, 2)).answer!.reply.topics[0]!.errorMessage, null)
  world.until(() => world.topic('t') !== undefined, 'applied')
  const { topicId, partitions } = world.topic('t')!
  return {
    world,
    topic: { name: 't', topicId },
    brokerEpoch: world.broker(2)!.brokerEpoch,
    leaderEpoch: partitions[0]!.leaderEpoch,
  }
}

type Options = Parameters<typeof fetchRequest>[2]

function asReplica(
  { topic, brokerEpoch, leaderEpoch }: Replicated,
  offset: number,
  options: Options = {},
): ReturnType<typeof fetchRequest> {
  const { partition, ...rest } = options
  return fetchRequest(topic, offset, {
    replicaState: { replicaId: 2, replicaEpoch: brokerEpoch },
    partition: { currentLeaderEpoch: leaderEpoch, logStartOffset: 0, ...partition },
    ...rest,
  })
}

test('a follower is given what is not committed; when it asks for what is behind, that is acknowledged, and consumers see it', () => {
  const cluster = replicated('counts')
  const { world, topic } = cluster
  const [producer, follower, consumer] = [world.client(), world.client(), world.client()]
  const sent = producer.send(Produce, 12, produceRequest(topic, batchOf(['a', 'b']), { timeoutMs: 30_000 }))
  world.pass(300)
  const read = (): readonly [number, string[]] => {
    const [part] = consumer.request(Fetch, 17, fetchRequest(topic, 0)).responses[0]!.partitions
    return [part!.highWatermark, valuesIn(part!.records)]
  }
  const fetch = (offset: number): readonly [string, number, string[]] => {
    const [part] = follower.request(Fetch, VERSION, asReplica(cluster, offset)).responses[0]!.partitions
    return [nameOf(part!.errorCode), part!.highWatermark, valuesIn(part!.records)]
  }
  assert.deepEqual(read(), [0, []])
  assert.deepEqual(fetch(0), ['NONE', 0, ['a', 'b']])
  assert.deepEqual([read(), sent.response], [[0, []], undefined])
  assert.deepEqual(fetch(2), ['NONE', 2, []])
  world.until(() => sent.response !== undefined, 'an answer')
  assert.equal(nameOf(sent.response!.responses[0]!.partitionResponses[0]!.errorCode), 'NONE')
  assert.deepEqual(read(), [2, ['a', 'b']])
})

test('a follower that waits is told of the high watermark when it moves', () => {
  const cluster = replicated('told')
  const { world, topic } = cluster
  const [producer, follower] = [world.client(), world.client()]
  producer.send(Produce, 12, produceRequest(topic, batchOf(['a', 'b']), { timeoutMs: 30_000 }))
  world.pass(300)
  const first = follower.request(Fetch, VERSION, asReplica(cluster, 0, { sessionEpoch: 0 }))
  assert.ok(first.sessionId > 0)
  const waits = { sessionId: first.sessionId, maxWaitMs: 20_000 }
  const second = follower.request(Fetch, VERSION, asReplica(cluster, 2, { ...waits, sessionEpoch: 1 }))
  assert.equal(second.responses[0]!.partitions[0]!.highWatermark, 2, 'its own fetch moved it')
  const third = follower.send(Fetch, VERSION, asReplica(cluster, 2, { ...waits, sessionEpoch: 2 }))
  world.pass(1000)
  assert.equal(third.response, undefined)
  producer.send(Produce, 12, produceRequest(topic, batchOf(['c']), { timeoutMs: 30_000 }))
  world.until(() => third.response !== undefined, 'an answer')
  const [part] = third.response!.responses[0]!.partitions
  assert.deepEqual([part!.highWatermark, valuesIn(part!.records)], [2, ['c']])
  const fourth = follower.request(Fetch, VERSION, asReplica(cluster, 3, { ...waits, sessionEpoch: 3 }))
  assert.equal(fourth.responses[0]!.partitions[0]!.highWatermark, 3)
})

test('one that waits for records is answered when another follower moves the high watermark', () => {
  const world = new ControllerWorld('another')
  const others = [2, 3].map((id) => world.other(id).join())
  others[0]!.answer('CreateTopics', topicOn('t', 1, 2, 3))
  world.until(() => world.topic('t') !== undefined, 'applied')
  const { topicId, partitions } = world.topic('t')!
  const topic = { name: 't', topicId }
  const [producer, second, third] = [world.client(), world.client(), world.client()]
  producer.send(Produce, 12, produceRequest(topic, batchOf(['a']), { timeoutMs: 30_000 }))
  world.pass(300)
  const as = (replicaId: number, offset: number, options: Options = {}): ReturnType<typeof fetchRequest> =>
    fetchRequest(topic, offset, {
      replicaState: { replicaId, replicaEpoch: world.broker(replicaId)!.brokerEpoch },
      partition: { currentLeaderEpoch: partitions[0]!.leaderEpoch, logStartOffset: 0, highWatermark: 0 },
      ...options,
    })
  const { sessionId } = second.request(Fetch, VERSION, as(2, 0, { sessionEpoch: 0 }))
  const ahead = { sessionId, maxWaitMs: 20_000 }
  const waits = second.send(Fetch, VERSION, as(2, 1, { ...ahead, sessionEpoch: 1 }))
  world.pass(1000)
  assert.equal(waits.response, undefined)
  third.request(Fetch, VERSION, as(3, 1))
  world.until(() => waits.response !== undefined, 'an answer', 1000)
  const [part] = waits.response!.responses[0]!.partitions
  assert.deepEqual([part!.highWatermark, part!.records!.length], [1, 0])
})

test('who is no replica, or another incarnation than the registered one, is refused and counts for nothing', () => {
  const cluster = replicated('refused')
  const { world, topic, brokerEpoch } = cluster
  const [producer, follower] = [world.client(), world.client()]
  const sent = producer.send(Produce, 12, produceRequest(topic, batchOf(['a']), { timeoutMs: 30_000 }))
  world.pass(300)
  const errorOf = (options: Options): string => {
    const [part] = follower.request(Fetch, VERSION, asReplica(cluster, 1, options)).responses[0]!.partitions
    assert.equal(part!.records!.length, 0)
    return nameOf(part!.errorCode)
  }
  const stranger = { replicaState: { replicaId: 3, replicaEpoch: 1 } }
  assert.equal(errorOf(stranger), 'UNKNOWN_LEADER_EPOCH')
  assert.equal(errorOf({ ...stranger, partition: { currentLeaderEpoch: -1 } }), 'NOT_LEADER_OR_FOLLOWER')
  const older = { replicaState: { replicaId: 2, replicaEpoch: brokerEpoch - 1 } }
  assert.equal(errorOf(older), 'NOT_LEADER_OR_FOLLOWER')
  assert.equal(errorOf({ partition: { currentLeaderEpoch: cluster.leaderEpoch + 1 } }), 'UNKNOWN_LEADER_EPOCH')
  world.pass(500)
  assert.equal(sent.response, undefined)
})

test('a follower whose log parts from this one is told where, and one behind the end what there is; neither counts', () => {
  const cluster = replicated('parts')
  const { world, topic } = cluster
  const [producer, follower] = [world.client(), world.client()]
  producer.send(Produce, 12, produceRequest(topic, batchOf(['a']), { timeoutMs: 30_000 }))
  world.pass(300)
  const fetch = (offset: number, lastFetchedEpoch: number) =>
    follower.request(Fetch, VERSION, asReplica(cluster, offset, { partition: { lastFetchedEpoch } })).responses[0]!
      .partitions[0]!
  const parted = fetch(5, cluster.leaderEpoch)
  const { errorCode, divergingEpoch } = parted
  assert.deepEqual(
    [nameOf(errorCode), divergingEpoch.epoch, divergingEpoch.endOffset],
    ['NONE', cluster.leaderEpoch, 1],
  )
  const behind = fetch(5, -1)
  assert.deepEqual([nameOf(behind.errorCode), behind.logStartOffset], ['OFFSET_OUT_OF_RANGE', 0])
  assert.equal(fetch(0, -1).highWatermark, 0)
})

test('the replica of an older version is taken by its id alone', () => {
  const cluster = replicated('older')
  const { world, topic } = cluster
  const [producer, follower] = [world.client(), world.client()]
  const sent = producer.send(Produce, 12, produceRequest(topic, batchOf(['a']), { timeoutMs: 30_000 }))
  world.pass(300)
  const partition = { currentLeaderEpoch: cluster.leaderEpoch }
  const [part] = follower.request(Fetch, 12, fetchRequest(topic, 0, { replicaId: 2, partition })).responses[0]!
    .partitions
  assert.deepEqual(valuesIn(part!.records), ['a'])
  follower.request(Fetch, 12, fetchRequest(topic, 1, { replicaId: 2, partition }))
  world.until(() => sent.response !== undefined, 'an answer')
  assert.equal(nameOf(sent.response!.responses[0]!.partitionResponses[0]!.errorCode), 'NONE')
})
