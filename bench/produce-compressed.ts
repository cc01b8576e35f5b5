/**
 * Requests with a batch that is compressed, by its producer or by the broker (`compression.type`), and their ratio to those with the same records
 * without compression. The cases take turns, and each round begins and ends with the yardstick.
 */
import { CODEC_NAMES, type CodecName } from '../src/records/compression/codec.js'
import type { Benchmark, BenchmarkContext, Figure, Row } from './benchmark.js'
import { Admin } from './lib/admin.js'
import { textBatch } from './lib/batches.js'
import { BrokerProcess } from './lib/broker-process.js'
import { figure } from './lib/figure.js'
import { LoadGenerator } from './lib/load.js'
import type { LoadResult } from './lib/load-job.js'
import type { Topic } from './lib/load-requests.js'

const CONNECTIONS = 4
const PARTITIONS = 4
const ROUNDS = 3
const FIRST_WARMUP_MS = 200
const WARMUP_MS = 60
const MEASURE_MS = 300
/** A batch that is opened on the broker's loop, and one that is not. */
const PLAIN_BYTES = [16 * 1024, 128 * 1024]
/** What is written need not stay. */
const SETTINGS = { 'log.retention.check.interval.ms': '500' }
const TOPIC_CONFIGS = { 'segment.bytes': '8388608', 'retention.bytes': '16777216', 'file.delete.delay.ms': '0' }

type CompressionType = 'producer' | Exclude<CodecName, 'none'>

interface Case {
  readonly name: string
  readonly codec: CodecName
  readonly topic: Topic
  /** What stands in the log, of what it is without compression. */
  readonly size: number
  readonly results: LoadResult[]
  /** To the yardstick of the round: requests, and processor time of a request. */
  readonly ratios: number[]
  readonly processorRatios: number[]
}

export const produceCompressed: Benchmark = {
  name: 'produce-compressed',
  about: `batches that are compressed, by the producer or by the broker, against the same ones without compression`,
  run,
}

async function run(context: BenchmarkContext): Promise<readonly Row[]> {
  const broker = await BrokerProcess.start(context.directory(), SETTINGS)
  const admin = await Admin.connect(broker.port)
  const generator = new LoadGenerator()
  const topics = new Map<CompressionType, Topic>()
  for (const type of ['producer', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const configs = { ...TOPIC_CONFIGS, 'compression.type': type }
    topics.set(type, await admin.createTopic(`compressed-${type}`, PARTITIONS, 'os', configs))
  }
  const acknowledged = new Map<Topic, number>()
  const rows: Row[] = []
  for (const plainBytes of PLAIN_BYTES) {
    const { records, bytes } = textBatch({ codec: 'none', plainBytes })
    const sizeWith = (codec: CodecName): number => textBatch({ codec, plainBytes }).bytes.length / bytes.length
    const load = async ({ codec, topic }: Case, warmupMs = WARMUP_MS): Promise<LoadResult> => {
      const result = await generator.run({
        ...{ kind: 'produce', topic, acks: 1, records: { codec, plainBytes }, port: broker.port },
        ...{ connections: CONNECTIONS, inFlight: 1, warmupMs, measureMs: MEASURE_MS, serverPid: broker.pid },
      })
      const inAll = (acknowledged.get(topic) ?? 0) + result.answersInAll * records
      acknowledged.set(topic, inAll)
      await admin.awaitRecords(topic, inAll)
      return result
    }
    const caseOf = (name: string, codec: CodecName, type: CompressionType): Case => {
      const stored = type === 'producer' ? codec : type
      return {
        name,
        codec,
        topic: topics.get(type)!,
        size: sizeWith(stored),
        results: [],
        ratios: [],
        processorRatios: [],
      }
    }
    const codecs = CODEC_NAMES.filter((codec) => codec !== 'none')
    const yardstick = caseOf('none', 'none', 'producer')
    const cases = [
      ...codecs.map((codec) => caseOf(`${codec} by the producer`, codec, 'producer')),
      ...codecs.map((codec) => caseOf(`none to ${codec} by the broker`, 'none', codec)),
    ]
    for (const each of [yardstick, ...cases]) await load(each, FIRST_WARMUP_MS)
    for (let round = 0; round < ROUNDS; round++) {
      const before = await load(yardstick)
      const results: LoadResult[] = []
      const order = round % 2 === 0 ? cases : [...cases].reverse()
      for (const each of order) results.push(await load(each))
      const after = await load(yardstick)
      yardstick.results.push(before, after)
      for (const [at, each] of order.entries()) {
        const result = results[at]!
        each.results.push(result)
        each.ratios.push(requestRate(result) / ((requestRate(before) + requestRate(after)) / 2))
        each.processorRatios.push((processorUs(before) + processorUs(after)) / 2 / processorUs(result))
      }
      context.note(`${plainBytes} bytes, round ${round + 1} of ${ROUNDS}`)
    }
    for (const each of [yardstick, ...cases]) {
      rows.push({ name: `${plainBytes / 1024} KB, ${each.name}`, figures: figuresOf(each) })
    }
  }
  generator.close()
  admin.close()
  await broker.stop()
  return rows
}

function figuresOf({ results, size, ratios, processorRatios }: Case): readonly Figure[] {
  return [
    figure('requests', 'req/s', results.map(requestRate)),
    figure(
      'p50',
      'us',
      results.map(({ p50Us }) => p50Us),
    ),
    figure('cpu per request', 'us', results.map(processorUs)),
    figure(
      'loop busy',
      'share',
      results.map(({ serverLoopBusy }) => serverLoopBusy),
    ),
    figure('size', 'ratio', [size]),
    ...(ratios.length === 0
      ? []
      : [figure('of none', 'ratio', ratios), figure('of none by cpu', 'ratio', processorRatios)]),
  ]
}

function requestRate({ answers, elapsedMs }: LoadResult): number {
  return (answers / elapsedMs) * 1000
}

/** What the server's threads spent on one request, in microseconds. */
function processorUs({ answers, elapsedMs, serverBusy }: LoadResult): number {
  return (serverBusy * elapsedMs * 1000) / answers
}
