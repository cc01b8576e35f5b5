/**
 * FindCoordinator: which broker coordinates a group, a transactional id or a share partition.
 *
 * v1 transactional ids, throttle time and messages; v3 flexible; v4 several keys (KIP-699); v5 an error that allows to abort (KIP-890); v6 share
 * partitions (KIP-932).
 */
import { array, int8, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const FindCoordinator = message({
  name: 'FindCoordinator',
  key: 10,
  versions: [0, 6],
  flexible: 3,
  request: {
    key: string.until(3),
    keyType: int8.since(1),
    coordinatorKeys: array(string).since(4),
  },
  response: {
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16.until(3),
    errorMessage: string.nullable().since(1).until(3).ignorable(),
    nodeId: int32.until(3),
    host: string.until(3),
    port: int32.until(3),
    coordinators: array(
      struct({
        key: string,
        nodeId: int32,
        host: string,
        port: int32,
        errorCode: int16,
        errorMessage: string.nullable().ignorable(),
      }),
    ).since(4),
  },
})
