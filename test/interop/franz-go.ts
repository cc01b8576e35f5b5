/** franz-go, the client written in Go: idempotent by default, every codec; and its own tests. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, type Context, cachePath, installOnce, sourcePath } from './client.js'
import { attempt, commandError, probe, run } from './external.js'
import { groupChecks } from './group-round-trips.js'
import { leftOut, readTests, requirePassed, toRun } from './own-tests.js'
import { type Program, roundTrips } from './round-trips.js'

const NAME = 'franz-go'
const OLDEST_GO = 26
const SOURCE = sourcePath(NAME)
const TESTED = 'github.com/twmb/franz-go/pkg/kgo'
const TESTS = 'kgo.test'
const TESTS_LIMIT_MS = 240_000
/** Most of them wait. */
const TESTS_AT_ONCE = 8
/** Of each of its tests of groups; they do with half a million by default. */
const TEST_RECORDS = 5000
/** What they say when all is well. */
const CLEANING = /deleting (topic|group) | completed in /
const SAID_LINES = 25

function missing(): string | undefined {
  const version = probe('go', 'version')
  if (version === undefined) return 'no go'
  const minor = Number(/go1\.(\d+)/.exec(version)?.[1])
  return minor >= OLDEST_GO ? undefined : `go 1.${minor}, and the library needs 1.${OLDEST_GO}`
}

async function install(): Promise<void> {
  const files = ['go.mod', 'go.sum', 'main.go'].map((file) => join(SOURCE, file))
  const runtime = `${probe('go', 'version')} ${TESTED}`
  await installOnce(NAME, { files, runtime }, async (path) => {
    for (const args of [
      ['build', '-mod=readonly', '-o', join(path, 'client'), '.'],
      // A module comes with its tests.
      ['test', '-c', '-mod=readonly', '-o', join(path, TESTS), TESTED],
    ]) {
      const env = { GOTOOLCHAIN: 'local', GOWORK: 'off' }
      await run({ command: 'go', args, directory: SOURCE, env, limitMs: 300_000 })
    }
  })
}

const program: Program = () => ({ command: cachePath(NAME, 'client'), args: [] })

async function checkOwnTests({ bootstrap, file }: Context): Promise<string> {
  const tests = readTests(NAME)
  const wanted = toRun(tests)
  const directory = file(`${NAME}.tests`)
  mkdirSync(directory)
  const command = {
    command: cachePath(NAME, TESTS),
    args: ['-test.v', `-test.run=^(${wanted.join('|')})$`, `-test.parallel=${TESTS_AT_ONCE}`],
    directory,
    env: { KGO_SEEDS: bootstrap, KGO_TEST_RF: '3', KGO_TEST_RECORDS: String(TEST_RECORDS), KGO_LOG_LEVEL: 'none' },
    limitMs: TESTS_LIMIT_MS,
  }
  const outcome = await attempt(command)
  const output = outcome.stdout.toString()
  const states = new Map<string, string>()
  for (const [, state, name] of output.matchAll(/^--- (PASS|FAIL|SKIP): (\w+) /gm)) {
    states.set(name!, state === 'PASS' ? 'passed' : state!)
  }
  // What tests say carries the file, and not the name of the test.
  const said = output.split('\n').filter((line) => line.includes('_test.go:') && !CLEANING.test(line))
  requirePassed(wanted, states, () => said.slice(-SAID_LINES).join('\n'))
  if (outcome.code !== 0) throw commandError(command, outcome)
  return `${wanted.length} passed; ${leftOut(tests)}`
}

export const franzGo: Client = {
  name: NAME,
  about: 'franz-go 1.22.2',
  brokers: 'three',
  missing,
  install,
  fetchesInSessions: true,
  checks: [
    ...roundTrips(NAME, program, {
      variants: [
        { codec: 'none', idempotent: true },
        { codec: 'gzip', idempotent: true },
        { codec: 'snappy', idempotent: true },
        { codec: 'lz4', idempotent: true },
        { codec: 'zstd', idempotent: true },
        { codec: 'none', acks: 0 },
        { codec: 'none', acks: 1 },
      ],
      reads: true,
    }),
    ...groupChecks(NAME, program, { protocols: ['classic', 'consumer'] }),
    { name: 'own tests', run: checkOwnTests },
  ],
}
