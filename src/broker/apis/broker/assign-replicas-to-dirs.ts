/** AssignReplicasToDirs: where the replicas of a broker are, taken down by the controller. */
import { AssignReplicasToDirs } from '../../../protocol/messages/assign-replicas-to-dirs.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import { decideHere } from '../controller/pass-on.js'
import type { Services } from '../services.js'

export const assignReplicasToDirs = handler<
  Services,
  typeof AssignReplicasToDirs.request.fields,
  typeof AssignReplicasToDirs.response.fields
>(AssignReplicasToDirs, {
  versions: [0, 0],
  servedBy: 'controller',
  listeners: ['controller'],
  authorize: () => [{ operation: 'CLUSTER_ACTION', resource: CLUSTER }],
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, directories: [] }),
  handle: (request, services, call) => {
    decideHere(services, 'AssignReplicasToDirs', request, call, (reply, errorCode, endOffset) => {
      call.reply({ ...(reply ?? { throttleTimeMs: 0, errorCode, directories: [] }), endOffset })
    })
  },
})
