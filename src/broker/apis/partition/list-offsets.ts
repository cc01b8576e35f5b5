/**
 * ListOffsets: the ends of a partition, and the first offset at or behind a time.
 *
 * Version 0 asks for up to so many offsets before a time, the newest first. It gets the end of what is before that time and where segments begin.
 *
 * Left out: tiered storage: the earliest local offset is the earliest, and nothing is tiered or pending.
 */

import { DiskError } from '../../../io/disk.js'
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import { ListOffsets } from '../../../protocol/messages/list-offsets.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { BatchView } from '../../../records/batch.js'
import { CompressionError } from '../../../records/compression/codec.js'
import { MAX_OPENED_BYTES, RecordFormatError, readRecords } from '../../../records/reader.js'
import type { PartitionLog } from '../../../storage/partition-log.js'
import type { Broker } from '../../broker.js'
import type { Partition } from '../../partition.js'
import { handler } from '../../server/handler.js'
import { topic } from '../../server/stages.js'
import { brokerOf, type Services } from '../services.js'
import { findPartition } from './find-partition.js'

type WantedPartition = Infer<typeof ListOffsets.request>['topics'][number]['partitions'][number]
type PartitionResult = InferInput<typeof ListOffsets.response>['topics'][number]['partitions'][number]

const LATEST = -1
const EARLIEST = -2
const LARGEST_TIMESTAMP = -3
const EARLIEST_LOCAL = -4
const LATEST_TIERED = -5
const EARLIEST_PENDING_UPLOAD = -6
/** From which version on a client may mean these times. */
const SPECIAL_SINCE: ReadonlyMap<number, number> = new Map([
  [LATEST, 0],
  [EARLIEST, 0],
  [LARGEST_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
  [EARLIEST_PENDING_UPLOAD, 11],
])
const ONE_OFFSET_SINCE = 1
const LEADER_EPOCH_SINCE = 4

export const listOffsets = handler<Services, typeof ListOffsets.request.fields, typeof ListOffsets.response.fields>(
  ListOffsets,
  {
    versions: [0, 11],
    servedBy: 'partition leader',
    listeners: ['broker'],
    authorize: ({ topics }) => topics.map(({ name }) => ({ operation: 'DESCRIBE', resource: topic(name) })),
    refuse: ({ topics }, errorCode) => ({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => failed(partitionIndex, errorCode)),
      })),
    }),
    handle: ({ topics }, services, call) => {
      const broker = brokerOf(services)
      call.reply({
        topics: topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map((wanted) => find(broker, name, wanted, call.version)),
        })),
      })
    },
  },
)

interface Found {
  readonly offset: number
  readonly timestamp: number
}

const NOTHING: Found = { offset: -1, timestamp: -1 }

function find(broker: Broker, name: string, wanted: WantedPartition, version: number): PartitionResult {
  const { partitionIndex, currentLeaderEpoch, timestamp } = wanted
  const refused = (error: ErrorName): PartitionResult => failed(partitionIndex, ErrorCode[error])
  const partition = findPartition(broker, { name, topicId: undefined }, partitionIndex)
  if (typeof partition === 'string') return refused(partition)
  const error = partition.checkEpoch(currentLeaderEpoch)
  if (error !== undefined) return refused(error)
  if (timestamp < 0 && version < (SPECIAL_SINCE.get(timestamp) ?? Number.POSITIVE_INFINITY)) {
    return refused('UNSUPPORTED_VERSION')
  }
  let found: Found
  try {
    if (version < ONE_OFFSET_SINCE) {
      return { partitionIndex, errorCode: ErrorCode.NONE, oldStyleOffsets: offsetsBefore(partition, wanted) }
    }
    found = lookUp(partition, timestamp)
  } catch (cause) {
    if (cause instanceof DiskError) return refused('KAFKA_STORAGE_ERROR')
    if (cause instanceof CompressionError || cause instanceof RecordFormatError) return refused('CORRUPT_MESSAGE')
    throw cause
  }
  const result = { partitionIndex, errorCode: ErrorCode.NONE, offset: found.offset, timestamp: found.timestamp }
  return version < LEADER_EPOCH_SINCE || found.offset === -1
    ? result
    : { ...result, leaderEpoch: partition.log.state.epochs.epochOf(found.offset) ?? partition.leaderEpoch }
}

/** What version 0 wants: descending. Throws what reading throws. */
function offsetsBefore(partition: Partition, { timestamp, maxNumOffsets }: WantedPartition): number[] {
  const { startOffset } = partition.log
  const { offset } = lookUp(partition, timestamp)
  // Nothing is as new as that: all of it is before.
  const end = offset === -1 ? partition.highWatermark : offset
  const starts = partition.log.segmentStarts
    .map((start) => Math.max(start, startOffset))
    .filter((start, at, all) => start < end && start !== all[at + 1])
    .reverse()
  const offsets = end > startOffset ? [end, ...starts] : timestamp < 0 ? [startOffset] : []
  return offsets.slice(0, Math.max(maxNumOffsets, 0))
}

/** Throws what reading throws. */
function lookUp({ log, highWatermark }: Partition, timestamp: number): Found {
  switch (timestamp) {
    case LATEST:
      return { offset: highWatermark, timestamp: -1 }
    case EARLIEST:
    case EARLIEST_LOCAL:
      return { offset: log.startOffset, timestamp: -1 }
    case LATEST_TIERED:
    case EARLIEST_PENDING_UPLOAD:
      return NOTHING
    case LARGEST_TIMESTAMP: {
      const largest = log.maxTimestamp
      return largest === -1 ? NOTHING : firstAt(log, largest, highWatermark)
    }
    default:
      return firstAt(log, timestamp, highWatermark)
  }
}

/** The first record of the log with at least this timestamp. A batch may begin in front of the log's start. */
function firstAt(log: PartitionLog, timestamp: number, highWatermark: number): Found {
  const { startOffset } = log
  const batch = new BatchView()
  for (let from = startOffset; ; from = batch.nextOffset) {
    const bytes = log.batchAtTimestamp(timestamp, highWatermark, from)
    if (bytes === undefined) return NOTHING
    const found = readRecords(batch.reset(bytes, 0), MAX_OPENED_BYTES).find(
      (record) => record.timestamp >= timestamp && record.offset >= startOffset,
    )
    if (found !== undefined || batch.baseOffset >= startOffset) return found ?? NOTHING
  }
}

function failed(partitionIndex: number, errorCode: number): PartitionResult {
  return { partitionIndex, errorCode, oldStyleOffsets: [] }
}
