/**
 * What a history shows of the log of each key: which value stands where, who sent it, whether somebody was given it, and the order that follows: values
 * without the gaps between them, because the markers of transactions stand in gaps.
 *
 * Every poll is believed, also those of operations that failed: what was given was given. A send is believed where it must have been committed: it
 * was acknowledged, or one of the values of the same operation was polled by one that was.
 */
import { groupedBy, NumbersByOffset } from './columns.js'
import { FAIL, type HistoryColumns, INFO, isMessages, KINDS, OF_POLL, OK, OUTCOMES } from './history-columns.js'

const SENT_OK = 1
const SENT_FAIL = 2
const POLLED_OK = 4

/** The log of one key: places are counted from 0 on, without gaps. */
export class ObservedKey {
  readonly name: string
  /** The numbers of its values, in the order in which they were met. */
  readonly values: Int32Array
  /** Offsets at which several values were seen, and values that were seen at several offsets. */
  readonly conflicts = new Map<number, Set<number>>()
  readonly duplicates = new Map<number, number[]>()
  readonly #cells = new NumbersByOffset()
  /** By place: offset, and one of the values that were seen there. */
  #offsets: Float64Array = new Float64Array(0)
  #order = new Int32Array(0)

  constructor(name: string, values: Int32Array) {
    this.name = name
    this.values = values
  }

  stands(offset: number, number: number): void {
    const there = this.#cells.get(offset)
    if (there === -1) this.#cells.set(offset, number)
    else if (there !== number) {
      const conflict = this.conflicts.get(offset)
      if (conflict === undefined) this.conflicts.set(offset, new Set([there, number]))
      else conflict.add(number)
    }
  }

  /** After everything was told. By value: its first and last place, and its place if it stands for its cell. */
  seal(first: Int32Array, last: Int32Array, places: Int32Array): void {
    this.#offsets = this.#cells.offsets()
    this.#order = new Int32Array(this.#offsets.length)
    for (let place = 0; place < this.#offsets.length; place++) {
      const offset = this.#offsets[place]!
      const number = this.#cells.get(offset)
      this.#order[place] = number
      places[number] = place
      for (const each of this.conflicts.get(offset) ?? [number]) {
        if (first[each] === -1) first[each] = place
        else {
          const offsets = this.duplicates.get(each)
          if (offsets === undefined) this.duplicates.set(each, [this.#offsets[first[each]!]!, offset])
          else offsets.push(offset)
        }
        last[each] = place
      }
    }
  }

  get length(): number {
    return this.#order.length
  }

  valueAt(place: number): number {
    return this.#order[place]!
  }

  offsetAt(place: number): number {
    return this.#offsets[place]!
  }
}

export class ObservedLog {
  readonly history: HistoryColumns
  /** By number; undefined: nothing was sent to it or polled from it. */
  readonly keys: readonly (ObservedKey | undefined)[]
  /** What became of each row: with acks=0 nobody has said that it happened. */
  readonly outcome: Uint8Array
  /** By row: how many values it sent, and when it asked to be committed; not a number if nobody said. */
  readonly sends: Int32Array
  readonly commitStarts: Float64Array
  /** By value: the row that sent it, -1 if none did; the first acknowledged one that polled it, -1. */
  readonly writers: Int32Array
  readonly readers: Int32Array
  /** By value, -1 if it is not known: its first and last place, and its place if it stands for its cell. */
  readonly firstPlaces: Int32Array
  readonly lastPlaces: Int32Array
  readonly places: Int32Array
  /** Values that were sent more than once. */
  readonly sentTwice = new Set<number>()
  readonly #flags: Uint8Array
  #placesByValue: ReturnType<typeof groupedBy> | undefined

  constructor(history: HistoryColumns) {
    this.history = history
    const { values, kind, numbers, offsets, firstPart, firstValue, part, key } = history
    const none = (): Int32Array => new Int32Array(values.count).fill(-1)
    const rows = kind.length
    this.outcome = outcomesOf(history)
    this.sends = new Int32Array(rows)
    this.commitStarts = new Float64Array(rows).fill(Number.NaN)
    this.writers = none()
    this.readers = none()
    this.firstPlaces = none()
    this.lastPlaces = none()
    this.places = none()
    this.#flags = new Uint8Array(values.count)
    for (const [row, { commitStartedMs }] of history.transactions) {
      if (commitStartedMs !== undefined) this.commitStarts[row] = commitStartedMs
    }
    /** By value: its key, where somebody sent or polled it. */
    const keyOf = none()
    const isUsed = new Uint8Array(values.keys.length)
    for (let row = 0; row < rows; row++) {
      if (!isMessages(history, row)) continue
      for (let at = firstPart[row]!; at < firstPart[row + 1]!; at++) {
        const isPoll = (part[at]! & OF_POLL) !== 0
        isUsed[key[at]!] = 1
        if (!isPoll) this.sends[row]!++
        for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) {
          const number = numbers[place]!
          keyOf[number] = key[at]!
          if (isPoll) this.#polled(number, row)
          else this.#sent(number, row)
        }
      }
    }
    const { starts, items } = groupedBy(keyOf, values.keys.length)
    this.keys = values.keys.map((name, number) =>
      isUsed[number] === 0 ? undefined : new ObservedKey(name, items.subarray(starts[number], starts[number + 1])),
    )
    for (let row = 0; row < rows; row++) {
      if (!isMessages(history, row)) continue
      const isThere = this.mustHaveCommitted(row)
      for (let at = firstPart[row]!; at < firstPart[row + 1]!; at++) {
        const isBelieved = (part[at]! & OF_POLL) !== 0
        if (!isBelieved && !isThere) continue
        for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) {
          const offset = offsets[place]!
          if (isBelieved || offset >= 0) this.keys[key[at]!]!.stands(offset, numbers[place]!)
        }
      }
    }
    for (const each of this.keys) each?.seal(this.firstPlaces, this.lastPlaces, this.places)
  }

  /** An operation of which one value is visible was committed, and so all of it. */
  mustHaveCommitted(row: number): boolean {
    if (this.outcome[row] !== INFO) return this.outcome[row] === OK
    const { firstPart, firstValue, part, numbers } = this.history
    for (let at = firstPart[row]!; at < firstPart[row + 1]!; at++) {
      if ((part[at]! & OF_POLL) === 0 && this.wasPolledOk(numbers[firstValue[at]!]!)) return true
    }
    return false
  }

  /** From one value to the next of a client: 1 if nothing is between them, and if it cannot be said. */
  distance(from: number, to: number): number {
    const [a, b] = [this.places[from]!, this.places[to]!]
    return a === -1 || b === -1 ? 1 : b - a
  }

  wasSentOk(number: number): boolean {
    return (this.#flags[number]! & SENT_OK) !== 0
  }

  hasFailed(number: number): boolean {
    return (this.#flags[number]! & SENT_FAIL) !== 0
  }

  wasPolledOk(number: number): boolean {
    return (this.#flags[number]! & POLLED_OK) !== 0
  }

  text(number: number): string {
    return this.history.values.text(number)
  }

  nameOf(key: number): string {
    return this.history.values.keys[key]!
  }

  /** A row, for who reads a finding. */
  told(row: number): string {
    const { kind, process, invokedMs, completedMs } = this.history
    const what = `${KINDS[kind[row]!]} of process ${process[row]}, ${OUTCOMES[this.outcome[row]!]}`
    return `#${this.history.index?.[row] ?? row} (${what}, ${invokedMs[row]} to ${completedMs[row]} ms)`
  }

  /** The operations that show it, where they have indices: these rows, and who had these values, of each value the first at each offset. */
  shownBy(rows: readonly number[], numbers: Iterable<number> = []): () => readonly number[] {
    return () => {
      const { index } = this.history
      if (index === undefined) return []
      const all = new Set(rows)
      for (const number of numbers) for (const row of this.#rowsWith(number)) all.add(row)
      return [...all].map((row) => index[row]!).sort((a, b) => a - b)
    }
  }

  #rowsWith(number: number): Set<number> {
    const { numbers, offsets, firstValue, firstPart, values } = this.history
    this.#placesByValue ??= groupedBy(numbers, values.count)
    const { starts, items } = this.#placesByValue
    const rows = new Set<number>()
    const seen = new Set<number>()
    for (const place of items.subarray(starts[number], starts[number + 1])) {
      const row = holding(firstPart, holding(firstValue, place))
      if (row !== this.writers[number] && seen.has(offsets[place]!)) continue
      seen.add(offsets[place]!)
      rows.add(row)
    }
    return rows
  }

  #sent(number: number, row: number): void {
    if (this.writers[number] !== -1) this.sentTwice.add(number)
    this.writers[number] = row
    if (this.outcome[row] === OK) this.#flags[number]! |= SENT_OK
    else if (this.outcome[row] === FAIL) this.#flags[number]! |= SENT_FAIL
  }

  #polled(number: number, row: number): void {
    if (this.outcome[row] !== OK) return
    this.#flags[number]! |= POLLED_OK
    if (this.readers[number] === -1) this.readers[number] = row
  }
}

/** Which of the ranges that begin at `first` has it: the last that begins there or in front of it. */
function holding(first: Int32Array, at: number): number {
  let low = 0
  let high = first.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (first[middle]! <= at) low = middle
    else high = middle
  }
  return low
}

/** With acks=0 nobody has said that it happened. */
export function outcomesOf({ outcome, acks, firstPart }: HistoryColumns): Uint8Array {
  return outcome.map((each, row) => {
    const at = firstPart[row]!
    return each === OK && at < firstPart[row + 1]! && acks[at] === 0 ? INFO : each
  })
}
