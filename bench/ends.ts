/**
 * How long it takes to be told where logs end and where they begin, by one request to their leader, of three quiet nodes: an end is told when followers have said that they follow
 * still, a beginning at once.
 */
import { join } from 'node:path'
import { installKafkaJars, missingJava } from '../jepsen/beds/kafka-jars.js'
import { Admin } from '../src/client/admin/admin.js'
import { EARLIEST, LATEST } from '../src/client/admin/list-offsets.js'
import { ClusterClient } from '../src/client/cluster-client.js'
import { NodeClock } from '../src/io/node/clock.js'
import { NodeNetwork } from '../src/io/node/network.js'
import { NodeRandom } from '../src/io/node/random.js'
import { ListOffsets } from '../src/protocol/messages/list-offsets.js'
import { cachePath } from '../test/interop/client.js'
import type { Benchmark, BenchmarkContext, Row } from './benchmark.js'
import { apacheKafka, ClusterProcesses, LOGRAFT, type Maker } from './lib/cluster-processes.js'
import { figure } from './lib/figure.js'
import { median } from './lib/statistics.js'

const CREATE_TIMEOUT_MS = 30_000
const ROUNDS = 5
/** By how many partitions are asked for in a request: how often in a round. */
const REQUESTS = new Map([
  [1, 200],
  [1000, 20],
])

export const ends: Benchmark = {
  name: 'ends',
  about: 'where logs with three replicas end, and where they begin, by ListOffsets; next to Apache Kafka',
  onDemand: true,
  run,
}

async function run(context: BenchmarkContext): Promise<readonly Row[]> {
  const rows = await measure(LOGRAFT, context)
  if (context.alone || missingJava() !== undefined) return rows
  await installKafkaJars()
  return [...rows, ...(await measure(apacheKafka(cachePath('java', 'jars')), context))]
}

async function measure(maker: Maker, context: BenchmarkContext): Promise<Row[]> {
  const cluster = await ClusterProcesses.prepare(maker, join(context.directory(), maker.name.replaceAll(' ', '-')))
  cluster.start()
  const rows: Row[] = []
  let created = 0
  for (const [partitions, requests] of REQUESTS) {
    const topic = `of-${partitions}`
    await cluster.until(1, async (admin) => {
      const error = await admin.askForTopic(topic, partitions * 3, CREATE_TIMEOUT_MS, 3, {})
      return error === 0 ? true : undefined
    })
    created += partitions * 3
    await cluster.untilKnown(created)
    const ports = { clock: new NodeClock(), network: new NodeNetwork(), random: new NodeRandom() }
    const client = new ClusterClient({ bootstrapServers: cluster.bootstrap, ports })
    const all = Array.from({ length: partitions * 3 }, (_, partition) => partition)
    // Asked again for as long as leaders do not know yet that they are.
    const offsets = await new Admin(client).listOffsets(
      all.map((partition) => ({ topic, partition, timestamp: LATEST })),
    )
    if (offsets.some(({ offset }) => offset !== 0)) throw new Error(`${maker.name} tells an end of what is empty`)
    const nodeId = client.view.leaderOf(topic, 0)!
    const led = all.filter((partition) => client.view.leaderOf(topic, partition) === nodeId).slice(0, partitions)
    const ask = async (timestamp: number): Promise<number> => {
      const wanted = led.map((partitionIndex) => ({ partitionIndex, timestamp }))
      const beganMs = performance.now()
      const body = { replicaId: -1, isolationLevel: 0, topics: [{ name: topic, partitions: wanted }] }
      const { topics } = await client.call({ nodeId }, ListOffsets, body)
      const tookMs = performance.now() - beganMs
      for (const { errorCode, offset } of topics[0]!.partitions) {
        if (errorCode !== 0 || offset !== 0)
          throw new Error(`${maker.name} tells ${offset} with error ${errorCode} after ${Math.round(tookMs)} ms`)
      }
      return tookMs
    }
    const latest: number[] = []
    const earliest: number[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [timestamp, medians] of [
        [LATEST, latest],
        [EARLIEST, earliest],
      ] as const) {
        const took: number[] = []
        for (let n = 0; n < requests; n++) took.push(await ask(timestamp))
        // The first round is for warming up.
        if (round > 0) medians.push(median(took))
      }
    }
    client.close()
    const name = `${maker.name}, ${led.length} of a topic`
    rows.push({ name, figures: [figure('end', 'ms', latest), figure('beginning', 'ms', earliest)] })
  }
  await cluster.stop()
  return rows
}
