/**
 * Small files beside a log. The first two are preceded by an int16 that is their version, the last is written as JSON.
 */
import { array, int16, int32, int64, string, struct, uint32, uuid } from '../../field.js'
import { Schema } from '../../schema.js'

/** An entry of a transaction index. */
export const AbortedTxn = new Schema({
  name: 'AbortedTxn',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    producerId: int64,
    firstOffset: int64,
    lastOffset: int64,
    lastStableOffset: int64,
  },
})

/** The producers of a partition at an offset. The CRC-32C is that of what follows it. */
export const ProducerSnapshot = new Schema({
  name: 'ProducerSnapshot',
  versions: [1, 1],
  flexible: 'never',
  fields: {
    crc: uint32,
    producerEntries: array(
      struct({
        producerId: int64,
        epoch: int16,
        lastSequence: int32,
        lastOffset: int64,
        offsetDelta: int32,
        timestamp: int64,
        coordinatorEpoch: int32,
        currentTxnFirstOffset: int64,
      }),
    ),
  },
})

/** What a member of a quorum must not forget: its epoch and vote. v1 directories (KIP-853). */
export const QuorumStateData = new Schema({
  name: 'QuorumStateData',
  versions: [0, 1],
  flexible: 0,
  fields: {
    clusterId: string.until(0),
    leaderId: int32.default(-1),
    leaderEpoch: int32.default(-1),
    votedId: int32.default(-1),
    votedDirectoryId: uuid.since(1),
    appliedOffset: int64.until(0),
    currentVoters: array(
      struct({
        voterId: int32,
      }),
    )
      .nullable()
      .until(0),
  },
})
