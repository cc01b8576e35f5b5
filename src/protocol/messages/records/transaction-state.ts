/**
 * Transactions in `__transaction_state` (KIP-98). A key is preceded by an int16 that is its type, 0, a value by one that is its version.
 */
import { array, int8, int16, int32, int64, string, struct } from '../../field.js'
import { Schema } from '../../schema.js'

export const TransactionLogKey = new Schema({
  name: 'TransactionLogKey',
  versions: [0, 0],
  flexible: 'never',
  fields: {
    transactionalId: string,
  },
})

/** v1 flexible; the ids and epochs of before and to come (KIP-890). */
export const TransactionLogValue = new Schema({
  name: 'TransactionLogValue',
  versions: [0, 1],
  flexible: 1,
  fields: {
    producerId: int64,
    previousProducerId: int64.default(-1).tag(0).since(1),
    nextProducerId: int64.default(-1).tag(1).since(1),
    producerEpoch: int16,
    nextProducerEpoch: int16.default(-1).tag(3).since(1),
    transactionTimeoutMs: int32,
    transactionStatus: int8,
    transactionPartitions: array(
      struct({
        topic: string,
        partitionIds: array(int32),
      }),
    ).nullable(),
    transactionLastUpdateTimestampMs: int64,
    transactionStartTimestampMs: int64,
    clientTransactionVersion: int16.tag(2).since(1),
  },
})
