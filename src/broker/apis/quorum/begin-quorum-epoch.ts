/** BeginQuorumEpoch: somebody leads the quorum, and says where it can be reached (KIP-595, KIP-853). */
import { ErrorCode } from '../../../protocol/errors.js'
import { BeginQuorumEpoch } from '../../../protocol/messages/begin-quorum-epoch.js'
import { handler } from '../../server/handler.js'
import type { Services } from '../services.js'
import { AS_A_SERVER, isOfCluster, logPartition, ofLog, WRONG_PARTITION } from './metadata-log.js'

export const beginQuorumEpoch = handler<
  Services,
  typeof BeginQuorumEpoch.request.fields,
  typeof BeginQuorumEpoch.response.fields
>(BeginQuorumEpoch, {
  versions: [1, 1],
  servedBy: 'controller',
  listeners: ['controller'],
  authorize: () => AS_A_SERVER,
  refuse: (_, errorCode) => ({ errorCode, topics: [] }),
  handle: ({ clusterId, voterId, topics, leaderEndpoints: endpoints }, services, call) => {
    const refuse = (errorCode: number): void => call.reply({ errorCode, topics: [] })
    if (!isOfCluster(services, clusterId)) return refuse(ErrorCode.INCONSISTENT_CLUSTER_ID)
    const part = logPartition(topics, ({ partitionIndex }) => partitionIndex)
    if (part === undefined) return refuse(ErrorCode[WRONG_PARTITION])
    const { voterDirectoryId, leaderId, leaderEpoch } = part
    const [endpoint] = endpoints
    if (endpoint !== undefined) services.quorum.begun(leaderId, leaderEpoch, endpoint)
    const voter = { id: voterId, directoryId: voterDirectoryId }
    const request = { kind: 'beginQuorumEpoch', voter, leaderId, leaderEpoch } as const
    const forget = services.quorum.step(request, ({ error, ...leader }) => {
      const known = { leaderId: leader.leaderId, leaderEpoch: leader.leaderEpoch }
      call.reply(ofLog(services, { partitionIndex: 0, errorCode: ErrorCode[error], ...known }))
    })
    call.whenGone(forget)
  },
})
