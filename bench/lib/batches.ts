/** The record batch of a load: one record, and so a number of bytes that is known. The same at every run. */
import { Prng } from '../../src/base/prng.js'
import { BatchBuilder } from '../../src/records/builder.js'

const TIMESTAMP_MS = 1_700_000_000_000

/** One record with a value of this many bytes and no key. */
export function singleRecordBatch(valueBytes: number): Buffer {
  const builder = new BatchBuilder()
  const value = Buffer.from(new Prng(7).bytes(valueBytes))
  builder.append({ key: null, value, timestamp: TIMESTAMP_MS })
  return builder.build()
}
