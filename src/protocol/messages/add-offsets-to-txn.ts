/**
 * AddOffsetsToTxn: offsets of a group are going to be committed in a transaction (KIP-98).
 *
 * v3 flexible; v4 an error that allows to abort (KIP-890).
 */
import { int16, int32, int64, string } from '../field.js'
import { message } from '../schema.js'

export const AddOffsetsToTxn = message({
  name: 'AddOffsetsToTxn',
  key: 25,
  versions: [0, 4],
  flexible: 3,
  request: {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    groupId: string,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
  },
})
