/**
 * A broker with 10,000 partitions: how long creating, stopping and starting take, after a stop in order and after kill -9, what memory it holds
 * at rest, and how many files it has open. One record stands in each partition.
 */
import { readdirSync } from 'node:fs'
import type { Benchmark, BenchmarkContext, Row } from './benchmark.js'
import { Admin, pause } from './lib/admin.js'
import { BrokerProcess } from './lib/broker-process.js'
import { figure } from './lib/figure.js'
import { residentBytes } from './lib/process-usage.js'

const TOPICS = 10
const PARTITIONS_EACH = 1000
const REST_MS = 3000
const MB = 1e6

export const manyPartitions: Benchmark = {
  name: 'many-partitions',
  about: `${TOPICS * PARTITIONS_EACH} partitions: create, stop, start, start after kill -9; memory and open files`,
  run,
}

async function run(context: BenchmarkContext): Promise<readonly Row[]> {
  const rows: Row[] = []
  const data = context.directory()
  let broker = await BrokerProcess.start(data)
  rows.push(await atRest('empty', broker))
  const createdMs = await timed(async () => {
    for (let n = 0; n < TOPICS; n++)
      await use(broker, (admin) => admin.createTopic(`topic${n}`, PARTITIONS_EACH, 'commit'))
  })
  rows.push({ name: 'create', figures: [figure('took', 'ms', [createdMs])] })
  const filledMs = await timed(async () => {
    for (let n = 0; n < TOPICS; n++) await use(broker, (admin) => admin.produceToAll(`topic${n}`))
  })
  rows.push({ name: 'a record in each, acks=all', figures: [figure('took', 'ms', [filledMs])] })
  rows.push(await atRest('after that', broker))
  const stoppedMs = await timed(() => broker.stop())
  rows.push({ name: 'stop', figures: [figure('took', 'ms', [stoppedMs])] })
  for (const name of ['start after that', 'start after kill -9']) {
    broker = await BrokerProcess.start(data)
    rows.push({ name, figures: [figure('serving', 'ms', [broker.listeningAfterMs])] })
    rows.push(await atRest(name, broker))
    await use(broker, async (admin) => admin.produceOne(await admin.ensureTopic('topic0')))
    await broker.kill()
  }
  return rows
}

async function atRest(name: string, broker: BrokerProcess): Promise<Row> {
  await pause(REST_MS)
  const figures = [figure('resident', 'MB', [residentBytes(broker.pid) / MB])]
  if (process.platform === 'linux') {
    figures.push(figure('open files', 'count', [readdirSync(`/proc/${broker.pid}/fd`).length]))
  }
  return { name: `at rest: ${name}`, figures }
}

async function use(broker: BrokerProcess, action: (admin: Admin) => Promise<unknown>): Promise<void> {
  const admin = await Admin.connect(broker.port)
  try {
    await action(admin)
  } finally {
    admin.close()
  }
}

async function timed(action: () => Promise<void>): Promise<number> {
  const startedAtMs = performance.now()
  await action()
  return performance.now() - startedAtMs
}
