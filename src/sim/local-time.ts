/**
 * LocalTime: the monotonic clock of a machine, as a function of the simulation's time: it may run fast or slow, and stand still, but never goes
 * back. At its ordinary rate it is the simulation's time, to the last bit.
 */
import type { Simulation } from './simulation.js'

export class LocalTime {
  readonly #simulation: Simulation
  #rate = 1
  /** Where the clock began to go at this rate: by the simulation and by itself. */
  #fromMs = 0
  #localMs = 0

  constructor(simulation: Simulation) {
    this.#simulation = simulation
  }

  /** What the clock shows at this moment, which is not before the latest change. */
  at(nowMs: number): number {
    // While it stands still, it shows what it will show.
    return this.#localMs + Math.max(0, nowMs - this.#fromMs) * this.#rate
  }

  /** How long it takes by the simulation until the clock shows this. */
  until(localMs: number, nowMs: number): number {
    const standsMs = Math.max(0, this.#fromMs - nowMs)
    return Math.max(0, (localMs - this.at(nowMs)) / this.#rate) + standsMs
  }

  /** Seconds that it counts in each second from now on. */
  set rate(rate: number) {
    const { nowMs } = this.#simulation
    const localMs = this.at(nowMs)
    this.#fromMs = Math.max(this.#fromMs, nowMs)
    this.#localMs = localMs
    this.#rate = rate
  }

  get rate(): number {
    return this.#rate
  }

  /** It goes on, if it stands still. */
  go(): void {
    this.#fromMs = Math.min(this.#fromMs, this.#simulation.nowMs)
  }

  /** It stands still from now on for so long. */
  skip(durationMs: number): void {
    const { nowMs } = this.#simulation
    const localMs = this.at(nowMs)
    this.#fromMs = Math.max(this.#fromMs, nowMs) + durationMs
    this.#localMs = localMs
  }
}
