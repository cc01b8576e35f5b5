/**
 * What stands in the log of the quorum, `__cluster_metadata-0`: reading it from its start, and building the batches that go into it. Data
 * records are lograft's (proto/metadata.proto), control records are Kafka's.
 */
import { Reader } from '../../base/bytes/reader.js'
import { Writer } from '../../base/bytes/writer.js'
import type { Uuid } from '../../base/uuid.js'
import type { MetadataDelta } from '../../metadata/delta.js'
import { decodeRecord, encodeRecord } from '../../metadata/record-codec.js'
import type { MetadataRecord } from '../../metadata/records.js'
import type { Release } from '../../metadata/release.js'
import type { Fields } from '../../protocol/field.js'
import { KRaftVersionRecord, LeaderChangeMessage, VotersRecord } from '../../protocol/quorum-records.js'
import type { InferInput, Schema } from '../../protocol/schema.js'
import type { VotersAt } from '../../raft/voter-history.js'
import { type ReplicaKey, VoterSet } from '../../raft/voter-set.js'
import type { BatchView } from '../../records/batch.js'
import { buildBatch } from '../../records/builder.js'
import { buildControlBatch, CONTROL_TYPE, type ControlRecord, controlTypeOf } from '../../records/control.js'
import { BatchIterator, RecordFormatError, readRecords } from '../../records/reader.js'
import type { PartitionLog } from '../../storage/partition-log.js'

/** Kafka's id of that topic. */
export const METADATA_TOPIC_ID: Uuid = 'AAAAAAAAAAAAAAAAAAAAAQ'
/** Voters can change (KIP-853). */
export const KRAFT_VERSION = 1

/** The largest batch of the log or a snapshot that is decompressed. */
export const MAX_PLAIN_BYTES = 64 * 1024 * 1024
const READ_BYTES = 1024 * 1024

/** A batch of the log: what it does to the image. */
export interface QuorumBatch {
  readonly baseOffset: number
  /** Exclusive. */
  readonly endOffset: number
  readonly sizeBytes: number
  /** Milliseconds since 1970. */
  readonly timestamp: number
  /** Undefined: a control batch. */
  readonly records: readonly MetadataRecord[] | undefined
}

export interface QuorumLogContent {
  readonly batches: readonly QuorumBatch[]
  /** The voter sets in it. */
  readonly voterChanges: readonly VotersAt[]
}

/** Reads the log from there to its end. The error is a sentence for the operator. */
export function readQuorumLog(
  log: PartitionLog,
  fromOffset: number,
  release: Release,
  done: (error: Error | undefined, content: QuorumLogContent | undefined) => void,
): void {
  const found: QuorumBatch[] = []
  const voterChanges: VotersAt[] = []
  let offset = fromOffset
  const readNext = (): void => {
    if (offset >= log.logEndOffset) return done(undefined, { batches: found, voterChanges })
    const request = { offset, upToOffset: log.logEndOffset, maxBytes: READ_BYTES, wholeFirstBatch: true }
    log.read(request, (error, read) => {
      if (read === undefined) return done(error, undefined)
      try {
        const batches = new BatchIterator(read.bytes)
        while (batches.next() === 'batch') {
          const { batch } = batches
          const content = contentOf(batch, release)
          found.push(content.batch)
          if (content.voters !== undefined) voterChanges.push({ offset: batch.baseOffset, voters: content.voters })
          offset = batch.nextOffset
        }
      } catch (failure) {
        return done(failure as Error, undefined)
      } finally {
        read.release()
      }
      readNext()
    })
  }
  readNext()
}

/**
 * What a batch says. Throws `UnknownRecordError` where another release has written it, `RecordFormatError`, `CompressionError` or `DecodeError`
 * where it is damaged.
 */
export function contentOf(
  batch: BatchView,
  release: Release,
): { readonly batch: QuorumBatch; readonly voters: VoterSet | undefined } {
  const { baseOffset, nextOffset: endOffset, sizeBytes, maxTimestamp: timestamp, isControl } = batch
  const records = isControl
    ? undefined
    : readRecords(batch, MAX_PLAIN_BYTES).map(({ value }) => decodeRecord(value ?? new Uint8Array(0), release))
  const voters = isControl ? votersOf(batch) : undefined
  return { batch: { baseOffset, endOffset, sizeBytes, timestamp, records }, voters }
}

/** Takes what a batch says into the next image. */
export function replayBatch(delta: MetadataDelta, { baseOffset, endOffset, records }: QuorumBatch): void {
  for (const [index, record] of (records ?? []).entries()) delta.replay(record, baseOffset + index)
  delta.advanceTo(endOffset - 1)
}

/** The batch that begins a leader's epoch; in an empty log also the version of the protocol and the voters. */
export function leaderChangeBatch(
  leaderId: number,
  {
    voters,
    granting,
    isFirst,
  }: { readonly voters: VoterSet; readonly granting: readonly ReplicaKey[]; readonly isFirst: boolean },
  timestamp: number,
): Buffer {
  const ids = (replicas: readonly ReplicaKey[]): { voterId: number; voterDirectoryId: Uuid }[] =>
    replicas.map(({ id, directoryId }) => ({ voterId: id, voterDirectoryId: directoryId }))
  const change = { version: 1, leaderId, voters: ids(voters.voters), grantingVoters: ids(granting) }
  const value = encodeValue(LeaderChangeMessage, 1, change)
  const records: ControlRecord[] = [{ type: CONTROL_TYPE.leaderChange, value, timestamp }]
  if (isFirst) {
    records.push(kraftVersionRecord(timestamp), votersRecord(voters, timestamp))
  }
  return buildControlBatch(records)
}

/** Who votes from here on. */
export function votersBatch(voters: VoterSet, timestamp: number): Buffer {
  return buildControlBatch([votersRecord(voters, timestamp)])
}

/** One decision is one batch: all of it stands in the log, or nothing. */
export function metadataBatch(records: readonly MetadataRecord[], timestamp: number): Buffer {
  return buildBatch(records.map((record) => ({ key: null, value: encodeRecord(record), timestamp })))
}

export function kraftVersionRecord(timestamp: number): ControlRecord {
  const value = encodeValue(KRaftVersionRecord, 0, { version: 0, kRaftVersion: KRAFT_VERSION })
  return { type: CONTROL_TYPE.kraftVersion, value, timestamp }
}

export function votersRecord({ voters }: VoterSet, timestamp: number): ControlRecord {
  const value = encodeValue(VotersRecord, 0, {
    version: 0,
    voters: voters.map(({ id, directoryId, endpoints }) => ({
      voterId: id,
      voterDirectoryId: directoryId,
      endpoints,
      kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: KRAFT_VERSION },
    })),
  })
  return { type: CONTROL_TYPE.kraftVoters, value, timestamp }
}

/** Throws `DecodeError` where the value is damaged, and `RecordFormatError` where it is no voter set. */
export function votersIn(value: Uint8Array): VoterSet {
  const { voters } = VotersRecord.decode(0, new Reader(value))
  if (voters.length === 0 || new Set(voters.map(({ voterId }) => voterId)).size < voters.length) {
    throw new RecordFormatError(`a voters record of ${voters.length} voters`)
  }
  return new VoterSet(
    voters.map(({ voterId, voterDirectoryId, endpoints }) => ({
      id: voterId,
      directoryId: voterDirectoryId,
      endpoints,
    })),
  )
}

/** The last voter set in a control batch. Throws `RecordFormatError` or `DecodeError` where it is damaged. */
export function votersOf(batch: BatchView): VoterSet | undefined {
  let voters: VoterSet | undefined
  for (const { key, value } of readRecords(batch, MAX_PLAIN_BYTES)) {
    if (controlTypeOf(key) === CONTROL_TYPE.kraftVoters && value !== null) voters = votersIn(value)
  }
  return voters
}

export function encodeValue<F extends Fields>(
  schema: Schema<F>,
  version: number,
  value: InferInput<Schema<F>>,
): Buffer {
  const writer = new Writer(64)
  schema.encode(version, writer, value)
  return writer.toBuffer()
}
