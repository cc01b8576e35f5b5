/**
 * Envelope: a broker passes a client's request on to the controller, with the principal that asked (KIP-590).
 */
import { bytes, int16 } from '../field.js'
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
  },
})
