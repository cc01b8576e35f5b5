/** CompareReplicas: whether replicas of a partition are the same, and what is to become of one that is not: from broker to broker. */
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import { CompareReplicas } from '../../../protocol/messages/compare-replicas.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import { brokerOf, type Services } from '../services.js'
import { findPartition } from './find-partition.js'

export const compareReplicas = handler<
  Services,
  typeof CompareReplicas.request.fields,
  typeof CompareReplicas.response.fields
>(CompareReplicas, {
  versions: [0, 0],
  servedBy: 'any broker',
  listeners: ['broker'],
  untold: true,
  authorize: () => [{ operation: 'CLUSTER_ACTION', resource: CLUSTER }],
  refuse: (_, errorCode) => ({ errorCode }),
  handle: (request, services, call) => {
    const broker = brokerOf(services)
    const refuse = (error: ErrorName): void => call.reply({ errorCode: ErrorCode[error] })
    const { topicId, partition: index, brokerId, fromOffset, upToOffset } = request
    const found = findPartition(broker, { name: '', topicId }, index)
    if (typeof found === 'string') return refuse(found)
    // Only other replicas have anything to ask.
    const state = broker.latest.topicsById.get(topicId)?.partitions[index]
    const isForeign = brokerId === broker.nodeId || state?.replicas.includes(brokerId) !== true
    if (isForeign || fromOffset < 0 || (upToOffset !== -1 && upToOffset < fromOffset)) return refuse('INVALID_REQUEST')
    broker.comparisons.answer(request, found, (reply) => call.reply(reply))
  },
})
