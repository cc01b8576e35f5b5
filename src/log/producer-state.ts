/**
 * Idempotence of one partition (KIP-98): what each producer wrote last, so that a batch that is sent again is recognised and
 * answered with the offsets that it got the first time, and one that comes out of order is refused.
 *
 * The state is a function of the log: the leader asks `check` before it appends, and every replica calls `update` or
 * `applyMarker` for each batch after it was appended, also in recovery. `check` never changes anything. After a truncation
 * the state is built again from a snapshot and the log behind it. The rules are those of Kafka's `ProducerAppendInfo`
 * and `ProducerStateManager`.
 *
 * Not here: verification of transactions (KIP-890), the last stable offset, the transaction index.
 */
import { assert } from '../base/assert.js'
import { NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, sequenceAfter } from '../records/batch.js'
import { ok, type Parsed } from './parsed.js'
import { ProducerEntry } from './producer-entry.js'
import { decodeProducerSnapshot, encodeProducerSnapshot } from './producer-snapshot.js'

/** What `check` reads of a batch that has a producer; a `BatchView` serves. */
export interface SequencedBatch {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly lastOffsetDelta: number
  readonly isTransactional: boolean
}

/** What `update` reads of a batch that stands in the log; a `BatchView` serves. */
export interface AppendedBatch extends SequencedBatch {
  readonly baseOffset: number
  /** In milliseconds since 1970. */
  readonly maxTimestamp: number
  readonly isControl: boolean
}

/** The control record that ends a transaction, and the batch that it stands in. */
export interface AppendedMarker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  /** Of the marker. */
  readonly offset: number
  /** In milliseconds since 1970. */
  readonly timestamp: number
}

/** Who wants to append: a client, or a coordinator of this broker, whose batches have no sequences of their own. */
export type BatchOrigin = 'client' | 'coordinator'

export type ProducerVerdict =
  | { readonly kind: 'append' }
  /** It stands in the log already, at these offsets. `timestamp` is the latest of that batch. */
  | {
      readonly kind: 'duplicate'
      readonly baseOffset: number
      readonly lastOffset: number
      readonly timestamp: number
    }
  | { readonly kind: 'refuse'; readonly error: ProducerError; readonly reason: string }

/** Kafka's names of errors. */
export type ProducerError =
  | 'INVALID_PRODUCER_EPOCH'
  | 'INVALID_RECORD'
  | 'INVALID_TXN_STATE'
  | 'OUT_OF_ORDER_SEQUENCE_NUMBER'

/** Keep the state, replace it by that of a snapshot, or by an empty one. */
export type ProducerTruncation =
  | { readonly kind: 'keep'; readonly replayFrom: number }
  | { readonly kind: 'restore'; readonly snapshotOffset: number; readonly replayFrom: number }
  | { readonly kind: 'start empty'; readonly replayFrom: number }

/** Producers that are remembered of one partition, some 500 bytes each. Who has written nothing for longest is forgotten for one more. */
export const MAX_PRODUCERS = 10_000

const APPEND: ProducerVerdict = { kind: 'append' }

export class ProducerState {
  /** Who has written nothing for longest first. */
  #producers = new Map<number, ProducerEntry>()
  #endOffset = 0
  readonly #maxProducers: number

  /** Of an empty log that starts at `endOffset`. */
  constructor(endOffset = 0, maxProducers = MAX_PRODUCERS) {
    this.#endOffset = endOffset
    this.#maxProducers = maxProducers
  }

  /** The state as of `endOffset`, from the content of the `.snapshot` file of that name. */
  static restore(snapshot: Uint8Array, endOffset: number, maxProducers = MAX_PRODUCERS): Parsed<ProducerState> {
    const entries = decodeProducerSnapshot(snapshot)
    if (entries.kind === 'corrupt') return entries
    const state = new ProducerState(endOffset, maxProducers)
    const byAppend = [...entries.value].sort((a, b) => a.lastOffset - b.lastOffset)
    for (const entry of byAppend) state.#producers.set(entry.producerId, entry)
    state.#forgetEldest()
    return ok(state)
  }

  /** How many producers are remembered. */
  get size(): number {
    return this.#producers.size
  }

  /** The batches before this offset are in the state, none after it. */
  get endOffset(): number {
    return this.#endOffset
  }

  /** What is remembered of one producer, to look at. */
  entry(producerId: number): Readonly<ProducerEntry> | undefined {
    return this.#producers.get(producerId)
  }

  entries(): Iterable<Readonly<ProducerEntry>> {
    return this.#producers.values()
  }

  /**
   * Whether the leader may append a data batch; batches without a producer need not be asked for. In this order: one of the
   * last five batches again is a duplicate; an older epoch is refused; a client's sequence must follow the last one, or be 0
   * in a new epoch; while a transaction is open the batch must belong to it. A producer that is not known may begin
   * anywhere: what it wrote before may have expired.
   */
  check(batch: SequencedBatch, origin: BatchOrigin = 'client'): ProducerVerdict {
    const { producerId, producerEpoch, baseSequence } = batch
    if (producerId <= NO_PRODUCER_ID) return APPEND
    if (origin === 'client' && baseSequence < 0) {
      return refuse('INVALID_RECORD', `producer ${producerId} sent a batch with the sequence ${baseSequence}`)
    }
    const entry = this.#producers.get(producerId)
    if (entry === undefined) return APPEND
    if (origin === 'client' && producerEpoch === entry.producerEpoch) {
      const same = entry.find(baseSequence, sequenceAfter(baseSequence, batch.lastOffsetDelta))
      if (same !== undefined) {
        const { lastOffset, offsetDelta, timestamp } = same
        return { kind: 'duplicate', baseOffset: lastOffset - offsetDelta, lastOffset, timestamp }
      }
    }
    if (producerEpoch < entry.producerEpoch) {
      return refuse(
        'INVALID_PRODUCER_EPOCH',
        `producer ${producerId} sent a batch of epoch ${producerEpoch}, its epoch is ${entry.producerEpoch}`,
      )
    }
    if (origin === 'client' && !follows(entry, producerEpoch, baseSequence)) {
      return refuse(
        'OUT_OF_ORDER_SEQUENCE_NUMBER',
        `producer ${producerId} sent the sequence ${baseSequence} in epoch ${producerEpoch}, ` +
          `its last one is ${entry.lastSequence} in epoch ${entry.producerEpoch}`,
      )
    }
    if (entry.transactionFirstOffset !== undefined && !batch.isTransactional) {
      return refuse(
        'INVALID_TXN_STATE',
        `producer ${producerId} sent a batch outside of its transaction, open since ${entry.transactionFirstOffset}`,
      )
    }
    return APPEND
  }

  /**
   * Takes note of a batch that was appended, with or without a producer. Of control batches it takes only the offset:
   * what a marker says stands in its record, and goes to `applyMarker`. `appendedMs`: when that was, by the clock that `expire` goes by; absent
   * where a log is read again.
   */
  update(batch: AppendedBatch, appendedMs?: number): void {
    const { producerId, baseOffset, lastOffsetDelta } = batch
    if (producerId > NO_PRODUCER_ID && !batch.isControl) {
      const { baseSequence, maxTimestamp } = batch
      const entry = this.#entryFor(producerId)
      const lastSequence = baseSequence < 0 ? NO_SEQUENCE : sequenceAfter(baseSequence, lastOffsetDelta)
      entry.enterEpoch(batch.producerEpoch)
      entry.add(lastSequence, baseOffset + lastOffsetDelta, lastOffsetDelta, maxTimestamp)
      entry.lastTimestamp = maxTimestamp
      entry.lastAppendMs = appendedMs
      if (batch.isTransactional) entry.transactionFirstOffset ??= baseOffset
    }
    this.#moveTo(baseOffset + lastOffsetDelta + 1)
  }

  /**
   * Takes note of a marker that was appended: the producer's transaction is over. Its batches are still remembered if the
   * marker is of the same epoch; with a later one (KIP-890) the next batch must begin at 0. Returns where the transaction
   * began in this partition, undefined if none was open here. `appendedMs` as with `update`.
   */
  applyMarker(marker: AppendedMarker, appendedMs?: number): number | undefined {
    const entry = this.#entryFor(marker.producerId)
    const firstOffset = entry.transactionFirstOffset
    entry.enterEpoch(marker.producerEpoch)
    entry.coordinatorEpoch = marker.coordinatorEpoch
    entry.transactionFirstOffset = undefined
    entry.lastTimestamp = marker.timestamp
    entry.lastAppendMs = appendedMs
    this.#moveTo(marker.offset + 1)
    return firstOffset
  }

  /**
   * Forgets producers whose last batch or marker was appended at least `expirationMs` ago (`producer.id.expiration.ms`); not those with an open
   * transaction. What the records say of their time is the producer's word, and one that writes of the past must not be forgotten at once. Of what
   * was appended before this process had the log the time is not known: it counts from the first call on. Returns how many.
   */
  expire(nowMs: number, expirationMs: number): number {
    const before = this.size
    for (const [producerId, entry] of this.#producers) {
      entry.lastAppendMs ??= nowMs
      if (entry.transactionFirstOffset === undefined && nowMs - entry.lastAppendMs >= expirationMs) {
        this.#producers.delete(producerId)
      }
    }
    return before - this.size
  }

  /**
   * What has to be done so that the state is that of a log which holds [`logStartOffset`, `logEndOffset`), after it was
   * cut: what a batch has changed cannot be taken back. `snapshotOffsets` are the names of the snapshots that there are.
   * In each case the batches of the log from `replayFrom` on are to be fed afterwards.
   */
  planTruncation(logStartOffset: number, logEndOffset: number, snapshotOffsets: Iterable<number>): ProducerTruncation {
    if (this.#endOffset <= logEndOffset) return { kind: 'keep', replayFrom: this.#endOffset }
    const snapshotOffset = newestUsableSnapshot(snapshotOffsets, logStartOffset, logEndOffset)
    return snapshotOffset === undefined
      ? { kind: 'start empty', replayFrom: logStartOffset }
      : { kind: 'restore', snapshotOffset, replayFrom: snapshotOffset }
  }

  /** The log now starts at `logStartOffset`. Producers stay; only where that is past the end, the end moves along. */
  advanceTo(logStartOffset: number): void {
    if (logStartOffset > this.#endOffset) this.#endOffset = logStartOffset
  }

  /** The content of the `.snapshot` file whose name is `endOffset`. */
  snapshot(): Buffer {
    return encodeProducerSnapshot(this.#producers.values())
  }

  #entryFor(producerId: number): ProducerEntry {
    const known = this.#producers.get(producerId)
    // It is the last that has written now.
    if (known !== undefined) this.#producers.delete(producerId)
    const entry = known ?? new ProducerEntry(producerId)
    this.#producers.set(producerId, entry)
    if (known === undefined) this.#forgetEldest()
    return entry
  }

  /** As if they had expired, and like them not while a transaction is open. */
  #forgetEldest(): void {
    let surplus = this.size - this.#maxProducers
    if (surplus <= 0) return
    for (const [producerId, { transactionFirstOffset }] of this.#producers) {
      if (transactionFirstOffset !== undefined) continue
      this.#producers.delete(producerId)
      if (--surplus === 0) return
    }
  }

  #moveTo(endOffset: number): void {
    if (endOffset <= this.#endOffset) assert(false, `a batch that ends at ${endOffset} comes after ${this.#endOffset}`)
    this.#endOffset = endOffset
  }
}

/**
 * From which snapshot the state of a log that holds [`logStartOffset`, `logEndOffset`) is built: the newest one within it.
 * Undefined: from nothing, at the log's start. Snapshots outside of it are of no more use (`truncateAndReload` removes them).
 */
export function newestUsableSnapshot(
  snapshotOffsets: Iterable<number>,
  logStartOffset: number,
  logEndOffset: number,
): number | undefined {
  let newest: number | undefined
  for (const offset of snapshotOffsets) {
    if (offset > logStartOffset && offset <= logEndOffset && (newest === undefined || offset > newest)) newest = offset
  }
  return newest
}

function follows(entry: ProducerEntry, producerEpoch: number, baseSequence: number): boolean {
  if (entry.producerEpoch === NO_PRODUCER_EPOCH) return true
  if (producerEpoch !== entry.producerEpoch) return baseSequence === 0
  const last = entry.lastSequence
  return baseSequence === (last === NO_SEQUENCE ? 0 : sequenceAfter(last, 1))
}

function refuse(error: ProducerError, reason: string): ProducerVerdict {
  return { kind: 'refuse', error, reason }
}
