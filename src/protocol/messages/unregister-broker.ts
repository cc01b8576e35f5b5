/**
 * UnregisterBroker: a broker that is not to come back is forgotten (KIP-631).
 */
import { int16, int32, string } from '../field.js'
import { message } from '../schema.js'

export const UnregisterBroker = message({
  name: 'UnregisterBroker',
  key: 64,
  versions: [0, 0],
  flexible: 0,
  request: {
    brokerId: int32,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable(),
  },
})
