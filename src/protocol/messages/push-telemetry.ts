/**
 * PushTelemetry: a client pushes its metrics (KIP-714).
 */
import { bool, bytes, int8, int16, int32, uuid } from '../field.js'
import { message } from '../schema.js'

export const PushTelemetry = message({
  name: 'PushTelemetry',
  key: 72,
  versions: [0, 0],
  flexible: 0,
  request: {
    clientInstanceId: uuid,
    subscriptionId: int32,
    terminating: bool,
    compressionType: int8,
    metrics: bytes,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
  },
})
