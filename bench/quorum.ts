/**
 * Three nodes with 10,000 partitions, of lograft and of Apache Kafka in one run: how long forming takes, creating, a stop and a start of all, and a
 * new controller after kill -9 of the active one, until it has created a topic.
 *
 * Apache Kafka's jars come as for the interop suite, which needs Java and Maven; without them only lograft is measured.
 */
import { join } from 'node:path'
import { installKafkaJars, missingJava } from '../jepsen/beds/kafka-jars.js'
import { cachePath } from '../test/interop/client.js'
import type { Benchmark, BenchmarkContext, Row } from './benchmark.js'
import { apacheKafka, ClusterProcesses, LOGRAFT, type Maker } from './lib/cluster-processes.js'
import { figure } from './lib/figure.js'

const TOPICS = 10
const PARTITIONS_EACH = 1000
const PARTITIONS = TOPICS * PARTITIONS_EACH
const TAKEOVERS = 3
const CREATE_TIMEOUT_MS = 30_000
/** A controller that is gone does not answer: the question is put again soon. */
const TAKEOVER_TIMEOUT_MS = 500

export const quorum: Benchmark = {
  name: 'quorum',
  about: `three nodes, ${PARTITIONS} partitions: form, create, restart, another controller after kill -9; next to Apache Kafka`,
  onDemand: true,
  run,
}

async function run(context: BenchmarkContext): Promise<readonly Row[]> {
  const rows = await measure(LOGRAFT, context)
  const missing = missingJava()
  if (missing !== undefined) {
    context.note(`Apache Kafka is left out: ${missing}`)
    return rows
  }
  await installKafkaJars()
  return [...rows, ...(await measure(apacheKafka(cachePath('java', 'jars')), context))]
}

async function measure(maker: Maker, context: BenchmarkContext): Promise<Row[]> {
  const cluster = await ClusterProcesses.prepare(maker, join(context.directory(), maker.name.replaceAll(' ', '-')))
  const rows: Row[] = []
  const add = (name: string, samples: readonly number[]): void => {
    rows.push({ name: `${maker.name}: ${name}`, figures: [figure('took', 'ms', samples)] })
  }
  const start = (): Promise<number> =>
    timed(async () => {
      cluster.start()
      await created(cluster, 1, `started${rows.length}`, 1, CREATE_TIMEOUT_MS)
    })
  add('start of empty nodes until a topic is created', [await start()])
  add('create, until every broker knows all', [
    await timed(async () => {
      for (let n = 0; n < TOPICS; n++) await created(cluster, 1, `topic${n}`, PARTITIONS_EACH, CREATE_TIMEOUT_MS)
      await cluster.untilKnown(PARTITIONS + 1)
    }),
  ])
  const takeovers: number[] = []
  for (let n = 0; n < TAKEOVERS; n++) {
    const leader = await cluster.until(cluster.ids[n]!, async (admin) => some(await admin.quorumLeader()))
    const other = cluster.ids.find((id) => id !== leader)!
    await cluster.kill(leader)
    takeovers.push(await timed(() => created(cluster, other, `takeover${n}`, 1, TAKEOVER_TIMEOUT_MS)))
    cluster.start(leader)
    await cluster.untilKnown(PARTITIONS + 2 + n)
  }
  add('kill -9 of the active controller until a topic is created', takeovers)
  add('stop of all', [await timed(() => cluster.stop())])
  add('start of all until every broker knows all', [
    await timed(async () => {
      cluster.start()
      await cluster.untilKnown(PARTITIONS + 1 + TAKEOVERS)
    }),
  ])
  await cluster.stop()
  return rows
}

/** A topic may have been created although nobody said so: then it is there the next time. */
async function created(
  cluster: ClusterProcesses,
  id: number,
  name: string,
  partitions: number,
  timeoutMs: number,
): Promise<void> {
  await cluster.until(id, async (admin) => {
    const errorCode = await admin.askForTopic(name, partitions, timeoutMs)
    return errorCode === 0 || errorCode === TOPIC_ALREADY_EXISTS ? true : undefined
  })
}

const TOPIC_ALREADY_EXISTS = 36

function some(id: number): number | undefined {
  return id >= 0 ? id : undefined
}

async function timed(action: () => Promise<void>): Promise<number> {
  const startedAtMs = performance.now()
  await action()
  return performance.now() - startedAtMs
}
