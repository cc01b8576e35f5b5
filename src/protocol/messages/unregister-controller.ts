/**
 * UnregisterController: a controller that is not to come back is forgotten.
 */
import { int16, int32, string } from '../field.js'
import { message } from '../schema.js'

export const UnregisterController = message({
  name: 'UnregisterController',
  key: 94,
  versions: [0, 0],
  flexible: 0,
  request: {
    controllerId: int32,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable(),
  },
})
