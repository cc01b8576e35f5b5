/**
 * AllocateProducerIds: a broker gets a block of producer ids (KIP-730).
 *
 * lograft: `endOffset` says up to where (exclusive) of the metadata log this was decided, so that who asked can wait until it knows that itself.
 */
import { int16, int32, int64 } from '../field.js'
import { message } from '../schema.js'

export const AllocateProducerIds = message({
  name: 'AllocateProducerIds',
  key: 67,
  versions: [0, 0],
  flexible: 0,
  request: {
    brokerId: int32,
    brokerEpoch: int64.default(-1),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    producerIdStart: int64,
    producerIdLen: int32,
    endOffset: int64.default(-1).tag(21000).ignorable(),
  },
})
