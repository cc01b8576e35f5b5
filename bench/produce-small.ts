/**
 * Requests a second with one record of 100 bytes each, over 32 connections to 32 partitions, and their ratio to a server that only
 * echoes. Broker and echo take turns, so that both see the same machine; a ratio is that of neighbours in time.
 */
import type { Benchmark, BenchmarkContext, Figure, Row } from './benchmark.js'
import { Admin } from './lib/admin.js'
import { BrokerProcess } from './lib/broker-process.js'
import { figure } from './lib/figure.js'
import { EchoServer, LoadGenerator } from './lib/load.js'
import type { LoadResult } from './lib/load-job.js'
import type { Topic } from './lib/load-requests.js'

const CONNECTIONS = 32
const PARTITIONS = 32
const IN_FLIGHT = [1, 16]
const ROUNDS = 3
const WARMUP_MS = 300
const MEASURE_MS = 800
const FIRST_WARMUP_MS = 1500
const VALUE_BYTES = 100

interface Case {
  readonly acks: 1 | -1
  readonly topic: Topic
  readonly name: string
  readonly results: LoadResult[]
  readonly ratios: number[]
  /** Of the processor time of a request: the echo's over the broker's. */
  readonly processorRatios: number[]
}

export const produceSmall: Benchmark = {
  name: 'produce-small',
  about: '100 B per request, 32 connections, 32 partitions, against an echo server',
  run,
}

async function run(context: BenchmarkContext): Promise<readonly Row[]> {
  const broker = await BrokerProcess.start(context.directory())
  const admin = await Admin.connect(broker.port)
  const topics = {
    commit: await admin.createTopic('small-commit', PARTITIONS, 'commit'),
    os: await admin.createTopic('small-os', PARTITIONS, 'os'),
  }
  const echo = await EchoServer.start(topics.commit, VALUE_BYTES)
  const generator = new LoadGenerator()

  /** Since the topic was made: a record too many is noticed by the next check, however late it is committed. */
  const acknowledged = new Map<Topic, number>()

  const runEcho = (inFlight: number, warmupMs = WARMUP_MS): Promise<LoadResult> =>
    generator.run({
      ...jobOf(inFlight, warmupMs),
      kind: 'echo',
      topic: topics.commit,
      acks: 1,
      port: echo.port,
      serverPid: echo.pid,
    })
  const runBroker = async ({ topic, acks }: Case, inFlight: number, warmupMs = WARMUP_MS): Promise<LoadResult> => {
    const result = await generator.run({
      ...jobOf(inFlight, warmupMs),
      kind: 'produce',
      topic,
      acks,
      port: broker.port,
      serverPid: broker.pid,
    })
    const inAll = (acknowledged.get(topic) ?? 0) + result.answersInAll
    acknowledged.set(topic, inAll)
    await admin.awaitRecords(topic, inAll)
    return result
  }

  const rows: Row[] = []
  for (const inFlight of IN_FLIGHT) {
    const cases = casesOf(topics)
    const echoes: LoadResult[] = []
    await runEcho(inFlight, FIRST_WARMUP_MS)
    for (const each of cases) await runBroker(each, inFlight, FIRST_WARMUP_MS / cases.length)
    for (let round = 0; round < ROUNDS; round++) {
      let echoBefore = await runEcho(inFlight)
      echoes.push(echoBefore)
      for (const each of round % 2 === 0 ? cases : [...cases].reverse()) {
        const result = await runBroker(each, inFlight)
        const echoAfter = await runEcho(inFlight)
        each.results.push(result)
        each.ratios.push(requestRate(result) / ((requestRate(echoBefore) + requestRate(echoAfter)) / 2))
        const echoCost = (processorUs(echoBefore) + processorUs(echoAfter)) / 2
        each.processorRatios.push(echoCost / processorUs(result))
        echoes.push(echoAfter)
        echoBefore = echoAfter
      }
      context.note(`${inFlight} in flight, round ${round + 1} of ${ROUNDS}`)
    }
    rows.push({ name: `echo, ${inFlight} in flight`, figures: figuresOf(echoes) })
    for (const { name, results, ratios, processorRatios } of cases) {
      const figures = [
        ...figuresOf(results),
        figure('of echo', 'ratio', ratios),
        figure('of echo by cpu', 'ratio', processorRatios),
      ]
      rows.push({ name: `${name}, ${inFlight} in flight`, figures })
    }
  }
  for (const [topic, records] of acknowledged) await admin.awaitRecords(topic, records)
  generator.close()
  echo.close()
  admin.close()
  await broker.stop()
  return rows
}

function casesOf({ commit, os }: { readonly commit: Topic; readonly os: Topic }): Case[] {
  const make = (acks: 1 | -1, topic: Topic, name: string): Case => {
    return { acks, topic, name, results: [], ratios: [], processorRatios: [] }
  }
  return [
    make(1, commit, 'acks=1, commit'),
    make(1, os, 'acks=1, os'),
    make(-1, commit, 'acks=all, commit'),
    make(-1, os, 'acks=all, os'),
  ]
}

function jobOf(inFlight: number, warmupMs: number) {
  return { records: VALUE_BYTES, connections: CONNECTIONS, inFlight, warmupMs, measureMs: MEASURE_MS }
}

function figuresOf(results: readonly LoadResult[]): Row['figures'] {
  const of = (name: string, unit: Figure['unit'], get: (result: LoadResult) => number): Figure =>
    figure(name, unit, results.map(get))
  return [
    of('requests', 'req/s', requestRate),
    of('p50', 'us', ({ p50Us }) => p50Us),
    of('p99', 'us', ({ p99Us }) => p99Us),
    of('cpu per request', 'us', processorUs),
    of('loop busy', 'share', ({ serverLoopBusy }) => serverLoopBusy),
    of('generator busy', 'share', ({ generatorBusy }) => generatorBusy),
  ]
}

function requestRate({ answers, elapsedMs }: LoadResult): number {
  return (answers / elapsedMs) * 1000
}

/** What the server's threads spent on one request, in microseconds. */
function processorUs({ answers, elapsedMs, serverBusy }: LoadResult): number {
  return (serverBusy * elapsedMs * 1000) / answers
}
