/** DescribeCluster: the cluster's id and its brokers, or from a controller its controllers (KIP-700, KIP-919, KIP-1073). */
import { ErrorCode } from '../../../protocol/errors.js'
import { DescribeCluster } from '../../../protocol/messages/describe-cluster.js'
import type { InferInput } from '../../../protocol/schema.js'
import { type Call, handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import { ALL_CLUSTER_OPERATIONS, endpointOf, imageOf, OPERATIONS_NOT_ASKED, type Services } from '../services.js'

type Response = InferInput<typeof DescribeCluster.response>

const BROKERS = 1
const CONTROLLERS = 2

export const describeCluster = handler<
  Services,
  typeof DescribeCluster.request.fields,
  typeof DescribeCluster.response.fields
>(DescribeCluster, {
  versions: [0, 2],
  servedBy: 'any node',
  listeners: ['broker', 'controller'],
  authorize: () => [{ operation: 'DESCRIBE', resource: CLUSTER }],
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, clusterId: '', brokers: [] }),
  handle: (request, services, call) => {
    const { endpointType } = request
    const { clusterId } = services
    const own = call.listener.serves === 'controller' ? CONTROLLERS : BROKERS
    if (endpointType !== own) {
      const known = endpointType === BROKERS || endpointType === CONTROLLERS
      return call.reply({
        throttleTimeMs: 0,
        errorCode: known ? ErrorCode.MISMATCHED_ENDPOINT_TYPE : ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
        errorMessage: `this listener tells of ${own === BROKERS ? 'brokers' : 'controllers'}`,
        endpointType,
        clusterId,
        brokers: [],
      })
    }
    const nodes = own === BROKERS ? brokers(services, call, request.includeFencedBrokers) : controllers(services)
    call.reply({
      throttleTimeMs: 0,
      errorCode: ErrorCode.NONE,
      endpointType,
      clusterId,
      controllerId:
        own === BROKERS
          ? (nodes.find(({ isFenced }) => !isFenced)?.brokerId ?? -1)
          : services.quorum.describe().leaderId,
      brokers: nodes,
      clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
        ? ALL_CLUSTER_OPERATIONS
        : OPERATIONS_NOT_ASKED,
    })
  },
})

function brokers(services: Services, call: Call<Response>, withFenced: boolean): Response['brokers'] {
  return [...imageOf(services).brokers.values()].flatMap(({ brokerId, fenced, rack = null }) => {
    const endpoint = fenced && !withFenced ? undefined : endpointOf(services, brokerId, call)
    return endpoint === undefined
      ? []
      : [{ brokerId, host: endpoint.host, port: endpoint.port, rack, isFenced: fenced }]
  })
}

function controllers({ quorum }: Services): Response['brokers'] {
  return [...quorum.describe().endpoints].flatMap(([brokerId, endpoints]) => {
    const endpoint = endpoints[0]
    return endpoint === undefined ? [] : [{ brokerId, host: endpoint.host, port: endpoint.port }]
  })
}
