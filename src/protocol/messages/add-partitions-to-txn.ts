/**
 * AddPartitionsToTxn: partitions join a transaction before anything is produced to them (KIP-98).
 *
 * v3 flexible; v4 brokers ask for several transactions, also only to verify them (KIP-890); v5 an error that allows to abort.
 */
import { array, bool, int16, int32, int64, string, struct } from '../field.js'
import { message } from '../schema.js'

const topic = struct({
  name: string,
  partitions: array(int32),
})

const topicResult = struct({
  name: string,
  resultsByPartition: array(
    struct({
      partitionIndex: int32,
      partitionErrorCode: int16,
    }),
  ),
})

export const AddPartitionsToTxn = message({
  name: 'AddPartitionsToTxn',
  key: 24,
  versions: [0, 5],
  flexible: 3,
  request: {
    transactions: array(
      struct({
        transactionalId: string,
        producerId: int64,
        producerEpoch: int16,
        verifyOnly: bool,
        topics: array(topic),
      }),
    ).since(4),
    v3AndBelowTransactionalId: string.until(3),
    v3AndBelowProducerId: int64.until(3),
    v3AndBelowProducerEpoch: int16.until(3),
    v3AndBelowTopics: array(topic).until(3),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16.since(4).ignorable(),
    resultsByTransaction: array(
      struct({
        transactionalId: string,
        topicResults: array(topicResult),
      }),
    ).since(4),
    resultsByTopicV3AndBelow: array(topicResult).until(3),
  },
})
