/**
 * EndTxn: a transaction is committed or aborted (KIP-98).
 *
 * v3 flexible; v4 an error that allows to abort; v5 answers with the id and epoch to go on with (KIP-890).
 */
import { bool, int16, int32, int64, string } from '../field.js'
import { message } from '../schema.js'

export const EndTxn = message({
  name: 'EndTxn',
  key: 26,
  versions: [0, 5],
  flexible: 3,
  request: {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    committed: bool,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    producerId: int64.default(-1).since(5).ignorable(),
    producerEpoch: int16.default(-1).since(5).ignorable(),
  },
})
