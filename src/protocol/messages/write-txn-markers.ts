/**
 * WriteTxnMarkers: a transaction coordinator has the leaders of partitions write how the transaction ended (KIP-98).
 *
 * v1 flexible; v2 the transaction's version (KIP-890).
 */
import { array, bool, int8, int16, int32, int64, string, struct } from '../field.js'
import { message } from '../schema.js'

export const WriteTxnMarkers = message({
  name: 'WriteTxnMarkers',
  key: 27,
  versions: [0, 2],
  flexible: 1,
  request: {
    markers: array(
      struct({
        producerId: int64,
        producerEpoch: int16,
        transactionResult: bool,
        topics: array(
          struct({
            name: string,
            partitionIndexes: array(int32),
          }),
        ),
        coordinatorEpoch: int32,
        transactionVersion: int8.since(2).ignorable(),
      }),
    ),
  },
  response: {
    markers: array(
      struct({
        producerId: int64,
        topics: array(
          struct({
            name: string,
            partitions: array(
              struct({
                partitionIndex: int32,
                errorCode: int16,
              }),
            ),
          }),
        ),
      }),
    ),
  },
})
