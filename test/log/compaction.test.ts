/** Compaction of batches against a naive model, in pieces of any size, with every codec. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type CompactBatchesInput,
  compactBatches,
  compactBatchesJob,
  type IndexKeysInput,
  indexKeys,
  indexKeysJob,
  ROW_CELLS,
} from '../../src/log/compaction.js'
import { SLOT_BYTES } from '../../src/log/offset-map.js'
import { BatchView } from '../../src/records/batch.js'
import { type BatchOptions, buildBatch } from '../../src/records/builder.js'
import { CODEC_NAMES } from '../../src/records/compression/codec.js'
import { buildControlBatch, CONTROL_TYPE } from '../../src/records/control.js'
import { BatchIterator, readRecords, type StoredRecord } from '../../src/records/reader.js'

const NOW_MS = 5_000_000
const RETENTION_MS = 1000
const SLOTS = 64

interface RecordShape {
  readonly key: string | null
  readonly value: string | null
  readonly timestamp?: number
  readonly headers?: readonly { readonly key: string; readonly value: Uint8Array | null }[]
}

interface BatchShape extends BatchOptions {
  readonly records: readonly RecordShape[]
}

/** Batches, one behind the other. */
function logOf(...shapes: readonly BatchShape[]): Buffer {
  let baseOffset = 0
  const batches = shapes.map(({ records, ...options }) => {
    const inputs = records.map(({ key, value, ...more }) => ({
      ...more,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
    }))
    const bytes = buildBatch(inputs, { baseOffset, ...options })
    baseOffset = new BatchView().reset(bytes, 0).nextOffset
    return bytes
  })
  return Buffer.concat(batches)
}

function* batchesOf(bytes: Uint8Array): Iterable<BatchView> {
  const batches = new BatchIterator(bytes)
  for (;;) {
    const found = batches.next()
    if (found === 'end') return
    assert.equal(found, 'batch')
    assert.equal(batches.batch.computeCrc(), batches.batch.crc)
    yield new BatchView().reset(bytes, batches.batch.start)
  }
}

function recordsOf(bytes: Uint8Array): StoredRecord[] {
  return [...batchesOf(bytes)].flatMap((batch) => readRecords(batch, 1e6))
}

function offsetsOf(bytes: Uint8Array): number[] {
  return recordsOf(bytes).map(({ offset }) => offset)
}

/** Pieces of a log as a reader gets them: of so many bytes, or as many more as a batch needs. */
function inPieces(
  log: Buffer,
  pieceBytes: number,
  take: (bytes: Buffer) => { validBytes: number; stop: { kind: string; neededBytes?: number; reason?: string } },
): string {
  let at = 0
  let wanted = pieceBytes
  while (at < log.length) {
    // In shared memory, as the cleaner has it.
    const piece = Buffer.from(new SharedArrayBuffer(Math.min(wanted, log.length - at)))
    log.copy(piece, 0, at)
    const { validBytes, stop } = take(piece)
    at += validBytes
    wanted = Math.max(pieceBytes, stop.neededBytes ?? 0)
    if (stop.kind === 'full' || stop.kind === 'corrupt') return stop.kind
  }
  assert.equal(at, log.length)
  return 'end'
}

interface Cleaning {
  readonly pieceBytes?: number
  readonly fromOffset?: number
  readonly maximumKeys?: number
  readonly nowMs?: number
  readonly rememberedOffsets?: readonly number[]
  readonly lastNextOffset?: number
}

interface Cleaned {
  readonly bytes: Buffer
  readonly endOffset: number
  readonly count: number
  readonly recordsRead: number
  readonly recordsKept: number
}

function clean(log: Buffer, cleaning: Cleaning = {}): Cleaned {
  const { pieceBytes = 1e6, fromOffset = 0, maximumKeys = SLOTS - 1, nowMs = NOW_MS, lastNextOffset = -1 } = cleaning
  const memory = new SharedArrayBuffer(SLOTS * SLOT_BYTES)
  new Uint8Array(memory).fill(0xaa)
  const map = { memory, hashKey: Int32Array.of(1, 2, 3, 4), slots: SLOTS, count: 0 }
  let clear = true
  let count = 0
  let endOffset = fromOffset
  inPieces(log, pieceBytes, (bytes) => {
    const input: IndexKeysInput = { bytes, map: { ...map, count }, clear, fromOffset, maximumKeys }
    const output = indexKeys(input)
    clear = false
    count = output.count
    endOffset = output.endOffset ?? endOffset
    return output
  })
  const chunks: Uint8Array[] = []
  const target = new Uint8Array(new SharedArrayBuffer(pieceBytes))
  let recordsRead = 0
  let recordsKept = 0
  const end = inPieces(log, pieceBytes, (bytes) => {
    const input: CompactBatchesInput = {
      bytes,
      map: { ...map, count },
      endOffset,
      nowMs,
      deleteRetentionMs: RETENTION_MS,
      lastNextOffset,
      rememberedOffsets: Float64Array.from(cleaning.rememberedOffsets ?? []),
      target,
    }
    const output = compactBatches(input)
    assert.equal(output.overflow === undefined, output.writtenBytes <= target.length)
    const written = Buffer.from(output.overflow ?? target.subarray(0, output.writtenBytes))
    assert.equal(written.length, output.writtenBytes)
    chunks.push(written)
    recordsRead += output.recordsRead
    recordsKept += output.recordsKept
    const found = [...batchesOf(written)].flatMap((b) => [b.sizeBytes, b.lastOffset, b.maxTimestamp])
    assert.deepEqual([...output.rows], found)
    assert.equal(found.length % ROW_CELLS, 0)
    return output
  })
  assert.equal(end, 'end')
  return { bytes: Buffer.concat(chunks), endOffset, count, recordsRead, recordsKept }
}

test('of each key the last record stays, with its offset, in a batch of the same bounds', () => {
  const log = logOf(
    {
      records: [
        { key: 'a', value: '1' },
        { key: 'b', value: '2' },
        { key: 'a', value: '3' },
      ],
    },
    {
      records: [
        { key: 'c', value: '4' },
        { key: 'c', value: '5' },
      ],
    },
    { records: [{ key: 'b', value: '6' }] },
  )
  const { bytes, recordsRead, recordsKept } = clean(log)
  assert.deepEqual(offsetsOf(bytes), [2, 4, 5])
  const bounds = [...batchesOf(bytes)].map((batch) => [batch.baseOffset, batch.lastOffset, batch.recordCount])
  assert.deepEqual(bounds, [
    [0, 2, 1],
    [3, 4, 1],
    [5, 5, 1],
  ])
  assert.deepEqual([recordsRead, recordsKept], [6, 3])
})

test('a batch of which everything stays is the same bytes, whatever its codec', () => {
  for (const codec of CODEC_NAMES) {
    const log = logOf({
      codec,
      records: [
        { key: 'a', value: '1' },
        { key: 'b', value: '2' },
      ],
    })
    assert.ok(clean(log).bytes.equals(log), codec)
  }
})

test('a batch without records goes, unless it is the last of its segment or remembered of a producer', () => {
  const producer = { producerId: 7, producerEpoch: 2, baseSequence: 10, partitionLeaderEpoch: 3 }
  const log = logOf(
    {
      ...producer,
      codec: 'gzip',
      records: [
        { key: 'a', value: '1', timestamp: 100 },
        { key: 'a', value: '2', timestamp: 50 },
      ],
    },
    { ...producer, baseSequence: 12, records: [{ key: 'a', value: '3', timestamp: 60 }] },
    { records: [{ key: 'a', value: '4' }] },
    { records: [{ key: 'a', value: '5' }] },
    { records: [{ key: null, value: '6' }] },
  )
  assert.deepEqual(
    [...batchesOf(clean(log).bytes)].map((batch) => batch.baseOffset),
    [4],
  )
  const kept = clean(log, { rememberedOffsets: [1, 3], lastNextOffset: 6 }).bytes
  const headers = [...batchesOf(kept)].map((batch) => ({
    base: batch.baseOffset,
    last: batch.lastOffset,
    records: batch.recordCount,
    codec: batch.codecId,
    producer: [batch.producerId, batch.producerEpoch, batch.baseSequence, batch.partitionLeaderEpoch],
    timestamp: batch.maxTimestamp,
  }))
  assert.deepEqual(headers, [
    { base: 0, last: 1, records: 0, codec: 0, producer: [7, 2, 10, 3], timestamp: 100 },
    { base: 4, last: 4, records: 1, codec: 0, producer: [-1, -1, -1, -1], timestamp: -1 },
    { base: 5, last: 5, records: 0, codec: 0, producer: [-1, -1, -1, -1], timestamp: -1 },
  ])
})

test('a tombstone gets its delete horizon when it is met, and goes when that is over, with nothing else', () => {
  const headers = [{ key: 'h', value: Buffer.from([0xff, 0xfe]) }]
  const log = logOf(
    { records: [{ key: 'a', value: 'old' }] },
    {
      codec: 'lz4',
      records: [
        { key: 'a', value: null, timestamp: 1_000_000, headers },
        { key: 'b', value: 'x', timestamp: 4_000_000_000, headers },
      ],
    },
  )
  const before = recordsOf(log).slice(1)
  const once = clean(log).bytes
  const [batch] = [...batchesOf(once)]
  assert.equal(batch!.deleteHorizonMs, NOW_MS + RETENTION_MS)
  assert.equal(batch!.codecId, CODEC_NAMES.indexOf('lz4'))
  assert.equal(batch!.maxTimestamp, 4_000_000_000)
  assert.deepEqual(recordsOf(once), before)
  // The horizon is not moved by a later cleaning, and not passed over.
  const twice = clean(once, { nowMs: NOW_MS + RETENTION_MS - 1 }).bytes
  assert.ok(twice.equals(once))
  const last = clean(once, { nowMs: NOW_MS + RETENTION_MS }).bytes
  assert.deepEqual(recordsOf(last), before.slice(1))
  assert.equal([...batchesOf(last)][0]!.deleteHorizonMs, NOW_MS + RETENTION_MS)
})

test('the map takes so many keys and no more; what lies behind its end stays', () => {
  const one = (key: string): BatchShape => ({ records: [{ key, value: 'v' }] })
  const log = logOf(one('a'), one('b'), one('a'), one('c'), one('a'), one('a'))
  const { bytes, endOffset, count } = clean(log, { maximumKeys: 2 })
  assert.equal(endOffset, 3)
  assert.equal(count, 2)
  assert.deepEqual(offsetsOf(bytes), [1, 2, 3, 4, 5])
})

test('batches of transactions and control batches stay as they are and take the place of nothing', () => {
  const marker = buildControlBatch([{ type: CONTROL_TYPE.commit, value: Buffer.alloc(6), timestamp: 1 }], {
    producerId: 9,
    producerEpoch: 0,
    baseOffset: 3,
    transactional: true,
  })
  const log = Buffer.concat([
    logOf(
      { records: [{ key: 'a', value: '1' }] },
      { records: [{ key: 'a', value: '2' }], transactional: true, producerId: 9, producerEpoch: 0, baseSequence: 0 },
      { records: [{ key: 'b', value: '3' }] },
    ),
    marker,
  ])
  assert.ok(clean(log).bytes.equals(log))
})

test('the time of a batch is that of what is left; append time stays', () => {
  const records = [
    { key: 'a', value: '1', timestamp: 900 },
    { key: 'b', value: '2', timestamp: 300 },
  ]
  const later = { records: [{ key: 'a', value: '3', timestamp: 100 }] }
  const created = clean(logOf({ records }, later)).bytes
  assert.deepEqual(
    [...batchesOf(created)].map((batch) => batch.maxTimestamp),
    [300, 100],
  )
  const stamped = clean(logOf({ records, timestampType: 'LogAppendTime', maxTimestamp: 7777 }, later)).bytes
  assert.deepEqual(
    [...batchesOf(stamped)].map((batch) => batch.maxTimestamp),
    [7777, 100],
  )
  assert.equal(recordsOf(stamped)[0]!.timestamp, 7777)
})

test('damage ends both passes in front of it', () => {
  const log = logOf({ records: [{ key: 'a', value: '1' }] }, { records: [{ key: 'b', value: '2' }] })
  const second = [...batchesOf(log)].length > 1 ? new BatchView().reset(log, 0).sizeBytes : 0
  const flipped = Buffer.from(log)
  flipped[flipped.length - 1]! ^= 1
  const map = {
    memory: new ArrayBuffer(SLOTS * SLOT_BYTES),
    hashKey: Int32Array.of(1, 2, 3, 4),
    slots: SLOTS,
    count: 0,
  }
  const indexed = indexKeys({ bytes: flipped, map, clear: false, fromOffset: 0, maximumKeys: 10 })
  assert.equal(indexed.validBytes, second)
  assert.deepEqual(indexed.stop, { kind: 'corrupt', reason: 'the batch at offset 1 has a wrong CRC' })
  const broken = logOf({ codec: 'gzip', records: [{ key: 'a', value: '1' }] })
  const batch = new BatchView().reset(broken, 0)
  broken.fill(0x55, batch.recordsStart)
  broken.writeUInt32BE(batch.computeCrc(), 17)
  const rest = {
    endOffset: 1,
    nowMs: 0,
    deleteRetentionMs: 0,
    lastNextOffset: -1,
    rememberedOffsets: new Float64Array(0),
    target: new Uint8Array(0),
  }
  const compacted = compactBatches({ bytes: broken, map, ...rest })
  assert.equal(compacted.validBytes, 0)
  assert.match(compacted.stop.kind === 'corrupt' ? compacted.stop.reason : '', /^the batch at offset 0: gzip: /)
})

test('the jobs are found by their names', async () => {
  for (const job of [indexKeysJob, compactBatchesJob]) {
    const exports = (await import(job.module)) as Record<string, unknown>
    assert.equal(exports[job.name], job)
  }
})

const arbitraryRecord: fc.Arbitrary<RecordShape> = fc.record({
  key: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom('', 'a', 'b', 'c', 'dd', 'e') },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
  value: fc.oneof({ weight: 3, arbitrary: fc.string({ maxLength: 12 }) }, { weight: 1, arbitrary: fc.constant(null) }),
  timestamp: fc.constantFrom(-1, 0, 1_000_000, NOW_MS, 2 ** 41),
})

const arbitraryBatch: fc.Arbitrary<BatchShape> = fc
  .record({
    records: fc.array(arbitraryRecord, { minLength: 1, maxLength: 6 }),
    codec: fc.constantFrom(...CODEC_NAMES),
    producerId: fc.constantFrom(-1, 4, 5),
    horizon: fc.constantFrom(undefined, NOW_MS - 1, NOW_MS, NOW_MS + 1),
  })
  .map(({ horizon, producerId, ...shape }) => ({
    ...shape,
    ...(producerId < 0 ? {} : { producerId, producerEpoch: 1, baseSequence: 3 }),
    ...(horizon === undefined ? {} : { deleteHorizonMs: horizon }),
  }))

test('property: what stays is what a naive model keeps, record by record and batch by batch', () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryBatch, { maxLength: 12 }),
      fc.nat(40),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 400 }),
      fc.array(fc.nat(30), { maxLength: 6 }),
      (shapes, fromOffset, maximumKeys, pieceBytes, remembered) => {
        const log = logOf(...shapes)
        const rememberedOffsets = [...new Set(remembered)].sort((a, b) => a - b)
        const all = [...batchesOf(log)].map((batch) => ({
          records: readRecords(batch, 1e6),
          baseOffset: batch.baseOffset,
          lastOffset: batch.lastOffset,
          horizonMs: batch.deleteHorizonMs,
          hasProducer: batch.hasProducer,
        }))
        const lastNextOffset = (all.at(-1)?.lastOffset ?? -1) + 1
        const cleaned = clean(log, { fromOffset, maximumKeys, pieceBytes, rememberedOffsets, lastNextOffset })

        // The model: keys in order, until there are too many.
        const latest = new Map<string, number>()
        let endOffset = fromOffset
        indexing: for (const { records, lastOffset } of all) {
          if (lastOffset < fromOffset) continue
          for (const { key, offset } of records) {
            if (key === null || offset < fromOffset) continue
            const text = Buffer.from(key).toString()
            if (latest.size >= maximumKeys && !latest.has(text)) break indexing
            latest.set(text, offset)
          }
          endOffset = lastOffset + 1
        }
        assert.equal(cleaned.endOffset, endOffset)
        const expected = all.flatMap(({ records, baseOffset, lastOffset, horizonMs, hasProducer }) => {
          const kept = records.filter(({ key, value, offset }) => {
            if (offset >= endOffset) return true
            if (key === null || offset < (latest.get(Buffer.from(key).toString()) ?? -1)) return false
            return value !== null || horizonMs === undefined || NOW_MS < horizonMs
          })
          const stays =
            kept.length > 0 ||
            lastOffset + 1 === lastNextOffset ||
            (hasProducer && rememberedOffsets.includes(lastOffset))
          if (!stays) return []
          const meets = baseOffset < endOffset && kept.some(({ value }) => value === null)
          const horizon = horizonMs ?? (meets ? NOW_MS + RETENTION_MS : undefined)
          return [{ baseOffset, lastOffset, horizon, kept }]
        })
        const found = [...batchesOf(cleaned.bytes)].map((batch) => ({
          baseOffset: batch.baseOffset,
          lastOffset: batch.lastOffset,
          horizon: batch.deleteHorizonMs,
          kept: readRecords(batch, 1e6),
        }))
        assert.deepEqual(found, expected)
      },
    ),
    { numRuns: 300 },
  )
})
