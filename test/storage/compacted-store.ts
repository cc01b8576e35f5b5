/** A simulated store whose log is compacted: records with keys, a cleaner, and what must be there after it. */
import assert from 'node:assert/strict'
import { BatchView } from '../../src/records/batch.js'
import { type BatchOptions, buildBatch } from '../../src/records/builder.js'
import { BatchIterator, readRecords } from '../../src/records/reader.js'
import { type CleanerSettings, type CompactedLog, LogCleaner } from '../../src/storage/log-cleaner.js'
import { LOG_OPTIONS } from '../log-options.js'
import { type SimulatedStore, TOPIC_ID } from './simulated-store.js'

export interface KeyedRecord {
  readonly key: string
  /** Null: the key is deleted. */
  readonly value: string | null
}

export const SETTINGS: CleanerSettings = {
  enabled: true,
  dedupeBufferBytes: 100_000,
  loadFactor: 0.9,
  ioBufferBytes: 4096,
  ioBytesPerSecond: Number.MAX_VALUE,
  backoffMs: 20,
}

export const LIMITS = { minDirtyRatio: 0, minLagMs: 0, maxLagMs: Number.MAX_SAFE_INTEGER }

/** All that was ever appended, by offset. */
export type Written = KeyedRecord[]

/** Appends one batch within a turn. */
export function appendKeyed(
  store: SimulatedStore,
  written: Written,
  records: readonly KeyedRecord[],
  options: BatchOptions = {},
): void {
  const inputs = records.map(({ key, value }) => ({
    key: Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestamp: 1000,
  }))
  store.log.append(new BatchView().reset(buildBatch(inputs, options), 0), 3)
  written.push(...records)
}

/** Starts a cleaner for the log of the store, in a turn of its process. */
export function startCleaner(
  store: SimulatedStore,
  settings: Partial<CleanerSettings> = {},
  more: Partial<CompactedLog> = {},
): LogCleaner {
  const { ports, manager } = store.running!
  const { log } = store
  let cleaner: LogCleaner | undefined
  const compacted = (): CompactedLog => ({
    id: { topic: 't', partition: 0, topicId: TOPIC_ID },
    ...{ log, manager, stableOffset: log.flushedEndOffset, limits: LIMITS, deleteRetentionMs: 1e9 },
    ...{ segmentBytes: LOG_OPTIONS.segmentBytes, indexBytes: LOG_OPTIONS.indexBytes },
    ...{ indexIntervalBytes: LOG_OPTIONS.indexIntervalBytes, ...more },
  })
  store.turn(() => {
    cleaner = new LogCleaner(
      ports,
      () => ({ ...SETTINGS, ...settings }),
      () => [compacted()],
    )
  })
  return cleaner!
}

/** Records in the log, by offset, as a reader gets them who begins at `from`; undefined if the process died. */
export function readKeyed(store: SimulatedStore, from = store.log.startOffset): Map<number, KeyedRecord> | undefined {
  const { log } = store
  const found = new Map<number, KeyedRecord>()
  let next = from
  const readOn = (): void => {
    if (next >= log.logEndOffset) return
    const request = { offset: next, upToOffset: log.logEndOffset, maxBytes: 700, wholeFirstBatch: true }
    log.read(request, (error, read) => {
      assert.equal(error, undefined)
      const before = next
      const batches = new BatchIterator(read!.bytes)
      while (batches.next() === 'batch') {
        const { batch } = batches
        assert.equal(batch.computeCrc(), batch.crc)
        assert.ok(batch.lastOffset >= next, 'nothing is read twice')
        for (const { offset, key, value } of readRecords(batch, 1e6)) {
          if (offset < next) continue
          found.set(offset, {
            key: Buffer.from(key!).toString(),
            value: value === null ? null : Buffer.from(value).toString(),
          })
        }
        next = batch.nextOffset
      }
      read!.release()
      assert.ok(next > before, `nothing is found at ${next}, and the log ends at ${log.logEndOffset}`)
      readOn()
    })
  }
  store.turn(readOn)
  return store.until(() => next >= log.logEndOffset) ? found : undefined
}

/**
 * What compaction promises: each record that is there is the one that was written at its offset, and of each key the last one is there; a key whose last
 * record deletes it may be gone, but then with everything.
 */
export function assertCompacted(
  store: SimulatedStore,
  written: Written,
  where: string,
  tombstonesMayGo = false,
): Map<number, KeyedRecord> {
  const found = readKeyed(store)!
  const last = new Map<string, number>()
  for (const [offset, { key }] of written.entries()) last.set(key, offset)
  for (const [offset, record] of found) assert.deepEqual(record, written[offset], `${where}: offset ${offset}`)
  for (const [key, offset] of last) {
    if (found.has(offset)) continue
    assert.ok(tombstonesMayGo && written[offset]!.value === null, `${where}: ${key} at ${offset} is lost`)
    const older = [...found].find(([, record]) => record.key === key)
    assert.equal(older, undefined, `${where}: ${key} was deleted at ${offset} and is there again`)
  }
  return found
}
