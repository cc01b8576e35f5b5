/**
 * librdkafka's own tests, built from the sources that an npm package carries and run by their own runner, on three brokers of their own with
 * the settings that they expect. Which of them are run stands in `librdkafka/tests.tsv`; a line with a slash is a part of a test, which the
 * runner gives a process of its own.
 */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { writeScripts } from '../suites/clients/scripts.js'
import { BrokerProcess } from './broker.js'
import { type BrokerCount, type Client, type Context, cachePath, installOnce, sourcePath } from './client.js'
import { attempt, type Outcome, probe, run } from './external.js'
import { missingNpm } from './node-clients.js'
import { type Kind, leftOut, readTests, requirePassed, toRun } from './own-tests.js'
import { ThreeBrokers } from './three-brokers.js'
import { CREATES_AGAIN, deletedAndFound, removeCreatedAgain } from './topics-created-again.js'

const NAME = 'librdkafka'
const VERSION = '2.12.0'
const PINS = ['package.json', 'package-lock.json']
const RUNNER = 'test-runner'
const LIBRARIES = ['src/librdkafka.so.1', 'src-cpp/librdkafka++.so.1']
/** What tests of these versions skip where a Kafka is older. */
const KAFKA_VERSION = '4.2.0'
/** As in the scenario that the tests call default, and in the settings that Kafka is shipped with. */
const SETTINGS = ['num.partitions=4', 'group.initial.rebalance.delay.ms=0']
/** Headers of codecs, TLS and HTTP that a machine may have or not have: so that the same is built everywhere. */
const WITHOUT = ['zstd', 'lz4-ext', 'ssl', 'gssapi', 'curl', 'syslog', 'debug-symbols']
const ZLIB = '#include <zlib.h>\nint main(void) { return zlibVersion() == 0; }\n'

/**
 * Three of them (0089, 0102, 0118) take it that two consumers that are started in the same millisecond are in the first generation together. The client is at times 50 ms late with one of
 * them: the other has everything for itself until then, and such a run may fail. Apache Kafka 4.3.1 answers a few ms later, and 13 runs of 0089 passed without this.
 */
const BOTH_TOGETHER = ['group.initial.rebalance.delay.ms=500']

/** Members hear of a rebalance with the answer to a heartbeat: every five seconds by default, which would be most of the time of these tests. */
const QUICK_HEARTBEATS = ['group.consumer.heartbeat.interval.ms=1000', 'group.consumer.min.heartbeat.interval.ms=1000']

const BUILD_LIMIT_MS = 300_000
const RUN_LIMIT_MS = 240_000
const PART_LIMIT_MS = 150_000
/** Most of them wait. */
const TESTS_AT_ONCE = 10
const PARTS_AT_ONCE = 6
const LOG_LINES = 25
/**
 * Allows 999 ms for what takes the client two waits of 500 ms of its own wherever it learns which node it speaks to, and drops that connection, before
 * it has asked for a producer id: with Apache Kafka 4.3.1 three of twenty runs fail. One of the next runs, by itself, has to pass.
 */
const WAITS_BY_ITSELF = '0001_multiobj'
const NEXT_RUNS = 5
const IDEMPOTENT = '-P'
/**
 * Through sockets of their own making, whose threads go on reading from a descriptor that is closed: by then it may be that of another test, whose answers are then
 * torn. So no other test is in their process.
 */
const OWN_PROCESS = [
  '0049_consume_conn_close',
  '0075_retry',
  '0076_produce_retry',
  '0088_produce_metadata_timeout',
  '0094_idempotence_msg_timeout',
]
/** Gigabytes: with three replicas the disk would be what is tried, and the time of the suite. In the quick run they write less, and so on three brokers. */
const BULK = ['0038_performance', '0041_fetch_max_bytes']
/** The scenario in which their runner runs these; it runs no other test there. */
const NOT_BY_THEMSELVES = {
  scenario: 'noautocreate',
  tests: [
    '0045_subscribe_update_topic_remove',
    '0045_subscribe_update_non_exist_and_partchange',
    '0107_topic_recreate',
    '0111_delay_create_topics',
  ],
}

async function missing(): Promise<string | undefined> {
  const noNpm = missingNpm()
  if (noNpm !== undefined) return noNpm
  for (const tool of ['bash', 'make', 'gcc', 'g++']) if (probe(tool, '--version') === undefined) return `no ${tool}`
  const args = ['-x', 'c', '-', '-fsyntax-only']
  const { code } = await attempt({ command: 'gcc', args, input: ZLIB })
  return code === 0 ? undefined : 'no headers of zlib'
}

async function install(): Promise<void> {
  const pins = PINS.map((file) => sourcePath(NAME, file))
  const runtime = `${WITHOUT} ${probe('gcc', '-dumpfullversion')}`
  await installOnce(NAME, { files: pins, runtime }, async (path) => {
    const build = join(path, 'build')
    mkdirSync(build)
    for (const file of PINS) copyFileSync(sourcePath(NAME, file), join(build, file))
    const npm = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    await run({ command: 'npm', args: npm, directory: build, limitMs: BUILD_LIMIT_MS })
    const directory = join(build, 'node_modules', 'node-rdkafka', 'deps', 'librdkafka')
    const configure = ['./configure', '--no-download', ...WITHOUT.map((name) => `--disable-${name}`)]
    const optimization = ['--disable-optimization', '--CFLAGS=-O1', '--CXXFLAGS=-O1']
    await run({ command: 'bash', args: [...configure, ...optimization], directory, limitMs: BUILD_LIMIT_MS })
    await run({ command: 'make', args: ['-j2', 'libs'], directory, limitMs: BUILD_LIMIT_MS })
    await run({ command: 'make', args: ['-j2', '-C', 'tests', RUNNER], directory, limitMs: BUILD_LIMIT_MS })
    for (const file of [...LIBRARIES, `tests/${RUNNER}`]) {
      copyFileSync(join(directory, file), join(path, file.slice(file.lastIndexOf('/') + 1)))
    }
    rmSync(build, { recursive: true })
  })
}

type GroupProtocol = 'classic' | 'consumer'

/** What tests are run on, and where they may write. */
interface Started {
  readonly directory: string
  readonly bootstrap: string
  /** Of one of the nodes. */
  readonly dataPath: string
}

interface Wanted {
  /** Numbers of tests. */
  readonly tests: readonly string[]
  /** Which their consumers use; default: classic. */
  readonly protocol?: GroupProtocol
  /** The part of them that is run. */
  readonly part?: string
  readonly args: readonly string[]
  readonly limitMs: number
}

interface Report {
  readonly tests: Readonly<Record<string, { readonly state: string; readonly duration: number }>>
}

/** One run of their runner: how it ended, what it reported of each test, and its log. */
async function runTests(
  { directory, bootstrap }: Started,
  { tests, part, args, limitMs, protocol = 'classic' }: Wanted,
) {
  const report = join(directory, `${part ?? (tests.length === 1 ? tests[0] : 'report')}.json`)
  rmSync(report, { force: true })
  const env = {
    LD_LIBRARY_PATH: cachePath(NAME),
    RDKAFKA_TEST_CONF: join(directory, 'test.conf'),
    TEST_KAFKA_VERSION: KAFKA_VERSION,
    TEST_CONSUMER_GROUP_PROTOCOL: protocol,
    // Where one looks for Kafka's scripts.
    KAFKA_PATH: writeScripts(directory),
    BROKERS: bootstrap,
    TEST_REPORT: report,
    TESTS: tests.join(','),
    ...(part !== undefined && { SUBTESTS: `${part}:` }),
  }
  const outcome = await attempt({ command: cachePath(NAME, RUNNER), args: ['-L', ...args], directory, env, limitMs })
  const log = stripVTControlCharacters(Buffer.concat([outcome.stdout, outcome.stderr]).toString())
  return { outcome, log, states: readStates(report, outcome, log) }
}

function readStates(path: string, { code }: Outcome, log: string): Map<string, string> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    throw new Error(`its runner ended with ${code ?? 'its time'} and wrote no report\n${lastLines(log)}`)
  }
  const { tests } = JSON.parse(text) as Report
  return new Map(Object.entries(tests).map(([name, { state }]) => [name, state.toLowerCase()]))
}

function lastLines(log: string): string {
  return log.trimEnd().split('\n').slice(-LOG_LINES).join('\n')
}

/** Why tests failed, before what each said last: who reads this may see the beginning alone. */
function saidBy(log: string, names: readonly string[]): string {
  const lines = log.split('\n')
  const reasons = lines.flatMap((line, at) =>
    // The line of the failure is followed by its text.
    names.some((name) => line.startsWith(`### Test "${name}`)) ? [line, lines[at + 1] ?? ''] : [],
  )
  const said = names.flatMap((name) => lines.filter((line) => line.startsWith(`[${name}`)).slice(-LOG_LINES))
  return [...reasons, ...said].join('\n')
}

interface Place {
  readonly name: string
  readonly brokers: BrokerCount
  readonly settings?: readonly string[]
}

/** Starts brokers for these tests alone, which have to be there at their end, to stop well, and to have the same in each replica. */
async function withBrokers(
  { file }: Context,
  { name, brokers: howMany, settings = [] }: Place,
  use: (started: Started) => Promise<string>,
): Promise<string> {
  const directory = file(`${NAME}.${name}`)
  mkdirSync(directory)
  const path = join(directory, 'data')
  const all = [...SETTINGS, ...settings]
  const brokers = await (howMany === 'one'
    ? BrokerProcess.start(path, all)
    : ThreeBrokers.start(path, { settings: all }))
  let result: string
  try {
    const conf = { 'bootstrap.servers': brokers.bootstrap, 'broker.address.family': 'v4' }
    const lines = Object.entries(conf).map(([key, value]) => `${key}=${value}\n`)
    writeFileSync(join(directory, 'test.conf'), lines.join(''))
    const dataPath = brokers instanceof ThreeBrokers ? brokers.pathOf(brokers.ids[0]!) : path
    result = await use({ directory, bootstrap: brokers.bootstrap, dataPath })
    assert.ok(!brokers.ended, `a broker has ended\n${brokers.log}`)
  } catch (error) {
    await brokers.stop().catch(() => undefined)
    throw error
  }
  assert.equal(await brokers.stop(), 0, `how the brokers ended\n${brokers.log}`)
  rmSync(directory, { recursive: true })
  return brokers instanceof ThreeBrokers ? `${result}; ${brokers.compared}` : result
}

function wholeTests(kinds: readonly Kind[], which: (name: string) => boolean = () => true): string[] {
  return toRun(readTests(NAME), kinds).filter(
    (name) => !name.includes('/') && !NOT_BY_THEMSELVES.tests.includes(name) && which(name),
  )
}

const numberOf = (test: string): string => test.slice(0, test.indexOf('_'))

interface Whole extends Place {
  /** Flags of their runner. */
  readonly args?: readonly string[]
  readonly protocol?: GroupProtocol
  readonly tests: readonly string[]
}

function checkWhole({ args = [], protocol, tests: wanted, ...place }: Whole) {
  return (context: Context): Promise<string> =>
    withBrokers(context, place, async (started) => {
      const how = {
        args: [`-p${TESTS_AT_ONCE}`, ...args],
        limitMs: RUN_LIMIT_MS,
        ...(protocol !== undefined && { protocol }),
      }
      const alone = wanted.filter((name) => OWN_PROCESS.includes(name))
      const together = { ...how, tests: wanted.filter((name) => !alone.includes(name)).map(numberOf) }
      const [{ log, states, outcome }, others] = await Promise.all([
        runTests(started, together),
        runAlone(alone, (name) => runTests(started, { ...how, tests: [numberOf(name)] })),
      ])
      for (const [name, ran] of others) states.set(name, ran.states.get(name) ?? 'not run')
      const again: string[] = []
      const passedLater = (name: string, tries: number): void => {
        if (tries === 0) return
        states.set(name, 'passed')
        again.push(`${name} in run ${tries} of its own`)
      }
      if (args.includes(IDEMPOTENT) && states.get(WAITS_BY_ITSELF) === 'failed') {
        passedLater(WAITS_BY_ITSELF, await runAgain(started, WAITS_BY_ITSELF, how))
      }
      if (states.get(CREATES_AGAIN) === 'failed') {
        passedLater(CREATES_AGAIN, await runUntilNothingIsCreated(started, log, how))
      }
      const logs = [log, ...[...others.values()].map((ran) => ran.log)].join('\n')
      requirePassed(wanted, states, (names) => saidBy(logs, names))
      // It aborts where a test has failed.
      if (again.length === 0) assert.equal(outcome.code, 0, `its runner ended with ${outcome.code}\n${lastLines(log)}`)
      const known = new Set(readTests(NAME).map((test) => test.name.split('/')[0]))
      const unknown = [...states.keys()].filter((test) => test !== '<MAIN>' && !known.has(test))
      assert.deepEqual(unknown, [], 'tests of which the table says nothing')
      return [`${wanted.length} passed`, ...again].join(', ')
    })
}

/** One after the other. */
async function runAlone<Ran>(names: readonly string[], run: (name: string) => Promise<Ran>): Promise<Map<string, Ran>> {
  const ran = new Map<string, Ran>()
  for (const name of names) ran.set(name, await run(name))
  return ran
}

type How = Pick<Wanted, 'args' | 'protocol'>

/** Returns the run in which it passed, from 1; 0: in none. */
async function runAgain(started: Started, test: string, how: How): Promise<number> {
  for (let n = 1; n <= NEXT_RUNS; n++) if ((await runByItself(started, test, how))?.passed) return n
  return 0
}

/** As `runAgain`, of the test that may create its topics again: in no run, the first included, may anything else have gone wrong. */
async function runUntilNothingIsCreated(started: Started, log: string, how: How): Promise<number> {
  let last = log
  for (let n = 1; n <= NEXT_RUNS; n++) {
    const deleted = deletedAndFound(last)
    if (deleted === undefined) return 0
    await removeCreatedAgain(started.bootstrap, deleted, started.dataPath)
    const ran = await runByItself(started, CREATES_AGAIN, how)
    if (ran?.passed) return n
    if (ran === undefined) return 0
    last = ran.log
  }
  return 0
}

/** Undefined: its runner said nothing. */
async function runByItself(started: Started, test: string, how: How) {
  const args = ['-p1', ...how.args.filter((flag) => !flag.startsWith('-p'))]
  const wanted = { ...how, tests: [numberOf(test)], args, limitMs: PART_LIMIT_MS }
  const ran = await runTests(started, wanted).catch(() => undefined)
  return ran && { passed: ran.states.get(test) === 'passed', log: ran.log }
}

/** Gives how often the part has passed: with other arguments each time. Throws if it failed or was not run, with which the test as a whole passes. */
async function runPart(started: Started, name: string): Promise<number> {
  const [test = '', part = ''] = name.split('/')
  const wanted = { tests: [numberOf(test)], part, args: ['-p1'], limitMs: PART_LIMIT_MS }
  const { outcome, log, states } = await runTests(started, wanted)
  const passed = log.match(new RegExp(`\\[ ${part}:.*: PASS \\(`, 'g'))?.length ?? 0
  if (outcome.code !== 0 || states.get(test) !== 'passed' || passed === 0) {
    throw new Error(`${part}: ${passed} passed, its runner ended with ${outcome.code}\n${saidBy(log, [test])}`)
  }
  return passed
}

/** Parts of tests: each in a process of its own, some at the same time. */
function checkParts(context: Context): Promise<string> {
  return withBrokers(context, { name: 'parts', brokers: 'three' }, async (started) => {
    const tests = readTests(NAME)
    const wanted = toRun(tests).filter((name) => name.includes('/'))
    const states = new Map<string, string>()
    const logs: string[] = []
    let passes = 0
    const left = [...wanted]
    const worker = async (): Promise<void> => {
      for (let name = left.shift(); name !== undefined; name = left.shift()) {
        const passed = await runPart(started, name).catch((error: Error) => {
          logs.push(error.message)
          return 0
        })
        states.set(name, passed > 0 ? 'passed' : 'failed')
        passes += passed
      }
    }
    await Promise.all(Array.from({ length: PARTS_AT_ONCE }, worker))
    requirePassed(wanted, states, () => logs.join('\n'))
    return `${wanted.length} of its parts passed, in ${passes} variants; of all tests and parts ${leftOut(tests)}`
  })
}

export const librdkafka: Client = {
  name: NAME,
  about: `${NAME} ${VERSION}`,
  brokers: 'own',
  missing,
  install,
  checks: [
    {
      name: 'own tests',
      run: checkWhole({ name: 'tests', brokers: 'three', tests: wholeTests(['run'], (name) => !BULK.includes(name)) }),
    },
    {
      name: 'own tests of groups',
      run: checkWhole({
        name: 'groups',
        brokers: 'three',
        settings: BOTH_TOGETHER,
        tests: wholeTests(['groups', 'classic groups']),
      }),
    },
    {
      name: 'own tests of groups, by the newer protocol',
      run: checkWhole({
        name: 'consumer',
        brokers: 'three',
        protocol: 'consumer',
        settings: QUICK_HEARTBEATS,
        tests: wholeTests(['groups', 'newer groups']),
      }),
    },
    {
      name: 'own tests with gigabytes, on one broker',
      run: checkWhole({ name: 'bulk', brokers: 'one', tests: wholeTests(['run'], (name) => BULK.includes(name)) }),
    },
    {
      name: 'own tests, quick, with an idempotent producer',
      run: checkWhole({ name: 'idempotent', brokers: 'three', args: ['-Q', IDEMPOTENT], tests: wholeTests(['run']) }),
    },
    { name: 'own tests of administration', run: checkParts },
    {
      name: 'own tests where topics are not created by themselves',
      run: checkWhole({
        name: NOT_BY_THEMSELVES.scenario,
        brokers: 'three',
        settings: ['auto.create.topics.enable=false'],
        args: ['-s', NOT_BY_THEMSELVES.scenario],
        tests: toRun(readTests(NAME)).filter((name) => NOT_BY_THEMSELVES.tests.includes(name)),
      }),
    },
  ],
}
