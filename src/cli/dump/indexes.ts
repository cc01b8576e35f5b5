/** The files beside a segment in Kafka's notation, and whether they agree with it. */
import { DecodeError, Reader } from '../../base/bytes/reader.js'
import { OffsetIndex } from '../../log/offset-index.js'
import type { Parsed } from '../../log/parsed.js'
import { decodeProducerSnapshot } from '../../log/producer-snapshot.js'
import { TimeIndex } from '../../log/time-index.js'
import { AbortedTxn } from '../../protocol/messages/records/log-files.js'
import type { SegmentFile } from './segment-file.js'

export interface IndexDumpOptions {
  /** Compare with the segment, print no entries. */
  readonly verifyOnly: boolean
  /** Only whether the file is in order by itself. */
  readonly sanityOnly: boolean
}

/** Lines; returns whether all is in order. */
export type Dump = Generator<string, boolean>

/** `segment`: undefined where there is none to compare with. */
export function* dumpOffsetIndex(
  bytes: Uint8Array,
  name: string,
  segment: SegmentFile | undefined,
  options: IndexDumpOptions,
): Dump {
  const index = parsed(OffsetIndex.fromBytes(bytes, baseOffsetOf(name), bytes.length))
  if (typeof index === 'string') return yield* broken(name, index)
  if (options.sanityOnly) return yield* passed(name)
  let sound = true
  for (let slot = 0; slot < index.count; slot++) {
    const { offset, position } = index.entry(slot)
    const batch = segment?.batchAt(position)
    if (segment !== undefined && batch?.lastOffset !== offset) {
      sound = false
      yield `Mismatch in ${name}: the entry (${offset}, ${position}) names ${batch === undefined ? 'no batch' : `a batch that ends at ${batch.lastOffset}`}`
    }
    if (!options.verifyOnly) yield `offset: ${offset} position: ${position}`
  }
  return sound
}

export function* dumpTimeIndex(
  bytes: Uint8Array,
  name: string,
  segment: SegmentFile | undefined,
  options: IndexDumpOptions,
): Dump {
  const index = parsed(TimeIndex.fromBytes(bytes, baseOffsetOf(name), bytes.length))
  if (typeof index === 'string') return yield* broken(name, index)
  if (options.sanityOnly) return yield* passed(name)
  let sound = true
  const latest = segment === undefined ? undefined : latestByOffset(segment)
  for (let slot = 0; slot < index.count; slot++) {
    const { timestamp, offset } = index.entry(slot)
    const known = latest?.(offset)
    if (known !== undefined && known !== timestamp) {
      sound = false
      yield `Mismatch in ${name}: up to offset ${offset} the latest timestamp is ${known}, the entry says ${timestamp}`
    }
    if (!options.verifyOnly) yield `timestamp: ${timestamp} offset: ${offset}`
  }
  return sound
}

export function* dumpTransactionIndex(bytes: Uint8Array, name: string): Dump {
  const reader = new Reader(bytes)
  try {
    while (reader.remaining > 0) {
      const version = reader.int16()
      const { producerId, firstOffset, lastOffset, lastStableOffset } = AbortedTxn.decode(version, reader)
      yield `version: ${version} producerId: ${producerId} firstOffset: ${firstOffset} lastOffset: ${lastOffset} lastStableOffset: ${lastStableOffset}`
    }
    return true
  } catch (error) {
    if (error instanceof DecodeError) return yield* broken(name, error.message)
    throw error
  }
}

export function* dumpProducerSnapshot(bytes: Uint8Array, name: string): Dump {
  const entries = parsed(decodeProducerSnapshot(bytes))
  if (typeof entries === 'string') return yield* broken(name, entries)
  for (const entry of entries) {
    const { producerId, producerEpoch, coordinatorEpoch, transactionFirstOffset: first, lastTimestamp } = entry
    const batch = entry.batches.at(-1)
    const last =
      batch === undefined
        ? ''
        : ` firstSequence: ${batch.lastSequence - batch.offsetDelta} lastSequence: ${batch.lastSequence} lastOffset: ${batch.lastOffset} ` +
          `offsetDelta: ${batch.offsetDelta} timestamp: ${batch.timestamp}`
    yield `producerId: ${producerId} producerEpoch: ${producerEpoch} coordinatorEpoch: ${coordinatorEpoch} ` +
      `currentTxnFirstOffset: ${first === undefined ? 'None' : `Some(${first})`} lastTimestamp: ${lastTimestamp}${last}`
  }
  return true
}

/** The latest timestamp of all batches up to an offset; undefined where no batch holds it. */
function latestByOffset(segment: SegmentFile): (offset: number) => number | undefined {
  const ends: number[] = []
  const latest: number[] = []
  for (const { batch } of segment.batches()) {
    if (batch === undefined) continue
    ends.push(batch.lastOffset)
    latest.push(Math.max(latest.at(-1) ?? -1, batch.maxTimestamp))
  }
  return (offset) => latest[ends.findIndex((end) => end >= offset)]
}

function baseOffsetOf(name: string): number {
  return Number(/^(\d{20})/.exec(name)?.[1] ?? 0)
}

/** A text: why it cannot be read. */
function parsed<T>(result: Parsed<T>): T | string {
  return result.kind === 'ok' ? result.value : result.reason
}

function* broken(name: string, reason: string): Dump {
  yield `${name} is damaged: ${reason}`
  return false
}

function* passed(name: string): Dump {
  yield `${name} passed sanity check.`
  return true
}
