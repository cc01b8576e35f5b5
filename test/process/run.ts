/**
 * Runs the tests with real processes, one file after the other, because each wants the machine: `node dist/test/process/run.js
 * [--seed TEXT] [--no-skips] [part of a file name ...]`. Ends with an error if a test fails or none was found, and with --no-skips also if one was skipped; which
 * were, and why, is said in the end.
 */
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { finished } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'
import { commandLine } from '../../jepsen/command-line.js'
import { SEED_VARIABLE, seedOf } from '../seed.js'

const LONGEST_FILE_MS = 300_000
const SUFFIX = '.test.js'

const root = fileURLToPath(new URL('.', import.meta.url))
const all = readdirSync(root)
  .filter((file) => file.endsWith(SUFFIX))
  .sort()
const USAGE = `npm run test:process -- [--seed TEXT] [--no-skips] [PART ...]

Tests with real processes, one file after the other: those with a part in their names, or all of
  ${all.map((file) => file.slice(0, -SUFFIX.length)).join(', ')}

  --seed TEXT   what is drawn follows from it
  --no-skips    a test that cannot be made here counts as failed`

const { values, positionals } = commandLine(USAGE, {
  seed: { type: 'string' },
  'no-skips': { type: 'boolean', default: false },
})
// The files run in processes of their own.
process.env[SEED_VARIABLE] = values.seed ?? seedOf(root)

const files = all
  .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)))
  .map((file) => join(root, file))

if (files.length === 0) {
  process.stderr.write(`no test file matches ${positionals.join(' ')}\n`)
  process.exit(2)
}

let passed = 0
let failed = 0
const skipped: string[] = []
const events = run({ files, concurrency: false, timeout: LONGEST_FILE_MS })
events.on('test:pass', ({ name, file, skip, details }) => {
  if (skip !== undefined && skip !== false) {
    const why = typeof skip === 'string' ? skip : 'it does not say why'
    skipped.push(`skipped ${basename(file ?? '', SUFFIX)}: ${name}: ${why}`)
  } else if (details.type !== 'suite') passed++
})
events.on('test:fail', () => failed++)
const report = events.compose(new spec())
report.pipe(process.stdout)
await finished(report)
const isFailed = failed > 0 || passed + skipped.length === 0 || (values['no-skips'] && skipped.length > 0)
process.stdout.write(`\n${[...skipped, `${passed} passed, ${failed} failed, ${skipped.length} skipped`].join('\n')}\n`)
process.exitCode = isFailed ? 1 : 0
