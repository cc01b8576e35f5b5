/**
 * Target `batches`: a `records` field of batches of every codec, mutated in the header, in the compressed stream or in the records before they were
 * compressed. Stepping, validating, decompressing and reading give verdicts and their own errors, bounded output, and all implementations of a
 * codec the same.
 */
import assert from 'node:assert/strict'
import type { Prng } from '../../src/base/prng.js'
import { scanForRecovery } from '../../src/log/recovery-scan.js'
import { readTransactionMarker } from '../../src/log/transaction-marker.js'
import type { BatchView } from '../../src/records/batch.js'
import { CODEC_NAMES, CompressionError } from '../../src/records/compression/codec.js'
import { implementationsOf } from '../../src/records/compression/codecs.js'
import { controlTypeOf } from '../../src/records/control.js'
import {
  BatchIterator,
  plainRecords,
  RecordFormatError,
  readRecords,
  type StoredRecord,
} from '../../src/records/reader.js'
import { BATCH_FAULTS, BatchValidator } from '../../src/records/validator.js'
import { goldenBatches } from '../records/golden-batches.js'
import { withinMemory } from './meter.js'
import { mutate, mutationCount } from './mutate.js'
import { bomb, randomBatch, sealed, withPlainRecords, withRecords } from './record-batches.js'
import type { Outcome, Target } from './target.js'

interface BatchesInput {
  readonly bytes: Buffer
  /** How much may come out of one batch. */
  readonly maxBytes: number
  /** Nothing was done to it: all must be read. */
  readonly untouched: boolean
}

const HEADER_BYTES = 61
const GUARD = Buffer.alloc(70, 0xee)

export const batches: Target<BatchesInput> = { name: 'batches', floor: 0.25, draw, bytesOf: ({ bytes }) => bytes, run }

let goldenBytes: readonly Buffer[] | undefined

function draw(random: Prng): BatchesInput {
  const maxBytes = random.pick([100, 10_000, 100_000, 1_000_000])
  if (random.chance(0.1)) {
    const untouched = Array.from({ length: random.between(1, 3) }, () => randomBatch(random))
    return { bytes: Buffer.concat(untouched), maxBytes: 1_000_000, untouched: true }
  }
  const bytes = Buffer.concat(Array.from({ length: random.pick([1, 1, 2, 3]) }, () => damagedBatch(random)))
  return { bytes: random.chance(0.2) ? mutate(random, bytes, 1) : bytes, maxBytes, untouched: false }
}

function damagedBatch(random: Prng): Buffer {
  goldenBytes ??= goldenBatches().map((batch) => batch.bytes)
  const kind = random.below(20)
  if (kind === 0) return Buffer.from(random.bytes(random.below(200)))
  const batch = kind === 1 ? bomb(random) : kind < 5 ? Buffer.from(random.pick(goldenBytes)) : randomBatch(random)
  const count = mutationCount(random)
  switch (random.below(4)) {
    // The records, as if the sender had written them like that.
    case 0: {
      const plain = new BatchIterator(batch)
      if (kind === 1 || plain.next() !== 'batch') return batch
      return withPlainRecords(batch, mutate(random, plainRecords(plain.batch, 1_000_000), count))
    }
    // The compressed stream, under any codec's name now and then.
    case 1: {
      const codecId = random.chance(0.1) ? random.below(8) : batch[22]! & 7
      return withRecords(batch, mutate(random, batch.subarray(HEADER_BYTES), count), codecId)
    }
    // The header, with a CRC that covers up.
    case 2:
      return sealed(Buffer.concat([mutateHeader(random, batch, count), batch.subarray(HEADER_BYTES)]))
    default:
      return mutate(random, batch, count)
  }
}

function mutateHeader(random: Prng, batch: Buffer, count: number): Buffer {
  const header = mutate(random, batch.subarray(0, HEADER_BYTES), count)
  return Buffer.concat([header, batch.subarray(header.length)]).subarray(0, HEADER_BYTES)
}

function run({ bytes, maxBytes, untouched }: BatchesInput): Outcome {
  const memory = Buffer.concat([GUARD, bytes, GUARD])
  const before = Buffer.from(memory)
  const start = GUARD.length
  const end = start + bytes.length
  const iterator = new BatchIterator(memory, start, end)
  let tried = 0
  let past = 0
  for (let step = iterator.next(); ; step = iterator.next()) {
    assert.ok(iterator.position >= start && iterator.position <= end, 'stepped out of the bytes')
    if (step === 'end') break
    tried++
    if (step === 'partial') assert.ok(iterator.wantedBytes > end - iterator.position, 'wants what is there')
    if (untouched) assert.equal(step, 'batch')
    if (step === 'partial' || step === 'corrupt') break
    if (step === 'batch' && judge(iterator.batch, memory, end, maxBytes, untouched)) past++
  }
  scan(memory.subarray(start, end))
  assert.ok(memory.equals(before), 'reading has changed the bytes')
  return { tried: Math.max(tried, 1), past }
}

/** True: as a batch it is in order, so that its records were looked at. */
function judge(batch: BatchView, memory: Buffer, end: number, maxBytes: number, untouched: boolean): boolean {
  const validator = new BatchValidator()
  const { start } = batch
  const produced = validator.checkProduced(memory, start, end)
  if (produced !== 'ok') assert.ok(produced in BATCH_FAULTS, produced)
  const stored = validator.checkStored(memory, start, end)
  if (produced === 'ok') assert.equal(stored, 'ok', 'fit to be produced, and not to be stored')
  decompressAll(batch, maxBytes)
  const records = recordsOf(batch, maxBytes)
  if (stored !== 'ok') {
    assert.ok(!untouched, stored)
    return false
  }
  const verdict = withinMemory('a check', memoryFor(batch, maxBytes), () => validator.checkRecords(maxBytes))
  if (untouched) assert.equal(verdict, 'ok')
  if (verdict === 'ok') {
    assert.equal(validator.walked, true)
    // A record may lie beyond what a number holds where its batch does not.
    if (records !== undefined) assert.equal(records.length, batch.recordCount)
    else assert.ok(!untouched)
  } else {
    assert.ok(verdict in BATCH_FAULTS, verdict)
    assert.ok(records === undefined || verdict === 'unsafe-integer', `${verdict}, and all its records are read`)
  }
  if (batch.isControl) for (const { key } of records ?? []) controlTypeOf(key)
  return true
}

function recordsOf(batch: BatchView, maxBytes: number): StoredRecord[] | undefined {
  try {
    const records = withinMemory('reading', memoryFor(batch, maxBytes), () => readRecords(batch, maxBytes))
    for (const { key, value, headers } of records) {
      for (const part of [key, value, ...headers.map((header) => header.value)]) {
        if (part !== null) assert.ok(part.length <= Math.max(maxBytes, batch.sizeBytes), 'a part larger than the whole')
      }
    }
    return records
  } catch (error) {
    if (error instanceof RecordFormatError || error instanceof CompressionError) return undefined
    throw error
  }
}

/** What the best implementation says all say, and none gives out more than it may. */
function decompressAll(batch: BatchView, maxBytes: number): void {
  const { codecId } = batch
  const name = CODEC_NAMES[codecId]
  if (name === undefined || name === 'none') return
  const stream = Buffer.from(batch.bytes.subarray(batch.recordsStart, batch.end))
  let first: { readonly implementation: string; readonly plain: Uint8Array | undefined } | undefined
  for (const codec of implementationsOf(name)) {
    const { implementation } = codec
    let plain: Uint8Array | undefined
    try {
      plain = withinMemory(implementation, memoryFor(batch, maxBytes), () => codec.decompress(stream, maxBytes))
      assert.ok(plain.length <= maxBytes, `${plain.length} bytes, ${maxBytes} are allowed`)
    } catch (error) {
      if (!(error instanceof CompressionError)) throw error
    }
    first ??= { implementation, plain }
    const same =
      plain === undefined || first.plain === undefined
        ? plain === first.plain
        : Buffer.compare(plain, first.plain) === 0
    assert.ok(same, `${name}: ${implementation} and ${first.implementation} read the same stream differently`)
  }
}

/** Input, output, and what is held on the way. */
function memoryFor(batch: BatchView, maxBytes: number): number {
  return 4 * (batch.sizeBytes + maxBytes) + 1024 * 1024
}

function scan(bytes: Buffer): void {
  const output = scanForRecovery({
    bytes,
    filePosition: 0,
    segmentBaseOffset: 0,
    expectedOffset: 0,
    leaderEpoch: -1,
    maximumBatchBytes: 1_000_000,
  })
  assert.ok(output.validBytes >= 0 && output.validBytes <= bytes.length)
  if (output.stop.kind === 'partial') assert.ok(output.stop.neededBytes <= 1_000_000)
  readTransactionMarker(bytes, Math.min(HEADER_BYTES, bytes.length), bytes.length)
}
