/** EndQuorumEpoch: who led the quorum has resigned, and says who should follow (KIP-595, KIP-853). */
import { ErrorCode } from '../../../protocol/errors.js'
import { EndQuorumEpoch } from '../../../protocol/messages/end-quorum-epoch.js'
import { handler } from '../../server/handler.js'
import type { Services } from '../services.js'
import { AS_A_SERVER, isOfCluster, logPartition, ofLog, WRONG_PARTITION } from './metadata-log.js'

export const endQuorumEpoch = handler<
  Services,
  typeof EndQuorumEpoch.request.fields,
  typeof EndQuorumEpoch.response.fields
>(EndQuorumEpoch, {
  versions: [1, 1],
  servedBy: 'controller',
  listeners: ['controller'],
  authorize: () => AS_A_SERVER,
  refuse: (_, errorCode) => ({ errorCode, topics: [] }),
  handle: ({ clusterId, topics }, services, call) => {
    const refuse = (errorCode: number): void => call.reply({ errorCode, topics: [] })
    if (!isOfCluster(services, clusterId)) return refuse(ErrorCode.INCONSISTENT_CLUSTER_ID)
    const part = logPartition(topics, ({ partitionIndex }) => partitionIndex)
    if (part === undefined) return refuse(ErrorCode[WRONG_PARTITION])
    const { leaderId, leaderEpoch } = part
    const preferredCandidates = part.preferredCandidates.map(
      ({ candidateId: id, candidateDirectoryId: directoryId }) => ({
        id,
        directoryId,
      }),
    )
    const request = { kind: 'endQuorumEpoch', leaderId, leaderEpoch, preferredCandidates } as const
    const forget = services.quorum.step(request, ({ error, ...leader }) => {
      const known = { leaderId: leader.leaderId, leaderEpoch: leader.leaderEpoch }
      call.reply(ofLog(services, { partitionIndex: 0, errorCode: ErrorCode[error], ...known }))
    })
    call.whenGone(forget)
  },
})
