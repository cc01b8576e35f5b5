/**
 * The flight recorder: the last inputs of every core, without payloads, in bounded memory. Dumped when an assertion fails, so that the
 * simulator can feed the same inputs to the same cores and fail the same way on a desk.
 *
 * It keeps two halves and drops the older one when the newer is full. In each half a core's first input is preceded by all its state
 * at that moment: a replay starts from the first, and must arrive at the second.
 */
export interface FlightEntry {
  readonly core: string
  /** With `state`: what class of core it is. */
  readonly kind?: string
  readonly state?: unknown
  readonly input?: string
  readonly args?: readonly unknown[]
}

export class FlightRecorder {
  readonly #entriesPerHalf: number
  #older: FlightEntry[] = []
  #newer: FlightEntry[] = []
  #half = 0

  constructor(entriesPerHalf = 8192) {
    this.#entriesPerHalf = entriesPerHalf
  }

  /** `capture` gives the core's state as plain data. `core` names this one, `kind` its class. */
  track(core: string, kind: string, capture: () => unknown): FlightTrack {
    let half = -1
    return (input, ...args) => {
      if (this.#newer.length >= this.#entriesPerHalf) {
        this.#older = this.#newer
        this.#newer = []
        this.#half++
      }
      if (half !== this.#half) {
        half = this.#half
        this.#newer.push({ core, kind, state: capture() })
      }
      this.#newer.push({ core, input, args })
    }
  }

  /** Everything that is kept, oldest first. */
  entries(): FlightEntry[] {
    return [...this.#older, ...this.#newer]
  }

  /** As JSON lines. */
  dump(): string {
    return this.entries()
      .map((entry) => `${JSON.stringify(entry)}\n`)
      .join('')
  }
}

/** Called before the core gets the input. Arguments are plain data, without payloads. */
export type FlightTrack = (input: string, ...args: readonly unknown[]) => void
