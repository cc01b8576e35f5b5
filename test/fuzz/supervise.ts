/** Runs one target in a process of its own and watches it: what it reports, whether it still gets on, and how it ends. */
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { caseSeed, randomOf } from './target.js'
import { targetOf } from './targets.js'

/** Enough for every case many times over; what eats more is a failure. */
const HEAP_MB = 512
/** A case that takes this long does not come to an end. */
const PATIENCE_MS = 60_000
const LOOK_EVERY_MS = 1000
const LAST_WORDS = 4000

export interface TargetJob {
  readonly target: string
  readonly seed: string
  /** The only case to run; undefined: as many as there is time for, from 0 on. */
  readonly index: number | undefined
  readonly seconds: number
}

export interface Failure {
  readonly seed: string
  readonly message: string
  readonly hex: string
}

export interface TargetReport {
  readonly cases: number
  readonly tried: number
  readonly past: number
  readonly seconds: number
  readonly failure: Failure | undefined
}

export function runTarget(job: TargetJob): Promise<TargetReport> {
  const folder = mkdtempSync(join(tmpdir(), 'lograft-fuzz-'))
  const progress = join(folder, 'case')
  const { target, seed, index, seconds } = job
  const args = [target, seed, String(index ?? ''), String(seconds), progress]
  const child = fork(fileURLToPath(new URL('worker.js', import.meta.url)), args, {
    execArgv: ['--enable-source-maps', `--max-old-space-size=${HEAP_MB}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let report: TargetReport | undefined
  let words = ''
  let seen = -1
  let seenAtMs = performance.now()
  let hung = false
  child.on('message', (message) => {
    report = message as TargetReport
  })
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-LAST_WORDS)
  })
  const watch = setInterval(() => {
    const current = currentCase(progress)
    if (current !== seen) {
      seen = current
      seenAtMs = performance.now()
    } else if (performance.now() - seenAtMs > PATIENCE_MS) {
      hung = true
      child.kill('SIGKILL')
    }
  }, LOOK_EVERY_MS)
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearInterval(watch)
      const last = currentCase(progress)
      rmSync(folder, { recursive: true, force: true })
      if (report !== undefined && code === 0) return resolve(report)
      const how = hung ? `no end after ${PATIENCE_MS / 1000} s` : `the process ended with ${signal ?? code}: ${words}`
      resolve({ cases: last + 1, tried: 0, past: 0, seconds: 0, failure: failureOf(job, Math.max(last, 0), how) })
    })
  })
}

/** What brought the process down cannot be asked any more, but drawn again. */
function failureOf({ target, seed }: TargetJob, index: number, message: string): Failure {
  const { draw, bytesOf } = targetOf(target)!
  const hex = Buffer.from(bytesOf(draw(randomOf(target, seed, index)))).toString('hex')
  return { seed: caseSeed(seed, index), message, hex }
}

/** -1: none has begun. */
function currentCase(progress: string): number {
  try {
    return Number(readFileSync(progress).readBigUInt64BE())
  } catch {
    return -1
  }
}
