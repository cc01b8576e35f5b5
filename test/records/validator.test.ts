import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { crc32c } from '../../src/base/crc32c.js'
import { scanForRecovery } from '../../src/log/recovery-scan.js'
import { FIELD_AT } from '../../src/records/batch.js'
import { type BatchOptions, buildBatch } from '../../src/records/builder.js'
import { CODEC_NAMES } from '../../src/records/compression/codec.js'
import type { RecordInput } from '../../src/records/record-encoder.js'
import { BATCH_FAULTS, BatchValidator, type BatchVerdict } from '../../src/records/validator.js'
import { golden } from '../golden.js'
import { anyBytes, recordInput } from './arbitraries.js'
import { goldenBatches } from './golden-batches.js'

const MAX_BYTES = 10_000_000

interface BadBatch {
  readonly case: string
  readonly hex: string
  readonly answers: { readonly v3: string; readonly v11: string }
}

function errorOf(verdict: BatchVerdict): string {
  return verdict === 'ok' ? 'NONE' : BATCH_FAULTS[verdict].error
}

/** Where we knowingly answer something else than Kafka, and why. */
const DIFFERENCES: readonly {
  readonly why: string
  readonly cases: RegExp
  readonly kafka: string
  readonly ours: string
}[] = [
  {
    why: 'Kafka stumbles over a broken stream; nothing is gained by trying again, so it is an invalid record',
    cases: /^(gzip|snappy|lz4|zstd): |^codec bits [134] over plain records$/,
    kafka: 'UNKNOWN_SERVER_ERROR',
    ours: 'INVALID_RECORD',
  },
  {
    why: 'Kafka stumbles over codecs that do not exist; there is an error of that name',
    cases: /^codec bits [567]$/,
    kafka: 'UNKNOWN_SERVER_ERROR',
    ours: 'UNSUPPORTED_COMPRESSION_TYPE',
  },
  {
    why: 'Kafka adds to the length in 32 bits; for us it is cut off like any other length beyond the end',
    cases: /^length field 2147483647$/,
    kafka: 'UNKNOWN_SERVER_ERROR',
    ours: 'INVALID_RECORD',
  },
  {
    why: 'Kafka stumbles over the varint; the record is malformed',
    cases: /^record: length varint of 6 bytes$/,
    kafka: 'UNKNOWN_SERVER_ERROR',
    ours: 'INVALID_RECORD',
  },
  {
    why: 'no number holds this timestamp, and it would lie 292 million years ahead',
    cases: /^record: timestamp delta at 64 bits$/,
    kafka: 'NONE',
    ours: 'INVALID_RECORD',
  },
  {
    why: 'whether the request may write transactions is for the handler of Produce, which comes first',
    cases: /^control: a marker from a producer$/,
    kafka: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    ours: 'INVALID_RECORD',
  },
  {
    why: 'the same; the batch by itself is in order',
    cases: /^transactional bit without producer id$/,
    kafka: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    ours: 'NONE',
  },
]

test('bad batches are answered as a running Kafka answers them, or differently for a reason', () => {
  const validator = new BatchValidator()
  const vectors = golden<BadBatch>('bad-batches.jsonl.gz')
  assert.equal(vectors.length, 120)
  const used = new Set<string>()
  for (const { case: name, hex, answers } of vectors) {
    const bytes = Buffer.from(hex, 'hex')
    const verdict = validator.checkProduced(bytes, 0, bytes.length)
    const ours = errorOf(verdict === 'ok' ? validator.checkRecords(MAX_BYTES) : verdict)
    // Kafka answers v3 differently only because zstd came with Produce v7, which the handler knows.
    if (ours === answers.v11) continue
    const reason = DIFFERENCES.find(({ cases, kafka }) => cases.test(name) && kafka === answers.v11)
    assert.equal(ours, reason?.ours, `${name}: Kafka says ${answers.v11}`)
    used.add(reason!.why)
  }
  assert.equal(used.size, DIFFERENCES.length, 'every reason is still needed')
})

test('without opening it, a compressed batch passes where only its stream is wrong', () => {
  const validator = new BatchValidator()
  for (const { case: name, hex, answers } of golden<BadBatch>('bad-batches.jsonl.gz')) {
    const bytes = Buffer.from(hex, 'hex')
    const verdict = validator.checkProduced(bytes, 0, bytes.length)
    const full = verdict === 'ok' ? validator.checkRecords(MAX_BYTES) : verdict
    if (verdict !== full) {
      assert.ok(validator.batch.codecId !== 0, name)
      assert.ok(['broken-stream', 'wrong-count'].includes(full), `${name}: ${full}`)
      assert.notEqual(answers.v11, 'NONE', name)
    }
  }
})

test('every golden batch is in order as a stored one, and its timestamps are found', () => {
  const validator = new BatchValidator()
  for (const vector of goldenBatches()) {
    assert.equal(validator.checkStored(vector.bytes, 0, vector.bytes.length), 'ok', vector.case)
    assert.equal(validator.walked, false)
    assert.equal(validator.checkRecords(MAX_BYTES), 'ok', vector.case)
    assert.equal(validator.walked, true)
    if (vector.timestampType === 'CreateTime' && vector.count > 0) {
      const times = vector.records.map(({ timestamp }) => timestamp)
      assert.equal(validator.maxTimestamp, Math.max(...times), vector.case)
      assert.equal(validator.minTimestamp, Math.min(...times), vector.case)
    }
    const dense = vector.records.every(({ offset }, index) => offset === vector.baseOffset + index)
    assert.equal(validator.denseOffsets, dense, vector.case)
    assert.equal(
      validator.nullKeyIndex,
      vector.records.findIndex(({ key }) => key === null),
      vector.case,
    )
  }
})

function produced(options: BatchOptions = {}, records: RecordInput[] = [{ key: Buffer.from('k') }, {}]): Buffer {
  return buildBatch(records, options)
}

function resealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch, FIELD_AT.attributes, batch.readInt32BE(FIELD_AT.length) + 12), FIELD_AT.crc)
  return batch
}

test('each fault of a produced batch has its own verdict', () => {
  const validator = new BatchValidator()
  const check = (bytes: Buffer, end = bytes.length): BatchVerdict => validator.checkProduced(bytes, 0, end)
  const changed = (change: (batch: Buffer) => void, options: BatchOptions = {}): Buffer => {
    const batch = produced(options)
    change(batch)
    return resealed(batch)
  }
  const good = produced()
  assert.equal(check(good), 'ok')
  for (let end = 0; end < good.length; end++) assert.equal(check(good, end), 'cut-off')
  assert.equal(check(Buffer.concat([good, good])), 'more-batches')
  assert.equal(check(Buffer.concat([good, good.subarray(0, 40)])), 'ok')
  assert.equal(check(Buffer.concat([good, Buffer.alloc(40)])), 'garbage-behind')
  assert.equal(check(produced({ baseOffset: 1 })), 'wrong-base-offset')
  assert.equal(check(produced({ lastOffset: 2 })), 'wrong-last-offset')
  assert.equal(check(produced({}, [])), 'wrong-count')
  assert.equal(check(produced({ control: true })), 'control-batch')
  assert.equal(check(produced({ producerId: 1, producerEpoch: 0 })), 'no-sequence')
  assert.equal(check(produced({ producerId: 1, producerEpoch: 0, baseSequence: 0 })), 'ok')
  assert.equal(check(changed((batch) => batch.writeInt16BE(5, FIELD_AT.attributes))), 'unknown-codec')
  assert.equal(check(changed((batch) => batch.writeBigInt64BE(2n ** 60n, FIELD_AT.maxTimestamp))), 'unsafe-integer')
  assert.equal(check(changed((batch) => batch.writeBigInt64BE(-(2n ** 53n) + 1n, FIELD_AT.baseTimestamp))), 'ok')
  const streamless = changed((batch) => {
    batch.writeInt32BE(61 - 12, FIELD_AT.length)
    batch.writeInt16BE(3, FIELD_AT.attributes)
  }).subarray(0, 61)
  assert.equal(check(streamless), 'wrong-count')
  for (const codec of ['none', 'lz4'] as const) {
    const wrong = produced({ codec })
    wrong[wrong.length - 1]! ^= 1
    assert.equal(check(wrong), 'wrong-crc', codec)
  }
})

test('the record at fault is named', () => {
  const validator = new BatchValidator()
  const batch = produced({}, [{ value: Buffer.from('first') }, { value: Buffer.from('second') }])
  // The last byte is the second record's header count.
  batch[batch.length - 1] = 2
  assert.equal(validator.checkProduced(resealed(batch), 0, batch.length), 'malformed-record')
  assert.equal(validator.recordIndex, 1)
  assert.equal(validator.walked, false)
})

test('a decompressed size beyond the limit is refused as too large', () => {
  const validator = new BatchValidator()
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const batch = produced({ codec }, [{ key: Buffer.from('k'), value: Buffer.alloc(1_000_000) }])
    assert.equal(validator.checkProduced(batch, 0, batch.length), 'ok')
    assert.equal(validator.checkRecords(1_000_000), 'too-large', codec)
    assert.equal(validator.checkRecords(1_100_000), 'ok', codec)
  }
})

test('what builders build is in order, whatever is in it, and no flipped byte under the CRC gets through', () => {
  const validator = new BatchValidator()
  const records = fc.array(recordInput, { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(
      records,
      fc.constantFrom(...CODEC_NAMES),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (inputs, codec, at, flip) => {
        const unsafe = inputs.some(({ timestamp }) => !Number.isSafeInteger(timestamp - inputs[0]!.timestamp))
        fc.pre(!unsafe)
        const batch = produced({ codec }, inputs)
        assert.equal(validator.checkProduced(batch, 0, batch.length), 'ok')
        assert.equal(validator.checkRecords(MAX_BYTES), 'ok')
        assert.equal(validator.maxTimestamp, Math.max(...inputs.map(({ timestamp }) => timestamp)))
        assert.equal(validator.denseOffsets, true)
        assert.equal(
          validator.nullKeyIndex,
          inputs.findIndex(({ key }) => key === null),
        )
        const place = at % batch.length
        batch[place]! ^= flip
        const verdict = validator.checkProduced(batch, 0, batch.length)
        const outside = place >= FIELD_AT.partitionLeaderEpoch && place < FIELD_AT.magic
        assert.equal(verdict === 'ok', outside, `${verdict} after a flip at ${place}`)
      },
    ),
    { seed: 4, numRuns: 400 },
  )
})

test('any bytes get a verdict', () => {
  const validator = new BatchValidator()
  const seen = new Set<string>()
  const header = produced().subarray(0, 61)
  fc.assert(
    fc.property(anyBytes, fc.boolean(), fc.nat({ max: 7 }), fc.nat({ max: 20 }), (bytes, plausible, codecId, count) => {
      const batch = Buffer.from(plausible ? Buffer.concat([header, bytes]) : bytes)
      if (plausible) {
        batch.writeInt32BE(batch.length - 12, FIELD_AT.length)
        batch.writeInt16BE(codecId, FIELD_AT.attributes)
        batch.writeInt32BE(count, FIELD_AT.recordCount)
        batch.writeInt32BE(count - 1, FIELD_AT.lastOffsetDelta)
        resealed(batch)
      }
      const verdict = validator.checkProduced(batch, 0, batch.length)
      seen.add(verdict === 'ok' ? validator.checkRecords(MAX_BYTES) : verdict)
    }),
    { seed: 5, numRuns: 3000 },
  )
  for (const expected of ['cut-off', 'malformed-record', 'broken-stream', 'unknown-codec']) {
    assert.ok(seen.has(expected as BatchVerdict), `${expected} never came up in ${[...seen]}`)
  }
})

test('a batch is only fit to be stored if recovery would believe its counts', () => {
  const verdicts = (lastOffsetDelta: number, recordCount: number): string => {
    const batch = Buffer.from(buildBatch([{ key: null, value: Buffer.from('v'), timestamp: 1 }]))
    batch.writeInt32BE(lastOffsetDelta, FIELD_AT.lastOffsetDelta)
    batch.writeInt32BE(recordCount, FIELD_AT.recordCount)
    batch.writeUInt32BE(crc32c(batch, FIELD_AT.attributes, batch.length), FIELD_AT.crc)
    const verdict = new BatchValidator().checkStored(batch, 0, batch.length)
    const { batchCount } = scanForRecovery({
      bytes: batch,
      filePosition: 0,
      segmentBaseOffset: 0,
      expectedOffset: 0,
      leaderEpoch: -1,
      maximumBatchBytes: 1000,
    })
    assert.equal(batchCount === 1, verdict === 'ok', `${verdict}, and recovery finds ${batchCount} batches`)
    return verdict
  }
  assert.equal(verdicts(0, 1), 'ok')
  assert.equal(verdicts(5, 1), 'ok')
  assert.equal(verdicts(0, 0), 'ok')
  assert.equal(verdicts(0, -1), 'wrong-count')
  assert.equal(verdicts(0, 2), 'wrong-count')
  assert.equal(verdicts(-1, 0), 'wrong-last-offset')
})
