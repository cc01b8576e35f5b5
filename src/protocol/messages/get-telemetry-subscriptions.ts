/**
 * GetTelemetrySubscriptions: which of its metrics a client is to push (KIP-714).
 */
import { array, bool, int8, int16, int32, string, uuid } from '../field.js'
import { message } from '../schema.js'

export const GetTelemetrySubscriptions = message({
  name: 'GetTelemetrySubscriptions',
  key: 71,
  versions: [0, 0],
  flexible: 0,
  request: {
    clientInstanceId: uuid,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    clientInstanceId: uuid,
    subscriptionId: int32,
    acceptedCompressionTypes: array(int8),
    pushIntervalMs: int32,
    telemetryMaxBytes: int32,
    deltaTemporality: bool,
    requestedMetrics: array(string),
  },
})
