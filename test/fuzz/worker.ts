/** The process in which one target runs: case after case until the time is over or one fails. Which case it is at stands in a file. */
import { openSync, writeSync } from 'node:fs'
import type { TargetReport } from './supervise.js'
import { caseSeed, randomOf } from './target.js'
import { targetOf } from './targets.js'

const LARGEST_RESIDENT_KB = 1536 * 1024

const [name, seed, only, seconds, progressPath] = process.argv.slice(2) as [string, string, string, string, string]
const target = targetOf(name)!
const progress = openSync(progressPath, 'w')
const place = Buffer.alloc(8)

let cases = 0
let tried = 0
let past = 0

/** Undefined: it passed. */
function runCase(index: number): TargetReport['failure'] {
  place.writeBigUInt64BE(BigInt(index))
  writeSync(progress, place, 0, place.length, 0)
  const input = target.draw(randomOf(name, seed, index))
  try {
    const outcome = target.run(input)
    cases++
    tried += outcome.tried
    past += outcome.past
    return undefined
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { seed: caseSeed(seed, index), message, hex: Buffer.from(target.bytesOf(input)).toString('hex') }
  }
}

function runAll(): TargetReport['failure'] {
  if (only !== '') return runCase(Number(only))
  const deadlineMs = performance.now() + 1000 * Number(seconds)
  for (let index = 0; performance.now() < deadlineMs; index++) {
    const failure = runCase(index)
    if (failure !== undefined) return failure
  }
  const { maxRSS } = process.resourceUsage()
  if (maxRSS <= LARGEST_RESIDENT_KB) return undefined
  return { seed, message: `the process grew to ${Math.round(maxRSS / 1024)} MB`, hex: '' }
}

const startedAtMs = performance.now()
const failure = runAll()
const report: TargetReport = { cases, tried, past, seconds: (performance.now() - startedAtMs) / 1000, failure }
process.send!(report, () => process.disconnect())
