/** The compute port: for each lane a worker thread, started with the first job and let go when idle. */
import { Worker } from 'node:worker_threads'
import type { Compute, ComputeDone, Job, Lane } from '../compute.js'

const IDLE_MS = 10_000

export class NodeCompute implements Compute {
  readonly #lanes: Readonly<Record<Lane, LaneWorker>>

  /** A worker that has had nothing to do for `idleMs` is let go. */
  constructor(idleMs = IDLE_MS) {
    this.#lanes = { request: new LaneWorker(idleMs), background: new LaneWorker(idleMs) }
  }

  run<Input, Output>(job: Job<Input, Output>, input: Input, done: ComputeDone<Output>): void {
    this.#lanes[job.lane].run(job, input, done)
  }
}

class LaneWorker {
  readonly #idleMs: number
  readonly #waiting = new Map<number, ComputeDone<unknown>>()
  #worker: Worker | undefined
  #next = 0
  #idle: NodeJS.Timeout | undefined

  constructor(idleMs: number) {
    this.#idleMs = idleMs
  }

  run<Input, Output>(job: Job<Input, Output>, input: Input, done: ComputeDone<Output>): void {
    clearTimeout(this.#idle)
    const id = this.#next++
    this.#waiting.set(id, done as ComputeDone<unknown>)
    this.#worker ??= this.#start()
    this.#worker.ref()
    this.#worker.postMessage({ id, module: job.module, name: job.name, input })
  }

  #start(): Worker {
    const worker = new Worker(new URL('compute-worker.js', import.meta.url))
    worker.on('message', ({ id, message, output }: { id: number; message?: string; output?: unknown }) => {
      this.#finish(id, message === undefined ? undefined : new Error(message), output)
    })
    worker.on('error', (error) => this.#fail(worker, error as Error))
    worker.on('exit', () => this.#fail(worker, new Error('the compute worker ended')))
    return worker
  }

  #finish(id: number, error: Error | undefined, output: unknown): void {
    const done = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) this.#rest()
    done?.(error, output)
  }

  /** No job keeps the process alive any longer, nor an idle worker its memory. */
  #rest(): void {
    const worker = this.#worker
    worker?.unref()
    this.#idle = setTimeout(() => {
      this.#worker = undefined
      void worker?.terminate()
    }, this.#idleMs)
    this.#idle.unref()
  }

  #fail(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const done of waiting) done(error, undefined)
  }
}
