/**
 * Simulation: one scheduler on virtual time, from one seed. Whatever happens in a run is an event here, and goes into a rolling hash together
 * with every byte that is written anywhere: two runs of one seed have equal hashes, or something leaks in from outside.
 */
import { Heap } from '../base/heap.js'
import { Prng } from '../base/prng.js'
import { RunHash } from './run-hash.js'

/** How many of the latest events a failure report shows. */
const TRACE_LENGTH = 400
/** A run that takes more events than this goes in circles. */
const MAX_EVENTS = 5_000_000

export interface Scheduled {
  cancel(): void
}

interface Event {
  readonly label: string
  action: (() => void) | undefined
}

/** Something went wrong in a run: with what is needed to see it again. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError'
  readonly seed: string
  readonly trace: readonly string[]

  constructor(seed: string, nowMs: number, label: string, trace: readonly string[], cause: unknown) {
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    super(`seed ${seed}, at ${nowMs.toFixed(3)} ms, in "${label}": ${reason}`)
    this.seed = seed
    this.trace = trace
  }
}

export class Simulation {
  readonly seed: string
  readonly hash = new RunHash()
  /** Events that have run. */
  events = 0
  readonly #random: Prng
  readonly #heap = new Heap<Event>()
  readonly #mostEvents: number
  readonly #trace: { readonly atMs: number; readonly line: string }[] = []
  #nowMs = 0

  constructor(seed: string | number, mostEvents = MAX_EVENTS) {
    this.#mostEvents = mostEvents
    this.seed = String(seed)
    this.#random = new Prng(`simulation ${this.seed}`)
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** The latest events and notes, oldest first. */
  get trace(): readonly string[] {
    return this.#trace.map(({ atMs, line }) => `${atMs.toFixed(3)} ${line}`)
  }

  /** A stream of random numbers for one concern: what one draws does not shift the others. */
  random(concern: string): Prng {
    return this.#random.fork(concern)
  }

  schedule(delayMs: number, label: string, action: () => void): Scheduled {
    const event: Event = { label, action }
    // Each by itself: a tiny delay must not vanish in the sum.
    this.#heap.push(quantized(this.#nowMs) + quantized(Math.max(0, delayMs)), event)
    return {
      cancel: () => {
        event.action = undefined
      },
    }
  }

  /** Puts a line into trace and hash. */
  note(line: string): void {
    this.hash.text(line)
    this.#trace.push({ atMs: this.#nowMs, line })
    if (this.#trace.length > TRACE_LENGTH) this.#trace.splice(0, TRACE_LENGTH / 2)
  }

  /** Runs events in order of time until the condition holds, the time is over, or nothing is left. True: the condition holds. */
  runUntil(condition: () => boolean, limitMs: number): boolean {
    while (!this.#holds(condition)) {
      if (this.#heap.size === 0 || this.#heap.peekKey() > limitMs) {
        this.#nowMs = Math.max(this.#nowMs, Math.min(limitMs, this.#heap.peekKey()))
        return this.#holds(condition)
      }
      this.#nowMs = this.#heap.peekKey()
      const { action, label } = this.#heap.pop()!
      if (action === undefined) continue
      this.events++
      if (this.events > this.#mostEvents)
        throw new SimulationError(this.seed, this.#nowMs, label, this.trace, 'no end in sight')
      this.hash.number(this.#nowMs)
      this.note(label)
      try {
        action()
      } catch (error) {
        throw new SimulationError(this.seed, this.#nowMs, label, this.trace, error)
      }
    }
    return true
  }

  #holds(condition: () => boolean): boolean {
    try {
      return condition()
    } catch (error) {
      throw new SimulationError(this.seed, this.#nowMs, 'looking at it', this.trace, error)
    }
  }
}

/**
 * The time as a multiple of 2^-10 ms, not before it: sums and differences of such times are exact, and no timer comes a rounding error early.
 */
export function quantized(timeMs: number): number {
  return Math.ceil(timeMs * 1024) / 1024
}
