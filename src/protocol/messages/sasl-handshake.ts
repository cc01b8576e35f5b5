/**
 * SaslHandshake: a client names the SASL mechanism that it is going to use. Never flexible.
 *
 * After v0 the mechanism's own bytes follow on the connection, after v1 SaslAuthenticate requests (KIP-152).
 */
import { array, int16, string } from '../field.js'
import { message } from '../schema.js'

export const SaslHandshake = message({
  name: 'SaslHandshake',
  key: 17,
  versions: [0, 1],
  flexible: 'never',
  request: {
    mechanism: string,
  },
  response: {
    errorCode: int16,
    mechanisms: array(string),
  },
})
