/**
 * A snapshot of the metadata log, in Kafka's format (KIP-630, KIP-853): record batches one after the other, whose offsets count from 0.
 *
 *     control batch   header | version of the quorum's protocol | voters
 *     data batches    the image as records
 *     control batch   footer
 *
 * It is named after the log that it stands for: its end (exclusive) and the epoch of the last batch in it. A file of that name is whole: it is
 * renamed to it when it is durable.
 */
import { Reader } from '../../base/bytes/reader.js'
import type { Disk, DiskDone } from '../../io/disk.js'
import type { MetadataImage } from '../../metadata/image.js'
import { imageOfRecords, recordsOf } from '../../metadata/image-records.js'
import { decodeRecord, encodeRecord } from '../../metadata/record-codec.js'
import type { MetadataRecord } from '../../metadata/records.js'
import type { Release } from '../../metadata/release.js'
import { SnapshotFooterRecord, SnapshotHeaderRecord } from '../../protocol/quorum-records.js'
import type { OffsetAndEpoch } from '../../raft/epoch-chain.js'
import type { VoterSet } from '../../raft/voter-set.js'
import { BatchBuilder } from '../../records/builder.js'
import { buildControlBatch, CONTROL_TYPE, type ControlRecord, controlTypeOf } from '../../records/control.js'
import { BatchIterator, readRecords } from '../../records/reader.js'
import { asDiskError, writeAtomically } from '../../storage/atomic-file.js'
import { parentOf } from '../../storage/durable-directory.js'
import { encodeValue, kraftVersionRecord, MAX_PLAIN_BYTES, votersIn, votersRecord } from './batches.js'

/** A batch is closed when it has so much. */
const BATCH_BYTES = 512 * 1024
const SUFFIX = '.checkpoint'
const NAME = /^(\d{20})-(\d{10})\.checkpoint$/

export interface SnapshotContent {
  readonly image: MetadataImage
  readonly voters: VoterSet
  /** Of the last batch of the log in it; milliseconds since 1970. */
  readonly lastContainedTimestamp: number
}

/** The bytes are no snapshot, or not a whole one. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
}

/** `00000000000000000042-0000000003.checkpoint` */
export function snapshotFileName({ offset, epoch }: OffsetAndEpoch): string {
  return `${String(offset).padStart(20, '0')}-${String(epoch).padStart(10, '0')}${SUFFIX}`
}

/** Undefined if no snapshot is called so. */
export function parseSnapshotFileName(name: string): OffsetAndEpoch | undefined {
  const match = NAME.exec(name)
  if (match === null) return undefined
  const [offset, epoch] = [Number(match[1]), Number(match[2])]
  return Number.isSafeInteger(offset) && epoch <= 0x7fff_ffff ? { offset, epoch } : undefined
}

/** `timestamp`: of the batches, in milliseconds since 1970. */
export function buildSnapshot(id: OffsetAndEpoch, content: SnapshotContent, timestamp: number): Buffer {
  const { image, voters, lastContainedTimestamp } = content
  const batches: Buffer[] = []
  let offset = 0
  const add = (records: readonly ControlRecord[]): void => {
    batches.push(buildControlBatch(records, { baseOffset: offset, partitionLeaderEpoch: id.epoch }))
    offset += records.length
  }
  const header = { version: 0, lastContainedLogTimestamp: lastContainedTimestamp }
  add([
    { type: CONTROL_TYPE.snapshotHeader, value: encodeValue(SnapshotHeaderRecord, 0, header), timestamp },
    kraftVersionRecord(timestamp),
    votersRecord(voters, timestamp),
  ])
  let builder: BatchBuilder | undefined
  for (const record of recordsOf(image)) {
    builder ??= new BatchBuilder({ baseOffset: offset, partitionLeaderEpoch: id.epoch })
    builder.append({ key: null, value: encodeRecord(record), timestamp })
    offset++
    if (builder.sizeBytes < BATCH_BYTES) continue
    batches.push(builder.build())
    builder = undefined
  }
  if (builder !== undefined) batches.push(builder.build())
  const footer = encodeValue(SnapshotFooterRecord, 0, { version: 0 })
  add([{ type: CONTROL_TYPE.snapshotFooter, value: footer, timestamp }])
  return Buffer.concat(batches)
}

/** Throws `SnapshotError`, and `UnknownRecordError` for what another release has written. */
export function readSnapshot(id: OffsetAndEpoch, bytes: Uint8Array, release: Release): SnapshotContent {
  const found: { voters?: VoterSet; lastContainedTimestamp?: number; ended?: boolean } = {}
  const records = function* (): Generator<MetadataRecord> {
    const batches = new BatchIterator(bytes)
    let step = batches.next()
    for (; step === 'batch'; step = batches.next()) {
      const { batch } = batches
      if (batch.crc !== batch.computeCrc()) throw new SnapshotError(`the batch at ${batch.start} has a wrong CRC`)
      if (found.ended === true) throw new SnapshotError('something follows the footer')
      if (found.lastContainedTimestamp === undefined && !batch.isControl) throw new SnapshotError('there is no header')
      for (const { key, value } of readRecords(batch, MAX_PLAIN_BYTES)) {
        if (!batch.isControl) yield decodeRecord(value ?? new Uint8Array(0), release)
        else if (value !== null) take(controlTypeOf(key), value)
      }
    }
    if (step !== 'end') throw new SnapshotError(`what follows at ${batches.position} is no batch`)
  }
  const take = (type: ReturnType<typeof controlTypeOf>, value: Uint8Array): void => {
    if (type === CONTROL_TYPE.snapshotHeader) {
      found.lastContainedTimestamp = SnapshotHeaderRecord.decode(0, new Reader(value)).lastContainedLogTimestamp
    } else if (type === CONTROL_TYPE.kraftVoters) found.voters = votersIn(value)
    else if (type === CONTROL_TYPE.snapshotFooter) found.ended = true
  }
  let image: MetadataImage
  try {
    image = imageOfRecords(records(), id.offset - 1)
  } catch (error) {
    const { name, message } = error as Error
    if (
      name === 'RecordFormatError' ||
      name === 'CompressionError' ||
      name === 'DecodeError' ||
      name === 'AssertionError'
    ) {
      throw new SnapshotError(message)
    }
    throw error
  }
  const { voters, lastContainedTimestamp, ended } = found
  if (ended !== true) throw new SnapshotError('it has no footer: it was cut off')
  if (voters === undefined) throw new SnapshotError('it does not say who votes')
  return { image, voters, lastContainedTimestamp: lastContainedTimestamp! }
}

/** Durable with its name when `done` comes without an error; makes the directory if there is none. */
export function writeSnapshot(
  { disk }: { readonly disk: Disk },
  directory: string,
  id: OffsetAndEpoch,
  bytes: Uint8Array,
  done: DiskDone,
): void {
  try {
    disk.makeDirectory(directory)
  } catch (error) {
    return done(asDiskError(error))
  }
  writeAtomically(disk, directory, snapshotFileName(id), bytes, (error) => {
    if (error !== undefined) return done(error)
    disk.flushDirectory(parentOf(directory), done)
  })
}
