/**
 * The record of a control batch that ends a producer's transaction (KIP-98).
 *
 *      key    ┌─────────────┬──────────┐   type: 0 abort, 1 commit
 *             │ version i16 │ type i16 │
 *      value  ├─────────────┼──────────┴────────────┐
 *             │ version i16 │ coordinator epoch i32 │   later versions only add behind it
 *             └─────────────┴───────────────────────┘
 */
import { DecodeError, Reader } from '../base/bytes/reader.js'

export interface TransactionMarker {
  readonly type: 'abort' | 'commit'
  readonly coordinatorEpoch: number
}

const ABORT = 0
const COMMIT = 1
const KEY_BYTES = 4
const VALUE_BYTES = 6

/**
 * Reads it from the uncompressed records of a control batch, `bytes[start, end)`. Undefined if they begin with anything
 * else: nothing at all (compaction leaves such batches), another kind of control record, or no record.
 */
export function readTransactionMarker(bytes: Uint8Array, start: number, end: number): TransactionMarker | undefined {
  const reader = new Reader(bytes, start, end)
  try {
    reader.varint() // length
    reader.int8() // attributes
    reader.varlong() // timestamp delta
    reader.varint() // offset delta
    if (reader.varint() !== KEY_BYTES || reader.int16() < 0) return undefined
    const type = reader.int16()
    if (type !== ABORT && type !== COMMIT) return undefined
    if (reader.varint() < VALUE_BYTES || reader.int16() < 0) return undefined
    return { type: type === ABORT ? 'abort' : 'commit', coordinatorEpoch: reader.int32() }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
