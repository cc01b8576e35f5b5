/** UpdateRaftVoter: a voter can be reached elsewhere (KIP-853). */
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import { UpdateRaftVoter } from '../../../protocol/messages/update-raft-voter.js'
import { KRAFT_VERSION } from '../../quorum/batches.js'
import { handler } from '../../server/handler.js'
import type { Services } from '../services.js'
import { AS_A_SERVER, isOfCluster } from './metadata-log.js'

export const updateRaftVoter = handler<
  Services,
  typeof UpdateRaftVoter.request.fields,
  typeof UpdateRaftVoter.response.fields
>(UpdateRaftVoter, {
  versions: [0, 0],
  servedBy: 'controller',
  listeners: ['controller'],
  authorize: () => AS_A_SERVER,
  refuse: (_, errorCode) => ({ throttleTimeMs: 0, errorCode }),
  handle: (asked, services, call) => {
    const { clusterId, currentLeaderEpoch, voterId, voterDirectoryId, listeners, kRaftVersionFeature } = asked
    const answer = (error: ErrorName): void => {
      const { nodeId: leaderId, epoch: leaderEpoch, address = { host: '', port: 0 } } = services.quorum.leader()
      const currentLeader = { leaderId, leaderEpoch, host: address.host, port: address.port }
      call.reply({ throttleTimeMs: 0, errorCode: ErrorCode[error], currentLeader })
    }
    if (!isOfCluster(services, clusterId)) return answer('INCONSISTENT_CLUSTER_ID')
    const { minSupportedVersion, maxSupportedVersion } = kRaftVersionFeature
    const speaks = minSupportedVersion <= KRAFT_VERSION && maxSupportedVersion >= KRAFT_VERSION
    if (voterId < 0 || listeners.length === 0 || !speaks) return answer('INVALID_REQUEST')
    const voter = { id: voterId, directoryId: voterDirectoryId, endpoints: listeners }
    const request = { kind: 'updateRaftVoter', currentLeaderEpoch, voter } as const
    const forget = services.quorum.step(request, ({ error }) => answer(error))
    call.whenGone(forget)
  },
})
