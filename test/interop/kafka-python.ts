/** kafka-python, the client written in Python alone, with every codec; and its own tests. */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerProcess } from './broker.js'
import { type Client, type Context, cachePath, sourcePath } from './client.js'
import { attempt } from './external.js'
import { groupChecks } from './group-round-trips.js'
import { leftOut, readTests, requirePassed, toRun } from './own-tests.js'
import { installPython, missingPython, pythonProgram, pythonSources } from './python-venv.js'
import { roundTrips } from './round-trips.js'
import { ThreeBrokers } from './three-brokers.js'

const NAME = 'kafka-python'
const TESTS_LIMIT_MS = 240_000
/** What its tests skip where a Kafka is older. */
const KAFKA_VERSION = '4.3.0'
/** Its tests name broker 0. */
const FIRST_ID = 0
/** Waits for a minute, in which the others run. */
const LONG = 'consumer/test_kafka_consumer_offsets_for_times_errors'
/** Says itself where one replica of new partitions goes. */
const ONE_REPLICA = 'admin/test_create_partitions'
/** One poll is to bring what several partitions have: they are with one leader. */
const ONE_BROKER = 'admin/test_delete_records'
/** As in the settings that come with its tests. */
const SETTINGS = ['num.partitions=4', 'group.min.session.timeout.ms=1000', 'group.initial.rebalance.delay.ms=0']
/** Subscribes while the client's first answer about the cluster is under way, and then at times waits five minutes for the next. One of the next runs, by itself, has to pass. */
const WAITS_BY_ITSELF = 'consumer/test_kafka_consumer_max_bytes_simple'
const NEXT_RUNS = 5
const TEST_LINE = /^test\/integration\/test_(\w+)_integration\.py::(?:\w+::)?(\S+) (PASSED|FAILED|SKIPPED|ERROR)/gm
const LOG_LINES = 60

interface Run {
  readonly name: string
  readonly tests: readonly string[]
  readonly replicas: 1 | 3
}

interface Ran {
  readonly states: ReadonlyMap<string, string>
  readonly output: string
}

async function runTests(bootstrap: string, directory: string, { name, tests, replicas }: Run): Promise<Ran> {
  const ids = tests.map((test) => {
    const [file, ...id] = test.split('/')
    return `test/integration/test_${file}_integration.py::${id.join('/')}`
  })
  const own = join(directory, name)
  mkdirSync(own)
  const { stdout, stderr } = await attempt({
    command: cachePath(NAME, 'venv', 'bin', 'python'),
    // Neither its own options, which want more packages, nor files among its sources.
    args: [
      '-B',
      '-m',
      'pytest',
      '-v',
      '--tb=short',
      '-p',
      'no:cacheprovider',
      '-p',
      'kafka_python_plugin',
      '-o',
      'addopts=',
      ...ids,
    ],
    directory: pythonSources(NAME),
    env: {
      PYTHONPATH: `.:${sourcePath('python')}`,
      KAFKA_VERSION,
      KAFKA_URI: `kafka://${bootstrap}`,
      KAFKA_ROOT: own,
      TEST_REPLICAS: String(replicas),
      COLUMNS: '200',
    },
    limitMs: TESTS_LIMIT_MS,
  })
  const output = Buffer.concat([stdout, stderr]).toString()
  const states = [...output.matchAll(TEST_LINE)].map(
    ([, file, test, state]) => [`${file}/${test}`, state!.toLowerCase()] as const,
  )
  return { states: new Map(states), output }
}

/** Returns its state, and the run in which it passed, from 1. */
async function runAgain(
  bootstrap: string,
  directory: string,
): Promise<{ readonly state: string; readonly runs: number }> {
  for (let runs = 1; runs <= NEXT_RUNS; runs++) {
    const { states } = await runTests(bootstrap, directory, {
      name: `again ${runs}`,
      tests: [WAITS_BY_ITSELF],
      replicas: 3,
    })
    if (states.get(WAITS_BY_ITSELF) === 'passed') return { state: 'passed', runs }
  }
  return { state: 'failed', runs: NEXT_RUNS }
}

async function checkOwnTests({ file }: Context): Promise<string> {
  const tests = readTests(NAME)
  const wanted = toRun(tests)
  const directory = file(`${NAME}.tests`)
  mkdirSync(directory)
  const brokers = await ThreeBrokers.start(join(directory, 'data'), {
    settings: SETTINGS,
    firstId: FIRST_ID,
  })
  const one = await BrokerProcess.start(join(directory, 'one'), SETTINGS)
  let ran: readonly Ran[]
  let states: Map<string, string>
  let again = ''
  try {
    const first = brokers.bootstrapOf(FIRST_ID)
    const others = wanted.filter((test) => ![LONG, ONE_REPLICA, ONE_BROKER].includes(test))
    const runs: readonly Run[] = [
      { name: 'long', tests: [LONG], replicas: 3 },
      { name: 'others', tests: others, replicas: 3 },
      { name: 'one replica', tests: [ONE_REPLICA], replicas: 1 },
    ]
    ran = await Promise.all([
      ...runs.map((each) => runTests(first, directory, each)),
      runTests(one.bootstrap, directory, { name: 'one broker', tests: [ONE_BROKER], replicas: 1 }),
    ])
    states = new Map(ran.flatMap((each) => [...each.states]))
    if (states.get(WAITS_BY_ITSELF) === 'failed') {
      const { state, runs } = await runAgain(first, directory)
      states.set(WAITS_BY_ITSELF, state)
      again = `, ${WAITS_BY_ITSELF} in run ${runs} of its own`
    }
    assert.ok(!brokers.ended && !one.ended, `a broker has ended\n${brokers.log}${one.log}`)
  } catch (error) {
    await Promise.all([brokers, one].map((each) => each.stop().catch(() => undefined)))
    throw error
  }
  const codes = await Promise.all([brokers.stop(), one.stop()])
  const tail = (): string => ran.map(({ output }) => output.split('\n').slice(-LOG_LINES).join('\n')).join('\n')
  requirePassed(wanted, states, tail)
  assert.deepEqual(codes, [0, 0], `how the brokers ended\n${brokers.log}${one.log}`)
  rmSync(directory, { recursive: true })
  return `${wanted.length} passed${again}; ${leftOut(tests)}; ${brokers.compared}`
}

export const kafkaPython: Client = {
  name: NAME,
  about: 'kafka-python 3.0.12',
  brokers: 'three',
  missing: missingPython,
  install: () => installPython(NAME, { withSources: true }),
  checks: [
    ...roundTrips(NAME, pythonProgram(NAME), {
      variants: [
        { codec: 'none' },
        { codec: 'gzip' },
        { codec: 'none', acks: 0 },
        { codec: 'gzip', acks: 1 },
        { codec: 'none', idempotent: true },
        { codec: 'gzip', idempotent: true },
      ],
      reads: true,
    }),
    ...groupChecks(NAME, pythonProgram(NAME), { protocols: ['classic'] }),
    { name: 'own tests', ownBrokers: true, run: checkOwnTests },
  ],
}
