/** The record batches of loads: one record, and so a number of bytes that is known, or many that can be compressed. The same at every run. */
import { Prng } from '../../src/base/prng.js'
import { BatchBuilder } from '../../src/records/builder.js'
import type { CodecName } from '../../src/records/compression/codec.js'

const TIMESTAMP_MS = 1_700_000_000_000

/** One record with a value of this many bytes and no key. */
export function singleRecordBatch(valueBytes: number): Buffer {
  const builder = new BatchBuilder()
  const value = Buffer.from(new Prng(7).bytes(valueBytes))
  builder.append({ key: null, value, timestamp: TIMESTAMP_MS })
  return builder.build()
}

export interface TextBatch {
  readonly codec: CodecName
  /** Without compression it has so many bytes, or a few more. */
  readonly plainBytes: number
}

export interface BuiltBatch {
  readonly bytes: Buffer
  readonly records: number
}

const ACTIONS = ['view', 'click', 'search', 'add-to-cart', 'checkout']
const PAGES = ['/', '/products', '/products/detail', '/account', '/account/orders', '/help']

/** Events of some web shop as JSON, as they come out of loggers: lines that are like each other, with numbers that are not. */
export function textBatch({ codec, plainBytes }: TextBatch): BuiltBatch {
  const random = new Prng(11)
  const builder = new BatchBuilder({ codec })
  for (let time = TIMESTAMP_MS; builder.sizeBytes < plainBytes; time += random.below(20)) {
    const user = random.below(100_000)
    const event = { time, user, action: random.pick(ACTIONS), page: random.pick(PAGES), took: random.below(5000) }
    const text = JSON.stringify({ ...event, session: Buffer.from(random.bytes(8)).toString('hex'), status: 200 })
    builder.append({ key: Buffer.from(String(user)), value: Buffer.from(text), timestamp: time })
  }
  return { bytes: builder.build(), records: builder.recordCount }
}
