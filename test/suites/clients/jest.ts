/** The suites that run under jest, a file at a time: kafkajs, and Confluent's client on librdkafka. Their packages leave the tests out: a clone has to be there, with what it depends on. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { cachePath } from '../../interop/client.js'
import { attempt } from '../../interop/external.js'
import type { Result } from '../ledger.js'
import { JOIN_AT_ONCE } from '../place.js'
import { readJest } from '../reports.js'
import {
  checkoutPath,
  fileOf,
  type Job,
  type JobContext,
  jobsBy,
  missingCheckout,
  patternOf,
  type Suite,
} from '../suite.js'
import { scriptOf, writeScript } from './scripts.js'

interface JestOptions {
  readonly folder: string
  /** The program, below the folder. */
  readonly jest: readonly string[]
  readonly env: (context: JobContext) => Readonly<Record<string, string>>
  readonly prepare?: (context: JobContext) => void
}

async function runFile(file: string, tests: readonly string[], options: JestOptions, context: JobContext) {
  const { folder, jest, env } = options
  const { directory, keep, limitMs } = context
  const report = join(directory, 'report.json')
  options.prepare?.(context)
  const flags = ['--ci', '--runInBand', '--forceExit', '--coverage=false', '--reporters=default']
  const outcome = await attempt({
    command: process.execPath,
    args: [
      cachePath(folder, ...jest),
      ...flags,
      // What it does not name would take its time, and fail.
      `--testNamePattern=${patternOf(file, tests)}`,
      '--json',
      `--outputFile=${report}`,
      '--runTestsByPath',
      file,
    ],
    directory: checkoutPath(folder),
    env: { NODE_ENV: 'test', ...env(context) },
    limitMs,
  })
  const log = stripVTControlCharacters(Buffer.concat([outcome.stdout, outcome.stderr]).toString())
  keep('jest.log', log)
  if (existsSync(report)) return readJest(readFileSync(report, 'utf8'), file)
  const result = outcome.code === undefined ? 'hang' : 'fail'
  const reason = log.trimEnd().split('\n').slice(-3).join(' ')
  return tests.map((test): Result => ({ test, result, seconds: limitMs / 1000, reason }))
}

function jobsOf(options: JestOptions) {
  return (tests: readonly string[]): Job[] =>
    jobsBy(tests, fileOf, (file, members) => ({
      name: file,
      tests: members,
      run: (context) => runFile(file, members, options, context),
    }))
}

const KAFKAJS = 'kafkajs'
/** Theirs looks for a container. */
const ADD_PARTITIONS = ['scripts', 'addPartitions.sh']

function addPartitions(bootstrap: string): string {
  const words = ['topics', '--bootstrap-server', bootstrap, '--alter', '--topic', '"$TOPIC"', '--partitions']
  return scriptOf(...words, '"$PARTITIONS"')
}

const kafkajs: Suite = {
  name: 'kafkajs',
  about: 'kafkajs 2.2.4',
  nodes: [3],
  lanes: 2,
  clusters: () => ({
    main: {
      nodes: 3,
      firstId: 0,
      ports: [9092, 9095, 9098],
      settings: ['num.partitions=2', 'default.replication.factor=2', 'min.insync.replicas=1', JOIN_AT_ONCE],
    },
  }),
  missing: () =>
    missingCheckout(KAFKAJS, 'https://github.com/tulios/kafkajs', '55b0b416308b9e597a5a6b97b0a6fd6b846255dc'),
  jobs: jobsOf({
    folder: KAFKAJS,
    jest: ['node_modules', 'jest', 'bin', 'jest.js'],
    prepare: ({ place }) => writeScript(checkoutPath(KAFKAJS, ...ADD_PARTITIONS), addPartitions(place.bootstrap())),
    env: () => ({ KAFKA_VERSION: '2.4', KAFKAJS_DEBUG_PROTOCOL_BUFFERS: '1', TEST_RETRIES: '0' }),
  }),
}

const CONFLUENT = 'confluent-kafka-javascript'
const GROUPS = [JOIN_AT_ONCE, 'group.consumer.min.session.timeout.ms=6000', 'group.consumer.session.timeout.ms=10000']

function confluent(protocol: string): Suite {
  return {
    name: `${CONFLUENT}-${protocol}`,
    about: `@confluentinc/kafka-javascript 1.10.1, group protocol ${protocol}`,
    nodes: [1, 3],
    clusters: (nodes) => ({ main: { nodes, settings: GROUPS } }),
    missing: () => {
      const path = checkoutPath(CONFLUENT, 'test', 'promisified')
      return existsSync(path) ? undefined : `no ${path}: the package with the tests of its repository`
    },
    jobs: jobsOf({
      folder: CONFLUENT,
      jest: ['sources', 'node_modules', 'jest', 'bin', 'jest.js'],
      env: ({ place }) => ({
        KAFKA_HOST: place.bootstrap(),
        ...(protocol === 'consumer' && { TEST_CONSUMER_GROUP_PROTOCOL: protocol }),
      }),
    }),
  }
}

export const jestSuites: readonly Suite[] = [kafkajs, confluent('classic'), confluent('consumer')]
