/**
 * Runs the unit tests and properties: `node dist/test/run.js [--seed S] [part of a file name ...]`. Every `*.test.js` below this folder,
 * but for the suites that have a command of their own (interop, scenarios, ...). Ends with an error if a test fails or none was found.
 * What the properties draw follows from the seed (see `seed.ts`), which is printed.
 */
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { finished } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'
import { commandLine } from '../jepsen/command-line.js'
import { SEED_VARIABLE, seedOf } from './seed.js'

/** Folders whose tests need other languages, real processes or many minutes. */
const OWN_COMMAND = ['fuzz', 'interop', 'mutants', 'process', 'seeds']

const root = fileURLToPath(new URL('.', import.meta.url))
const USAGE = `npm test -- [--seed TEXT] [PART ...]

Unit tests and properties: of files with a part in their paths, or all.

  --seed TEXT   what properties draw follows from it`

const { values, positionals: wanted } = commandLine(USAGE, { seed: { type: 'string' } })

const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => !OWN_COMMAND.some((folder) => file.startsWith(`${folder}/`) || file.startsWith(`${folder}\\`)))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .map((file) => join(root, file))
  .sort()

if (files.length === 0) {
  process.stderr.write(`no test file matches ${wanted.join(' ')} below ${relative(process.cwd(), root)}\n`)
  process.exit(2)
}

const seed = values.seed ?? seedOf(root)
process.env[SEED_VARIABLE] = seed
// The test runner of Node 20 hands its own environment to the files, but no arguments of our choosing.
process.env['NODE_OPTIONS'] = `${process.env['NODE_OPTIONS'] ?? ''} --import=${new URL('seeded.js', import.meta.url)}`

let passed = 0
let failed = 0
const events = run({ files, concurrency: true })
events.on('test:pass', ({ details }) => {
  if (details.type !== 'suite') passed++
})
events.on('test:fail', () => failed++)
const report = events.compose(new spec())
report.pipe(process.stdout)
await finished(report)
process.stdout.write(`seed of the properties: ${seed} (again: npm test -- --seed ${seed})\n`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
