/**
 * The promise under `kill -9`: a server that is killed twenty times while batches are on their way, and started again at once on the same
 * directory, loses nothing that it had acknowledged, has nothing twice and nothing out of order. Producers and consumers are the simulator's,
 * on Node's ports; the judge is the simulator's checker. The same seed draws the same load and the same moments, as far as the machine
 * lets it.
 */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { fixedPort } from '../../jepsen/beds/fixed-port.js'
import { within } from '../../jepsen/beds/within.js'
import { Prng } from '../../src/base/prng.js'
import { type Anomaly, checkLog } from '../../src/check/check-log.js'
import type { Operation, PollOperation } from '../../src/check/history.js'
import { NodeClock } from '../../src/io/node/clock.js'
import { NodeNetwork } from '../../src/io/node/network.js'
import { ErrorCode } from '../../src/protocol/errors.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { SimulatedClient } from '../../src/sim/client.js'
import { WorkloadConsumer } from '../../src/sim/consumer.js'
import { WorkloadProducer } from '../../src/sim/producer.js'
import { temporaryDirectory } from '../node-ports.js'
import { SEED_VARIABLE } from '../seed.js'
import { type CommandProcess, SERVES, startServer } from './server-process.js'

const KILLS = 20
const WANTED_RECORDS = 50_000
/** How long the producers run freely between the first acknowledgement after a start and the next kill. */
const LONGEST_RUN_MS = 1500
const LONGEST_PHASE_MS = 60_000
const LONGEST_TEST_MS = 170_000

interface Topic {
  readonly name: string
  readonly partitions: number
  readonly configs: readonly { readonly name: string; readonly value: string }[]
}

/** One with segments that are hardly ever closed, one with segments that are closed all the time. */
const TOPICS: readonly Topic[] = [
  { name: 'long', partitions: 2, configs: [] },
  { name: 'short', partitions: 1, configs: [{ name: 'internal.segment.bytes', value: '65536' }] },
]
const PRODUCERS_PER_PARTITION = 2

class Workload {
  readonly history: Operation[] = []
  readonly producers: WorkloadProducer[] = []
  acknowledged = 0
  /** Called with the next acknowledgement. */
  onAcknowledged: () => void = () => {}
  readonly #random: Prng
  readonly #clock = new NodeClock()
  readonly #network = new NodeNetwork()
  readonly #port: number
  readonly #clients: SimulatedClient[] = []
  readonly #startMs = this.#clock.monotonicMs()
  #invoked = 0
  #nextProcess = 0

  constructor(random: Prng, port: number) {
    this.#random = random
    this.#port = port
  }

  /** Records that were sent and not answered. */
  get unanswered(): number {
    return this.#invoked - this.acknowledged
  }

  get inFlight(): number {
    return this.producers.filter((producer) => producer.inFlight).length
  }

  async createTopics(): Promise<Map<string, string>> {
    const admin = this.#client('admin')
    await new Promise<void>((resolve) => admin.whenReady(resolve))
    const topics = TOPICS.map(({ name, partitions, configs }) => ({
      name,
      numPartitions: partitions,
      replicationFactor: 1,
      assignments: [],
      configs: [...configs],
    }))
    return new Promise((resolve, reject) => {
      admin.call(CreateTopics, { topics, timeoutMs: 5000 }, (error, response) => {
        if (response === undefined) return reject(error)
        for (const { name, errorCode } of response.topics) {
          if (errorCode !== ErrorCode.NONE) return reject(new Error(`${name} was not created: ${errorCode}`))
        }
        resolve(new Map(response.topics.map(({ name, topicId }) => [name, topicId])))
      })
    })
  }

  /** Producers and a consumer for each partition. */
  start(ids: ReadonlyMap<string, string>): void {
    this.#forEachPartition(ids, (place) => {
      for (let n = 0; n < PRODUCERS_PER_PARTITION; n++) {
        const process = this.#nextProcess++
        const load = { pauseMs: 10, maxRecordsPerBatch: 30, codec: n === 0 ? 'none' : 'lz4' } as const
        const options = { ...place, ...load, process, acks: -1, idempotent: true } as const
        this.producers.push(new WorkloadProducer(this.#client(`producer${process}`), options))
      }
      const process = this.#nextProcess++
      new WorkloadConsumer(this.#client(`consumer${process}`), {
        ...place,
        process,
        final: false,
        sessions: process % 2 === 0,
        patient: false,
      })
    })
  }

  /** Reads everything. */
  read(ids: ReadonlyMap<string, string>): WorkloadConsumer[] {
    const readers: WorkloadConsumer[] = []
    this.#forEachPartition(ids, (place) => {
      const process = this.#nextProcess++
      readers.push(
        new WorkloadConsumer(this.#client(`reader${process}`), {
          ...place,
          process,
          final: true,
          sessions: process % 2 === 0,
          patient: false,
        }),
      )
    })
    return readers
  }

  stop(): void {
    for (const client of this.#clients) client.stop()
  }

  #forEachPartition(ids: ReadonlyMap<string, string>, action: (place: Place) => void): void {
    const now = (): number => this.#clock.monotonicMs() - this.#startMs
    const record = (operation: Operation): void => this.#record(operation)
    for (const { name, partitions } of TOPICS) {
      for (let partition = 0; partition < partitions; partition++) {
        action({ topic: name, topicId: ids.get(name)!, partition, now, record })
      }
    }
  }

  #client(name: string): SimulatedClient {
    const ports = { clock: this.#clock, network: this.#network, random: this.#random.fork(name) }
    const client = new SimulatedClient(ports, { host: '127.0.0.1', port: this.#port }, name)
    this.#clients.push(client)
    return client
  }

  #record(operation: Operation): void {
    this.history.push(operation)
    if (operation.f !== 'send') return
    if (operation.type === 'invoke') this.#invoked++
    else if (operation.type === 'ok') {
      this.acknowledged++
      this.onAcknowledged()
    }
  }
}

interface Place {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly now: () => number
  readonly record: (operation: Operation) => void
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const clock = new NodeClock()
  const deadlineMs = clock.monotonicMs() + LONGEST_PHASE_MS
  while (!condition()) {
    assert.ok(clock.monotonicMs() < deadlineMs, `within ${LONGEST_PHASE_MS} ms it should be that ${what}`)
    await sleep(5)
  }
}

/** The moment of a kill: at random, and then as soon as somebody waits for an answer. */
async function whileInFlight(workload: Workload, delayMs: number): Promise<void> {
  await sleep(delayMs)
  for (let turns = 0; workload.inFlight === 0; turns++) {
    assert.ok(turns < 1_000_000, 'nothing is ever on its way')
    await nextTurn()
  }
}

test('kill -9 twenty times under load loses, doubles and reorders nothing', { timeout: LONGEST_TEST_MS }, async (t) => {
  const seed = process.env[SEED_VARIABLE] ?? String(Date.now())
  t.diagnostic(`seed ${seed} (again with: npm run test:process -- --seed ${seed} kill)`)
  const random = new Prng(`kill ${seed}`)
  const clock = new NodeClock()
  const data = temporaryDirectory('kill')
  const port = await fixedPort(random)
  const workload = new Workload(random.fork('workload'), port)
  // Recovery points that are written often leave something below them and something above.
  const options = { data, port, set: ['log.flush.offset.checkpoint.interval.ms=300'] }
  let server: CommandProcess = startServer(options)
  t.after(async () => {
    workload.stop()
    if (server.running) await server.end('SIGKILL')
    rmSync(data, { recursive: true, force: true })
  })
  const beginMs = clock.monotonicMs()

  await server.says(SERVES)
  const ids = await within(LONGEST_PHASE_MS, 'the topics', workload.createTopics())
  workload.start(ids)
  await until('the first record is acknowledged', () => workload.acknowledged > 0)

  const restartsMs: number[] = []
  const unanswered: number[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    await whileInFlight(workload, random.below(LONGEST_RUN_MS))
    assert.ok(workload.inFlight > 0)
    unanswered.push(workload.unanswered)
    const exited = server.end('SIGKILL')
    const killedMs = clock.monotonicMs()
    assert.deepEqual(await exited, { code: null, signal: 'SIGKILL' }, server.stderr)
    server = startServer(options)
    await server.says(SERVES)
    const first = new Promise<void>((resolve) => {
      workload.onAcknowledged = resolve
    })
    await within(LONGEST_PHASE_MS, 'an acknowledgement after the restart', first)
    restartsMs.push(clock.monotonicMs() - killedMs)
    const [opened] = server.logLines('data directory')
    assert.equal(opened?.['lastStop'], 'processCrash', 'a start after a kill knows that the page cache lived')
  }
  await until(`${WANTED_RECORDS} records are acknowledged`, () => workload.acknowledged >= WANTED_RECORDS)

  for (const producer of workload.producers) producer.stop()
  await until('everything is answered', () => workload.producers.every((producer) => producer.idle))
  const readers = workload.read(ids)
  await until('everything is read', () => readers.every((reader) => reader.done))
  workload.stop()
  assert.deepEqual(await server.end('SIGTERM'), { code: 0, signal: null })

  const verdict = checkLog(workload.history)
  const read = finalPolls(workload.history).reduce((sum, { records }) => sum + records.length, 0)
  const totalMs = clock.monotonicMs() - beginMs
  t.diagnostic(`${verdict.acknowledged} records acknowledged, ${read} read, ${KILLS} kills in ${seconds(totalMs)} s`)
  t.diagnostic(`in flight at the kills: ${Math.min(...unanswered)} to ${Math.max(...unanswered)} records`)
  t.diagnostic(
    `from a kill to the next acknowledgement: median ${seconds(median(restartsMs))} s, longest ${seconds(Math.max(...restartsMs))} s`,
  )
  assert.deepEqual(verdict.findings.slice(0, 20), [])
  assert.equal(verdict.valid, true)
  assert.equal(verdict.unknown, 0, 'a producer that tries again learns what became of every batch')
  assert.ok(verdict.acknowledged >= WANTED_RECORDS)
  assert.equal(read, verdict.acknowledged)
  assert.ok(unanswered.every((count) => count > 0))

  await judgesAlteredHistories(t, workload.history, random.fork('controls'))
})

/** The same history with one acknowledged record gone from the log, there twice, or in another's place, is found wrong. */
async function judgesAlteredHistories(t: TestContext, history: readonly Operation[], random: Prng): Promise<void> {
  type Records = PollOperation['records']
  const controls: readonly [string, Anomaly, (records: Records, at: number) => Records][] = [
    ['removed', 'lost-write', (records, at) => records.filter((_, index) => index !== at)],
    ['doubled', 'duplicate', (records, at) => [...records, [records[records.length - 1]![0] + 1, records[at]![1]]]],
    [
      'swapped',
      'nonmonotonic-send',
      (records, at) => {
        const [[first, earlier], [second, later]] = [records[at]!, records[at + 1]!]
        return [...records.slice(0, at), [first, later], [second, earlier], ...records.slice(at + 2)]
      },
    ],
  ]
  for (const [what, anomaly, alter] of controls)
    await t.test(`control: one record ${what}`, () => {
      const poll = random.pick(finalPolls(history).filter(({ records }) => neighbours(records).length > 0))
      const at = random.pick(neighbours(poll.records))
      const altered = history.map((each) => (each === poll ? { ...poll, records: alter(poll.records, at) } : each))
      const { valid, findings } = checkLog(altered)
      assert.equal(valid, false)
      assert.ok(findings.some((finding) => finding.anomaly === anomaly))
      assert.ok(findings.every((finding) => finding.key === poll.key))
    })
}

/** Places where a record and the next come from the same producer. */
function neighbours(records: PollOperation['records']): number[] {
  const producerOf = (at: number): string | undefined => records[at]?.[1].split('/')[1]
  return [...records.keys()].filter((at) => at + 1 < records.length && producerOf(at) === producerOf(at + 1))
}

function finalPolls(history: readonly Operation[]): PollOperation[] {
  return history.flatMap((operation) => (operation.f === 'poll' && operation.final ? [operation] : []))
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2)
}
