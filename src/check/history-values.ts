/**
 * The values of a history and their numbers, from 0 on, in the order in which they were met. A value of one key is another than the same text of another
 * key. Of values that describe themselves no text is kept.
 */
import { Column, NumbersByOffset } from './columns.js'
import { belongsTo, placeIn, selfDescribing } from './history.js'

/** More values of one process are told apart by their texts: a number of its own kind of values leaves no large gaps. */
const MOST_SEQUENCE = 2 ** 40

class KeyValues {
  /** By process: the numbers of what it sent, by sequence. */
  readonly byPlace = new Map<number, NumbersByOffset>()
  readonly byText = new Map<string, number>()
  readonly byNumber = new Map<number, number>()
}

export class HistoryValues {
  readonly keys: string[] = []
  readonly #keyNumbers = new Map<string, number>()
  readonly #ofKeys: KeyValues[] = []
  readonly #key = new Column(new Int32Array(0))
  readonly #process = new Column(new Float64Array(0))
  readonly #sequence = new Column(new Float64Array(0))
  /** Undefined: it describes itself. */
  readonly #texts: (string | undefined)[] = []

  get count(): number {
    return this.#key.length
  }

  /** By value. */
  keyOfValue(number: number): number {
    return this.#key.at(number)
  }

  get keyOf(): Int32Array {
    return this.#key.content
  }

  keyNumber(name: string): number {
    let number = this.#keyNumbers.get(name)
    if (number === undefined) {
      number = this.keys.push(name) - 1
      this.#keyNumbers.set(name, number)
      this.#ofKeys.push(new KeyValues())
    }
    return number
  }

  /** As it came: whether it describes itself is not looked at. One history must not have the same value in both ways. */
  ofText(key: number, text: string): number {
    const { byText } = this.#ofKeys[key]!
    const known = byText.get(text)
    if (known !== undefined) return known
    const number = this.#add(key, Number.NaN, Number.NaN, text)
    byText.set(text, number)
    return number
  }

  /** By its place, if it describes itself. */
  ofWritten(key: number, text: string): number {
    const place = placeIn(text, this.keys[key]!)
    return place === undefined ? this.ofText(key, text) : this.ofPlace(key, ...place)
  }

  /** The value that describes itself as this process's. */
  ofPlace(key: number, process: number, sequence: number): number {
    if (!(sequence >= 0 && sequence < MOST_SEQUENCE)) return this.ofText(key, this.#described(key, process, sequence))
    const { byPlace } = this.#ofKeys[key]!
    let sent = byPlace.get(process)
    if (sent === undefined) byPlace.set(process, (sent = new NumbersByOffset()))
    const known = sent.get(sequence)
    if (known !== -1) return known
    const number = this.#add(key, process, sequence, undefined)
    sent.set(sequence, number)
    return number
  }

  /** A value that is a number and nothing more. */
  ofNumber(key: number, value: number): number {
    const { byNumber } = this.#ofKeys[key]!
    const known = byNumber.get(value)
    if (known !== undefined) return known
    const number = this.#add(key, Number.NaN, value, undefined)
    byNumber.set(value, number)
    return number
  }

  text(number: number): string {
    const text = this.#texts[number]
    if (text !== undefined) return text
    const [process, sequence] = [this.#process.at(number), this.#sequence.at(number)]
    return Number.isNaN(process) ? String(sequence) : this.#described(this.#key.at(number), process, sequence)
  }

  /** Whether it is whole and was meant for its key. */
  belongs(number: number): boolean {
    const text = this.#texts[number]
    return text === undefined || belongsTo(text, this.keys[this.#key.at(number)]!)
  }

  #described(key: number, process: number, sequence: number): string {
    return selfDescribing(this.keys[key]!, process, sequence)
  }

  #add(key: number, process: number, sequence: number, text: string | undefined): number {
    const number = this.count
    this.#key.push(key)
    this.#process.push(process)
    this.#sequence.push(sequence)
    this.#texts.push(text)
    return number
  }
}
