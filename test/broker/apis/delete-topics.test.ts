/** DeleteTopics: what goes and what is refused, who waited is told, nothing old comes back, and a strike at any moment leaves the topic or none. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ZERO_UUID } from '../../../src/base/uuid.js'
import { errorByCode } from '../../../src/protocol/errors.js'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.js'
import { DeleteRecords } from '../../../src/protocol/messages/delete-records.js'
import { DeleteTopics } from '../../../src/protocol/messages/delete-topics.js'
import { Fetch } from '../../../src/protocol/messages/fetch.js'
import { ListOffsets } from '../../../src/protocol/messages/list-offsets.js'
import { Metadata } from '../../../src/protocol/messages/metadata.js'
import { Produce } from '../../../src/protocol/messages/produce.js'
import type { SimulatedDirectory } from '../../../src/sim/disk-directory.js'
import { batchOf, fetchRequest, produceRequest } from '../requests.js'
import { SimulatedBroker } from '../simulated-broker.js'
import { startNode, type TestNode } from '../test-node.js'

const broker = await startNode({ 'auto.create.topics.enable': 'false' })
after(() => broker.remove())

async function deleteTopics(
  topics: readonly { name?: string | null; topicId?: string }[],
  node: TestNode = broker,
): Promise<string[]> {
  const { responses } = await node.use((client) =>
    client.request(DeleteTopics, 6, {
      topics: topics.map(({ name = null, topicId = ZERO_UUID }) => ({ name, topicId })),
      timeoutMs: 5000,
    }),
  )
  return responses.map(({ name, errorCode }) => `${name} ${errorByCode(errorCode).name}`)
}

function directoriesOf(topic: string, node: TestNode = broker): string[] {
  return fs.readdirSync(node.directory).filter((name) => name.startsWith(topic))
}

test('by name and by id', async () => {
  const topicId = await broker.createTopic('by-id', 2)
  await broker.createTopic('by-name')
  assert.deepEqual(await deleteTopics([{ name: 'by-name' }, { name: null, topicId }]), ['by-name NONE', 'by-id NONE'])
  assert.deepEqual(await deleteTopics([{ name: 'by-name' }, { name: null, topicId }]), [
    'by-name UNKNOWN_TOPIC_OR_PARTITION',
    'null UNKNOWN_TOPIC_ID',
  ])
  const { topics } = await broker.use((client) => client.request(Metadata, 12, { topics: [{ name: 'by-id' }] }))
  assert.equal(errorByCode(topics[0]!.errorCode).name, 'UNKNOWN_TOPIC_OR_PARTITION')
  for (const name of directoriesOf('by-')) assert.match(name, /^by-(id|name)-[01]\.[0-9a-f]{32}-delete$/)
})

test('what is named twice, by both or by neither is refused, and the others of the request go', async () => {
  const topicId = await broker.createTopic('twice')
  await broker.createTopic('other')
  assert.deepEqual(
    await deleteTopics([
      { name: 'twice' },
      { name: null, topicId },
      { name: 'other', topicId },
      { name: null },
      { name: 'other' },
    ]),
    ['twice INVALID_REQUEST', 'null INVALID_REQUEST', 'other INVALID_REQUEST', 'null INVALID_REQUEST', 'other NONE'],
  )
  assert.deepEqual(await deleteTopics([{ name: 'twice' }]), ['twice NONE'])
})

test('where delete.topic.enable is false nothing is deleted; old clients get an error that they know', async () => {
  const node = await startNode({ 'delete.topic.enable': 'false' })
  try {
    await node.createTopic('kept')
    assert.deepEqual(await deleteTopics([{ name: 'kept' }], node), ['kept TOPIC_DELETION_DISABLED'])
    const old = await node.use((client) => client.request(DeleteTopics, 2, { topicNames: ['kept'], timeoutMs: 5000 }))
    assert.equal(errorByCode(old.responses[0]!.errorCode).name, 'INVALID_REQUEST')
    assert.ok(node.node.broker!.image.topicsByName.has('kept'))
  } finally {
    await node.remove()
  }
})

test('who waits for data, and who asks afterwards, is told that the topic is gone', async () => {
  const topicId = await broker.createTopic('awaited')
  const topic = { name: 'awaited', topicId }
  const clients = [await broker.client(), await broker.client()]
  const waiting = clients.map((client, n) =>
    client.request(Fetch, 12 + n, fetchRequest(topic, 0, { maxWaitMs: 30_000, minBytes: 1 })),
  )
  const { fetches } = broker.node.broker!.replicas
  while (fetches.size < 2) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(await deleteTopics([{ name: 'awaited' }]), ['awaited NONE'])
  for (const { responses } of await Promise.all(waiting)) {
    assert.equal(errorByCode(responses[0]!.partitions[0]!.errorCode).name, 'UNKNOWN_TOPIC_OR_PARTITION')
  }
  assert.equal(fetches.size, 0)
  for (const client of clients) client.close()
  await broker.use(async (client) => {
    const produced = await client.request(Produce, 13, produceRequest(topic, batchOf(['x'])))
    assert.equal(errorByCode(produced.responses[0]!.partitionResponses[0]!.errorCode).name, 'UNKNOWN_TOPIC_ID')
    const topics = [{ name: 'awaited', partitions: [{ partitionIndex: 0, timestamp: -1 }] }]
    const offsets = await client.request(ListOffsets, 7, { replicaId: -1, topics })
    assert.equal(errorByCode(offsets.topics[0]!.partitions[0]!.errorCode).name, 'UNKNOWN_TOPIC_OR_PARTITION')
  })
})

test('a topic of the same name is another one: a new id, its own configuration, none of the old records', async () => {
  const first = await broker.createTopic('again', 2, { 'max.message.bytes': '5000' })
  for (let round = 0; round < 5; round++) {
    const topic = { name: 'again' }
    await broker.use((client) => client.request(Produce, 9, produceRequest(topic, batchOf([`round ${round}`]))))
    assert.deepEqual(await deleteTopics([topic]), ['again NONE'])
    const next = await broker.createTopic('again', 2)
    assert.notEqual(next, first)
    const found = await broker.use((client) => client.request(Fetch, 12, fetchRequest(topic, 0, { maxWaitMs: 0 })))
    const [partition] = found.responses[0]!.partitions
    assert.deepEqual([partition!.errorCode, partition!.highWatermark, partition!.records?.length ?? 0], [0, 0, 0])
  }
  const image = broker.node.broker!.image
  assert.equal(
    [...image.configs.keys()].some((key) => key.endsWith('/again')),
    false,
  )
})

test('where the records of a deleted topic began says nothing of the next one of its name', async () => {
  const node = await startNode()
  const offsets = (on: TestNode) =>
    on.use(async (client) => {
      const ask = async (timestamp: number) => {
        const topics = [{ name: 'front', partitions: [{ partitionIndex: 0, timestamp }] }]
        const { topics: found } = await client.request(ListOffsets, 7, { replicaId: -1, topics })
        return found[0]!.partitions[0]!.offset
      }
      return [await ask(-2), await ask(-1)]
    })
  await node.createTopic('front')
  const produce = () =>
    node.use((client) => client.request(Produce, 9, produceRequest({ name: 'front' }, batchOf(['a', 'b', 'c']))))
  await produce()
  await node.use((client) =>
    client.request(DeleteRecords, 2, {
      topics: [{ name: 'front', partitions: [{ partitionIndex: 0, offset: 2 }] }],
      timeoutMs: 5000,
    }),
  )
  assert.deepEqual(await offsets(node), [2, 3])
  assert.deepEqual(await deleteTopics([{ name: 'front' }], node), ['front NONE'])
  await node.createTopic('front')
  assert.deepEqual(await offsets(node), [0, 0])
  await produce()
  const checkpoint = join(node.directory, 'log-start-offset-checkpoint')
  assert.doesNotMatch(fs.readFileSync(checkpoint, 'utf8'), /front/)
  await node.stop()
  const next = await startNode({}, node.directory)
  assert.deepEqual(await offsets(next), [0, 3])
  await next.remove()
})

test('the files go after log.segment.delete.delay.ms, also where the node was stopped meanwhile', async () => {
  const quick = await startNode({ 'log.segment.delete.delay.ms': '0' })
  await quick.createTopic('quick', 3)
  await deleteTopics([{ name: 'quick' }], quick)
  const deadline = Date.now() + 10_000
  while (directoriesOf('quick', quick).length > 0) {
    assert.ok(Date.now() < deadline, 'the files are removed')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await quick.remove()

  const slow = await startNode()
  await slow.createTopic('slow', 2)
  await deleteTopics([{ name: 'slow' }], slow)
  assert.equal(directoriesOf('slow', slow).length, 2)
  await slow.stop()
  const next = await startNode({ 'log.segment.delete.delay.ms': '0' }, slow.directory)
  const end = Date.now() + 10_000
  while (directoriesOf('slow', next).length > 0) {
    assert.ok(Date.now() < end, 'the files are removed')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await next.remove()
})

test('directories that the metadata does not know are put aside when the node starts, and kept', async () => {
  const first = await startNode()
  const topicId = await first.createTopic('known')
  await first.stop()
  const unknown = join(first.directory, 'unknown-7')
  fs.mkdirSync(unknown)
  fs.writeFileSync(join(unknown, '00000000000000000000.log'), 'somebody may want it back')
  fs.mkdirSync(join(first.directory, 'known-3'))
  const second = await startNode({}, first.directory)
  const names = directoriesOf('', second).filter((name) => name.includes('known'))
  assert.equal(names.length, 3)
  assert.equal(names[0], 'known-0')
  assert.match(names[1]!, /^known-3\.[0-9a-f]{32}-stray$/)
  assert.match(names[2]!, /^unknown-7\.[0-9a-f]{32}-stray$/)
  const kept = fs.readFileSync(join(second.directory, names[2]!, '00000000000000000000.log'), 'utf8')
  assert.equal(kept, 'somebody may want it back')
  const produced = await second.use((client) =>
    client.request(Produce, 13, produceRequest({ name: 'known', topicId }, batchOf(['x']))),
  )
  assert.equal(produced.responses[0]!.partitionResponses[0]!.errorCode, 0)
  await second.stop()
  // They are what they are: another start changes nothing.
  const third = await startNode({}, first.directory)
  assert.deepEqual(
    directoriesOf('', third).filter((name) => name.includes('known')),
    names,
  )
  await third.remove()
})

for (const kind of ['crash', 'losePower'] as const) {
  test(`${kind} at every disk operation of deleting and creating again: the old topic, none, or the new one`, () => {
    const seen = new Set<string>()
    // 0: before the request arrives.
    for (let operations = 0; operations < 40; operations++) {
      const node = new SimulatedBroker(`${kind} ${operations}`, {
        'log.segment.delete.delay.ms': '100',
        'log.flush.offset.checkpoint.interval.ms': '5',
      })
      const old = node.createTopic('struck', 2)
      const client = node.client()
      const { responses } = client.request(
        Produce,
        13,
        produceRequest({ name: 'struck', topicId: old }, batchOf(['old'])),
      )
      assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
      node.pass(50)
      if (operations > 0) node.world.strikeAtOperation(operations, kind)
      const { starts } = node.world
      const deleted = client.send(DeleteTopics, 6, {
        topics: [{ name: 'struck', topicId: ZERO_UUID }],
        timeoutMs: 5000,
      })
      const wanted = { name: 'struck', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
      const created = client.send(CreateTopics, 7, { topics: [wanted], timeoutMs: 5000 })
      if (operations === 0) node.world[kind]()
      node.pass(1000)
      node.world.machine.device.crashPoint = undefined
      node.until(() => node.world.serving, 'the node serves')
      assert.ok(node.world.starts > starts || created.response !== undefined)
      const topic = node.world.node!.broker!.image.topicsByName.get('struck')
      const state = topic === undefined ? 'none' : topic.topicId === old ? 'old' : 'new'
      seen.add(state)
      if (deleted.response?.responses[0]?.errorCode === 0) assert.notEqual(state, 'old', `${operations}`)
      const newId = created.response?.topics[0]?.topicId
      if (created.response?.topics[0]?.errorCode === 0) assert.equal(topic?.topicId, newId, `${operations}`)
      if (topic !== undefined) {
        const found = node
          .client()
          .request(Fetch, 13, fetchRequest({ name: 'struck', topicId: topic.topicId }, 0, { maxWaitMs: 0 }))
        const [partition] = found.responses[0]!.partitions
        assert.deepEqual(
          [partition!.errorCode, partition!.highWatermark],
          [0, state === 'old' ? 1 : 0],
          `${operations} ${state}`,
        )
      }
      node.pass(1500)
      const names = (node.world.machine.device.find('/var/lib/lograft') as SimulatedDirectory).names
      assert.deepEqual(
        names.filter((name) => name.endsWith('-delete')),
        [],
        `${operations}`,
      )
      const live = names.filter((name) => /^struck-\d$/.test(name))
      assert.equal(live.length, topic === undefined ? 0 : 2, `${operations} ${state}: ${names.join(' ')}`)
    }
    assert.deepEqual([...seen].sort(), ['new', 'none', 'old'])
  })
}
