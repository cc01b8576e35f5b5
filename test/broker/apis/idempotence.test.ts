/** Produce of idempotent producers, over the wire and over restarts; InitProducerId, which gives them their ids. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { errorByCode } from '../../../src/protocol/errors.js'
import { InitProducerId } from '../../../src/protocol/messages/init-producer-id.js'
import { batchOf, Produce, produceRequest, type Topic } from '../requests.js'
import { startNode, type TestNode } from '../test-node.js'

let broker = await startNode()
after(() => broker.remove())

async function restart(): Promise<void> {
  const { directory } = broker
  await broker.stop()
  broker = await startNode({}, directory)
}

function newProducerId(node: TestNode, version = 4): Promise<number> {
  return node.use(async (client) => {
    const body = { transactionalId: null, transactionTimeoutMs: 2 ** 31 - 1 }
    const response = await client.request(InitProducerId, version, body)
    assert.deepEqual([response.errorCode, response.producerEpoch], [0, 0])
    return response.producerId
  })
}

/** One batch of `count` records; the error's name, or the base offset. */
function send(
  to: Topic,
  producerId: number,
  producerEpoch: number,
  baseSequence: number,
  count = 1,
): Promise<string | number> {
  const values = Array.from({ length: count }, (_, n) => `${baseSequence + n}`)
  const batch = batchOf(values, { producerId, producerEpoch, baseSequence })
  return broker.use(async (client) => {
    const { responses } = await client.request(Produce, 9, produceRequest(to, batch))
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
    return errorCode === 0 ? baseOffset : errorByCode(errorCode).name
  })
}

test('sequences must follow; one of the last five batches again is answered with where it stands', async () => {
  const topic = { name: 'sequences', topicId: await broker.createTopic('sequences') }
  const id = await newProducerId(broker)
  assert.equal(await send(topic, id, 0, 0, 3), 0)
  assert.equal(await send(topic, id, 0, 3, 2), 3)
  assert.equal(await send(topic, id, 0, 0, 3), 0)
  assert.equal(await send(topic, id, 0, 3, 2), 3)
  assert.equal(await send(topic, id, 0, 6), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  // The same beginning and another end is another batch.
  assert.equal(await send(topic, id, 0, 3, 1), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  for (let sequence = 5; sequence < 10; sequence++) assert.equal(await send(topic, id, 0, sequence), sequence)
  assert.equal(await send(topic, id, 0, 5), 5)
  assert.equal(await send(topic, id, 0, 3, 2), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  assert.equal(await send(topic, id, 0, 10), 10)
})

test('a new epoch begins at 0, an old one is over', async () => {
  const topic = { name: 'epochs', topicId: await broker.createTopic('epochs') }
  const id = await newProducerId(broker)
  assert.equal(await send(topic, id, 1, 0), 0)
  assert.equal(await send(topic, id, 2, 1), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  assert.equal(await send(topic, id, 2, 0), 1)
  assert.equal(await send(topic, id, 1, 1), 'INVALID_PRODUCER_EPOCH')
  assert.equal(await send(topic, id, 2, 1), 2)
})

test('a producer that the partition does not know may begin anywhere, and does not disturb others', async () => {
  const topic = { name: 'strangers', topicId: await broker.createTopic('strangers') }
  assert.equal(await send(topic, 987_654, 3, 42), 0)
  assert.equal(await send(topic, 987_654, 3, 43), 1)
  assert.equal(await send(topic, 987_655, 0, 0), 2)
  assert.equal(await send(topic, 987_654, 3, 42), 0)
  assert.equal(await send(topic, 987_654, 3, -1), 'INVALID_RECORD')
})

test('after 2^31 - 1 comes 0', async () => {
  const topic = { name: 'wrap', topicId: await broker.createTopic('wrap') }
  const id = await newProducerId(broker)
  assert.equal(await send(topic, id, 0, 2 ** 31 - 2, 2), 0)
  assert.equal(await send(topic, id, 0, 1), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  assert.equal(await send(topic, id, 0, 0), 2)
})

test('two batches of one producer in flight at once are both appended, in order, and both again are duplicates', async () => {
  const topic = { name: 'pipelined', topicId: await broker.createTopic('pipelined') }
  const id = await newProducerId(broker)
  await broker.use(async (client) => {
    for (let round = 0; round < 2; round++) {
      const sent = [0, 1, 2].map((baseSequence) => {
        const batch = batchOf([`${baseSequence}`], { producerId: id, producerEpoch: 0, baseSequence })
        return client.send(Produce, 9, produceRequest(topic, batch))
      })
      for (const [index, correlationId] of sent.entries()) {
        const { responses } = await client.answerTo(Produce, 9, correlationId)
        const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
        assert.deepEqual([errorCode, baseOffset], [0, index], `round ${round}`)
      }
    }
  })
})

test('duplicates are known, and order is kept, over a restart', async () => {
  const topic = { name: 'restarted', topicId: await broker.createTopic('restarted') }
  const id = await newProducerId(broker)
  assert.equal(await send(topic, id, 0, 0, 4), 0)
  assert.equal(await send(topic, id, 0, 4, 2), 4)
  await restart()
  assert.equal(await send(topic, id, 0, 4, 2), 4)
  // Of a producer the last batch is kept in a snapshot, as in Kafka; an earlier one is not appended again either.
  assert.equal(await send(topic, id, 0, 0, 4), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  assert.equal(await send(topic, id, 0, 7), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  assert.equal(await send(topic, id, 0, 6), 6)
})

test('no producer id is given twice: not to many at once, not after a block is used up, not after a restart', async () => {
  const given = new Set<number>()
  let asked = 0
  for (let round = 0; round < 2; round++) {
    const clients = await Promise.all([broker.client(), broker.client(), broker.client()])
    await Promise.all(
      clients.map(async (client) => {
        const body = { transactionalId: null, transactionTimeoutMs: 0 }
        const sent = Array.from({ length: 400 }, () => client.send(InitProducerId, 4, body))
        asked += sent.length
        for (const correlationId of sent) {
          const response = await client.answerTo(InitProducerId, 4, correlationId)
          assert.equal(response.errorCode, 0)
          given.add(response.producerId)
        }
        client.close()
      }),
    )
    await restart()
  }
  given.add(await newProducerId(broker))
  assert.equal(given.size, asked + 1)
})

test('a transactional id is refused, and the answer holds no id', async () => {
  await broker.use(async (client) => {
    for (let version = 0; version <= 5; version++) {
      for (const transactionalId of ['tx', '']) {
        const response = await client.request(InitProducerId, version, {
          transactionalId,
          transactionTimeoutMs: 60_000,
        })
        assert.deepEqual(
          [response.errorCode, response.producerId, response.producerEpoch],
          [42, -1, -1],
          `v${version} ${transactionalId}`,
        )
      }
    }
  })
})
