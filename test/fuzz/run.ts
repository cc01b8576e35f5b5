/**
 * The fuzz suite: `node dist/test/fuzz/run.js [--minutes N] [--seed S] [TARGET ...]`. The time is shared out among the targets. Every failure is
 * printed with a seed, and `--seed S TARGET` repeats exactly that case; a seed without a case repeats the whole run from its beginning.
 *
 * Each target runs in a process of its own: a case that hangs, eats the memory or brings the process down is a failure like any other.
 */
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandLine, notAllowed, refuse } from '../../jepsen/command-line.js'
import { runTarget, type TargetReport } from './supervise.js'
import { parseSeed } from './target.js'
import { TARGETS } from './targets.js'

const DEFAULT_MINUTES = '1'
/** Hexadecimal digits. */
const LONGEST_SHOWN = 4000

const KNOWN = TARGETS.map(({ name }) => name).join(', ')
const USAGE = `npm run test:fuzz -- [--minutes COUNT] [--seed TEXT] [TARGET ...]

Mutated bytes at every door: at those that are named, or all of
  ${KNOWN}

  --minutes COUNT   that they share; part of one, too. Default: ${DEFAULT_MINUTES}
  --seed TEXT       what is drawn follows from it; as a failure prints it, it is that case alone. Default: the time`

const { values, positionals } = commandLine(USAGE, {
  minutes: { type: 'string', default: DEFAULT_MINUTES },
  seed: { type: 'string' },
})
const minutes = Number(values.minutes)
const names = positionals.length > 0 ? positionals : TARGETS.map(({ name }) => name)
const unknown = names.filter((name) => !TARGETS.some((target) => target.name === name))
if (unknown.length > 0) refuse(`no target is called ${unknown.join(', ')}: there are ${KNOWN}`)
if (!(minutes > 0)) notAllowed('minutes', values.minutes, 'a number above 0')

const { seed, index } = parseSeed(values.seed ?? Date.now().toString(36))
process.stdout.write(`seed ${values.seed ?? seed}\n`)

let failed = false
for (const name of names) {
  const report = await runTarget({ target: name, seed, index, seconds: (minutes * 60) / names.length })
  failed = print(name, report) || failed
}
process.exitCode = failed ? 1 : 0

/** True: it failed. */
function print(name: string, { cases, tried, past, seconds, failure }: TargetReport): boolean {
  const floor = TARGETS.find((target) => target.name === name)!.floor
  const share = tried === 0 ? 0 : past / tried
  const inputs = tried === cases ? '' : `, ${tried} inputs`
  process.stdout.write(
    `${name}: ${cases} cases${inputs} in ${seconds.toFixed(0)} s, ${(100 * share).toFixed(1)} % past the first check\n`,
  )
  if (failure !== undefined) {
    const { seed: failing, message, hex } = failure
    process.stdout.write(
      `\n${name} FAILED: ${message}\n  input: ${shown(`${name}-${failing}`, hex)}\n  again: --seed ${failing} ${name}\n\n`,
    )
    return true
  }
  // A single case proves nothing about shares.
  if (index !== undefined || share >= floor) return false
  process.stdout.write(`\n${name} FAILED: ${(100 * floor).toFixed(0)} % at least must get past the first check\n\n`)
  return true
}

/** What is too long to be read stands in a file. */
function shown(label: string, hex: string): string {
  if (hex.length <= LONGEST_SHOWN) return hex
  const path = join(tmpdir(), `lograft-fuzz-${label.replace(/[^a-z0-9-]/gi, '-')}.hex`)
  writeFileSync(path, hex)
  return `${hex.length / 2} bytes, as hex in ${path}`
}
