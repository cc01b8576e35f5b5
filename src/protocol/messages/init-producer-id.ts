/**
 * InitProducerId: an id and an epoch for an idempotent or transactional producer (KIP-98).
 *
 * v2 flexible; v3 the id and epoch it had (KIP-360); v4 a fenced producer's error; v5 an error that allows to abort (KIP-890). v6, two-phase commit
 * (KIP-939), is not stable in Kafka.
 */
import { int16, int32, int64, string } from '../field.js'
import { message } from '../schema.js'

export const InitProducerId = message({
  name: 'InitProducerId',
  key: 22,
  versions: [0, 5],
  flexible: 2,
  request: {
    transactionalId: string.nullable(),
    transactionTimeoutMs: int32,
    producerId: int64.default(-1).since(3),
    producerEpoch: int16.default(-1).since(3),
  },
  response: {
    throttleTimeMs: int32.ignorable(),
    errorCode: int16,
    producerId: int64.default(-1),
    producerEpoch: int16,
  },
})
