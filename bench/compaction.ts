/**
 * The cleaning of a log with ten million keys: how long it takes, and how much memory the broker takes for it beyond what it holds at rest, as a part
 * of `log.cleaner.dedupe.buffer.size`. Every key once, so that nothing of the log goes and the map has to hold them all, in several goes.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildBatch } from '../src/records/builder.js'
import { parseOffsetCheckpoint } from '../src/storage/offset-checkpoint.js'
import type { Benchmark, BenchmarkContext, Row } from './benchmark.js'
import { Admin, pause } from './lib/admin.js'
import { BrokerProcess } from './lib/broker-process.js'
import { figure } from './lib/figure.js'
import { residentBytes } from './lib/process-usage.js'

const KEYS = 10_000_000
const RECORDS_PER_BATCH = 10_000
const SEGMENT_BYTES = 16 * 1024 * 1024
/** Default of `log.cleaner.dedupe.buffer.size`. */
const DEDUPE_BUFFER_BYTES = 128 * 1024 * 1024
/** The active segment is not cleaned: so many more are written. */
const IN_ACTIVE_SEGMENT = 500_000
const REST_MS = 4000
const BACKOFF_MS = 6000
const SAMPLE_EVERY_MS = 20
const LONGEST_MS = 15 * 60_000
const MB = 1e6

export const compaction: Benchmark = {
  name: 'compaction',
  about: `a log of ${KEYS / 1e6} million keys is cleaned: time, and memory beyond that at rest`,
  onDemand: true,
  run,
}

async function run(context: BenchmarkContext): Promise<readonly Row[]> {
  const data = context.directory()
  await fill(data, context)
  const broker = await BrokerProcess.start(data, { 'log.cleaner.backoff.ms': String(BACKOFF_MS) })
  await pause(REST_MS)
  const restBytes = residentBytes(broker.pid)
  let peakBytes = restBytes
  let beganMs = Number.NaN
  const startedMs = performance.now()
  while (cleanedUpTo(data) < KEYS) {
    if (performance.now() - startedMs > LONGEST_MS) throw new Error(`cleaned up to ${cleanedUpTo(data)} only`)
    const bytes = residentBytes(broker.pid)
    if (Number.isNaN(beganMs) && bytes > restBytes + DEDUPE_BUFFER_BYTES / 20) beganMs = performance.now()
    peakBytes = Math.max(peakBytes, bytes)
    await pause(SAMPLE_EVERY_MS)
  }
  const tookMs = performance.now() - beganMs
  await broker.stop()
  return [
    {
      name: 'all keys cleaned',
      figures: [
        figure('took', 'ms', [tookMs]),
        figure('resident before', 'MB', [restBytes / MB]),
        figure('more at most', 'MB', [(peakBytes - restBytes) / MB]),
        figure('of the dedupe buffer', 'ratio', [(peakBytes - restBytes) / DEDUPE_BUFFER_BYTES]),
      ],
    },
  ]
}

async function fill(data: string, context: BenchmarkContext): Promise<void> {
  const broker = await BrokerProcess.start(data, { 'log.cleaner.enable': 'false' })
  const admin = await Admin.connect(broker.port)
  const configs = { 'cleanup.policy': 'compact', 'segment.bytes': String(SEGMENT_BYTES) }
  const topic = await admin.createTopic('keys', 1, 'os', configs)
  const value = Buffer.alloc(20, 'v')
  for (let first = 0; first < KEYS + IN_ACTIVE_SEGMENT; first += RECORDS_PER_BATCH) {
    const records = Array.from({ length: RECORDS_PER_BATCH }, (_, n) => ({
      key: Buffer.from(`key ${first + n}`),
      value,
      timestamp: 1_750_000_000_000 + first + n,
    }))
    await admin.produceBatch(topic, buildBatch(records))
    if (first % 1_000_000 === 0) context.note(`${first} records`)
  }
  await admin.awaitRecords(topic, KEYS + IN_ACTIVE_SEGMENT)
  admin.close()
  await broker.stop()
}

/** By the file in which the cleaner writes it down. */
function cleanedUpTo(data: string): number {
  let text: string
  try {
    text = readFileSync(join(data, 'cleaner-offset-checkpoint'), 'utf8')
  } catch {
    return 0
  }
  return parseOffsetCheckpoint(text)?.[0]?.offset ?? 0
}
