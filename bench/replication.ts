/**
 * Throughput of three nodes at acks=all, of lograft and of Apache Kafka, under Kafka's own ProducerPerformance: topics of three replicas, of which two must
 * be in sync.
 */
import { join } from 'node:path'
import { installKafkaJars, missingJava } from '../jepsen/beds/kafka-jars.js'
import { cachePath } from '../test/interop/client.js'
import { java } from '../test/interop/java-command.js'
import type { Benchmark, BenchmarkContext, Row } from './benchmark.js'
import { apacheKafka, ClusterProcesses, LOGRAFT, type Maker } from './lib/cluster-processes.js'
import { figure } from './lib/figure.js'

const PARTITIONS = 6
const ROUNDS = 3
const RECORD_BYTES = 100
const RECORDS = 500_000
const CREATE_TIMEOUT_MS = 30_000

export const replication: Benchmark = {
  name: 'replication',
  about: `${RECORDS} records of ${RECORD_BYTES} bytes to three replicas with acks=all, by ProducerPerformance; next to Apache Kafka`,
  onDemand: true,
  run,
}

async function run(context: BenchmarkContext): Promise<readonly Row[]> {
  const missing = missingJava()
  if (missing !== undefined) throw new Error(`the load is that of Apache Kafka's own producer: ${missing}`)
  await installKafkaJars()
  const rows = [
    ...(await measure(LOGRAFT, context, 'flush.policy=commit', { 'flush.policy': 'commit' })),
    ...(await measure(LOGRAFT, context, 'flush.policy=os', { 'flush.policy': 'os' })),
  ]
  return context.alone ? rows : [...rows, ...(await measure(apacheKafka(cachePath('java', 'jars')), context, '', {}))]
}

async function measure(
  maker: Maker,
  context: BenchmarkContext,
  what: string,
  settings: Readonly<Record<string, string>>,
): Promise<Row[]> {
  const folder = join(context.directory(), maker.name.replaceAll(' ', '-'))
  const cluster = await ClusterProcesses.prepare(maker, folder, context.nodes ?? 3)
  cluster.start()
  const rates: number[] = []
  const latencies: number[] = []
  // The first is for warming up.
  for (let round = 0; round <= ROUNDS; round++) {
    const topic = `round${round}`
    await cluster.until(1, async (admin) => {
      const all = { 'min.insync.replicas': '2', ...settings }
      const error = await admin.askForTopic(topic, PARTITIONS, CREATE_TIMEOUT_MS, 3, all)
      return error === 0 ? true : undefined
    })
    const fixed = ['--bootstrap-server', cluster.bootstrap, '--topic', topic, '--throughput', '-1']
    const load = [
      '--num-records',
      String(RECORDS),
      '--record-size',
      String(RECORD_BYTES),
      '--command-property',
      'acks=all',
    ]
    const { stdout } = await java('ProducerPerformance', [...fixed, ...load])
    const [, rate, latency] = /records sent, ([\d.]+) records\/sec .*?([\d.]+) ms avg latency.*\n?$/.exec(
      lastLine(stdout),
    )!
    if (round === 0) continue
    rates.push(Number(rate))
    latencies.push(Number(latency))
  }
  await cluster.stop()
  const name = what === '' ? maker.name : `${maker.name}, ${what}`
  return [{ name, figures: [figure('rate', 'req/s', rates), figure('latency', 'ms', latencies)] }]
}

function lastLine(output: Buffer): string {
  return (
    output
      .toString()
      .trim()
      .split('\n')
      .findLast((line) => line.includes('avg latency')) ?? ''
  )
}
