/**
 * What a recovery scan found of each batch: a table of numbers, so that it passes from thread to thread in one piece, and a
 * cursor that walks it and looks like a `BatchView`.
 *
 *      row   base offset │ last offset delta │ size │ max timestamp │ leader epoch │ CRC │ attributes
 *            producer id │ producer epoch │ base sequence │ marker │ coordinator epoch
 */
import { assert } from '../base/assert.js'
import { BATCH_HEADER_BYTES, type BatchView, CODEC_MASK, CONTROL_BIT, TRANSACTIONAL_BIT } from '../records/batch.js'
import { readTransactionMarker, type TransactionMarker } from './transaction-marker.js'

/** Rows of batches, one after the other. */
export interface BatchTable {
  readonly cells: Float64Array
  /** Where the first batch begins in the file; the others follow without a gap. */
  readonly filePosition: number
}

const ROW_CELLS = 12
const FIRST_ROWS = 64

const NO_MARKER = -1
const ABORT_MARKER = 0
const COMMIT_MARKER = 1

/** Collects rows. */
export class BatchTableBuilder {
  #cells = new Float64Array(FIRST_ROWS * ROW_CELLS)
  #used = 0

  /** The whole batch lies in the view's bytes. A timestamp that no number holds is cut to 2^53 - 1. */
  add(batch: BatchView): void {
    if (this.#used === this.#cells.length) this.#grow()
    const marker = markerOf(batch)
    const cells = this.#cells
    let at = this.#used
    cells[at++] = batch.baseOffset
    cells[at++] = batch.lastOffsetDelta
    cells[at++] = batch.sizeBytes
    cells[at++] = Math.min(batch.maxTimestamp, Number.MAX_SAFE_INTEGER)
    cells[at++] = batch.partitionLeaderEpoch
    cells[at++] = batch.crc
    cells[at++] = batch.attributes
    cells[at++] = batch.producerId
    cells[at++] = batch.producerEpoch
    cells[at++] = batch.baseSequence
    cells[at++] = marker === undefined ? NO_MARKER : marker.type === 'abort' ? ABORT_MARKER : COMMIT_MARKER
    cells[at++] = marker?.coordinatorEpoch ?? -1
    this.#used = at
  }

  finish(filePosition: number): BatchTable {
    return { cells: this.#cells.slice(0, this.#used), filePosition }
  }

  #grow(): void {
    const cells = new Float64Array(2 * this.#cells.length)
    cells.set(this.#cells)
    this.#cells = cells
  }
}

/** Walks a table: `while (cursor.next()) ...`. It stands before the first batch when it is made. */
export class BatchTableCursor {
  readonly #cells: Float64Array
  #at = -ROW_CELLS
  #position: number

  constructor(table: BatchTable) {
    assert(table.cells.length % ROW_CELLS === 0, 'not a table of batches')
    this.#cells = table.cells
    this.#position = table.filePosition
  }

  /** How many batches there are in all. */
  get count(): number {
    return this.#cells.length / ROW_CELLS
  }

  /** Moves to the next batch; false if there is none. */
  next(): boolean {
    if (this.#at >= 0) this.#position += this.sizeBytes
    this.#at += ROW_CELLS
    return this.#at < this.#cells.length
  }

  /** Where the batch begins in the file. */
  get position(): number {
    return this.#position
  }

  get baseOffset(): number {
    return this.#cells[this.#at]!
  }

  get lastOffsetDelta(): number {
    return this.#cells[this.#at + 1]!
  }

  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta
  }

  get nextOffset(): number {
    return this.baseOffset + this.lastOffsetDelta + 1
  }

  get sizeBytes(): number {
    return this.#cells[this.#at + 2]!
  }

  get maxTimestamp(): number {
    return this.#cells[this.#at + 3]!
  }

  get partitionLeaderEpoch(): number {
    return this.#cells[this.#at + 4]!
  }

  get crc(): number {
    return this.#cells[this.#at + 5]!
  }

  get isTransactional(): boolean {
    return (this.#cells[this.#at + 6]! & TRANSACTIONAL_BIT) !== 0
  }

  get isControl(): boolean {
    return (this.#cells[this.#at + 6]! & CONTROL_BIT) !== 0
  }

  get producerId(): number {
    return this.#cells[this.#at + 7]!
  }

  get producerEpoch(): number {
    return this.#cells[this.#at + 8]!
  }

  get baseSequence(): number {
    return this.#cells[this.#at + 9]!
  }

  /** The end of a transaction, if the batch holds one. */
  get marker(): TransactionMarker | undefined {
    const kind = this.#cells[this.#at + 10]!
    if (kind === NO_MARKER) return undefined
    return { type: kind === ABORT_MARKER ? 'abort' : 'commit', coordinatorEpoch: this.#cells[this.#at + 11]! }
  }
}

function markerOf(batch: BatchView): TransactionMarker | undefined {
  // Markers are never compressed. One that is would be some other program's, and its batch is still worth keeping.
  if (!batch.isControl || !batch.hasProducer || (batch.attributes & CODEC_MASK) !== 0) return undefined
  return readTransactionMarker(batch.bytes, batch.start + BATCH_HEADER_BYTES, batch.end)
}
