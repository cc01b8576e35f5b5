/**
 * `npm run jepsen:campaign -- [--part standard|control|mutant|smoke] [--only TEXT] [--again] [--out DIR]`: runs of `runs.tsv`, each a process of its own, one after the other; what each has shown is written into `ledger.tsv`
 * at once, so that a campaign that was ended goes on where it was. The smoke writes no ledger. Ends with 1 if a run came out otherwise than expected.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endsWithThis, signalGroup } from '../beds/children.js'
import { commandLine } from '../command-line.js'
import { programOf } from './mutated.js'
import {
  formatLedger,
  isIn,
  type LedgerRow,
  type PlannedRun,
  parseLedger,
  plannedRuns,
  rowOf,
  type Said,
  withRow,
} from './runs.js'

/** The folder of the sources; this file runs from <root>/<build>/jepsen/campaign/. */
const SOURCES = fileURLToPath(new URL('../../../jepsen/campaign/', import.meta.url))
const LEDGER = join(SOURCES, 'ledger.tsv')
/** A run reads everything again behind its load. */
const LONGEST_RUN_MS = 15 * 60_000
const LAST_LINES = 5

const USAGE = `npm run jepsen:campaign -- [--part standard|control|mutant|smoke] [--only TEXT] [--again] [--out DIR]

Plays the runs of jepsen/campaign/runs.tsv that have not yet come out as expected, and writes down what each has shown.

  --part PART   Default: standard
  --only TEXT   those with that in their names
  --again       also those that came out as expected
  --out DIR     for what runs leave that came out otherwise. Default: a temporary directory`

const { values: options, positionals } = commandLine(USAGE, {
  part: { type: 'string', default: 'standard' },
  only: { type: 'string' },
  again: { type: 'boolean', default: false },
  out: { type: 'string' },
})
if (positionals.length > 0) {
  process.stderr.write(`${positionals.join(' ')}: names of runs are given with --only\n`)
  process.exit(2)
}
const isSmoke = options.part === 'smoke'
const planned = plannedRuns(readFileSync(join(SOURCES, 'runs.tsv'), 'utf8')).filter(
  ({ name, part }) => part === options.part && name.includes(options.only ?? ''),
)
if (planned.length === 0) {
  process.stderr.write(
    `runs.tsv has no run of part ${options.part}${options.only === undefined ? '' : ` with "${options.only}" in its name`}\n`,
  )
  process.exit(2)
}
let rows: LedgerRow[] = existsSync(LEDGER) ? parseLedger(readFileSync(LEDGER, 'utf8')) : []
const out = resolve(options.out ?? mkdtempSync(join(tmpdir(), 'lograft-jepsen-')))
mkdirSync(out, { recursive: true })
const commit = commitNow()
let others = 0
for (const run of planned) {
  if (!isSmoke && !options.again && isIn(rows, run)) continue
  const beganMs = performance.now()
  const row = await runOne(run)
  const seconds = ((performance.now() - beganMs) / 1000).toFixed(0)
  if (row.result !== 'as expected') others++
  const figures = `${row.ok} ok, ${row.okPerSecond} a second, recovery ${row.recoveryMs} ms, ${row.anomalies || 'no anomaly'}`
  process.stdout.write(
    `${row.result}: ${row.name} (${row.repetition}): ${row.verdict}, ${figures}, ${seconds} s ${row.reason}\n`,
  )
  if (isSmoke) continue
  // The ledger is for every machine.
  rows = withRow(rows, { ...row, reason: row.reason.replaceAll(`${out}${sep}`, '') })
  writeFileSync(`${LEDGER}.new`, formatLedger(rows))
  renameSync(`${LEDGER}.new`, LEDGER)
}
if (others > 0) process.stdout.write(`${others} of ${planned.length} otherwise than expected: ${out}\n`)
else if (options.out === undefined) rmSync(out, { recursive: true, force: true })
process.exitCode = others > 0 ? 1 : 0

async function runOne(run: PlannedRun): Promise<LedgerRow> {
  const seed = `${run.name}-${run.repetition}`.replace(/[^A-Za-z0-9]+/g, '-')
  const directory = join(out, seed)
  const build = `${directory}-build`
  // Of a run that was ended: nodes would find their old data.
  for (const old of [directory, build]) rmSync(old, { recursive: true, force: true })
  const { main, words: own } = programOf(run.arguments, build)
  const words = [...own, '--json', '--out', directory]
  const child = endsWithThis(
    spawn(
      process.execPath,
      ['--enable-source-maps', main, ...words, ...(words.includes('--seed') ? [] : ['--seed', seed])],
      {
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    ),
    // Its nodes are groups of their own, which it ends.
    'SIGTERM',
  )
  const late = setTimeout(() => signalGroup(child, 'SIGTERM'), LONGEST_RUN_MS)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(late)
  let said: Said | undefined
  try {
    said = JSON.parse(stdout) as Said
  } catch {
    // It says why on the other stream.
  }
  const row = rowOf(run, commit, said, `exit code ${code}: ${stderr.trim().split('\n').slice(-LAST_LINES).join(' ')}`)
  if (row.result === 'as expected')
    for (const done of [directory, build]) rmSync(done, { recursive: true, force: true })
  return row
}

function commitNow(): string {
  const git = (...args: readonly string[]): string =>
    spawnSync('git', args, { cwd: SOURCES, encoding: 'utf8' }).stdout?.trim() ?? ''
  // The ledger itself is always a change.
  const isChanged = git('status', '--porcelain', '--', ':/src', ':/jepsen', ':!ledger.tsv') !== ''
  return `${git('rev-parse', '--short', 'HEAD')}${isChanged ? '+' : ''}`
}
