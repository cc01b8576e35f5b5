/**
 * ControllerRegistration: a controller makes itself known to the active one (KIP-919).
 */
import { array, bool, int16, int32, string, struct, uint16, uuid } from '../field.js'
import { message } from '../schema.js'

export const ControllerRegistration = message({
  name: 'ControllerRegistration',
  key: 70,
  versions: [0, 0],
  flexible: 0,
  request: {
    controllerId: int32,
    incarnationId: uuid,
    zkMigrationReady: bool,
    listeners: array(
      struct({
        name: string,
        host: string,
        port: uint16,
        securityProtocol: int16,
      }),
    ),
    features: array(
      struct({
        name: string,
        minSupportedVersion: int16,
        maxSupportedVersion: int16,
      }),
    ),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable(),
  },
})
