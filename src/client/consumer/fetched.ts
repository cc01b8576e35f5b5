/** What a partition's part of a Fetch holds for a consumer: records from its position on, control batches and aborted transactions left out. */
import type { BatchView } from '../../records/batch.js'
import { CompressionError } from '../../records/compression/codec.js'
import { CONTROL_TYPE, controlTypeOf } from '../../records/control.js'
import { BatchIterator, RecordFormatError, readRecords, type StoredRecord } from '../../records/reader.js'
import { ClientError } from '../client-error.js'

export interface ConsumedRecord extends StoredRecord {
  readonly topic: string
  readonly partition: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly leaderEpoch: number
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface Fetched {
  readonly records: ConsumedRecord[]
  /** Where to go on: behind the last batch, also if none of its records was wanted. */
  readonly nextOffset: number
  /** The leader epoch of that batch; undefined: there was none. */
  readonly lastEpoch: number | undefined
}

/** What one batch may be when it is decompressed. */
const MAX_PLAIN_BYTES = 256 * 1024 * 1024

/**
 * `aborted`: what the broker listed for these bytes, for who reads committed; null: every record is wanted. Records are copied out of `bytes`. Throws
 * `ClientError` CORRUPT_MESSAGE for what cannot be read.
 */
export function readFetched(
  bytes: Uint8Array,
  position: { readonly topic: string; readonly partition: number; readonly offset: number },
  aborted: readonly AbortedTransaction[] | null,
): Fetched {
  const { topic, partition, offset } = position
  const pending = [...(aborted ?? [])].sort((a, b) => a.firstOffset - b.firstOffset)
  const open = new Set<number>()
  const records: ConsumedRecord[] = []
  // Records outlive the buffer of the connection.
  const iterator = new BatchIterator(Uint8Array.prototype.slice.call(bytes))
  let nextOffset = offset
  let lastEpoch: number | undefined
  for (let step = iterator.next(); step !== 'end' && step !== 'partial'; step = iterator.next()) {
    const where = `${topic}-${partition} from offset ${nextOffset} on`
    if (step !== 'batch') throw new ClientError('CORRUPT_MESSAGE', `${where} holds what is no record batch`)
    const { batch } = iterator
    if (batch.computeCrc() !== batch.crc)
      throw new ClientError('CORRUPT_MESSAGE', `${where} holds a batch with a wrong CRC`)
    while (pending.length > 0 && pending[0]!.firstOffset <= batch.lastOffset) open.add(pending.shift()!.producerId)
    if (batch.isControl) {
      if (endsInAbort(batch)) open.delete(batch.producerId)
    } else if (!(batch.isTransactional && open.has(batch.producerId)) && batch.lastOffset >= offset) {
      const { timestampType, partitionLeaderEpoch } = batch
      for (const record of readAll(batch, where)) {
        if (record.offset < offset) continue
        records.push({ ...record, topic, partition, timestampType, leaderEpoch: partitionLeaderEpoch })
      }
    }
    nextOffset = Math.max(nextOffset, batch.nextOffset)
    lastEpoch = batch.partitionLeaderEpoch
  }
  return { records, nextOffset, lastEpoch }
}

function endsInAbort(batch: BatchView): boolean {
  return readAll(batch, 'a control batch').some(({ key }) => controlTypeOf(key) === CONTROL_TYPE.abort)
}

function readAll(batch: BatchView, where: string): StoredRecord[] {
  try {
    return readRecords(batch, MAX_PLAIN_BYTES)
  } catch (error) {
    if (!(error instanceof RecordFormatError || error instanceof CompressionError)) throw error
    throw new ClientError('CORRUPT_MESSAGE', `${where} cannot be read: ${error.message}`)
  }
}
