/** AlterPartition: the leader of a partition says who is in sync, and the controller decides. */
import { AlterPartition } from '../../../protocol/messages/alter-partition.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import { decideHere } from '../controller/pass-on.js'
import type { Services } from '../services.js'

export const alterPartition = handler<
  Services,
  typeof AlterPartition.request.fields,
  typeof AlterPartition.response.fields
>(AlterPartition, {
  versions: [2, 3],
  servedBy: 'controller',
  listeners: ['controller'],
  authorize: () => [{ operation: 'CLUSTER_ACTION', resource: CLUSTER }],
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, topics: [] }),
  handle: (request, services, call) => {
    decideHere(services, 'AlterPartition', request, call, (reply, errorCode, endOffset) => {
      call.reply({ ...(reply ?? { throttleTimeMs: 0, errorCode, topics: [] }), endOffset })
    })
  },
})
