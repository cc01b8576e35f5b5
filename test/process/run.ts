/**
 * Runs the tests with real processes, one file after the other, because each wants the machine: `node dist/test/process/run.js
 * [--seed text] [part of a file name ...]`. Ends with an error if a test fails or none was found.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { SEED_VARIABLE, seedOf } from '../seed.js'

const LONGEST_FILE_MS = 300_000

const { values, positionals } = parseArgs({ options: { seed: { type: 'string' } }, allowPositionals: true })
const root = fileURLToPath(new URL('.', import.meta.url))
// The files run in processes of their own.
process.env[SEED_VARIABLE] = values.seed ?? seedOf(root)

const files = readdirSync(root)
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)))
  .map((file) => join(root, file))
  .sort()

if (files.length === 0) {
  process.stderr.write(`no test file matches ${positionals.join(' ')}\n`)
  process.exit(2)
}

let passed = 0
let failed = 0
const events = run({ files, concurrency: false, timeout: LONGEST_FILE_MS })
events.on('test:pass', ({ details }) => {
  if (details.type !== 'suite') passed++
})
events.on('test:fail', () => failed++)
const report = events.compose(new spec())
report.pipe(process.stdout)
await finished(report)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
