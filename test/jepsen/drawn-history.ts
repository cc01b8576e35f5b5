/**
 * Histories drawn from a seed: clients of logs that keep their promises, while sends fail, end without an answer, and clients crash. With `planted`
 * one thing is wrong: `lost-write`: the first record of a key was acknowledged, and is given to nobody; `duplicate`: that of a key of its own stands there twice.
 */
import { Prng } from '../../src/base/prng.js'

export interface DrawnOptions {
  readonly seed: number
  readonly operations: number
  readonly planted?: 'lost-write' | 'duplicate'
}

const KEYS = 4
const WORKERS = 5
const MOST_GIVEN = 6
const MILLISECOND = 1e6

interface Worker {
  process: number
  freeAt: number
  /** By key: where it reads next. */
  position: Map<number, number>
  sent: Map<number, number>
}

interface Stored {
  readonly offset: number
  readonly value: number
}

type Fields = Readonly<Record<string, unknown>>

class Drawn {
  readonly #random: Prng
  readonly #operations: number
  readonly #planted: DrawnOptions['planted']
  readonly #logs: Stored[][] = Array.from({ length: KEYS }, () => [])
  readonly #ends: number[] = Array.from({ length: KEYS }, () => 0)
  readonly #events: { readonly time: number; readonly fields: Fields }[] = []
  readonly #workers: Worker[] = Array.from({ length: WORKERS }, (_, process) => ({
    process,
    freeAt: process,
    position: new Map(),
    sent: new Map(),
  }))
  #isLost = false

  constructor({ seed, operations, planted }: DrawnOptions) {
    this.#operations = operations
    this.#random = new Prng(seed)
    this.#planted = planted
  }

  lines(): string[] {
    for (let n = 0; n < this.#operations; n++) {
      const worker = this.#workers.reduce((a, b) => (b.freeAt < a.freeAt ? b : a))
      if (n % 300 === 150) this.#fault(worker.freeAt, 'begin kill one')
      if (n % 300 === 250) this.#fault(worker.freeAt, 'end kill one')
      this.#step(worker)
    }
    const end = Math.max(...this.#workers.map(({ freeAt }) => freeAt)) + 1
    if (this.#planted === 'duplicate') this.#sendOnce(end - 0.75)
    this.#read(end)
    return this.#events
      .toSorted((a, b) => a.time - b.time)
      .map(({ time, fields }, index) => {
        const { type, process, f, value, ...more } = fields
        return JSON.stringify({ index, type, process, f, value, time: time * MILLISECOND, ...more })
      })
  }

  #fault(time: number, f: string): void {
    for (const [after, value] of [
      [0, null],
      [0.25, { what: f, nodes: [2], seen: 'its process', backend: 'signals' }],
    ] as const) {
      this.#events.push({ time: time + after, fields: { type: 'info', process: 'nemesis', f, value } })
    }
  }

  #step(worker: Worker): void {
    if (worker.position.size === 0) return this.#assign(worker)
    const drawn = this.#random.float()
    if (drawn < 0.02) return this.#assign(worker)
    if (drawn < 0.03) return this.#crash(worker)
    if (drawn < 0.08) return this.#list(worker)
    if (drawn < 0.5) return this.#poll(worker)
    return this.#send(worker)
  }

  #operation(worker: Worker, type: string, asked: Fields, done: Fields): void {
    const { process } = worker
    const from = worker.freeAt
    const to = from + 0.5 + this.#random.below(40) / 8
    this.#events.push({ time: from, fields: { type: 'invoke', process, ...asked } })
    this.#events.push({ time: to, fields: { type, process, ...asked, ...done } })
    worker.freeAt = to + 0.25 + this.#random.below(16) / 64
    if (type !== 'info') return
    worker.process += WORKERS
    worker.position = new Map()
    worker.sent = new Map()
  }

  #assign(worker: Worker): void {
    const keys = Array.from({ length: KEYS }, (_, key) => key).filter(() => this.#random.chance(0.5))
    const value = keys.length === 0 ? [0] : keys
    worker.position = new Map(value.map((key) => [key, worker.position.get(key) ?? 0]))
    this.#operation(worker, 'ok', { f: 'assign', value }, {})
  }

  #crash(worker: Worker): void {
    this.#operation(worker, 'info', { f: 'crash', value: null }, {})
  }

  /** What it is told is true when it asks, and may be less than what is true when it is told. */
  #list(worker: Worker): void {
    const key = this.#random.below(KEYS)
    const asked = { f: 'list-offsets', value: [key, 'latest', null] }
    this.#operation(worker, 'ok', asked, { value: [key, 'latest', this.#ends[key]] })
  }

  #poll(worker: Worker): void {
    const asked = { f: 'poll', value: [['poll']] }
    const given: Record<string, [number, number][]> = {}
    for (const [key, position] of worker.position) {
      const records = this.#logs[key]!.filter(({ offset }) => offset >= position).slice(0, MOST_GIVEN)
      if (records.length > 0) given[key] = records.map(({ offset, value }) => [offset, value])
    }
    if (this.#random.chance(0.03)) {
      this.#operation(worker, 'fail', asked, { value: [['poll', given]], error: ['DISCONNECTED', ''] })
      return
    }
    for (const [key, records] of Object.entries(given)) worker.position.set(Number(key), records.at(-1)![0] + 1)
    this.#operation(worker, 'ok', asked, { value: [['poll', given]] })
  }

  #send(worker: Worker): void {
    const key = this.#random.below(KEYS)
    const sequence = worker.sent.get(key) ?? 0
    worker.sent.set(key, sequence + 1)
    const value = worker.process * 1_000_000 + sequence
    const asked = { f: 'send', value: [['send', key, value]] }
    const drawn = this.#random.float()
    if (drawn < 0.03) return this.#operation(worker, 'fail', asked, { error: ['NOT_ENOUGH_REPLICAS', ''] })
    const isUnknown = drawn < 0.06
    if (isUnknown && this.#random.chance(0.5)) {
      return this.#operation(worker, 'info', asked, { error: ['TIMED_OUT', ''] })
    }
    // Now and then something stands between that nobody is given.
    if (this.#random.chance(0.05)) this.#ends[key]!++
    const offset = this.#ends[key]!++
    const isLost = this.#planted === 'lost-write' && key === 0 && !isUnknown && !this.#isLost
    if (isLost) this.#isLost = true
    else this.#logs[key]!.push({ offset, value })
    if (isUnknown) return this.#operation(worker, 'info', asked, { error: ['TIMED_OUT', ''] })
    this.#operation(worker, 'ok', asked, { value: [['send', key, [offset, value]]] })
  }

  #sendOnce(time: number): void {
    const value = 900 * 1_000_000
    const asked = { process: 900, f: 'send', value: [['send', KEYS, value]] }
    this.#events.push({ time, fields: { type: 'invoke', ...asked } })
    this.#events.push({ time: time + 0.5, fields: { type: 'ok', ...asked, value: [['send', KEYS, [1, value]]] } })
    this.#logs.push([1, 2].map((offset) => ({ offset, value })))
  }

  #read(from: number): void {
    const process = 1_000
    const keys = [...this.#logs.keys()]
    let time = from
    const both = (type: string, asked: Fields, done: Fields): void => {
      this.#events.push({ time: time++, fields: { type: 'invoke', process, ...asked } })
      this.#events.push({ time: time++, fields: { type, process, ...asked, ...done } })
    }
    both('ok', { f: 'assign', value: keys, 'seek-to-beginning?': true }, {})
    for (const key of keys) {
      const records = this.#logs[key]!.map(({ offset, value }) => [offset, value])
      both('ok', { f: 'poll', value: [['poll']] }, { value: [['poll', { [key]: records }]] })
    }
  }
}

export function drawn(options: DrawnOptions): string[] {
  return new Drawn(options).lines()
}
