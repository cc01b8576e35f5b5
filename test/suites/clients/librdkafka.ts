/**
 * librdkafka's tests in full, with either group protocol: built from the sources in the npm package of its binding for Node, with all that the machine has
 * headers for. Each number is a process of its own, because a test that fails or hangs takes its runner with it.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { cachePath, installOnce } from '../../interop/client.js'
import { attempt, probe, run } from '../../interop/external.js'
import { missingNpm } from '../../interop/node-clients.js'
import type { Result } from '../ledger.js'
import type { Clusters } from '../place.js'
import { readRdkafka } from '../reports.js'
import { type Job, type JobContext, jobsBy, type Suite } from '../suite.js'
import { suitesPath } from '../table.js'
import { writeScripts } from './scripts.js'

const FOLDER = 'librdkafka-full'
const PACKAGE = ['node_modules', '@confluentinc', 'kafka-javascript', 'deps', 'librdkafka']
const PINS = ['package.json', 'package-lock.json']
const RUNNER = 'test-runner'
const LIBRARIES = ['src/librdkafka.so.1', 'src-cpp/librdkafka++.so.1']
/** A test reads it beside the folder in which it runs. */
const SCHEMA = ['src', 'statistics_schema.json'] as const
const CONFIGURE = ['--no-download', '--disable-syslog', '--disable-debug-symbols', '--disable-optimization']
/** What tests of these versions skip where a Kafka is older. */
const KAFKA_VERSION = '4.2.0'
const BUILD_LIMIT_MS = 1_800_000
const TIMES = 4
const LANES = 4
/** A test of a scenario is named with it. */
const SCENARIO = / \[(\w+)\]$/
const REASON = /### Test "(\d\w+)(?: \([^"]*)?" failed at ([^\n]*)\n([^\n]*)/g

async function install(): Promise<void> {
  const pins = PINS.map((file) => suitesPath('librdkafka', file))
  const runtime = `${CONFIGURE} ${probe('gcc', '-dumpfullversion')}`
  await installOnce(FOLDER, { files: pins, runtime }, async (path) => {
    const build = join(path, 'build')
    mkdirSync(build)
    for (const file of PINS) copyFileSync(suitesPath('librdkafka', file), join(build, file))
    const npm = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    await run({ command: 'npm', args: npm, directory: build, limitMs: BUILD_LIMIT_MS })
    const directory = join(build, ...PACKAGE)
    const flags = [...CONFIGURE, '--CFLAGS=-O1', '--CXXFLAGS=-O1']
    for (const args of [
      ['bash', './configure', ...flags],
      ['make', '-j1', 'libs'],
      ['make', '-j1', '-C', 'tests', RUNNER],
    ]) {
      await run({ command: 'nice', args: ['-n', '15', ...args], directory, limitMs: BUILD_LIMIT_MS })
    }
    for (const file of [...LIBRARIES, `tests/${RUNNER}`, SCHEMA.join('/')]) {
      copyFileSync(join(directory, file), join(path, file.slice(file.lastIndexOf('/') + 1)))
    }
    rmSync(build, { recursive: true })
  })
}

function missing(): string | undefined {
  for (const tool of ['bash', 'make', 'gcc', 'g++']) if (probe(tool, '--version') === undefined) return `no ${tool}`
  return missingNpm()
}

const scenarioOf = (test: string): string | undefined => SCENARIO.exec(test)?.[1]
const groupOf = (test: string): string => `${test.slice(0, test.indexOf('_'))} ${scenarioOf(test) ?? ''}`.trim()

async function runNumber(
  group: string,
  tests: readonly string[],
  protocol: string,
  { directory, place, keep, limitMs }: JobContext,
): Promise<readonly Result[]> {
  const [number = '', scenario] = group.split(' ')
  const report = join(directory, 'report.json')
  const conf = {
    'bootstrap.servers': place.bootstrap(),
    'broker.address.family': 'v4',
    'test.timeout.multiplier': String(TIMES),
  }
  const lines = Object.entries(conf).map(([key, value]) => `${key}=${value}\n`)
  writeFileSync(join(directory, 'test.conf'), lines.join(''))
  const runPath = join(directory, 'tests')
  mkdirSync(runPath)
  mkdirSync(join(directory, SCHEMA[0]))
  copyFileSync(cachePath(FOLDER, SCHEMA[1]), join(directory, ...SCHEMA))
  const outcome = await attempt({
    command: cachePath(FOLDER, RUNNER),
    args: ['-L', '-p1', ...(scenario === undefined ? [] : ['-s', scenario])],
    directory: runPath,
    env: {
      LD_LIBRARY_PATH: cachePath(FOLDER),
      RDKAFKA_TEST_CONF: join(directory, 'test.conf'),
      TEST_KAFKA_VERSION: KAFKA_VERSION,
      TEST_CONSUMER_GROUP_PROTOCOL: protocol,
      TEST_REPORT: report,
      BROKERS: place.bootstrap(),
      KAFKA_PATH: writeScripts(directory),
      TESTS: number,
    },
    limitMs,
  })
  const log = stripVTControlCharacters(Buffer.concat([outcome.stdout, outcome.stderr]).toString())
  keep('runner.log', log)
  const reasons = new Map([...log.matchAll(REASON)].map(([, test, at, why]) => [test!, `${at} ${why}`]))
  if (!existsSync(report)) {
    const result = outcome.code === undefined ? 'hang' : 'fail'
    const reason = [...reasons.values()][0] ?? log.trimEnd().split('\n').at(-1) ?? ''
    return tests.map((test) => ({ test, result, seconds: limitMs / 1000, reason }))
  }
  // It names all that there are.
  const own = readRdkafka(readFileSync(report, 'utf8')).filter(({ test }) =>
    tests.some((each) => each.replace(SCENARIO, '') === test),
  )
  return own.map((each) => ({
    ...each,
    test: scenario === undefined ? each.test : `${each.test} [${scenario}]`,
    reason: each.result === 'pass' ? '' : (reasons.get(each.test) ?? ''),
  }))
}

function clustersOf(settings: readonly string[] = []): Clusters {
  return { main: { nodes: 3, racks: true, settings: ['num.partitions=4', ...settings] } }
}

function suite(name: string, protocol: string): Suite {
  return {
    name,
    about: `librdkafka 2.15.1, all tests that need brokers, group protocol ${protocol}`,
    nodes: [3],
    lanes: LANES,
    clusters: () => clustersOf(),
    missing,
    install,
    jobs: (tests) =>
      jobsBy(
        tests,
        groupOf,
        (group, members): Job => ({
          name: group.replace(' ', '-'),
          tests: members,
          ...(group.includes(' ') && { clusters: clustersOf(['auto.create.topics.enable=false']) }),
          run: (context) => runNumber(group, members, protocol, context),
        }),
      ),
  }
}

export const librdkafkaSuites: readonly Suite[] = [
  suite('librdkafka-full-classic', 'classic'),
  suite('librdkafka-full-consumer', 'consumer'),
]
