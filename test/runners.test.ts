/**
 * What people start by hand, or by `npm run`, and what it says of a command line that it does not understand: one sentence that names what is wrong, exit code 2, and
 * nothing is begun.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const BUILD = fileURLToPath(new URL('../', import.meta.url))
const CLONE = join(BUILD, '..')
/** Only where much else is going on does one take a second. */
const LONGEST_MS = 120_000
/** Has tests of its own. */
const COMMAND = 'src/main'
const RUNNERS = [
  'bench/check-history',
  'bench/record-history',
  'bench/run',
  'jepsen/campaign/main',
  'jepsen/main',
  'test/docs',
  'test/fuzz/run',
  'test/interop/run',
  'test/jepsen/write-histories',
  'test/mutants/build',
  'test/mutants/run',
  'test/mutants/stories',
  'test/process/run',
  'test/raft/mutants/run',
  'test/raft/soak',
  'test/run',
  'test/seeds/groups',
  'test/seeds/quorum',
  'test/seeds/replication',
  'test/seeds/run',
  'test/suites/run',
  'test/suites/score',
] as const

/** Options that are known, with what they cannot be. */
const WRONG: readonly (readonly [runner: (typeof RUNNERS)[number], line: string, sentence: RegExp])[] = [
  ['bench/check-history', '--unknown 2', /^--unknown 2 is not allowed: it must be a number from 0 to 1;/],
  ['bench/record-history', '--file', /^Option '--file <value>' argument missing;/],
  ['bench/run', '--nodes three', /^--nodes three is not allowed: it must be a whole number from 1 on;/],
  ['jepsen/main', '--time soon', /^--time must be a number from 0 on;/],
  ['jepsen/main', '--driver', /^Not enough arguments following: driver;/],
  ['test/docs', 'README.md', /^README.md: only options are understood;/],
  ['test/mutants/run', '--first x', /^--first x is not allowed: it must be a whole number from 0 on;/],
  ['test/raft/mutants/run', '--worlds 0', /^--worlds 0 is not allowed: it must be a whole number from 1 on;/],
  ['test/raft/soak', '--weather rain', /^--weather rain is not allowed: it must be an object in JSON;/],
  ['test/seeds/groups', '--part 0', /^--part 0 is not allowed: it must be a whole number from 1 on;/],
  ['test/seeds/replication', '--profile nowhere', /^--profile nowhere is not allowed: it must be one of replication, /],
  ['test/seeds/run', '--seeds 1.5', /^--seeds 1.5 is not allowed: it must be a whole number from 1 on;/],
  ['test/suites/score', 'nobody', /^there is no suite nobody; there are kafka-python, /],
]

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function ended(runner: string, words: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(BUILD, `${runner}.js`), ...words], {
      cwd: CLONE,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LONGEST_MS,
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, stdout, stderr }))
  })
}

/** As many at a time as there are processors; what was wrong, in sentences. */
async function wrongOf<Each>(all: readonly Each[], look: (each: Each) => Promise<string | undefined>) {
  const left = [...all]
  const wrong: string[] = []
  const lane = async (): Promise<void> => {
    for (let each = left.shift(); each !== undefined; each = left.shift()) wrong.push((await look(each)) ?? '')
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
  return wrong.filter((sentence) => sentence !== '').sort()
}

async function refusal(runner: string, words: readonly string[], sentence: RegExp): Promise<string | undefined> {
  const { status, stdout, stderr } = await ended(runner, words)
  const isOneLine = /^[^\n]+\n$/.test(stderr)
  if (status === 2 && stdout === '' && isOneLine && sentence.test(stderr)) return undefined
  return `${[runner, ...words].join(' ')} ends with ${status}: ${`${stdout}${stderr}`.slice(0, 300)}`
}

test('an option that a runner does not know is named in one sentence', async () => {
  const unknown = /^Unknown (?:option '--nonsense'|argument: nonsense); --help says what there is$/m
  assert.deepEqual(await wrongOf(RUNNERS, (runner) => refusal(runner, ['--nonsense'], unknown)), [])
})

test('a value that an option cannot have is refused before anything is begun', async () => {
  assert.deepEqual(await wrongOf(WRONG, ([runner, line, sentence]) => refusal(runner, line.split(' '), sentence)), [])
})

test('every script of package.json is a runner of this table, and none reads its words in a way of its own', () => {
  const { scripts } = JSON.parse(readFileSync(join(CLONE, 'package.json'), 'utf8')) as {
    scripts: Readonly<Record<string, string>>
  }
  const started = Object.values(scripts).flatMap((script) => /\bdist\/(\S+)\.js/.exec(script)?.[1] ?? [])
  assert.ok(started.length > 10)
  const known: readonly string[] = [...RUNNERS, COMMAND]
  assert.deepEqual(
    started.filter((script) => !known.includes(script)),
    [],
  )
  const own = ['bench', 'jepsen', 'test'].flatMap((folder) =>
    readdirSync(join(CLONE, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => join(folder, path))
      .filter((path) => /\bparseArgs\b.* from 'node:util'/.test(readFileSync(join(CLONE, path), 'utf8'))),
  )
  assert.deepEqual(own, [join('jepsen', 'command-line.ts')])
})
