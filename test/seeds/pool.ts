/** Runs many seeds, as many at a time as there are processors, each worker in a process of its own. */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Job, JobResult } from './worker.js'

/** A run makes much that does not live long: with more room for it, less of it is copied. */
const YOUNG_MB = 64
const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url))

/** `take` gives the next job, or undefined when there is none left. Rejects if a worker dies. */
export async function runJobs(take: () => Job | undefined, done: (result: JobResult) => void): Promise<void> {
  await Promise.all(Array.from({ length: availableParallelism() }, () => work(take, done)))
}

function work(take: () => Job | undefined, done: (result: JobResult) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = fork(WORKER, { execArgv: ['--enable-source-maps', `--max-semi-space-size=${YOUNG_MB}`] })
    let at: Job | undefined
    const next = (): void => {
      at = take()
      if (at === undefined) worker.disconnect()
      else worker.send(at)
    }
    worker.on('message', (result: JobResult) => {
      done(result)
      next()
    })
    worker.once('error', reject)
    worker.once('exit', (code) => {
      if (at === undefined) resolve()
      else reject(new Error(`the worker ended with ${code} in seed ${at.seed}`))
    })
    next()
  })
}
