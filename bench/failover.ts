/**
 * A topic of three replicas in a cluster of real processes, of lograft and of Apache Kafka, under Kafka's VerifiableProducer as it is and as an idempotent
 * one: leaders are killed with -9 again and again, or stopped in their tracks. How long until the next record of their partitions is acknowledged, and whether what was
 * acknowledged is there, once.
 */
import { join } from 'node:path'
import { installKafkaJars, missingJava } from '../jepsen/beds/kafka-jars.js'
import { cachePath } from '../test/interop/client.js'
import type { Benchmark, BenchmarkContext, Row } from './benchmark.js'
import { pause } from './lib/admin.js'
import { apacheKafka, ClusterProcesses, LOGRAFT, type Maker } from './lib/cluster-processes.js'
import { figure } from './lib/figure.js'
import { VerifiableProducer } from './lib/verifiable-producer.js'
import { judge, readTopic } from './lib/whole-topic.js'

const PARTITIONS = 6
const TOPIC = 'replicated'
const RECORDS_PER_SECOND = 500
const DEFAULT_MINUTES = 2
/** Longer than a session, at default timeouts. */
const LONGEST_TAKEOVER_MS = 60_000
const PAUSE_MS = 1000
const STILL_PRINTED_MS = 30
const STOPS = 3
/** It must be more than one fault of luck. */
const FEWEST_KILLS = 3

export const failover: Benchmark = {
  name: 'failover',
  about:
    'kill -9 and SIGSTOP of leaders under the Java producers: until the next acknowledgement, and what is lost; next to Apache Kafka',
  onDemand: true,
  run,
}

async function run(context: BenchmarkContext): Promise<readonly Row[]> {
  const missing = missingJava()
  if (missing !== undefined) throw new Error(`the load is that of Apache Kafka's own producers: ${missing}`)
  await installKafkaJars()
  const jars = cachePath('java', 'jars')
  const rows = await measure(LOGRAFT, jars, context)
  return context.alone ? rows : [...rows, ...(await measure(apacheKafka(jars), jars, context))]
}

async function measure(maker: Maker, jars: string, context: BenchmarkContext): Promise<Row[]> {
  const { nodes = 3, minutes = DEFAULT_MINUTES } = context
  const folder = join(context.directory(), maker.name.replaceAll(' ', '-'))
  const cluster = await ClusterProcesses.prepare(maker, folder, nodes)
  cluster.start()
  await cluster.until(1, async (admin) => {
    const settings = { 'min.insync.replicas': '2' }
    const error = await admin.askForTopic(TOPIC, PARTITIONS, LONGEST_TAKEOVER_MS, 3, settings)
    return error === 0 ? true : undefined
  })
  await inSync(cluster)
  const producer = (prefix: string, settings: Readonly<Record<string, string>>): VerifiableProducer =>
    new VerifiableProducer({
      jars,
      bootstrap: cluster.bootstrap,
      topic: TOPIC,
      prefix,
      recordsPerSecond: RECORDS_PER_SECOND,
      settings,
      settingsPath: join(folder, `producer${prefix}.properties`),
    })
  const plain = producer('1', { 'enable.idempotence': 'false' })
  const idempotent = producer('2', { 'enable.idempotence': 'true', retries: '2147483647' })
  await idempotent.next(() => true, LONGEST_TAKEOVER_MS)

  const took = { leader: [] as number[], controller: [] as number[], silent: [] as number[], deposed: [] as number[] }
  const endMs = performance.now() + minutes * 60_000
  for (let n = 0; n < FEWEST_KILLS || performance.now() < endMs; n++) {
    const before = await inSync(cluster)
    const controller = await cluster.controller()
    const leaders = cluster.ids.filter((id) => before.some(({ leader }) => leader === id))
    // Every second time whoever is the active controller as well, if it leads anything.
    const victim = n % 2 === 0 && leaders.includes(controller) ? controller : leaders.find((id) => id !== controller)!
    await pause(PAUSE_MS)
    const killedMs = performance.now()
    await cluster.kill(victim)
    const againMs = await acknowledgedOf(idempotent, before, victim, performance.now())
    took[victim === controller ? 'controller' : 'leader'].push(againMs - killedMs)
    cluster.start(victim)
  }
  for (let n = 0; n < STOPS; n++) {
    const before = await inSync(cluster)
    const controller = await cluster.controller()
    const victim = before.find(({ leader }) => leader !== controller)?.leader ?? controller
    await pause(PAUSE_MS)
    const stoppedMs = performance.now()
    const again = acknowledgedOf(idempotent, before, victim, stoppedMs)
    cluster.signal(victim, 'SIGSTOP')
    await leadByOthers(cluster, victim)
    took.deposed.push(performance.now() - stoppedMs)
    took.silent.push((await again) - stoppedMs)
    cluster.signal(victim, 'SIGCONT')
  }
  await inSync(cluster)
  await Promise.all([plain.stop(), idempotent.stop()])
  const contents = await readTopic(cluster.bootstrap, TOPIC, PARTITIONS)
  await cluster.stop()
  const ofPlain = judge(contents, plain.acknowledged, '1')
  const ofIdempotent = judge(contents, idempotent.acknowledged, '2')
  const counted = (name: string, count: number): Row => ({
    name: `${maker.name}: ${name}`,
    figures: [figure('records', 'count', [count])],
  })
  const timed = (name: string, samples: readonly number[]): Row => ({
    name: `${maker.name}: ${name}`,
    figures: [
      figure('median', 'ms', samples),
      figure('longest', 'ms', [Math.max(...samples)]),
      figure('times', 'count', [samples.length]),
    ],
  })
  return [
    timed('kill -9 of a leader until all its partitions acknowledge', took.leader),
    timed('the same of the active controller', took.controller),
    timed('SIGSTOP of a leader until others lead its partitions', took.deposed),
    timed('SIGSTOP of a leader until all its partitions acknowledge', took.silent),
    counted('acknowledged', plain.acknowledged.length + idempotent.acknowledged.length),
    counted('acknowledged and lost', ofPlain.lost.length + ofIdempotent.lost.length),
    counted('idempotent and doubled or out of order', ofIdempotent.doubled.length + ofIdempotent.outOfOrder.length),
    counted('not acknowledged to the producer that never tries again', sum(plain.failed)),
    counted('not acknowledged to the idempotent producer', sum(idempotent.failed)),
  ]
}

interface PartitionSeen {
  readonly partition: number
  readonly leader: number
  readonly isr: readonly number[]
}

/**
 * When the last of the partitions that `victim` led has acknowledged a record again. What it had answered before it ended may be printed a little later: it does not
 * count, which can only make the time longer.
 */
async function acknowledgedOf(
  producer: VerifiableProducer,
  before: readonly PartitionSeen[],
  victim: number,
  endedMs: number,
): Promise<number> {
  const led = before.filter(({ leader }) => leader === victim).map(({ partition }) => partition)
  const firsts = led.map((of) =>
    producer.next(({ partition, atMs }) => partition === of && atMs > endedMs + STILL_PRINTED_MS, LONGEST_TAKEOVER_MS),
  )
  return Math.max(...(await Promise.all(firsts)).map(({ atMs }) => atMs))
}

/** Waits until every replica of every partition is in sync. */
function inSync(cluster: ClusterProcesses): Promise<readonly PartitionSeen[]> {
  return cluster.untilAny(async (admin) => {
    const seen = await admin.partitionsOf(TOPIC)
    const isWhole = seen.length === PARTITIONS && seen.every(({ leader, isr }) => leader > 0 && isr.length === 3)
    return isWhole ? seen : undefined
  })
}

/** Waits until nothing is led by this node as the others know it. */
async function leadByOthers(cluster: ClusterProcesses, victim: number): Promise<void> {
  await cluster.until(cluster.ids.find((id) => id !== victim)!, async (admin) => {
    const seen = await admin.partitionsOf(TOPIC)
    return seen.length === PARTITIONS && seen.every(({ leader }) => leader > 0 && leader !== victim) ? true : undefined
  })
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0)
}
