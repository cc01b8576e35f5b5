/**
 * ShardLoad: reads the whole log of a partition for a shard, piece by piece, and gives it the records in order. It ends where the log ends: as long as the
 * shard is not loaded nobody writes to it but for who administers the topic by hand.
 *
 * Control batches say nothing here. What was written in a transaction is stepped over: nothing in this version writes such batches, and whether
 * they count would hang on the marker behind them.
 */
import { type RecordPlace, UnknownVersionError } from '../../coordinator/shard.js'
import type { Clock, Timer } from '../../io/clock.js'
import type { Logger } from '../../io/logger.js'
import type { BatchView } from '../../records/batch.js'
import { BatchIterator, MAX_OPENED_BYTES, readRecords, type StoredRecord } from '../../records/reader.js'
import { DamagedBatchError } from '../../storage/log-damaged-error.js'
import type { LogRead } from '../../storage/log-reader.js'
import type { PartitionLog } from '../../storage/partition-log.js'
import type { Partition } from '../partition.js'
import type { RecordBytes } from './shard-batches.js'

/** It can be read, and the shard cannot live with it: until one of both is mended each load ends so. */
export class UnusableLogError extends Error {
  override readonly name = 'UnusableLogError'
}

/** What is loaded from. */
export type LoadedPartition = Pick<Partition, 'id' | 'rotted'> & {
  readonly log: Pick<PartitionLog, 'startOffset' | 'nextOffset' | 'logEndOffset' | 'read'>
}

export interface ShardLoadOptions<Record> {
  /** Of one piece, `offsets.load.buffer.size`; a larger batch comes whole. */
  readonly maxBytes: number
  /** Throws for what cannot be read, `UnknownVersionError` for what must not be passed over; undefined: the record is of a kind that is not known. */
  readonly decode: (bytes: RecordBytes) => Record | undefined
  readonly apply: (record: Record, place: RecordPlace) => void
  /** With what was in the way, or with the end (exclusive) of what was applied. */
  readonly done: (error: Error | undefined, endOffset: number) => void
}

/** So many are applied in one turn; what comes from clients is not to wait for the whole load. */
const RECORDS_PER_TURN = 1000
const NO_KEY = new Uint8Array(0)

export class ShardLoad<Record> {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #partition: LoadedPartition
  readonly #options: ShardLoadOptions<Record>
  readonly #batches = new BatchIterator(NO_KEY)
  /** Up to here (exclusive) it is applied. */
  #offset: number
  #read: LogRead | undefined
  #timer: Timer | undefined
  /** All that is written is applied, and more is on its way to the disk. */
  #waits = false
  #cancelled = false
  #records = 0
  #unknown = 0
  #unreadable = 0

  constructor(
    { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
    partition: LoadedPartition,
    options: ShardLoadOptions<Record>,
  ) {
    this.#clock = clock
    this.#logger = logger
    this.#partition = partition
    this.#options = options
    this.#offset = partition.log.startOffset
    this.#later(this.#next)
  }

  /** Records that were applied. */
  get records(): number {
    return this.#records
  }

  /** The partition has changed. */
  changed(): void {
    if (!this.#waits) return
    this.#waits = false
    this.#later(this.#next)
  }

  cancel(): void {
    this.#cancelled = true
    this.#timer?.cancel()
    this.#release()
  }

  #later(action: () => void): void {
    this.#timer = this.#clock.timer(0, action)
  }

  #release(): void {
    const read = this.#read
    this.#read = undefined
    read?.release()
  }

  #end(error: Error | undefined): void {
    this.cancel()
    const { topic, partition } = this.#partition.id
    const skipped = { unknown: this.#unknown, unreadable: this.#unreadable }
    if (this.#unknown + this.#unreadable > 0)
      this.#logger.warn({ topic, partition, ...skipped }, 'records were skipped that this version cannot make out')
    this.#options.done(error, this.#offset)
  }

  readonly #next = (): void => {
    const { log } = this.#partition
    this.#offset = Math.max(this.#offset, log.startOffset)
    if (this.#offset >= log.nextOffset) return this.#end(undefined)
    const { logEndOffset } = log
    if (this.#offset >= logEndOffset) {
      this.#waits = true
      return
    }
    const { maxBytes } = this.#options
    const request = { offset: this.#offset, upToOffset: logEndOffset, maxBytes, wholeFirstBatch: true }
    log.read(request, (error, read) => {
      if (this.#cancelled) return read?.release()
      if (error instanceof DamagedBatchError) this.#partition.rotted(error.offset)
      if (read === undefined) return this.#end(error ?? new Error('the log could not be read'))
      this.#read = read
      this.#batches.reset(read.bytes, 0, read.bytes.length)
      this.#applyBatches()
    })
  }

  readonly #applyBatches = (): void => {
    const batches = this.#batches
    const beganAt = this.#offset
    const enough = this.#records + RECORDS_PER_TURN
    for (;;) {
      const step = batches.next()
      if (step === 'old-magic') continue
      if (step === 'corrupt') return this.#end(new Error(`what follows offset ${this.#offset} is no batch`))
      if (step !== 'batch') break
      const { batch } = batches
      if (!batch.isControl && !batch.isTransactional) {
        const records = this.#open(batch)
        if (records instanceof Error) return this.#end(records)
        const failed = this.#apply(records, batch)
        if (failed !== undefined) return this.#end(failed)
      }
      this.#offset = Math.max(this.#offset, batch.nextOffset)
      if (this.#records >= enough) return this.#later(this.#applyBatches)
    }
    this.#release()
    if (this.#offset === beganAt && batches.position === 0)
      return this.#end(new Error(`nothing can be read at offset ${beganAt}, and the log goes on`))
    this.#later(this.#next)
  }

  #open(batch: BatchView): readonly StoredRecord[] | Error {
    try {
      return readRecords(batch, MAX_OPENED_BYTES)
    } catch (error) {
      return error as Error
    }
  }

  /** What throws there is wrong with the shard, and is to cost no more than its groups. */
  #apply(records: readonly StoredRecord[], { producerId, producerEpoch }: BatchView): Error | undefined {
    for (const { key, value, offset, timestamp: timestampMs } of records) {
      if (offset < this.#offset) continue
      this.#records++
      try {
        const record = this.#decode(key, value, offset)
        if (record !== undefined) this.#options.apply(record, { offset, timestampMs, producerId, producerEpoch })
      } catch (cause) {
        return new UnusableLogError(`the record at offset ${offset}: ${(cause as Error).message}`, { cause })
      }
    }
    return undefined
  }

  #decode(key: Uint8Array | null, value: Uint8Array | null, offset: number): Record | undefined {
    // The memory is the log reader's, or that of a whole batch, and the shard keeps pieces of it.
    const bytes = { key: new Uint8Array(key ?? NO_KEY), value: value === null ? null : new Uint8Array(value) }
    try {
      const record = this.#options.decode(bytes)
      if (record === undefined) this.#unknown++
      return record
    } catch (error) {
      if (error instanceof UnknownVersionError) throw error
      this.#unreadable++
      const { topic, partition } = this.#partition.id
      this.#logger.error({ topic, partition, offset, error: (error as Error).message }, 'a record cannot be read')
      return undefined
    }
  }
}
