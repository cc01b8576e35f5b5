/**
 * How long it takes from the start of the process to the first acknowledged record, and how much memory the process then holds. An empty
 * Node process is the yardstick for both: whatever the broker does, it pays for that.
 */
import type { Benchmark, BenchmarkContext, Row } from './benchmark.js'
import { Admin, pause } from './lib/admin.js'
import { BrokerProcess } from './lib/broker-process.js'
import { EmptyProcess } from './lib/empty-process.js'
import { figure } from './lib/figure.js'
import { LoadGenerator } from './lib/load.js'
import { residentBytes } from './lib/process-usage.js'

const ROUNDS = 5
/** Memory at rest needs waiting, so it is looked at less often. */
const MEMORY_ROUNDS = 3
const REST_MS = 3000
const PARTITIONS = 32
const CONNECTIONS = 32
const IN_FLIGHT = 16
const VALUE_BYTES = 100
const LOAD_MS = 3000
const MB = 1e6

export const start: Benchmark = {
  name: 'start',
  about: 'process start to first acknowledged record (acks=all); memory after it, and after a load',
  run,
}

/** What one kind of start has shown so far. */
interface Samples {
  readonly listeningMs: number[]
  readonly firstRecordMs: number[]
}

async function run(context: BenchmarkContext): Promise<readonly Row[]> {
  const bareMs: number[] = []
  const fresh = noSamples()
  const stopped = noSamples()
  const killed = noSamples()
  const used = context.directory()
  await fill(used)
  for (let round = 0; round < ROUNDS; round++) {
    bareMs.push(await timeEmptyProcess())
    await (await firstRecord(context.directory(), fresh)).stop()
    await (await firstRecord(used, stopped)).kill()
    await (await firstRecord(used, killed)).stop()
    context.note(`start, round ${round + 1} of ${ROUNDS}`)
  }

  const bareBytes: number[] = []
  const restBytes: number[] = []
  const loadedBytes: number[] = []
  for (let round = 0; round < MEMORY_ROUNDS; round++) {
    const empty = await EmptyProcess.start()
    bareBytes.push(residentBytes(empty.pid))
    await empty.kill()
    const broker = await firstRecord(context.directory(), noSamples())
    await pause(REST_MS)
    restBytes.push(residentBytes(broker.pid))
    await load(broker, LOAD_MS)
    loadedBytes.push(residentBytes(broker.pid))
    await broker.stop()
    context.note(`memory, round ${round + 1} of ${MEMORY_ROUNDS}`)
  }

  return [
    { name: 'empty Node process', figures: [figure('listening', 'ms', bareMs), ...memory(bareBytes)] },
    { name: 'fresh directory', figures: timesOf(fresh) },
    { name: `${PARTITIONS} partitions with data`, figures: timesOf(stopped) },
    { name: 'the same after kill -9', figures: timesOf(killed) },
    { name: 'at rest after the first record', figures: memory(restBytes) },
    { name: 'right after a load', figures: memory(loadedBytes) },
  ]
}

function noSamples(): Samples {
  return { listeningMs: [], firstRecordMs: [] }
}

function timesOf({ listeningMs, firstRecordMs }: Samples): Row['figures'] {
  return [figure('listening', 'ms', listeningMs), figure('first record', 'ms', firstRecordMs)]
}

function memory(bytes: readonly number[]): Row['figures'] {
  const megabytes = bytes.map((each) => each / MB)
  return [figure('resident', 'MB', megabytes)]
}

async function timeEmptyProcess(): Promise<number> {
  const startedAtMs = performance.now()
  const empty = await EmptyProcess.start()
  const elapsedMs = performance.now() - startedAtMs
  await empty.kill()
  return elapsedMs
}

/** Starts a broker and gives it one record, for a topic that it makes if it is missing. */
async function firstRecord(dataPath: string, samples: Samples): Promise<BrokerProcess> {
  const broker = await BrokerProcess.start(dataPath)
  const admin = await Admin.connect(broker.port)
  await admin.produceOne(await admin.ensureTopic('first-record'))
  samples.listeningMs.push(broker.listeningAfterMs)
  samples.firstRecordMs.push(performance.now() - broker.startedAtMs)
  admin.close()
  return broker
}

/** Leaves a directory behind in which there is something to be opened. */
async function fill(dataPath: string): Promise<void> {
  const broker = await BrokerProcess.start(dataPath)
  await load(broker, LOAD_MS / 3)
  await broker.stop()
}

async function load(broker: BrokerProcess, measureMs: number): Promise<void> {
  const admin = await Admin.connect(broker.port)
  const topic = await admin.createTopic('load', PARTITIONS, 'commit')
  const generator = new LoadGenerator()
  const { answersInAll } = await generator.run({
    kind: 'produce',
    topic,
    acks: 1,
    records: VALUE_BYTES,
    port: broker.port,
    connections: CONNECTIONS,
    inFlight: IN_FLIGHT,
    warmupMs: 0,
    measureMs,
    serverPid: broker.pid,
  })
  await admin.awaitRecords(topic, answersInAll)
  generator.close()
  admin.close()
}
