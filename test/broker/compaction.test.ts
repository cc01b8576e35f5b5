/** Compacted topics of a node, and the settings of the cleaner, each at two values: in the simulator, where days pass. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ofCleaner } from '../../src/broker/metrics/cleaner-metrics.js'
import { Exposition } from '../../src/broker/metrics/exposition.js'
import { ErrorCode } from '../../src/protocol/errors.js'
import { IncrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.js'
import { buildBatch } from '../../src/records/builder.js'
import { BatchIterator, readRecords } from '../../src/records/reader.js'
import { Fetch, fetchRequest, Produce, produceRequest } from './requests.js'
import { SimulatedBroker, type SimulatedWireClient } from './simulated-broker.js'

type Settings = Readonly<Record<string, string>>

const HOUR_MS = 3_600_000
const COMPACT: Settings = { 'cleanup.policy': 'compact', 'internal.segment.bytes': '2048' }
const KEYS = 5

class Compacted {
  readonly broker: SimulatedBroker
  readonly #client: SimulatedWireClient
  readonly #topic: { readonly name: string; readonly topicId: string }
  produced = 0

  constructor(settings: Settings = {}, configs: Settings = {}) {
    const all = { 'log.dir.reserved.bytes': '0', 'log.cleaner.backoff.ms': '1000', ...settings }
    this.broker = new SimulatedBroker('compaction', all)
    this.#client = this.broker.client()
    this.#topic = { name: 't', topicId: this.broker.createTopic('t', 1, { ...COMPACT, ...configs }) }
  }

  get cleaner() {
    return this.broker.world.node!.broker!.replicas.cleaner
  }

  get nowMs(): number {
    const { machine, simulation } = this.broker.world
    return machine.wallMsAt(simulation.nowMs)
  }

  /** One record a batch, of five keys in turn; with a value of null they are deleted. */
  produce(count: number, value: string | null = 'a value', timestamp = this.nowMs, firstKey = 0): this {
    for (let n = 0; n < count; n++) {
      const key = Buffer.from(`key ${firstKey + (n % KEYS)}`)
      const batch = buildBatch([{ key, value: value === null ? null : Buffer.from(value), timestamp }])
      const { responses } = this.#client.request(Produce, 9, produceRequest(this.#topic, batch))
      assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
      this.produced++
    }
    return this
  }

  pass(durationMs: number): this {
    this.broker.pass(durationMs)
    return this
  }

  alter(resourceType: number, resourceName: string, name: string, value: string): this {
    const configs = [{ name, configOperation: 0, value }]
    const resources = [{ resourceType, resourceName, configs }]
    const { responses } = this.#client.request(IncrementalAlterConfigs, 1, { resources, validateOnly: false })
    assert.equal(responses[0]!.errorCode, ErrorCode.NONE, responses[0]!.errorMessage ?? '')
    return this
  }

  /** What a consumer gets who reads from the beginning. */
  records(): { offset: number; key: string; value: string | null }[] {
    const found = []
    for (let offset = 0; offset < this.produced; ) {
      const { responses } = this.#client.request(Fetch, 12, fetchRequest(this.#topic, offset))
      const batches = new BatchIterator(responses[0]!.partitions[0]!.records!)
      while (batches.next() === 'batch') {
        for (const { offset: at, key, value } of readRecords(batches.batch, 1e6)) {
          const text = value === null ? null : Buffer.from(value).toString()
          found.push({ offset: at, key: Buffer.from(key!).toString(), value: text })
        }
        offset = batches.batch.nextOffset
      }
    }
    return found
  }
}

test('a compacted topic keeps the last record of each key, with its offset; one that is not keeps all', () => {
  const compacted = new Compacted().produce(100).pass(5000)
  const records = compacted.records()
  assert.ok(records.length < 50, `${records.length} records`)
  assert.deepEqual(
    records.slice(-KEYS).map(({ offset, key }) => [offset, key]),
    Array.from({ length: KEYS }, (_, n) => [95 + n, `key ${n}`]),
  )
  assert.ok(compacted.cleaner.metrics.cleanings > 0)
  assert.equal(new Compacted({}, { 'cleanup.policy': 'delete' }).produce(100).pass(5000).records().length, 100)
})

test('the cleaner tells a monitor how dirty logs are, and what it has done', () => {
  const topic = new Compacted({ 'log.cleaner.backoff.ms': '30000' }).produce(100)
  const metric = (name: string): number => {
    const page = new Exposition()
    ofCleaner(page, topic.cleaner)
    return Number(new RegExp(`^kafka_log_${name} (\\S+)$`, 'm').exec(page.text())![1])
  }
  assert.equal(metric('logcleanermanager_max_dirty_percent'), 100)
  assert.equal(metric('logcleaner_cleaner_recopy_percent'), 0)
  topic.pass(40_000)
  assert.equal(metric('logcleanermanager_max_dirty_percent'), 0)
  const recopied = metric('logcleaner_cleaner_recopy_percent')
  assert.ok(recopied > 0 && recopied < 60, `${recopied} %`)
  assert.ok(metric('logcleaner_max_clean_time_secs') > 0)
  assert.ok(metric('logcleaner_max_buffer_utilization_percent') > 1)
  assert.ok(metric('logcleanermanager_time_since_last_run_ms') <= 30_000)
  assert.equal(metric('logcleanermanager_uncleanable_partitions_count'), 0)
  assert.equal(metric('logcleaner_max_compaction_delay_secs'), 0)
})

test('a topic that becomes compacted is cleaned, and one that is also deleted from loses its old segments', () => {
  const topic = new Compacted({}, { 'cleanup.policy': 'delete' }).produce(100).pass(5000)
  assert.equal(topic.records().length, 100)
  topic.alter(2, 't', 'cleanup.policy', 'compact').pass(5000)
  assert.ok(topic.records().length < 50)
  const both = { 'cleanup.policy': 'compact,delete', 'retention.ms': '10000' }
  const deleted = new Compacted({ 'log.retention.check.interval.ms': '1000' }, both).produce(100).pass(5000)
  assert.ok(deleted.records().length > KEYS)
  deleted.pass(20_000)
  assert.equal(deleted.broker.world.partitions[0]!.log.startOffset, 100)
})

test('log.cleaner.enable, log.cleaner.threads: whether anything is cleaned', () => {
  for (const off of [{ 'log.cleaner.enable': 'false' }, { 'log.cleaner.threads': '0' }]) {
    const topic = new Compacted(off).produce(100).pass(HOUR_MS)
    assert.equal(topic.records().length, 100)
    if ('log.cleaner.threads' in off)
      assert.ok(topic.alter(4, '', 'log.cleaner.threads', '1').pass(5000).records().length < 50)
  }
})

test('log.cleaner.backoff.ms: how long it takes until somebody looks', () => {
  const topic = new Compacted({ 'log.cleaner.backoff.ms': '600000' }).produce(100).pass(500_000)
  assert.equal(topic.records().length, 100)
  assert.ok(topic.pass(110_000).records().length < 50)
})

test('log.cleaner.dedupe.buffer.size, log.cleaner.io.buffer.load.factor: how many keys fit at a time', () => {
  const cleanings = (settings: Settings): number => {
    const topic = new Compacted({ 'log.cleaner.backoff.ms': '60000', ...settings })
    // 100 keys.
    for (let n = 0; n < 20; n++) topic.produce(KEYS, 'a value', topic.nowMs, n * KEYS)
    topic.produce(30).pass(90_000)
    return topic.cleaner.metrics.cleanings
  }
  assert.equal(cleanings({}), 1)
  const small = cleanings({ 'log.cleaner.dedupe.buffer.size': '1024' })
  assert.ok(small >= 3, `${small} cleanings`)
  const sparse = cleanings({ 'log.cleaner.dedupe.buffer.size': '1024', 'log.cleaner.io.buffer.load.factor': '0.4' })
  assert.ok(sparse > small, `${sparse} cleanings, and ${small} in a fuller map`)
})

test('log.cleaner.io.buffer.size, log.cleaner.io.max.bytes.per.second: in which pieces it reads, and how fast', () => {
  const duration = (settings: Settings): number =>
    new Compacted(settings).produce(200).pass(60_000).cleaner.metrics.maxCleanSeconds
  const fast = duration({})
  assert.ok(fast > 0 && fast < 2, `${fast} s`)
  const slow = duration({ 'log.cleaner.io.max.bytes.per.second': '2000' })
  assert.ok(slow > 5, `${slow} s`)
  const inPieces = duration({ 'log.cleaner.io.buffer.size': '0' })
  assert.ok(inPieces > fast, `${inPieces} s in small pieces, ${fast} s in large ones`)
})

test('log.cleaner.min.cleanable.ratio, min.cleanable.dirty.ratio: how dirty a log must be', () => {
  /** A large clean part, and a small dirty one. */
  const cleanings = (settings: Settings, configs: Settings): number => {
    const topic = new Compacted({ ...settings }, configs)
    for (let n = 0; n < 40; n++) topic.produce(KEYS, 'a value', topic.nowMs, n * KEYS)
    const before = topic.pass(5000).cleaner.metrics.cleanings
    assert.ok(before > 0)
    return topic.produce(50).pass(5000).cleaner.metrics.cleanings - before
  }
  assert.equal(cleanings({}, {}), 0)
  assert.ok(cleanings({ 'log.cleaner.min.cleanable.ratio': '0.05' }, {}) > 0)
  assert.ok(cleanings({}, { 'min.cleanable.dirty.ratio': '0.05' }) > 0)
})

test('log.cleaner.min.compaction.lag.ms, min.compaction.lag.ms: what is young stays as it is', () => {
  for (const [settings, configs] of [
    [{ 'log.cleaner.min.compaction.lag.ms': '60000' }, {}],
    [{}, { 'min.compaction.lag.ms': '60000' }],
  ] as const) {
    const topic = new Compacted(settings, configs).produce(100).pass(50_000)
    assert.equal(topic.records().length, 100)
    assert.ok(topic.pass(20_000).records().length < 50)
  }
})

test('log.cleaner.max.compaction.lag.ms, max.compaction.lag.ms: what is old is looked at, however clean the rest; segments are closed for it', () => {
  const cleanings = (settings: Settings, configs: Settings): number => {
    const topic = new Compacted(settings, {
      'internal.segment.bytes': '100000',
      'min.cleanable.dirty.ratio': '1',
      ...configs,
    })
    topic.produce(50).pass(70_000).produce(50).pass(70_000).produce(1).pass(5000)
    return topic.cleaner.metrics.cleanings
  }
  assert.equal(cleanings({}, {}), 0)
  assert.equal(cleanings({ 'log.cleaner.max.compaction.lag.ms': '60000' }, {}), 2)
  assert.equal(cleanings({}, { 'max.compaction.lag.ms': '60000' }), 2)
})

test('log.cleaner.delete.retention.ms, delete.retention.ms: how long a deletion is told to those who read', () => {
  const tombstones = (settings: Settings, configs: Settings): number => {
    const topic = new Compacted(settings, { 'min.cleanable.dirty.ratio': '0', ...configs })
    topic.produce(50).produce(KEYS, null).produce(50, 'a value', topic.nowMs, 100).pass(5000)
    assert.equal(topic.records().filter(({ value }) => value === null).length, KEYS)
    topic.pass(60_000).produce(50, 'a value', topic.nowMs, 100).pass(5000)
    return topic.records().filter(({ value }) => value === null).length
  }
  assert.equal(tombstones({}, {}), KEYS)
  assert.equal(tombstones({ 'log.cleaner.delete.retention.ms': '30000' }, {}), 0)
  assert.equal(tombstones({}, { 'delete.retention.ms': '30000' }), 0)
})
