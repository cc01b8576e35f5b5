/** Settings whose value changes what a node does with time, files and other nodes: each at two values. What others show stands in test/config/effects.tsv. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodeConfig } from '../../src/config/node-config.js'
import { nodePorts as productionPorts } from '../../src/io/node/ports.js'
import { errorByCode } from '../../src/protocol/errors.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { temporaryDirectory } from '../node-ports.js'
import { batchOf, Produce, produceRequest } from './requests.js'
import { SimulatedBroker } from './simulated-broker.js'
import { type Settings, startNode } from './test-node.js'

/** Bytes of the files of a partition with this ending, after so many batches of about 1,000 bytes each and a stop in order. */
async function sizes(ending: string, batches: number, settings: Settings, configs: Settings = {}): Promise<number[]> {
  const directory = temporaryDirectory('effects')
  const node = await startNode(settings, directory)
  try {
    await node.createTopic('files', 1, configs)
    await node.use(async (client) => {
      const batch = batchOf(['x'.repeat(930)])
      for (let n = 0; n < batches; n++) {
        const { responses } = await client.request(Produce, 9, produceRequest({ name: 'files' }, batch))
        assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
      }
    })
    await node.stop()
    const folder = join(directory, 'files-0')
    const names = fs.readdirSync(folder).filter((name) => name.endsWith(ending))
    return names.sort().map((name) => fs.statSync(join(folder, name)).size)
  } finally {
    fs.rmSync(directory, { recursive: true, force: true })
  }
}

function count(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0)
}

test('log.index.interval.bytes, index.interval.bytes: how many entries an index gets', async () => {
  const wide = count(await sizes('.index', 30, { 'log.index.interval.bytes': '20000' }))
  const narrow = count(await sizes('.index', 30, { 'log.index.interval.bytes': '1000' }))
  assert.ok(narrow >= 4 * wide && wide > 0, `${narrow} and ${wide}`)
  const ofTopic = { 'index.interval.bytes': '1000' }
  assert.equal(count(await sizes('.index', 30, { 'log.index.interval.bytes': '20000' }, ofTopic)), narrow)
})

test('log.index.size.max.bytes, segment.index.bytes: a full index closes the segment', async () => {
  const settings = { 'log.index.interval.bytes': '0' }
  assert.equal((await sizes('.log', 12, settings)).length, 1)
  const small = await sizes('.log', 12, { ...settings, 'log.index.size.max.bytes': '32' })
  assert.ok(small.length >= 3, `${small.length} segments`)
  const ofTopic = await sizes('.log', 12, settings, { 'segment.index.bytes': '32' })
  assert.equal(ofTopic.length, small.length)
})

test('log.segment.bytes, segment.bytes: the size at which a segment is closed', async () => {
  const batch = batchOf(['x'.repeat(600_000)])
  for (const [settings, configs, segments] of [
    [{ 'log.segment.bytes': '1048576' }, {}, 3],
    [{}, { 'segment.bytes': '1048576' }, 3],
    [{}, {}, 1],
  ] as const) {
    const node = await startNode(settings)
    try {
      await node.createTopic('rolled', 1, configs)
      await node.use(async (client) => {
        for (let n = 0; n < 3; n++) await client.request(Produce, 9, produceRequest({ name: 'rolled' }, batch))
      })
      const names = fs.readdirSync(join(node.directory, 'rolled-0')).filter((name) => name.endsWith('.log'))
      assert.equal(names.length, segments, JSON.stringify([settings, configs]))
    } finally {
      await node.remove()
    }
  }
})

test('default.replication.factor: replicas where the creator names no number', () => {
  const wanted = { name: 'replicated', numPartitions: 1, replicationFactor: -1, assignments: [], configs: [] }
  for (const [factor, error] of [
    ['1', 'NONE'],
    ['2', 'INVALID_REPLICATION_FACTOR'],
  ] as const) {
    const broker = new SimulatedBroker(`factor ${factor}`, { 'default.replication.factor': factor })
    const [topic] = broker.client().request(CreateTopics, 7, { topics: [wanted], timeoutMs: 5000 }).topics
    assert.equal(errorByCode(topic!.errorCode).name, error)
  }
})

/** How often the node has said that it lives within ten seconds. */
function heartbeats(intervalMs: string): number {
  const broker = new SimulatedBroker('heartbeats', { 'broker.heartbeat.interval.ms': intervalMs })
  broker.pass(10_000)
  return broker.world.node!.flightRecord().match(/"input":"heard"/g)!.length
}

test('broker.heartbeat.interval.ms: how often a broker says that it lives', () => {
  const [often, rarely] = [heartbeats('100'), heartbeats('4000')]
  assert.ok(often >= 90 && rarely <= 20, `${often} and ${rarely}`)
})

test('broker.session.timeout.ms: after how long of silence a broker is fenced', () => {
  for (const [timeoutMs, fenced] of [
    ['500', true],
    ['60000', false],
  ] as const) {
    // A broker that says nothing for so long.
    const settings = { 'broker.session.timeout.ms': timeoutMs, 'broker.heartbeat.interval.ms': '20000' }
    const broker = new SimulatedBroker(`session ${timeoutMs}`, settings)
    broker.pass(5000)
    assert.equal(broker.world.node!.broker!.image.brokers.get(1)!.fenced, fenced)
  }
})

test('log.flush.offset.checkpoint.interval.ms: how often recovery points are written down', () => {
  for (const [intervalMs, written] of [
    ['1000', true],
    ['60000', false],
  ] as const) {
    const broker = new SimulatedBroker('checkpoint', { 'log.flush.offset.checkpoint.interval.ms': intervalMs })
    broker.createTopic('points')
    broker.client().request(Produce, 9, produceRequest({ name: 'points' }, batchOf(['a', 'b'])))
    broker.pass(5000)
    assert.equal(broker.world.partitions[0]!.log.recoveryPoint, written ? 2 : 0)
  }
})

/** Producers that a partition still knows a minute after their last batch. */
function producersAfterAMinute(settings: Settings): number {
  const broker = new SimulatedBroker('producers', settings)
  broker.createTopic('idempotent')
  const batch = batchOf(['a'], { producerId: 7, producerEpoch: 0, baseSequence: 0 }, 1_800_000_000_000)
  broker.client().request(Produce, 9, produceRequest({ name: 'idempotent' }, batch))
  assert.equal(broker.world.partitions[0]!.log.state.producers.size, 1)
  broker.pass(60_000)
  return broker.world.partitions[0]!.log.state.producers.size
}

test('producer.id.expiration.ms and producer.id.expiration.check.interval.ms: when a producer is forgotten', () => {
  const [short, long] = ['10000', '600000']
  const check = 'producer.id.expiration.check.interval.ms'
  assert.equal(producersAfterAMinute({ 'producer.id.expiration.ms': short, [check]: short }), 0)
  assert.equal(producersAfterAMinute({ 'producer.id.expiration.ms': long, [check]: short }), 1)
  assert.equal(producersAfterAMinute({ 'producer.id.expiration.ms': short, [check]: long }), 1)
})

test('log.flush.policy: whether what was acknowledged survives a power loss', () => {
  for (const [policy, kept] of [
    ['commit', 1],
    ['os', 0],
  ] as const) {
    const broker = new SimulatedBroker('flush policy 3', { 'log.flush.policy': policy })
    broker.createTopic('flushed')
    broker.pass(100)
    broker.client().request(Produce, 9, produceRequest({ name: 'flushed' }, batchOf(['a'])))
    const { log } = broker.world.partitions[0]!
    assert.deepEqual([log.logEndOffset, log.flushedEndOffset], [1, kept])
  }
})

test('log.open.files.max: how many files are open at once', () => {
  const mostOpen = (limit: string): number => {
    const broker = new SimulatedBroker('open files', { 'log.open.files.max': limit })
    broker.createTopic('many', 20)
    broker.pass(1000)
    const parts = Array.from({ length: 20 }, (_, index) => index)
    for (const index of parts) {
      broker.client().request(Produce, 9, produceRequest({ name: 'many' }, batchOf(['a']), { partition: index }))
    }
    broker.pass(1000)
    assert.ok(broker.world.partitions.every(({ log }) => log.flushedEndOffset === 1))
    return broker.world.machine.process!.mostDescriptors
  }
  assert.ok(mostOpen('2') <= 6)
  assert.ok(mostOpen('500') > 20)
})

test('log.level: how much is logged from the start', () => {
  for (const [level, shown] of [
    ['error', false],
    ['info', true],
  ] as const) {
    const { settings } = nodeConfig({ 'log.level': level })
    assert.equal(productionPorts(settings['log.level']).logger.levels.shows('root', 'info'), shown)
  }
})
