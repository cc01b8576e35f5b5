/** kafka-python's integration tests, with either of its two ways to do network I/O. The sources and the packages are those of the interop suite. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cachePath, sourcePath } from '../../interop/client.js'
import { attempt } from '../../interop/external.js'
import { installPython, missingPython, pythonSources } from '../../interop/python-venv.js'
import type { Result } from '../ledger.js'
import { JOIN_AT_ONCE } from '../place.js'
import { readJUnit, readPytestLines } from '../reports.js'
import { type Job, type JobContext, jobsBy, type Suite } from '../suite.js'

const NAME = 'kafka-python'
/** Tests are skipped where a Kafka is older. */
const KAFKA_VERSION = '4.3.0'

/** As in the settings that come with its tests. */
const SETTINGS = ['num.partitions=4', 'group.min.session.timeout.ms=1000', JOIN_AT_ONCE]

/** Says itself where one replica of new partitions goes. */
const ONE_REPLICA = 'test_create_partitions'

const groupOf = (test: string): string => (test.endsWith(ONE_REPLICA) ? test : test.split('::')[0]!)

async function runTests(tests: readonly string[], backend: string | undefined, context: JobContext) {
  const { directory, place, nodes, keep, limitMs } = context
  const report = join(directory, 'report.xml')
  const options = ['-v', '--tb=short', '-p', 'no:cacheprovider', '-p', 'kafka_python_plugin', '-o', 'addopts=']
  const ids = tests.map((test) => test.replace(/^[^:]+/, (module) => `${module.replaceAll('.', '/')}.py`))
  const outcome = await attempt({
    command: cachePath(NAME, 'venv', 'bin', 'python'),
    args: ['-B', '-m', 'pytest', ...options, `--junitxml=${report}`, ...ids],
    directory: pythonSources(NAME),
    env: {
      PYTHONPATH: `.:${sourcePath('python')}`,
      PYTHONUNBUFFERED: '1',
      KAFKA_VERSION,
      // One broker is named, as the tests have it.
      KAFKA_URI: `kafka://${place.bootstrap().split(',')[0]}`,
      KAFKA_ROOT: directory,
      TEST_REPLICAS: tests.some((test) => test.endsWith(ONE_REPLICA)) ? '1' : String(nodes),
      ...(backend !== undefined && { KAFKA_PYTHON_NET: backend }),
    },
    limitMs,
  })
  const output = Buffer.concat([outcome.stdout, outcome.stderr])
  keep('pytest.log', output)
  if (outcome.code === undefined) return readPytestLines(output.toString())
  const cases = readJUnit(readFileSync(report, 'utf8'))
  rmSync(report)
  return cases.map(({ className, name, ...rest }): Result => ({ test: `${className}::${name}`, ...rest }))
}

function suite(name: string, backend: string | undefined): Suite {
  return {
    name,
    about: `kafka-python 3.0.12, network back-end: ${backend ?? 'its own'}`,
    nodes: [1, 3],
    clusters: (nodes) => ({ main: { nodes, firstId: 0, settings: SETTINGS } }),
    missing: missingPython,
    install: () => installPython(NAME, { withSources: true }),
    jobs: (tests) =>
      jobsBy(
        tests,
        groupOf,
        (module, members): Job => ({
          name: module,
          tests: members,
          run: (context) => runTests(members, backend, context),
        }),
      ),
  }
}

export const kafkaPythonSuites: readonly Suite[] = [
  suite('kafka-python', undefined),
  suite('kafka-python-asyncio', 'asyncio'),
]
