/**
 * SimulatedCompute: runs a job when its turn in its lane has come and some time has passed. What goes in and out is copied, so that nobody shares
 * memory with it but where that is meant.
 */
import type { Compute, ComputeDone, Job, Lane } from '../io/compute.js'
import type { SimulatedProcess } from './process.js'
import { quantized } from './simulation.js'

/** How long a job takes, on average. */
const MEAN_MS: Readonly<Record<Lane, number>> = { request: 0.5, background: 1 }
/** Now and then a background job takes many times as long. */
const LONG_CHANCE = 0.1
const LONG_FACTOR = 20

export class SimulatedCompute implements Compute {
  readonly #process: SimulatedProcess
  /** When the last job of a lane will be done. */
  readonly #freeAtMs: Record<Lane, number> = { request: 0, background: 0 }

  constructor(process: SimulatedProcess) {
    this.#process = process
  }

  run<Input, Output>(job: Job<Input, Output>, input: Input, done: ComputeDone<Output>): void {
    const process = this.#process
    process.assertAlive()
    const copy = structuredClone(input)
    const beginMs = Math.max(process.nowMs, this.#freeAtMs[job.lane])
    const endMs = quantized(beginMs + this.#durationMs(job.lane))
    this.#freeAtMs[job.lane] = endMs
    process.after(endMs - process.nowMs, 'arrival', `compute ${job.name}`, () => {
      let output: Output
      try {
        output = structuredClone(job.run(copy))
      } catch (error) {
        return done(error as Error, undefined)
      }
      done(undefined, output)
    })
  }

  #durationMs(lane: Lane): number {
    const { random } = this.#process
    const durationMs = random.exponential(MEAN_MS[lane])
    return lane === 'background' && random.chance(LONG_CHANCE) ? durationMs * LONG_FACTOR : durationMs
  }
}
