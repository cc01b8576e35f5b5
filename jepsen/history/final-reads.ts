/**
 * Whether each key was read to its end: somebody was assigned it from its beginning, and was given what stands at the highest offset that anybody knows of. Without that
 * nobody can say that nothing is missing.
 */
import type { Pair } from './read.js'

/** Assigned from the beginning, and given nothing so far. */
const BEGUN = -1

export interface Unread {
  readonly key: number
  /** The highest offset that was acknowledged or polled; -1: nobody was told one. */
  readonly known: number
  /** Up to where somebody has read from the beginning; undefined: nobody has begun. */
  readonly read: number | undefined
}

export class FinalReads {
  /** By key. */
  readonly #known = new Map<number, number>()
  readonly #read = new Map<number, number>()
  /** By process: keys that it reads from the beginning. */
  readonly #readers = new Map<number, Set<number>>()

  did({ invoked, ended, outcome, process }: Pair): void {
    if (invoked.f === 'assign' || invoked.f === 'subscribe') {
      if (outcome !== 'fail') this.#assigned(process, invoked)
    } else if (invoked.f === 'send' || invoked.f === 'poll' || invoked.f === 'txn') {
      if (outcome === 'ok') this.#happened(process, ended!.value as readonly Part[])
      // Of a send whose end is not known some parts may have been acknowledged.
      else if (invoked.f === 'send' && outcome === 'info')
        this.#happened(process, (ended?.value ?? []) as readonly Part[], true)
    }
  }

  #assigned(process: number, { f, value, 'seek-to-beginning?': fromBeginning }: Pair['invoked']): void {
    const keys = value as readonly number[]
    const before = this.#readers.get(process) ?? new Set()
    const kept = f === 'assign' ? keys.filter((key) => fromBeginning === true || before.has(key)) : []
    if (kept.length === 0) this.#readers.delete(process)
    else this.#readers.set(process, new Set(kept))
    if (fromBeginning !== true) return
    for (const key of keys) if (!this.#read.has(key)) this.#read.set(key, BEGUN)
  }

  #happened(process: number, parts: readonly Part[], isPartly = false): void {
    for (const part of parts) {
      if (part[0] === 'send') {
        if (!isPartly || Array.isArray(part[2])) this.#knows(part[1], Array.isArray(part[2]) ? (part[2][0] ?? -1) : -1)
        continue
      }
      for (const [name, records] of Object.entries(part[1] ?? {})) {
        const key = Number(name)
        const isFromBeginning = this.#readers.get(process)?.has(key) === true
        for (const [offset] of records) {
          this.#knows(key, offset)
          if (isFromBeginning && offset > this.#read.get(key)!) this.#read.set(key, offset)
        }
      }
    }
  }

  #knows(key: number, offset: number): void {
    if (offset > (this.#known.get(key) ?? -2)) this.#known.set(key, offset)
  }

  /** Keys to which something was acknowledged, or of which something was polled. */
  get keys(): number {
    return this.#known.size
  }

  /** Those that nobody has read to the end, in order. */
  unread(): Unread[] {
    return [...this.#known]
      .filter(([key, known]) => (this.#read.get(key) ?? -2) < known)
      .map(([key, known]) => ({ key, known, read: this.#read.get(key) }))
      .sort((a, b) => a.key - b.key)
  }
}

type Part =
  | readonly ['send', number, number | string | readonly [number | null, number | string]]
  | readonly ['poll', Readonly<Record<string, readonly (readonly [number, number | string])[]>>?]
