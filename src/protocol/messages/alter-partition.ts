/**
 * AlterPartition: the leader of a partition proposes its in-sync replicas to the controller (KIP-497).
 *
 * v2 topic ids (KIP-841); v3 epochs of the replicas' brokers (KIP-903).
 *
 * lograft: `handsOver` says that the sender cannot go on leading, and one of those is to lead that it names, without itself. `endOffset` says up to where (exclusive) of the metadata log this was decided, so that who asked can wait until it knows that itself.
 */
import { array, bool, int8, int16, int32, int64, struct, uuid } from '../field.js'
import { message } from '../schema.js'

export const AlterPartition = message({
  name: 'AlterPartition',
  key: 56,
  versions: [2, 3],
  flexible: 0,
  request: {
    brokerId: int32,
    brokerEpoch: int64.default(-1),
    topics: array(
      struct({
        topicId: uuid.ignorable(),
        partitions: array(
          struct({
            partitionIndex: int32,
            leaderEpoch: int32,
            newIsr: array(int32).until(2),
            newIsrWithEpochs: array(
              struct({
                brokerId: int32,
                brokerEpoch: int64.default(-1),
              }),
            ).since(3),
            leaderRecoveryState: int8,
            partitionEpoch: int32,
            handsOver: bool.tag(21000).ignorable(),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    topics: array(
      struct({
        topicId: uuid.ignorable(),
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            leaderId: int32,
            leaderEpoch: int32,
            isr: array(int32),
            leaderRecoveryState: int8.ignorable(),
            partitionEpoch: int32,
          }),
        ),
      }),
    ),
    endOffset: int64.default(-1).tag(21000).ignorable(),
  },
})
