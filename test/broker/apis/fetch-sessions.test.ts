/** Fetch sessions over the wire (KIP-227): what is answered in them and what is not, and when they end. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { errorByCode } from '../../../src/protocol/errors.js'
import { batchOf, Fetch, type FetchRequest, Produce, produceRequest, type Topic, valuesIn } from '../requests.js'
import { startNode, type TestNode } from '../test-node.js'
import { until, type WireClient } from '../wire-client.js'

const broker = await startNode()
const client = await broker.client()
after(() => {
  client.close()
  return broker.remove()
})

const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

async function topicOf(name: string, partitions: number, from: TestNode = broker): Promise<Required<Topic>> {
  return { name, topicId: await from.createTopic(name, partitions) }
}

async function produce(topic: Topic, partition: number, ...values: string[]): Promise<void> {
  const request = produceRequest(topic, batchOf(values), { partition })
  assert.equal((await client.request(Produce, 9, request)).responses[0]!.partitionResponses[0]!.errorCode, 0)
}

/** A client in a session, by names or by ids. */
class Consumer {
  sessionId = 0
  sessionEpoch = 0
  readonly version: number
  readonly #client: WireClient
  readonly #topic: Required<Topic>

  constructor(topic: Required<Topic>, version: number, wire: WireClient = client) {
    this.#topic = topic
    this.version = version
    this.#client = wire
  }

  request(wanted: Readonly<Record<number, number>>, options: Partial<FetchRequest> = {}): FetchRequest {
    const { name: topic, topicId } = this.#topic
    const partitions = Object.entries(wanted).map(([partition, fetchOffset]) => ({
      partition: Number(partition),
      fetchOffset,
      partitionMaxBytes: 100_000,
    }))
    return {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: 1_000_000,
      sessionId: this.sessionId,
      sessionEpoch: this.sessionEpoch,
      topics: partitions.length === 0 ? [] : [{ topic, topicId, partitions }],
      forgottenTopicsData: [],
      ...options,
    }
  }

  forget(...partitions: number[]): Partial<FetchRequest> {
    const { name: topic, topicId } = this.#topic
    return { forgottenTopicsData: [{ topic, topicId, partitions }] }
  }

  /** The partitions that are answered, with values; or the error of the whole. */
  async fetch(wanted: Readonly<Record<number, number>>, options: Partial<FetchRequest> = {}): Promise<object | string> {
    const response = await this.#client.request(Fetch, this.version, this.request(wanted, options))
    if (response.errorCode !== 0) {
      assert.deepEqual(response.responses, [])
      return errorByCode(response.errorCode).name
    }
    this.sessionId = response.sessionId
    this.sessionEpoch++
    const found: Record<number, string> = {}
    for (const { topic, topicId, partitions } of response.responses) {
      const { name, topicId: id } = this.#topic
      assert.deepEqual([topic, topicId], this.version < 13 ? [name, NO_ID] : ['', id])
      for (const { partitionIndex, errorCode, records } of partitions) {
        assert.ok(!(partitionIndex in found))
        found[partitionIndex] = errorCode === 0 ? valuesIn(records).join(' ') : errorByCode(errorCode).name
      }
    }
    return found
  }
}

for (const version of [7, 12, 13, 18]) {
  test(`v${version}: a session is answered what is new, and asked only what changes`, async () => {
    const topic = await topicOf(`session-v${version}`, 3)
    const consumer = new Consumer(topic, version)
    await produce(topic, 1, 'a', 'b')
    assert.deepEqual(await consumer.fetch({ 0: 0, 1: 0, 2: 0 }), { 0: '', 1: 'a b', 2: '' })
    assert.ok(consumer.sessionId > 0)
    assert.deepEqual(await consumer.fetch({ 1: 2 }), {})
    await produce(topic, 2, 'c')
    await produce(topic, 0, 'd')
    assert.deepEqual(await consumer.fetch({}), { 0: 'd', 2: 'c' })
    // What is not fetched further is given again.
    assert.deepEqual(await consumer.fetch({ 2: 1 }), { 0: 'd' })
    assert.deepEqual(await consumer.fetch({}, consumer.forget(0)), {})
    assert.deepEqual(await consumer.fetch({ 9: 0 }), { 9: 'UNKNOWN_TOPIC_OR_PARTITION' })
    assert.deepEqual(await consumer.fetch({ 1: 7 }, consumer.forget(9)), { 1: 'OFFSET_OUT_OF_RANGE' })
    assert.deepEqual(await consumer.fetch({ 1: 2 }), { 1: '' }, 'that the error is over is told')
    assert.deepEqual(await consumer.fetch({}), {})
    assert.equal(broker.node.broker!.fetchSessions.size > 0, true)
    consumer.sessionEpoch++
    assert.equal(await consumer.fetch({}), 'INVALID_FETCH_SESSION_EPOCH')
    consumer.sessionEpoch = -1
    assert.deepEqual(await consumer.fetch({ 0: 0 }), { 0: 'd' })
    assert.equal(consumer.sessionId, 0, 'the session is over')
  })
}

test('who wants no session gets none, and one that is not known is refused', async () => {
  const topic = await topicOf('none', 1)
  const consumer = new Consumer(topic, 12)
  consumer.sessionEpoch = -1
  await consumer.fetch({ 0: 0 })
  assert.equal(consumer.sessionId, 0)
  for (const sessionId of [0, 5]) {
    consumer.sessionId = sessionId
    consumer.sessionEpoch = 1
    assert.equal(await consumer.fetch({ 0: 0 }), 'FETCH_SESSION_ID_NOT_FOUND')
  }
  consumer.sessionEpoch = 0
  assert.deepEqual(await consumer.fetch({ 0: 0 }), { 0: '' }, 'whatever is named, a full fetch is one')
})

test('a session by names is none by ids, and a topic id that is not known is an error of its partition', async () => {
  const topic = await topicOf('either', 1)
  const byName = new Consumer(topic, 12)
  await byName.fetch({ 0: 0 })
  const byId = new Consumer(topic, 13)
  Object.assign(byId, { sessionId: byName.sessionId, sessionEpoch: 1 })
  assert.equal(await byId.fetch({}), 'FETCH_SESSION_TOPIC_ID_ERROR')
  const nowhere = new Consumer({ name: '', topicId: 'BBBBBBBBBBBBBBBBBBBBBA' }, 13)
  assert.deepEqual(await nowhere.fetch({ 0: 0 }), { 0: 'UNKNOWN_TOPIC_ID' })
  assert.deepEqual(await nowhere.fetch({}), { 0: 'UNKNOWN_TOPIC_ID' })
})

test('with a small limit every partition gets its turn, though the client asks for nothing anew', async () => {
  const topic = await topicOf('turns', 4)
  for (let partition = 0; partition < 4; partition++) await produce(topic, partition, 'x'.repeat(500))
  const consumer = new Consumer(topic, 12)
  const limited = { maxBytes: 600 }
  const withData = async (): Promise<string> =>
    Object.entries((await consumer.fetch({}, limited)) as object)
      .filter(([, values]) => values !== '')
      .map(([partition]) => partition)
      .join()
  await consumer.fetch({ 0: 0, 1: 0, 2: 0, 3: 0 }, { maxBytes: 0 })
  const given = [await withData(), await withData(), await withData(), await withData()]
  // One batch at a time, and after it another partition's.
  assert.equal(new Set(given).size, 4, given.join(' | '))
})

test('max.incremental.fetch.session.cache.slots: how many sessions there are', async () => {
  for (const [slots, sessions] of [
    ['0', [false, false]],
    ['1', [true, false]],
    ['2', [true, true]],
  ] as const) {
    const node = await startNode({ 'max.incremental.fetch.session.cache.slots': slots })
    try {
      const topic = await topicOf('slots', 1, node)
      await node.use(async (wire) => {
        const given: boolean[] = []
        for (let n = 0; n < 2; n++) {
          const consumer = new Consumer(topic, 12, wire)
          await consumer.fetch({ 0: 0 })
          given.push(consumer.sessionId > 0)
        }
        assert.deepEqual(given, sessions)
      })
    } finally {
      await node.remove()
    }
  }
})

test('a fetch that waits ends with its connection', async () => {
  const topic = await topicOf('deserted', 2)
  const { fetches } = broker.node.broker!.replicas
  for (const end of ['destroy', 'resetAndDestroy', 'end'] as const) {
    const wire = await broker.client()
    const consumer = new Consumer(topic, 12, wire)
    await consumer.fetch({ 0: 0, 1: 0 })
    wire.send(Fetch, 12, consumer.request({}, { maxWaitMs: 600_000 }))
    await until(() => fetches.size === 1, 'the fetch waits')
    wire.socket[end]()
    await until(() => fetches.size === 0, 'nobody waits')
    wire.close()
  }
})
