/** DeleteRecords, retention, rolling and the times of records, as clients see them and as settings have it: in the simulator, where days pass. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorByCode } from '../../../src/protocol/errors.js'
import { DeleteRecords } from '../../../src/protocol/messages/delete-records.js'
import { DescribeLogDirs } from '../../../src/protocol/messages/describe-log-dirs.js'
import { DescribeProducers } from '../../../src/protocol/messages/describe-producers.js'
import { ListOffsets } from '../../../src/protocol/messages/list-offsets.js'
import { OffsetForLeaderEpoch } from '../../../src/protocol/messages/offset-for-leader-epoch.js'
import { SimulatedDirectory } from '../../../src/sim/disk-directory.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, valuesIn } from '../requests.js'
import { SimulatedBroker, type SimulatedWireClient } from '../simulated-broker.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const FOREVER = { 'message.timestamp.after.max.ms': '9223372036854775807' }

class Fixture {
  readonly broker: SimulatedBroker
  readonly client: SimulatedWireClient
  readonly topic: { readonly name: string; readonly topicId: string }

  constructor(
    configs: Readonly<Record<string, string>> = {},
    settings: Readonly<Record<string, string>> = {},
    seed = 'front',
  ) {
    this.broker = new SimulatedBroker(seed, { 'log.dir.reserved.bytes': '0', ...settings })
    this.client = this.broker.client()
    this.topic = { name: 't', topicId: this.broker.createTopic('t', 1, configs) }
  }

  get nowMs(): number {
    const { machine, simulation } = this.broker.world
    return machine.wallMsAt(simulation.nowMs)
  }

  get log() {
    return this.broker.world.partitions[0]!.log
  }

  produce(values: readonly string[], timestamp = this.nowMs, acks: 1 | -1 = -1, options = {}) {
    // Topics that are compacted want keys.
    const batch = batchOf(values, options, timestamp, Buffer.from('k'))
    const { responses } = this.client.request(Produce, 9, produceRequest(this.topic, batch, { acks }))
    return responses[0]!.partitionResponses[0]!
  }

  /** One record a batch. */
  fill(from: number, count: number): void {
    for (let n = from; n < from + count; n++) assert.equal(this.produce([`value ${n}`]).baseOffset, n)
  }

  fetch(offset: number) {
    const { responses } = this.client.request(Fetch, 12, fetchRequest(this.topic, offset))
    const { errorCode, logStartOffset, records } = responses[0]!.partitions[0]!
    return { error: errorByCode(errorCode).name, logStartOffset, values: valuesIn(records) }
  }

  delete(offset: number, partitionIndex = 0, timeoutMs = 10_000): [error: string, lowWatermark: number] {
    const topics = [{ name: 't', partitions: [{ partitionIndex, offset }] }]
    const response = this.client.request(DeleteRecords, 2, { topics, timeoutMs })
    const [result] = response.topics[0]!.partitions
    return [errorByCode(result!.errorCode).name, result!.lowWatermark]
  }

  offsetAt(timestamp: number): [offset: number, timestamp: number] {
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0, timestamp }] }]
    const [found] = this.client.request(ListOffsets, 9, { replicaId: -1, topics }).topics[0]!.partitions
    return [found!.offset, found!.timestamp]
  }

  get segments(): number {
    const folder = this.broker.world.machine.device.find(this.log.directory)
    assert.ok(folder instanceof SimulatedDirectory)
    return folder.names.filter((name) => name.endsWith('.log')).length
  }
}

test('DeleteRecords moves the start of the log, which is there after a power loss', () => {
  const fixture = new Fixture()
  fixture.fill(0, 10)
  assert.deepEqual(fixture.delete(4), ['NONE', 4])
  assert.deepEqual(fixture.delete(2), ['NONE', 4], 'it is in front of that already')
  assert.deepEqual(fixture.delete(11), ['OFFSET_OUT_OF_RANGE', -1])
  assert.deepEqual(fixture.delete(-2), ['OFFSET_OUT_OF_RANGE', -1])
  assert.deepEqual(fixture.delete(0, 7), ['UNKNOWN_TOPIC_OR_PARTITION', -1])
  assert.deepEqual(fixture.fetch(3), { error: 'OFFSET_OUT_OF_RANGE', logStartOffset: 4, values: [] })
  assert.equal(fixture.fetch(4).values[0], 'value 4')
  assert.deepEqual(fixture.offsetAt(-2), [4, -1])
  fixture.broker.world.losePower()
  fixture.broker.until(() => fixture.broker.world.serving, 'the node serves again')
  const again = fixture.broker.client()
  const { responses } = again.request(Fetch, 12, fetchRequest(fixture.topic, 0))
  assert.equal(responses[0]!.partitions[0]!.logStartOffset, 4)
  assert.equal(errorByCode(responses[0]!.partitions[0]!.errorCode).name, 'OFFSET_OUT_OF_RANGE')
})

test('DeleteRecords up to -1 empties the log', () => {
  const fixture = new Fixture()
  fixture.fill(0, 3)
  assert.deepEqual(fixture.delete(-1), ['NONE', 3])
  assert.deepEqual(fixture.fetch(3), { error: 'NONE', logStartOffset: 3, values: [] })
  assert.deepEqual(
    [fixture.offsetAt(-2), fixture.offsetAt(-1)],
    [
      [3, -1],
      [3, -1],
    ],
  )
  assert.deepEqual(
    [fixture.offsetAt(-3), fixture.offsetAt(0)],
    [
      [-1, -1],
      [-1, -1],
    ],
  )
})

test('DeleteRecords that allows no time for followers waits for the disk all the same', () => {
  for (let seed = 0; seed < 20; seed++) {
    const fixture = new Fixture({}, {}, `no-time-${seed}`)
    fixture.fill(0, 3)
    assert.deepEqual(fixture.delete(2, 0, 0), ['NONE', 2])
  }
})

test('a topic that is only compacted refuses DeleteRecords', () => {
  const fixture = new Fixture({ 'cleanup.policy': 'compact' })
  const [error] = fixture.delete(0)
  assert.equal(error, 'POLICY_VIOLATION')
})

test('DeleteRecords whose disk is stuck is told that its time is up', () => {
  let stuck = 0
  for (let seed = 0; seed < 20; seed++) {
    const fixture = new Fixture({}, {}, `stuck-${seed}`)
    fixture.fill(0, 3)
    const { broker, client } = fixture
    const { device } = broker.world.machine
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0, offset: 2 }] }]
    const sent = client.send(DeleteRecords, 2, { topics, timeoutMs: 10_000 })
    const temporary = fixture.log.directory.replace(/t-0$/, 'log-start-offset-checkpoint.tmp')
    broker.until(() => sent.response !== undefined || device.find(temporary) !== undefined, 'an answer, or a beginning')
    // Written at once.
    if (sent.response !== undefined) continue
    device.faults.stuckUntilMs = broker.simulation.nowMs + 60_000
    broker.until(() => sent.response !== undefined, 'an answer')
    const [result] = sent.response!.topics[0]!.partitions
    if (result!.errorCode === 0) continue
    assert.deepEqual([errorByCode(result!.errorCode).name, result!.lowWatermark], ['REQUEST_TIMED_OUT', -1])
    assert.ok(sent.tookMs >= 10_000, `${sent.tookMs} ms`)
    stuck++
  }
  assert.ok(stuck > 0)
})

test('a time is looked for behind the start of the log, also within a batch', () => {
  const fixture = new Fixture(FOREVER)
  fixture.produce(['a', 'b', 'c'], 5000)
  fixture.produce(['d', 'e'], 1000)
  assert.deepEqual(fixture.offsetAt(-3), [2, 5002])
  fixture.delete(2)
  assert.deepEqual(fixture.offsetAt(0), [2, 5002])
  fixture.delete(3)
  assert.deepEqual(fixture.offsetAt(0), [3, 1000])
  assert.deepEqual(fixture.offsetAt(-3), [4, 1001])
  assert.deepEqual(fixture.offsetAt(1002), [-1, -1])
})

test('log.retention.hours: segments go, also the active one, when all in it is older; minutes and ms go before', () => {
  for (const [settings, keptMs] of [
    [{ 'log.retention.hours': '48' }, 2 * DAY_MS],
    [{ 'log.retention.hours': '1', 'log.retention.minutes': '120' }, 2 * HOUR_MS],
    [{ 'log.retention.minutes': '1', 'log.retention.ms': '600000' }, 600_000],
  ] as const) {
    const fixture = new Fixture({}, { ...settings, 'log.retention.check.interval.ms': '60000' })
    fixture.fill(0, 5)
    fixture.broker.pass(keptMs - 60_000)
    assert.equal(fixture.log.startOffset, 0)
    fixture.broker.pass(180_000)
    assert.equal(fixture.log.startOffset, 5)
    fixture.fill(5, 2)
    assert.deepEqual(fixture.fetch(5).values, ['value 5', 'value 6'])
  }
})

test('retention.ms, retention.bytes and cleanup.policy of a topic; the files go after file.delete.delay.ms', () => {
  const small = { 'internal.segment.bytes': '1024' }
  const settings = { 'log.retention.check.interval.ms': '1000' }
  for (const [configs, further] of [
    [{ 'retention.bytes': '3000', 'file.delete.delay.ms': '5000' }, {}],
    [{}, { 'log.retention.bytes': '3000', 'log.segment.delete.delay.ms': '5000' }],
  ] as const) {
    const bySize = new Fixture({ ...small, ...configs }, { ...settings, ...further })
    bySize.fill(0, 200)
    bySize.broker.pass(2000)
    assert.ok(bySize.log.startOffset > 100 && bySize.log.sizeBytes >= 3000 && bySize.log.sizeBytes < 3000 + 1024)
    const leftovers = (): readonly string[] => {
      const found = bySize.broker.world.machine.device.find(bySize.log.directory)
      return found instanceof SimulatedDirectory ? found.names.filter((name) => name.endsWith('.deleted')) : []
    }
    assert.ok(leftovers().some((name) => name.endsWith('.log.deleted')))
    bySize.broker.pass(6000)
    assert.deepEqual(leftovers(), [])
  }

  const byTime = new Fixture({ ...small, 'retention.ms': '10000' }, settings)
  byTime.fill(0, 50)
  byTime.broker.pass(12_000)
  assert.equal(byTime.log.startOffset, 50)

  for (const [configs, further] of [
    [{ 'cleanup.policy': 'compact' }, {}],
    [{}, { 'log.cleanup.policy': 'compact' }],
  ] as const) {
    const compacted = new Fixture({ ...small, 'retention.ms': '10', ...configs }, { ...settings, ...further })
    compacted.fill(0, 50)
    compacted.broker.pass(12_000)
    assert.equal(compacted.log.startOffset, 0)
  }
})

test('a segment is closed when its first record is older than segment.ms, log.roll.ms or log.roll.hours', () => {
  for (const [configs, settings, rollMs] of [
    [{ 'segment.ms': '60000' }, {}, 60_000],
    [{}, { 'log.roll.ms': '30000', 'log.roll.hours': '1' }, 30_000],
    [{}, { 'log.roll.hours': '2' }, 2 * HOUR_MS],
  ] as const) {
    const fixture = new Fixture(configs, settings)
    fixture.fill(0, 1)
    fixture.broker.pass(rollMs - 20_000)
    fixture.fill(1, 1)
    assert.equal(fixture.segments, 1)
    fixture.broker.pass(21_000)
    fixture.fill(2, 1)
    assert.equal(fixture.segments, 2)
  }
})

test('segment.jitter.ms and log.roll.jitter close segments earlier, each at another time', () => {
  for (const [configs, settings] of [
    [{ 'segment.ms': '1000000', 'segment.jitter.ms': '1000000' }, {}],
    [{ 'segment.ms': '1000000' }, { 'log.roll.jitter.ms': '1000000' }],
    [{ 'segment.ms': '1000000' }, { 'log.roll.jitter.hours': '1' }],
  ] as const) {
    const fixture = new Fixture({ ...configs, ...FOREVER }, settings)
    for (let n = 0; n < 40; n++) fixture.produce(['x'], fixture.nowMs + n * 100_000)
    assert.ok(fixture.segments > 5, `${fixture.segments} of 4 at most without`)
  }
})

test('flush.messages under flush.policy=os: a produce is acknowledged when so many are durable', () => {
  const fixture = new Fixture({ 'flush.policy': 'os', 'flush.messages': '3' })
  fixture.produce(['a'], fixture.nowMs, 1)
  fixture.produce(['b'], fixture.nowMs, 1)
  assert.equal(fixture.log.flushedEndOffset, 0)
  fixture.produce(['c'], fixture.nowMs, 1)
  assert.equal(fixture.log.flushedEndOffset, 3)
  const byNode = new Fixture({ 'flush.policy': 'os' }, { 'log.flush.interval.messages': '1' })
  for (let n = 1; n < 5; n++) {
    byNode.produce(['x'], byNode.nowMs, 1)
    assert.equal(byNode.log.flushedEndOffset, n)
  }
})

test('flush.ms and log.flush.interval.ms: what is older is flushed when log.flush.scheduler.interval.ms comes by', () => {
  for (const [configs, settings] of [
    [{ 'flush.ms': '5000' }, { 'log.flush.scheduler.interval.ms': '1000' }],
    [{}, { 'log.flush.interval.ms': '5000', 'log.flush.scheduler.interval.ms': '1000' }],
    [{}, { 'log.flush.scheduler.interval.ms': '5000' }],
  ] as const) {
    const fixture = new Fixture({ 'flush.policy': 'os', ...configs }, settings)
    fixture.produce(['a'])
    assert.equal(fixture.log.flushedEndOffset, 0)
    fixture.broker.pass(12_000)
    assert.equal(fixture.log.flushedEndOffset, 1)
  }
  const never = new Fixture({ 'flush.policy': 'os', 'flush.ms': '10' })
  never.produce(['a'])
  never.broker.pass(12_000)
  assert.equal(never.log.flushedEndOffset, 0, 'nobody comes by, as in Kafka')
})

test('message.timestamp.type=LogAppendTime gives records the time of the broker, and says so', () => {
  for (const [configs, settings] of [
    [{ 'message.timestamp.type': 'LogAppendTime' }, {}],
    [{}, { 'log.message.timestamp.type': 'LogAppendTime' }],
  ] as const) {
    const fixture = new Fixture(configs, settings)
    const { nowMs } = fixture
    const { errorCode, logAppendTimeMs } = fixture.produce(['a', 'b'], 5000)
    assert.equal(errorCode, 0)
    assert.ok(logAppendTimeMs >= nowMs && logAppendTimeMs < nowMs + 1000)
    assert.deepEqual(fixture.offsetAt(6000), [0, logAppendTimeMs])
    assert.deepEqual(fixture.offsetAt(-3), [0, logAppendTimeMs])
    assert.deepEqual(fixture.fetch(0).values, ['a', 'b'])
  }
  const plain = new Fixture()
  assert.equal(plain.produce(['a'], 5000).logAppendTimeMs, -1)
})

test('records that are too new or too old are INVALID_TIMESTAMP, each by its place', () => {
  const error = (fixture: Fixture, timestamp: number, options = {}) => {
    const { errorCode, recordErrors } = fixture.produce(['a', 'b'], timestamp, -1, options)
    return [errorByCode(errorCode).name, recordErrors.map(({ batchIndex }) => batchIndex)]
  }
  for (const [configs, settings] of [
    [{ 'message.timestamp.after.max.ms': '1000', 'message.timestamp.before.max.ms': '60000' }, {}],
    [{}, { 'log.message.timestamp.after.max.ms': '1000', 'log.message.timestamp.before.max.ms': '60000' }],
  ] as const) {
    const fixture = new Fixture(configs, settings)
    assert.deepEqual(error(fixture, fixture.nowMs), ['NONE', []])
    assert.deepEqual(error(fixture, fixture.nowMs + 2000), ['INVALID_TIMESTAMP', [0, 1]])
    assert.deepEqual(error(fixture, fixture.nowMs - 60_100), ['INVALID_TIMESTAMP', [0, 1]])
    assert.deepEqual(error(fixture, fixture.nowMs - 60_100, { codec: 'gzip' }), ['INVALID_TIMESTAMP', [0, 1]])
    assert.equal(fixture.log.nextOffset, 2)
  }
  const plain = new Fixture()
  assert.deepEqual(error(plain, plain.nowMs + HOUR_MS - 1000), ['NONE', []])
  assert.deepEqual(error(plain, plain.nowMs + HOUR_MS + 1000), ['INVALID_TIMESTAMP', [0, 1]])
  assert.deepEqual(error(plain, 0), ['NONE', []])
})

test('DescribeLogDirs says what a partition takes, with the segments that wait for removal gone', () => {
  const fixture = new Fixture()
  fixture.fill(0, 20)
  const response = fixture.client.request(DescribeLogDirs, 4, { topics: [{ topic: 't', partitions: [0, 5] }] })
  const [directory] = response.results
  const [topic] = directory!.topics
  assert.deepEqual(topic!.partitions, [
    { partitionIndex: 0, partitionSize: fixture.log.sizeBytes, offsetLag: 0, isFutureKey: false },
  ])
  const none = fixture.client.request(DescribeLogDirs, 4, { topics: [] })
  assert.deepEqual(none.results[0]!.topics, [])
})

test('OffsetForLeaderEpoch follows the start of the log, and refuses epochs that are not', () => {
  const fixture = new Fixture()
  fixture.fill(0, 6)
  const ask = (leaderEpoch: number, currentLeaderEpoch = -1) => {
    const topics = [{ topic: 't', partitions: [{ partition: 0, leaderEpoch, currentLeaderEpoch }] }]
    const [result] = fixture.client.request(OffsetForLeaderEpoch, 4, { topics }).topics[0]!.partitions
    return [errorByCode(result!.errorCode).name, result!.leaderEpoch, result!.endOffset]
  }
  assert.deepEqual(ask(0), ['NONE', 0, 6])
  assert.deepEqual(ask(3), ['NONE', -1, -1])
  assert.deepEqual(ask(0, 5), ['UNKNOWN_LEADER_EPOCH', -1, -1])
})

test('DescribeProducers names those who wrote', () => {
  const fixture = new Fixture()
  fixture.produce(['a', 'b'], fixture.nowMs, -1, { producerId: 77, producerEpoch: 3, baseSequence: 0 })
  const topics = [{ name: 't', partitionIndexes: [0] }]
  const [result] = fixture.client.request(DescribeProducers, 0, { topics }).topics[0]!.partitions
  const [producer] = result!.activeProducers
  assert.deepEqual(
    [producer!.producerId, producer!.producerEpoch, producer!.lastSequence, producer!.currentTxnStartOffset],
    [77, 3, 1, -1],
  )
})
