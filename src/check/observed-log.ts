/**
 * What a history shows of the log of each key: which value stands where, who sent it, whether somebody was given it, and the order that follows: values
 * without the gaps between them, because the markers of transactions stand in gaps.
 *
 * Every poll is believed, also those of operations that failed: what was given was given. A send is believed where it must have been committed: it
 * was acknowledged, or one of the values of the same operation was polled by one that was.
 */
import { assert } from '../base/assert.js'
import type { ClientOperation, MessagesOperation } from './client-history.js'

const SENT_OK = 1
const SENT_FAIL = 2
const POLLED_OK = 4

/** Values have numbers here, in the order in which they were met. */
export class ObservedKey {
  readonly name: string
  readonly values: string[] = []
  /** Added to the number of a value, it is that of no value of another key. */
  base = 0
  /** By value: the operation that sent it, -1 if none did; the first acknowledged operation that polled it, -1. */
  readonly writers: number[] = []
  readonly readers: number[] = []
  /** Offsets at which several values were seen, and values that were seen at several offsets. */
  readonly conflicts = new Map<number, Set<number>>()
  readonly duplicates = new Map<number, number[]>()
  /** Values that were sent more than once. */
  readonly sentTwice = new Set<number>()
  readonly #flags: number[] = []
  readonly #numbers = new Map<string, number>()
  readonly #cells = new Map<number, number>()
  /** By place in the order: offset, and one of the values that were seen there. */
  #offsets = new Float64Array(0)
  #order = new Int32Array(0)
  /** By value, -1 if it is not known: its first and last place, and its place if it stands for its cell. */
  #first = new Int32Array(0)
  #last = new Int32Array(0)
  #places = new Int32Array(0)

  constructor(name: string) {
    this.name = name
  }

  numberOf(value: string): number {
    const known = this.#numbers.get(value)
    if (known !== undefined) return known
    const number = this.values.length
    this.#numbers.set(value, number)
    this.values.push(value)
    this.writers.push(-1)
    this.readers.push(-1)
    this.#flags.push(0)
    return number
  }

  sent(value: string, writer: number, { outcome }: MessagesOperation): number {
    const number = this.numberOf(value)
    if (this.writers[number] !== -1) this.sentTwice.add(number)
    this.writers[number] = writer
    if (outcome === 'ok') this.#flags[number]! |= SENT_OK
    else if (outcome === 'fail') this.#flags[number]! |= SENT_FAIL
    return number
  }

  polled(value: string, reader: number, { outcome }: MessagesOperation): number {
    const number = this.numberOf(value)
    if (outcome !== 'ok') return number
    this.#flags[number]! |= POLLED_OK
    if (this.readers[number] === -1) this.readers[number] = reader
    return number
  }

  stands(offset: number, number: number): void {
    const there = this.#cells.get(offset)
    if (there === undefined) this.#cells.set(offset, number)
    else if (there !== number) {
      const conflict = this.conflicts.get(offset)
      if (conflict === undefined) this.conflicts.set(offset, new Set([there, number]))
      else conflict.add(number)
    }
  }

  /** After everything was told. */
  seal(): void {
    this.#offsets = Float64Array.from(this.#cells.keys()).sort()
    this.#order = new Int32Array(this.#offsets.length)
    this.#first = new Int32Array(this.values.length).fill(-1)
    this.#last = new Int32Array(this.values.length).fill(-1)
    this.#places = new Int32Array(this.values.length).fill(-1)
    for (const [place, offset] of this.#offsets.entries()) {
      const number = this.#cells.get(offset)!
      this.#order[place] = number
      this.#places[number] = place
      for (const each of this.conflicts.get(offset) ?? [number]) {
        if (this.#first[each] === -1) this.#first[each] = place
        else {
          const offsets = this.duplicates.get(each)
          if (offsets === undefined) this.duplicates.set(each, [this.#offsets[this.#first[each]!]!, offset])
          else offsets.push(offset)
        }
        this.#last[each] = place
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

  /** Undefined: it is not known, or another value stands for it there. */
  placeOf(number: number): number | undefined {
    return known(this.#places[number])
  }

  firstPlaceOf(number: number): number | undefined {
    return known(this.#first[number])
  }

  lastPlaceOf(number: number): number | undefined {
    return known(this.#last[number])
  }

  /** From one value to the next of a client: 1 if nothing is between them, and if it cannot be said. */
  distance(from: number, to: number): number {
    const [a, b] = [this.#places[from]!, this.#places[to]!]
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
}

function known(place: number | undefined): number | undefined {
  return place === undefined || place === -1 ? undefined : place
}

export class ObservedLog {
  readonly history: readonly ClientOperation[]
  readonly keys = new Map<string, ObservedKey>()
  /** By operation: how many values it sent, and when it asked to be committed; not a number if nobody said. */
  readonly sends: Int32Array
  readonly commitStarts: Float64Array
  /** The numbers of all values that were sent or polled, as they come in the history, and by operation where its own begin. */
  readonly numbers: Int32Array
  readonly starts: Int32Array

  constructor(history: readonly ClientOperation[]) {
    this.history = history
    this.sends = new Int32Array(history.length)
    this.commitStarts = new Float64Array(history.length).fill(Number.NaN)
    this.starts = new Int32Array(history.length + 1)
    for (const [at, operation] of history.entries()) this.starts[at + 1] = this.starts[at]! + valuesIn(operation)
    this.numbers = new Int32Array(this.starts.at(-1)!)
    for (const [at, operation] of history.entries()) {
      if (!isMessages(operation)) continue
      this.commitStarts[at] = operation.commitStartedMs ?? Number.NaN
      let next = this.starts[at]!
      for (const part of operation.parts) {
        const key = this.key(part.key)
        if (part.f === 'send') {
          this.sends[at]!++
          this.numbers[next++] = key.sent(part.value, at, operation)
        } else for (const [, value] of part.records) this.numbers[next++] = key.polled(value, at, operation)
      }
    }
    for (const [at, operation] of history.entries()) {
      if (!isMessages(operation)) continue
      const isThere = this.mustHaveCommitted(operation)
      let next = this.starts[at]!
      for (const part of operation.parts) {
        const key = this.key(part.key)
        if (part.f === 'poll') for (const [offset] of part.records) key.stands(offset, this.numbers[next++]!)
        else {
          const number = this.numbers[next++]!
          if (isThere && part.offset !== undefined && part.offset >= 0) key.stands(part.offset, number)
        }
      }
    }
    let base = 0
    for (const key of this.keys.values()) {
      key.seal()
      key.base = base
      base += key.values.length
    }
  }

  key(name: string): ObservedKey {
    let key = this.keys.get(name)
    if (key === undefined) this.keys.set(name, (key = new ObservedKey(name)))
    return key
  }

  /** An operation of which one value is visible was committed, and so all of it. */
  mustHaveCommitted({ outcome, parts }: MessagesOperation): boolean {
    if (outcome !== 'info') return outcome === 'ok'
    return parts.some((part) => {
      if (part.f !== 'send') return false
      const key = this.key(part.key)
      return key.wasPolledOk(key.numberOf(part.value))
    })
  }

  /** The operation of this number, which sends or polls. */
  messages(at: number): MessagesOperation {
    const operation = this.history[at]!
    assert(isMessages(operation), 'who sent or polled something sends or polls')
    return operation
  }
}

function valuesIn(operation: ClientOperation): number {
  if (!isMessages(operation)) return 0
  let count = 0
  for (const part of operation.parts) count += part.f === 'send' ? 1 : part.records.length
  return count
}

export function isMessages(operation: ClientOperation): operation is MessagesOperation {
  return operation.f !== 'assign' && operation.f !== 'subscribe'
}

/** For who reads a finding. */
export function told(at: number, { process, f, outcome, invokedMs, completedMs }: ClientOperation): string {
  return `#${at} (${f} of process ${process}, ${outcome}, ${invokedMs} to ${completedMs} ms)`
}
