/** Record batches of an exact size, for loads whose bytes can be counted. The same at every run. */
import { Prng } from '../../src/base/prng.js'
import { BatchBuilder } from '../../src/records/builder.js'

const TIMESTAMP_MS = 1_700_000_000_000

export interface SizedBatch {
  readonly bytes: Buffer
  readonly recordCount: number
}

/** One record with a value of this many bytes and no key. */
export function singleRecordBatch(valueBytes: number): SizedBatch {
  const builder = new BatchBuilder()
  builder.append({ key: null, value: randomBytes(valueBytes), timestamp: TIMESTAMP_MS })
  return { bytes: builder.build(), recordCount: 1 }
}

/** Records with values of `valueBytes`, and at the end one or two of another length so that the whole has `sizeBytes`. */
export function batchOfSize(sizeBytes: number, valueBytes: number): SizedBatch {
  // A length that just needs one more byte for itself cannot be hit with one record; then an earlier one is made longer.
  for (let longer = 0; longer < 8; longer++) {
    const batch = tryBatchOfSize(sizeBytes, valueBytes, longer)
    if (batch !== undefined) return batch
  }
  throw new RangeError(`no batch of ${sizeBytes} bytes with records of ${valueBytes}`)
}

function tryBatchOfSize(sizeBytes: number, valueBytes: number, longer: number): SizedBatch | undefined {
  const builder = new BatchBuilder({}, sizeBytes)
  const record = (length: number) => ({ key: null, value: randomBytes(length), timestamp: TIMESTAMP_MS })
  builder.append(record(valueBytes + longer))
  const full = record(valueBytes)
  while (builder.sizeBytesWith(full) + 2 * valueBytes < sizeBytes) builder.append(record(valueBytes))
  const left = sizeBytes - builder.sizeBytes
  for (let length = Math.max(0, left - 32); length < left; length++) {
    const last = record(length)
    if (builder.sizeBytesWith(last) !== sizeBytes) continue
    builder.append(last)
    const recordCount = builder.recordCount
    return { bytes: builder.build(), recordCount }
  }
  return undefined
}

const generator = new Prng(7)
const POOL = Buffer.from(generator.bytes(4096))

/** Pieces of one pool: making megabytes of new ones would take longer than the measurement. */
function randomBytes(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let at = 0; at < length; ) at += POOL.copy(bytes, at, generator.below(POOL.length / 2))
  return bytes
}
