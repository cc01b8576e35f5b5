/** Anomalies for a history that has none: one of the kind that is asked for, at a place that is drawn. */
import { Prng } from '../../src/base/prng.js'
import { FAIL, type HistoryColumns, OF_FINAL, OF_POLL, OK } from '../../src/check/history-columns.js'

export const PLANTED_IN_COLUMNS = [
  'lost-write',
  'lost-read',
  'duplicate',
  'inconsistent-offsets',
  'nonmonotonic-send',
  'send-realtime',
  'poll-skip',
  'nonmonotonic-poll',
  'phantom',
  'failed-write-visible',
] as const

export type PlantedInColumns = (typeof PLANTED_IN_COLUMNS)[number]

/** Another history, which shares what is the same. */
export function plant(history: HistoryColumns, planted: PlantedInColumns, seed: number): HistoryColumns {
  const garden = new Garden(history, seed)
  switch (planted) {
    case 'lost-write':
      return garden.without((part, place) => part !== 'sent' && place === 'chosen')
    case 'lost-read':
      return garden.without((part, place) => part === 'read at the end' && place === 'chosen')
    case 'duplicate':
      return garden.standsAgain()
    case 'inconsistent-offsets':
      return garden.saidToStandElsewhere()
    case 'nonmonotonic-send':
      return garden.swapped((a, b) => garden.isNext(a, b))
    case 'send-realtime':
      return garden.swapped((a, b) => garden.isBefore(a, b))
    case 'poll-skip':
      return garden.skipped()
    case 'nonmonotonic-poll':
      return garden.givenAgain()
    case 'phantom':
      return garden.replaced()
    case 'failed-write-visible':
      return garden.failed()
  }
}

type PartKind = 'sent' | 'read' | 'read at the end'

class Garden {
  readonly #history: HistoryColumns
  readonly #random: Prng
  readonly #rowOf: Int32Array
  /** Parts: sends that all replicas acknowledged, and polls that are not of the last reading and gave several records. */
  readonly #sends: Int32Array
  readonly #polls: Int32Array
  /** Values that somebody was given before the last reading. */
  readonly #read: Uint8Array

  constructor(history: HistoryColumns, seed: number) {
    this.#history = history
    this.#random = new Prng(seed)
    const { firstPart, firstValue, part, kind, outcome, acks, offsets, numbers, values } = history
    this.#rowOf = new Int32Array(part.length)
    this.#read = new Uint8Array(values.count)
    for (let row = 0; row < kind.length; row++) this.#rowOf.fill(row, firstPart[row], firstPart[row + 1])
    const parts = Int32Array.from(part.keys())
    this.#polls = parts.filter((at) => this.#kindOf(at) === 'read' && firstValue[at + 1]! - firstValue[at]! > 2)
    for (const at of parts) {
      if (this.#kindOf(at) !== 'read') continue
      for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) this.#read[numbers[place]!] = 1
    }
    this.#sends = parts.filter(
      (at) =>
        this.#kindOf(at) === 'sent' &&
        outcome[this.#rowOf[at]!] === OK &&
        acks[at] === -1 &&
        offsets[firstValue[at]!]! >= 0 &&
        this.#read[numbers[firstValue[at]!]!] === 1,
    )
  }

  #kindOf(at: number): PartKind {
    const part = this.#history.part[at]!
    if ((part & OF_POLL) === 0) return 'sent'
    return (part & OF_FINAL) !== 0 ? 'read at the end' : 'read'
  }

  #valueOf(at: number): number {
    return this.#history.numbers[this.#history.firstValue[at]!]!
  }

  #drawn(from: Int32Array): number {
    return from[this.#random.below(from.length)]!
  }

  /** Without those places of a chosen value that this says. */
  without(isGone: (part: PartKind, place: 'chosen' | 'other') => boolean): HistoryColumns {
    const chosen = this.#valueOf(this.#drawn(this.#sends))
    return this.#rebuilt((at, place) => {
      const isChosen = this.#history.numbers[place] === chosen
      return isGone(this.#kindOf(at), isChosen ? 'chosen' : 'other') ? 'gone' : undefined
    })
  }

  /** Behind the end of its log. */
  standsAgain(): HistoryColumns {
    const send = this.#drawn(this.#sends)
    const { key, firstValue, offsets } = this.#history
    const last = Int32Array.from(key.keys()).findLast(
      (at) => key[at] === key[send] && this.#kindOf(at) === 'read at the end' && firstValue[at + 1]! > firstValue[at]!,
    )!
    const end = firstValue[last + 1]! - 1
    return this.#rebuilt((_, place) => (place === end ? [offsets[place]! + 1, this.#valueOf(send)] : undefined))
  }

  saidToStandElsewhere(): HistoryColumns {
    const send = this.#drawn(this.#sends)
    const { key, firstValue } = this.#history
    const other = this.#sends.find((at) => key[at] === key[send] && at !== send)!
    const offsets = this.#history.offsets.slice()
    offsets[firstValue[send]!] = offsets[firstValue[other]!]!
    return { ...this.#history, offsets }
  }

  isNext(a: number, b: number): boolean {
    const { key, producer, sequence } = this.#history
    return key[a] === key[b] && producer[a] !== -1 && producer[a] === producer[b] && sequence[a]! + 1 === sequence[b]!
  }

  isBefore(a: number, b: number): boolean {
    const { key, completedMs, invokedMs } = this.#history
    return key[a] === key[b] && completedMs[this.#rowOf[a]!]! < invokedMs[this.#rowOf[b]!]!
  }

  /** Each stands where the other did, for whoever was told of it. */
  swapped(isPair: (a: number, b: number) => boolean): HistoryColumns {
    let pair: readonly [number, number] | undefined
    while (pair === undefined) {
      const a = this.#drawn(this.#sends)
      const b = this.#sends.find((each) => isPair(a, each))
      if (b !== undefined) pair = [a, b]
    }
    const [a, b] = pair
    const { firstValue, offsets } = this.#history
    const [valueA, valueB] = [this.#valueOf(a), this.#valueOf(b)]
    const [placeA, placeB] = [firstValue[a]!, firstValue[b]!]
    const numbers = this.#history.numbers.map((each) => (each === valueA ? valueB : each === valueB ? valueA : each))
    numbers[placeA] = valueA
    numbers[placeB] = valueB
    const swapped = offsets.slice()
    swapped[placeA] = offsets[placeB]!
    swapped[placeB] = offsets[placeA]!
    return { ...this.#history, numbers, offsets: swapped }
  }

  skipped(): HistoryColumns {
    const skipped = this.#history.firstValue[this.#drawn(this.#polls)]! + 1
    return this.#rebuilt((_, place) => (place === skipped ? 'gone' : undefined))
  }

  givenAgain(): HistoryColumns {
    const { firstValue, offsets, numbers } = this.#history
    const first = firstValue[this.#drawn(this.#polls)]!
    return this.#rebuilt((_, place) => (place === first + 1 ? [offsets[first]!, numbers[first]!] : undefined))
  }

  /** What stands there nobody has sent. */
  replaced(): HistoryColumns {
    const send = this.#drawn(this.#sends)
    const value = this.#valueOf(send)
    const nobodys = this.#history.values.ofText(this.#history.key[send]!, 'what nobody has sent')
    const numbers = this.#history.numbers.map((each) => (each === value ? nobodys : each))
    numbers[this.#history.firstValue[send]!] = value
    return { ...this.#history, numbers }
  }

  failed(): HistoryColumns {
    const outcome = this.#history.outcome.slice()
    outcome[this.#rowOf[this.#drawn(this.#sends)]!] = FAIL
    return { ...this.#history, outcome }
  }

  /** `edit` says of a place that it is gone, or what comes behind it. */
  #rebuilt(edit: (at: number, place: number) => 'gone' | readonly [offset: number, value: number] | undefined) {
    const { part, firstValue } = this.#history
    const starts = firstValue.slice()
    const offsets: number[] = []
    const numbers: number[] = []
    for (let at = 0; at < part.length; at++) {
      starts[at] = numbers.length
      for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) {
        const edited = edit(at, place)
        if (edited === 'gone') continue
        offsets.push(this.#history.offsets[place]!)
        numbers.push(this.#history.numbers[place]!)
        if (edited === undefined) continue
        offsets.push(edited[0])
        numbers.push(edited[1])
      }
    }
    starts[part.length] = numbers.length
    return {
      ...this.#history,
      firstValue: starts,
      offsets: Float64Array.from(offsets),
      numbers: Int32Array.from(numbers),
    }
  }
}
