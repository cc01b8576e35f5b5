/** RemoveRaftVoter: a server has no vote in the quorum any more (KIP-853). */
import { ErrorCode } from '../../../protocol/errors.js'
import { RemoveRaftVoter } from '../../../protocol/messages/remove-raft-voter.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import type { Services } from '../services.js'
import { isOfCluster } from './metadata-log.js'
import { passToLeader } from './pass-to-leader.js'

/** How long a leader is looked for, and may take besides. */
const LEADER_MS = 5000

export const removeRaftVoter = handler<
  Services,
  typeof RemoveRaftVoter.request.fields,
  typeof RemoveRaftVoter.response.fields
>(RemoveRaftVoter, {
  versions: [0, 0],
  servedBy: 'controller',
  listeners: ['broker', 'controller'],
  authorize: () => [{ operation: 'ALTER', resource: CLUSTER }],
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode, errorMessage: null }),
  handle: (request, services, call) => {
    const { clusterId, voterId, voterDirectoryId } = request
    const answer = (errorCode: number, errorMessage: string | null): void =>
      call.reply({ throttleTimeMs: 0, errorCode, errorMessage })
    const passed = passToLeader(RemoveRaftVoter, request, LEADER_MS, services, call, (response) =>
      response === undefined ? answer(ErrorCode.REQUEST_TIMED_OUT, null) : call.reply(response),
    )
    if (passed) return
    if (!isOfCluster(services, clusterId)) return answer(ErrorCode.INCONSISTENT_CLUSTER_ID, null)
    if (voterId < 0) return answer(ErrorCode.INVALID_REQUEST, `${voterId} is no id of a node`)
    const change = { kind: 'removeRaftVoter', voter: { id: voterId, directoryId: voterDirectoryId } } as const
    const forget = services.quorum.step(change, (reply) =>
      answer(ErrorCode[reply.error], ('errorMessage' in reply ? reply.errorMessage : undefined) ?? null),
    )
    call.whenGone(forget)
  },
})
