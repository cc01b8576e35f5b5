/** AddRaftVoter: another server, which has caught up, gets a vote in the quorum (KIP-853). */
import { ErrorCode } from '../../../protocol/errors.js'
import { AddRaftVoter } from '../../../protocol/messages/add-raft-voter.js'
import { CLUSTER } from '../../server/stages.js'
import { answeredByLeader } from '../controller/answered-by-leader.js'
import { changeAnswer, isOfCluster } from './metadata-log.js'

export const addRaftVoter = answeredByLeader(AddRaftVoter, {
  versions: [0, 1],
  servedBy: 'controller',
  listeners: ['broker', 'controller'],
  authorize: () => [{ operation: 'ALTER', resource: CLUSTER }],
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, errorMessage: null }),
  handle: ({ clusterId, timeoutMs, voterId, voterDirectoryId, listeners, ackWhenCommitted }, services, call) => {
    const answer = (errorCode: number, errorMessage: string | null): void =>
      call.reply({ throttleTimeMs: 0, errorCode, errorMessage })
    if (!isOfCluster(services, clusterId)) return answer(ErrorCode.INCONSISTENT_CLUSTER_ID, null)
    if (voterId < 0) return answer(ErrorCode.INVALID_REQUEST, `${voterId} is no id of a node`)
    const names = new Set(listeners.map(({ name }) => name))
    if (listeners.length === 0 || names.size < listeners.length) {
      return answer(ErrorCode.INVALID_REQUEST, 'the new voter needs listeners, each under a name of its own')
    }
    const voter = { id: voterId, directoryId: voterDirectoryId, endpoints: listeners }
    const request = { kind: 'addRaftVoter', voter, timeoutMs, ackWhenCommitted } as const
    const forget = services.quorum.step(request, (reply) => call.reply(changeAnswer(reply)))
    call.whenGone(forget)
  },
})
