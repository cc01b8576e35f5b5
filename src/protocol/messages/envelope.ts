/**
 * Envelope: a broker passes a client's request on to the controller, with the principal that asked (KIP-590).
 *
 * lograft: `endOffset` says up to where (exclusive) of the metadata log this was decided, so that who asked can wait until it knows that itself.
 */
import { bytes, int16, int64 } from '../field.js'
import { message } from '../schema.js'

export const Envelope = message({
  name: 'Envelope',
  key: 58,
  versions: [0, 0],
  flexible: 0,
  request: {
    requestData: bytes,
    requestPrincipal: bytes.nullable(),
    clientHostAddress: bytes,
  },
  response: {
    responseData: bytes.nullable().default(null),
    errorCode: int16,
    endOffset: int64.default(-1).tag(21000).ignorable(),
  },
})
