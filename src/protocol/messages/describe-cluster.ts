/**
 * DescribeCluster: the cluster's id, controller and brokers (KIP-700).
 *
 * v1 brokers or controllers, as asked (KIP-919); v2 fenced brokers (KIP-1073).
 */
import { array, bool, int8, int16, int32, string, struct } from '../field.js'
import { message } from '../schema.js'

export const DescribeCluster = message({
  name: 'DescribeCluster',
  key: 60,
  versions: [0, 2],
  flexible: 0,
  request: {
    includeClusterAuthorizedOperations: bool,
    endpointType: int8.default(1).since(1),
    includeFencedBrokers: bool.since(2),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable().default(null),
    endpointType: int8.default(1).since(1),
    clusterId: string,
    controllerId: int32.default(-1),
    brokers: array(
      struct({
        brokerId: int32,
        host: string,
        port: int32,
        rack: string.nullable().default(null),
        isFenced: bool.since(2),
      }),
    ),
    clusterAuthorizedOperations: int32.default(-2147483648),
  },
})
