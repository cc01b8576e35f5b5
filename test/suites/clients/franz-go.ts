/** franz-go's tests of its client, each in a process of its own, as they are and with what the client does wrong on purpose (KGO_TEST_CHAOS); and its tests of brokers. */
import { existsSync } from 'node:fs'
import { cachePath } from '../../interop/client.js'
import { attempt } from '../../interop/external.js'
import { franzGo } from '../../interop/franz-go.js'
import { JOIN_AT_ONCE } from '../place.js'
import { readGo } from '../reports.js'
import { type Job, type JobContext, jobsBy, type Suite } from '../suite.js'

const RECORDS = 10_000
const TESTED = 'kgo.test'

/** Asks what the broker supports in the first of its parts, and skips the second if that has not been answered: the others ask before. */
const ASKS_LATE = 'TestGroupSimple'

const topOf = (test: string): string => test.split('/')[0]!

async function runGo(
  command: string,
  tests: readonly string[],
  options: readonly string[],
  env: Readonly<Record<string, string>>,
  { directory, keep, limitMs }: JobContext,
) {
  const args = ['-test.v', ...options, `-test.run=^(${tests.join('|')})$`, `-test.timeout=${limitMs - 10_000}ms`]
  const outcome = await attempt({ command, args, directory, env, limitMs })
  const output = Buffer.concat([outcome.stdout, outcome.stderr])
  keep('go.log', output)
  return readGo(output.toString())
}

function kgo(name: string, about: string, env: Readonly<Record<string, string>>): Suite {
  return {
    name,
    about,
    control: 'franz-go-kgo',
    nodes: [1, 3],
    lanes: 2,
    clusters: (nodes) => ({ main: { nodes, settings: [JOIN_AT_ONCE] } }),
    missing: () => franzGo.missing() as string | undefined,
    install: franzGo.install!,
    jobs: (tests) =>
      jobsBy(
        tests,
        topOf,
        (top, members): Job => ({
          name: top,
          tests: members,
          run: (context) =>
            runGo(
              cachePath(franzGo.name, TESTED),
              [top],
              top === ASKS_LATE ? ['-test.parallel=1'] : [],
              {
                KGO_SEEDS: context.place.bootstrap(),
                KGO_TEST_RF: String(context.nodes),
                KGO_TEST_RECORDS: String(RECORDS),
                KGO_LOG_LEVEL: 'none',
                ...env,
              },
              context,
            ),
        }),
      ),
  }
}

const FAST_GROUPS = [
  JOIN_AT_ONCE,
  'group.min.session.timeout.ms=100',
  'group.consumer.heartbeat.interval.ms=100',
  'group.consumer.min.heartbeat.interval.ms=100',
]

/** Topics and groups have fixed names: one test after the other. */
const brokerTests: Suite = {
  name: 'franz-go-kfake-kafka_tests',
  about: "franz-go's tests of its broker in memory, made after Kafka's own, on brokers outside",
  nodes: [1],
  clusters: () => ({
    main: { nodes: 1, settings: FAST_GROUPS },
    small: { nodes: 1, settings: ['group.max.size=1', 'group.consumer.max.size=1', ...FAST_GROUPS] },
    three: { nodes: 3, firstId: 0, settings: FAST_GROUPS },
  }),
  missing: () => {
    const path = cachePath('kfake', 'kafka_tests.test')
    return existsSync(path) ? undefined : `no ${path}`
  },
  jobs: (tests) =>
    jobsBy(
      tests,
      topOf,
      (top, members): Job => ({
        name: top,
        tests: members,
        run: (context) =>
          runGo(
            cachePath('kfake', 'kafka_tests.test'),
            [top],
            ['-test.parallel=1'],
            {
              KT_SEEDS: context.place.bootstrap('main'),
              KT_SEEDS_SPECIAL: context.place.bootstrap('small'),
              KT_SEEDS_3: context.place.bootstrap('three'),
            },
            context,
          ),
      }),
    ),
}

export const franzGoSuites: readonly Suite[] = [
  kgo('franz-go-kgo', `franz-go 1.22.2, ${RECORDS} records`, {}),
  kgo('franz-go-kgo-chaos', `franz-go 1.22.2, ${RECORDS} records, with faults of its own`, { KGO_TEST_CHAOS: '1' }),
  brokerTests,
]
