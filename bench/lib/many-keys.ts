/**
 * A compacted log of many keys, each there once: nothing of it goes, and the cleaner's map has to hold them all, in several goes. How long its
 * cleaning takes, and how much memory the broker takes for that beyond what it holds at rest.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildBatch } from '../../src/records/builder.js'
import { parseOffsetCheckpoint } from '../../src/storage/offset-checkpoint.js'
import { Admin, pause } from './admin.js'
import { BrokerProcess } from './broker-process.js'
import { residentBytes } from './process-usage.js'

/** Default of `log.cleaner.dedupe.buffer.size`. */
export const DEDUPE_BUFFER_BYTES = 128 * 1024 * 1024

const RECORDS_PER_BATCH = 10_000
const SEGMENT_BYTES = 16 * 1024 * 1024
/** The active segment is not cleaned: so many more are written. */
const IN_ACTIVE_SEGMENT = 500_000
const REST_MS = 4000
const BACKOFF_MS = 6000
const SAMPLE_EVERY_MS = 20

export interface Cleaning {
  readonly tookMs: number
  readonly restBytes: number
  readonly peakBytes: number
}

/** Writes so many keys into a directory that no broker uses. */
export async function writeKeys(data: string, keys: number, note: (text: string) => void): Promise<void> {
  const broker = await BrokerProcess.start(data, { 'log.cleaner.enable': 'false' })
  const admin = await Admin.connect(broker.port)
  const configs = { 'cleanup.policy': 'compact', 'segment.bytes': String(SEGMENT_BYTES) }
  const topic = await admin.createTopic('keys', 1, 'os', configs)
  const value = Buffer.alloc(20, 'v')
  for (let first = 0; first < keys + IN_ACTIVE_SEGMENT; first += RECORDS_PER_BATCH) {
    const records = Array.from({ length: RECORDS_PER_BATCH }, (_, n) => ({
      key: Buffer.from(`key ${first + n}`),
      value,
      timestamp: 1_750_000_000_000 + first + n,
    }))
    await admin.produceBatch(topic, buildBatch(records))
    if (first % 1_000_000 === 0) note(`${first} records`)
  }
  await admin.awaitRecords(topic, keys + IN_ACTIVE_SEGMENT)
  admin.close()
  await broker.stop()
}

/** Starts a broker on the directory and looks on until all keys are cleaned; throws if that takes too long. */
export async function watchCleaning(data: string, keys: number, longestMs: number): Promise<Cleaning> {
  const broker = await BrokerProcess.start(data, { 'log.cleaner.backoff.ms': String(BACKOFF_MS) })
  try {
    await pause(REST_MS)
    const restBytes = residentBytes(broker.pid)
    let peakBytes = restBytes
    let beganMs = Number.NaN
    const startedMs = performance.now()
    while (cleanedUpTo(data) < keys) {
      if (performance.now() - startedMs > longestMs) throw new Error(`cleaned up to ${cleanedUpTo(data)} only`)
      const bytes = residentBytes(broker.pid)
      if (Number.isNaN(beganMs) && bytes > restBytes + DEDUPE_BUFFER_BYTES / 20) beganMs = performance.now()
      peakBytes = Math.max(peakBytes, bytes)
      await pause(SAMPLE_EVERY_MS)
    }
    return { tookMs: performance.now() - beganMs, restBytes, peakBytes }
  } finally {
    await broker.stop()
  }
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
