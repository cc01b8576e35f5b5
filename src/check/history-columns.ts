/**
 * A history as columns: what the checkers work on. A row is an operation that has ended, in the order in which they ended; what never ended stands at the end
 * and ended with the history. A row has parts, a part values: a send one, a poll those that it gave. A million operations take a tenth of
 * what they take as objects, and values are compared by their numbers.
 */
import type { MessagesOperation, Outcome } from './client-history.js'
import { Column } from './columns.js'
import type { SendOperation } from './history.js'
import { HistoryValues } from './history-values.js'

/** What a row is. */
export const SEND = 0
export const POLL = 1
export const TXN = 2
export const ASSIGN = 3
export const SUBSCRIBE = 4
/** It is not judged. */
export const LEFT_OUT = 5
export const KINDS = ['send', 'poll', 'txn', 'assign', 'subscribe', 'left out'] as const

/** What became of a row. */
export const OK = 0
export const FAIL = 1
export const INFO = 2
export const OUTCOMES: readonly Outcome[] = ['ok', 'fail', 'info']

/** What a part is: a send, or a poll with what is true of it. */
export const OF_POLL = 1
export const OF_SOUGHT = 2
export const OF_FINAL = 4

export interface HistoryColumns {
  readonly values: HistoryValues
  /** By row: its index in the file that it was read from, where it has one. */
  readonly index?: Int32Array
  /** By row. */
  readonly kind: Uint8Array
  readonly outcome: Uint8Array
  readonly process: Int32Array
  /** 1: from what else its process did nothing follows for it. */
  readonly isAlone: Uint8Array
  readonly invokedMs: Float64Array
  readonly completedMs: Float64Array
  /** Where the parts of a row begin, and the values of a part: one more than there are. */
  readonly firstPart: Int32Array
  readonly firstValue: Int32Array
  /** By part. */
  readonly key: Int32Array
  readonly part: Uint8Array
  /** Of a send; producers by number, -1 and not a number where nothing is said. */
  readonly acks: Int8Array
  readonly producer: Int32Array
  readonly sequence: Float64Array
  /** Of a poll; not a number where nothing is said. */
  readonly highWatermark: Float64Array
  readonly startOffset: Float64Array
  /** By place: the number of the value, and where it stands; not a number or negative where that is not said. */
  readonly numbers: Int32Array
  readonly offsets: Float64Array
  readonly producers: readonly string[]
  /** Of few rows. */
  readonly transactions: ReadonlyMap<number, Pick<MessagesOperation, 'rebalances' | 'commitStartedMs' | 'markers'>>
  readonly assignments: ReadonlyMap<number, Assignment>
  /** Of few parts. */
  readonly compacted: ReadonlyMap<number, Compacted>
  readonly deletions: readonly Deletion[]
}

export interface Assignment {
  readonly keys: readonly number[]
  readonly fromBeginning: boolean
}

export type Compacted = Pick<SendOperation, 'recordKey' | 'deletes'>

export interface Deletion {
  readonly key: number
  readonly offset: number
  readonly isCertain: boolean
}

export interface SendPlaced {
  readonly key: number
  readonly value: number
  readonly offset: number | undefined
  readonly acks: 0 | 1 | -1
  readonly producer: string | undefined
  readonly sequence: number | undefined
  readonly compacted?: Compacted | undefined
}

export function isMessages({ kind }: HistoryColumns, row: number): boolean {
  return kind[row]! <= TXN
}

/** A row begins with `row`, and what comes then is of it. */
export class HistoryBuilder {
  readonly values = new HistoryValues()
  readonly transactions = new Map<number, Pick<MessagesOperation, 'rebalances' | 'commitStartedMs' | 'markers'>>()
  readonly assignments = new Map<number, Assignment>()
  readonly deletions: Deletion[] = []
  readonly #compacted = new Map<number, Compacted>()
  readonly #producers = new Map<string, number>()
  readonly #kind = new Column(new Uint8Array(0))
  readonly #outcome = new Column(new Uint8Array(0))
  readonly #process = new Column(new Int32Array(0))
  readonly #invokedMs = new Column(new Float64Array(0))
  readonly #completedMs = new Column(new Float64Array(0))
  readonly #firstPart = new Column(new Int32Array(0))
  readonly #firstValue = new Column(new Int32Array(0))
  readonly #key = new Column(new Int32Array(0))
  readonly #part = new Column(new Uint8Array(0))
  readonly #acks = new Column(new Int8Array(0))
  readonly #producer = new Column(new Int32Array(0))
  readonly #sequence = new Column(new Float64Array(0))
  readonly #highWatermark = new Column(new Float64Array(0))
  readonly #startOffset = new Column(new Float64Array(0))
  readonly #numbers = new Column(new Int32Array(0))
  readonly #offsets = new Column(new Float64Array(0))

  get rows(): number {
    return this.#kind.length
  }

  row(kind: number, outcome: number, process: number, invokedMs: number, completedMs: number): void {
    this.#kind.push(kind)
    this.#outcome.push(outcome)
    this.#process.push(process)
    this.#invokedMs.push(invokedMs)
    this.#completedMs.push(completedMs)
    this.#firstPart.push(this.#key.length)
  }

  send({ key, value, offset, acks, producer, sequence, compacted }: SendPlaced): void {
    if (compacted?.recordKey !== undefined) this.#compacted.set(this.#key.length, compacted)
    this.#startPart(key, 0)
    this.#acks.push(acks)
    this.#producer.push(producer === undefined ? -1 : this.#producerNumber(producer))
    this.#sequence.push(sequence ?? Number.NaN)
    this.#highWatermark.push(Number.NaN)
    this.#startOffset.push(Number.NaN)
    this.polled(offset ?? Number.NaN, value)
  }

  poll(key: number, part: number, highWatermark?: number | null, startOffset?: number | null): void {
    this.#startPart(key, part)
    this.#acks.push(-1)
    this.#producer.push(-1)
    this.#sequence.push(Number.NaN)
    this.#highWatermark.push(highWatermark ?? Number.NaN)
    this.#startOffset.push(startOffset ?? Number.NaN)
  }

  /** Of the poll. */
  polled(offset: number, value: number): void {
    this.#offsets.push(offset)
    this.#numbers.push(value)
  }

  build(): HistoryColumns {
    this.#firstPart.push(this.#key.length)
    this.#firstValue.push(this.#numbers.length)
    return {
      values: this.values,
      kind: this.#kind.content,
      outcome: this.#outcome.content,
      process: this.#process.content,
      isAlone: new Uint8Array(this.rows),
      invokedMs: this.#invokedMs.content,
      completedMs: this.#completedMs.content,
      firstPart: this.#firstPart.content,
      firstValue: this.#firstValue.content,
      key: this.#key.content,
      part: this.#part.content,
      acks: this.#acks.content,
      producer: this.#producer.content,
      sequence: this.#sequence.content,
      highWatermark: this.#highWatermark.content,
      startOffset: this.#startOffset.content,
      numbers: this.#numbers.content,
      offsets: this.#offsets.content,
      producers: [...this.#producers.keys()],
      transactions: this.transactions,
      assignments: this.assignments,
      compacted: this.#compacted,
      deletions: this.deletions,
    }
  }

  #startPart(key: number, part: number): void {
    this.#key.push(key)
    this.#part.push(part)
    this.#firstValue.push(this.#numbers.length)
  }

  #producerNumber(name: string): number {
    let number = this.#producers.get(name)
    if (number === undefined) this.#producers.set(name, (number = this.#producers.size))
    return number
  }
}
