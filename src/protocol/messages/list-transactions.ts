/**
 * ListTransactions: the transactions that a broker coordinates (KIP-664).
 *
 * v1 by duration (KIP-994); v2 by a pattern of the transactional id (KIP-1152).
 */
import { array, int16, int32, int64, string, struct } from '../field.js'
import { message } from '../schema.js'

export const ListTransactions = message({
  name: 'ListTransactions',
  key: 66,
  versions: [0, 2],
  flexible: 0,
  request: {
    stateFilters: array(string),
    producerIdFilters: array(int64),
    durationFilter: int64.default(-1).since(1),
    transactionalIdPattern: string.nullable().default(null).since(2),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    unknownStateFilters: array(string),
    transactionStates: array(
      struct({
        transactionalId: string,
        producerId: int64,
        transactionState: string,
      }),
    ),
  },
})
