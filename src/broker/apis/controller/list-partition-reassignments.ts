/** ListPartitionReassignments: answered by the controller, who knows of moves that this node has not heard of. */
import { ListPartitionReassignments } from '../../../protocol/messages/list-partition-reassignments.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import type { Services } from '../services.js'
import { passOn } from './pass-on.js'

export const listPartitionReassignments = handler<
  Services,
  typeof ListPartitionReassignments.request.fields,
  typeof ListPartitionReassignments.response.fields
>(ListPartitionReassignments, {
  versions: [0, 0],
  servedBy: 'controller',
  listeners: ['broker', 'controller'],
  authorize: () => [{ operation: 'DESCRIBE', resource: CLUSTER }],
  refuse: (_request, errorCode) => ({ throttleTimeMs: 0, errorCode, errorMessage: null, topics: [] }),
  handle: (request, services, call) => {
    passOn(services, 'ListPartitionReassignments', request, request.timeoutMs, call, (reply, errorCode) =>
      call.reply(reply ?? { throttleTimeMs: 0, errorCode, errorMessage: null, topics: [] }),
    )
  },
})
