/** RemoveRaftVoter: a server has no vote in the quorum any more (KIP-853). */
import { ErrorCode } from '../../../protocol/errors.js'
import { RemoveRaftVoter } from '../../../protocol/messages/remove-raft-voter.js'
import { CLUSTER } from '../../server/stages.js'
import { answeredByLeader } from '../controller/answered-by-leader.js'
import { changeAnswer, isOfCluster } from './metadata-log.js'

export const removeRaftVoter = answeredByLeader(RemoveRaftVoter, {
  versions: [0, 0],
  servedBy: 'controller',
  listeners: ['broker', 'controller'],
  authorize: () => [{ operation: 'ALTER', resource: CLUSTER }],
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, errorMessage: null }),
  handle: ({ clusterId, voterId, voterDirectoryId }, services, call) => {
    const answer = (errorCode: number, errorMessage: string | null): void =>
      call.reply({ throttleTimeMs: 0, errorCode, errorMessage })
    if (!isOfCluster(services, clusterId)) return answer(ErrorCode.INCONSISTENT_CLUSTER_ID, null)
    if (voterId < 0) return answer(ErrorCode.INVALID_REQUEST, `${voterId} is no id of a node`)
    const request = { kind: 'removeRaftVoter', voter: { id: voterId, directoryId: voterDirectoryId } } as const
    const forget = services.quorum.step(request, (reply) => call.reply(changeAnswer(reply)))
    call.whenGone(forget)
  },
})
