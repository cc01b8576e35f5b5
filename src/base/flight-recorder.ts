/**
 * The flight recorder: the last inputs of every core, without payloads, in bounded memory. Dumped when an assertion fails, so that the
 * simulator can feed the same inputs to the same cores and fail the same way on a desk.
 *
 * It keeps two halves and drops the older one when the newer is full. In each half a core's first input is preceded by all its state at
 * that moment, and a dump ends with the states as they are then: a replay starts from the first, and must arrive at the next.
 *
 * What it is given is kept as it is and written out with the dump: it must not change afterwards.
 */
import { toPlain } from './plain.js'

export interface FlightEntry {
  readonly core: string
  /** With `state`: what class of core it is. */
  readonly kind?: string
  /** Null: there was no such core at that moment. */
  readonly state?: unknown
  readonly input?: string
  readonly args?: readonly unknown[]
}

interface Tracked {
  readonly kind: string
  readonly capture: () => unknown
}

class Half {
  readonly entries: FlightEntry[] = []
  /** Who has entries in it, by name. */
  readonly cores = new Map<string, Tracked>()
}

export class FlightRecorder {
  readonly #entriesPerHalf: number
  #older = new Half()
  #newer = new Half()

  constructor(entriesPerHalf = 8192) {
    this.#entriesPerHalf = entriesPerHalf
  }

  /** `capture` gives the core's state as plain data; undefined: there is none now. `core` names this one and no other, `kind` its class. */
  track(core: string, kind: string, capture: () => unknown): FlightTrack {
    let half: Half | undefined
    return (input, ...args) => {
      if (this.#newer.entries.length >= this.#entriesPerHalf) {
        this.#older = this.#newer
        this.#newer = new Half()
      }
      if (half !== this.#newer) {
        half = this.#newer
        half.cores.set(core, { kind, capture })
        half.entries.push({ core, kind, state: capture() ?? null })
      }
      half.entries.push({ core, input, args })
    }
  }

  /** Everything that is kept, oldest first, and the states as they are now. */
  entries(): FlightEntry[] {
    const states = [...new Map([...this.#older.cores, ...this.#newer.cores])].flatMap(([core, { kind, capture }]) => {
      try {
        return [{ core, kind, state: capture() ?? null }]
      } catch {
        // A core that is broken is what the dump is for; how it came to be stands before.
        return []
      }
    })
    return [...this.#older.entries, ...this.#newer.entries, ...states]
  }

  /** As JSON lines. */
  dump(): string {
    return this.entries()
      .map((entry) => `${JSON.stringify(toPlain(entry))}\n`)
      .join('')
  }
}

/** Called before the core gets the input. Arguments are plain data, without payloads. */
export type FlightTrack = (input: string, ...args: readonly unknown[]) => void
