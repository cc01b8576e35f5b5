/**
 * SimulatedProcess: what runs between a start and a crash. Everything that happens to it is a turn: a callback, and at its end, or a little later
 * together with what else arrives, the calls that it deferred.
 *
 * A process that is held up by a slow call misses nothing: when it wakes it first gets what has arrived, then its overdue timers, as Node's event
 * loop would have it after a stall. One that was suspended while it waited for events looks at its timers first: those that are only a little
 * late run before what has arrived, the others after it (`io/node/clock.ts`).
 */
import type { Prng } from '../base/prng.js'
import { quantized, type Simulation } from './simulation.js'

/** Thrown at a dead process that still runs some code: unwinds it, and is swallowed at the boundary of the turn. */
export class ProcessDead extends Error {
  override readonly name = 'ProcessDead'
}

type Kind = 'arrival' | 'timer' | 'deferred'

/** As in `io/node/clock.ts`: a timer later than this lets the sockets be read first. */
const STALLED_MS = 20

interface Missed {
  /** When it would have run. */
  readonly atMs: number
  readonly kind: Kind
  readonly label: string
  readonly action: () => void
}

export class SimulatedProcess {
  readonly name: string
  readonly simulation: Simulation
  readonly random: Prng
  /** Descriptors that it holds, and the most that it has held at once. */
  descriptors = 0
  mostDescriptors = 0
  #alive = true
  /** The process does not run before this time. */
  #awakeAtMs = 0
  readonly #missed: Missed[] = []
  /** What holds it up came from outside, while it waited for events. */
  #suspended = false
  #wakeScheduled = false
  #deferred: (() => void)[] = []
  #inTurn = false
  readonly #onDeath: (() => void)[] = []
  /** How likely the end of a turn waits for what else may arrive. */
  readonly #joinChance: number
  /** What its events are called: there are few names and many events. */
  readonly #labels = new Map<string, string>()
  /** How many turns it has had. */
  turns = 0

  constructor(simulation: Simulation, name: string) {
    this.simulation = simulation
    this.name = name
    this.random = simulation.random(`process ${name} ${simulation.events}`)
    this.#joinChance = this.random.pick([0, 0.3, 0.8])
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Its own time: ahead of the simulation's where it has been held up within the turn. */
  get nowMs(): number {
    return Math.max(this.simulation.nowMs, this.#awakeAtMs)
  }

  /** Every port calls this first. */
  assertAlive(): void {
    if (!this.#alive) throw new ProcessDead(this.name)
  }

  whenDead(action: () => void): void {
    this.#onDeath.push(action)
  }

  /** It is gone: nothing of it ever runs again. */
  kill(): void {
    if (!this.#alive) return
    this.#alive = false
    this.#missed.length = 0
    this.#deferred = []
    for (const action of this.#onDeath) action()
  }

  /** It does not run for so long. */
  pause(durationMs: number): void {
    this.#awakeAtMs = quantized(Math.max(this.#awakeAtMs, this.simulation.nowMs) + durationMs)
  }

  /** SIGSTOP, and SIGCONT after so long; or a virtual machine that is moved. */
  suspend(durationMs: number): void {
    this.#suspended = true
    this.pause(durationMs)
  }

  get suspended(): boolean {
    return this.#suspended && this.simulation.nowMs < this.#awakeAtMs
  }

  /** SIGCONT now. */
  resume(): void {
    if (!this.suspended) return
    this.#awakeAtMs = quantized(this.simulation.nowMs)
    this.#wakeScheduled = false
    if (this.#missed.length > 0) this.#scheduleWake()
  }

  /** Schedules a turn of this process. */
  after(delayMs: number, kind: Kind, label: string, action: () => void): { cancel(): void } {
    const delay = this.nowMs - this.simulation.nowMs + quantized(delayMs)
    return this.simulation.schedule(delay, this.#labelOf(label), () =>
      this.#arrive({ atMs: this.simulation.nowMs, kind, label, action }),
    )
  }

  #labelOf(label: string): string {
    let full = this.#labels.get(label)
    if (full === undefined) this.#labels.set(label, (full = `${this.name}: ${label}`))
    return full
  }

  defer(action: () => void): void {
    this.assertAlive()
    this.#deferred.push(action)
    if (this.#deferred.length === 1 && !this.#inTurn) this.after(0, 'deferred', 'end of turn', () => {})
  }

  /** Runs a turn now: only for the very first one. */
  begin(action: () => void): void {
    this.#turn(action)
  }

  #arrive(event: Missed): void {
    if (!this.#alive) return
    if (this.simulation.nowMs >= this.#awakeAtMs && this.#missed.length === 0) return this.#turn(event.action)
    this.#missed.push(event)
    this.#scheduleWake()
  }

  #scheduleWake(): void {
    if (this.#wakeScheduled) return
    this.#wakeScheduled = true
    this.simulation.schedule(this.#awakeAtMs - this.simulation.nowMs, `${this.name}: wakes`, () => {
      this.#wakeScheduled = false
      // It may have been resumed, and all of that is done.
      if (!this.#alive || this.#missed.length === 0) return
      if (this.simulation.nowMs < this.#awakeAtMs) return this.#scheduleWake()
      const order = ['deferred', 'early timer', 'arrival', 'timer'] as const
      const events = order.flatMap((kind) => this.#missed.filter((event) => this.#kindOf(event) === kind))
      this.#suspended = false
      this.#missed.length = 0
      while (events.length > 0 && this.#alive) {
        this.#turn(events.shift()!.action)
        // Held up again by what it did.
        if (this.simulation.nowMs < this.#awakeAtMs) {
          this.#missed.push(...events)
          return this.#scheduleWake()
        }
      }
    })
  }

  #kindOf({ kind, atMs }: Missed): Kind | 'early timer' {
    if (kind !== 'timer' || !this.#suspended) return kind
    return this.simulation.nowMs - atMs < STALLED_MS ? 'early timer' : kind
  }

  #turn(action: () => void): void {
    this.turns++
    this.#inTurn = true
    try {
      action()
      if (this.#deferred.length > 0 && this.#alive && !this.random.chance(this.#joinChance)) this.#drain()
    } catch (error) {
      if (!(error instanceof ProcessDead)) throw error
    } finally {
      this.#inTurn = false
    }
    if (this.#deferred.length > 0 && this.#alive) {
      this.after(this.random.float() * 0.1, 'deferred', 'end of turn', () => this.#drain())
    }
  }

  #drain(): void {
    while (this.#deferred.length > 0) this.#deferred.shift()!()
  }
}
