/**
 * SaslAuthenticate: one step of a SASL exchange, whose bytes are the mechanism's own (KIP-152).
 *
 * v1 after which time to authenticate again (KIP-368); v2 flexible.
 */
import { bytes, int16, int64, string } from '../field.js'
import { message } from '../schema.js'

export const SaslAuthenticate = message({
  name: 'SaslAuthenticate',
  key: 36,
  versions: [0, 2],
  flexible: 2,
  request: {
    authBytes: bytes,
  },
  response: {
    errorCode: int16,
    errorMessage: string.nullable(),
    authBytes: bytes,
    sessionLifetimeMs: int64.since(1).ignorable(),
  },
})
