/** AlterPartitionReassignments: decided by the controller. */
import { AlterPartitionReassignments } from '../../../protocol/messages/alter-partition-reassignments.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import type { Services } from '../services.js'
import { passOn } from './pass-on.js'

type Request = Infer<typeof AlterPartitionReassignments.request>
type Response = InferInput<typeof AlterPartitionReassignments.response>

export const alterPartitionReassignments = handler<
  Services,
  typeof AlterPartitionReassignments.request.fields,
  typeof AlterPartitionReassignments.response.fields
>(AlterPartitionReassignments, {
  versions: [0, 1],
  servedBy: 'controller',
  listeners: ['broker', 'controller'],
  authorize: () => [{ operation: 'ALTER', resource: CLUSTER }],
  refuse: failed,
  handle: (request, services, call) => {
    passOn(services, 'AlterPartitionReassignments', request, request.timeoutMs, call, (reply, errorCode) =>
      call.reply(reply ?? failed(request, errorCode)),
    )
  },
})

function failed({ topics, allowReplicationFactorChange }: Request, errorCode: number): Response {
  const responses = topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode, errorMessage: null })),
  }))
  return { throttleTimeMs: 0, allowReplicationFactorChange, errorCode, errorMessage: null, responses }
}
