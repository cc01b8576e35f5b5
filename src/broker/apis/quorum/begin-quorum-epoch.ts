/** BeginQuorumEpoch: somebody leads the quorum, and says where it can be reached (KIP-595, KIP-853). */
import { ErrorCode } from '../../../protocol/errors.js'
import { BeginQuorumEpoch } from '../../../protocol/messages/begin-quorum-epoch.js'
import { METADATA_TOPIC } from '../../../storage/log-files.js'
import { handler } from '../../server/handler.js'
import type { Services } from '../services.js'
import { AS_A_SERVER, isOfCluster, leaderEndpoints, logPartition, WRONG_PARTITION } from './metadata-log.js'

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
    if (endpoint !== undefined) services.quorum.told(leaderId, { host: endpoint.host, port: endpoint.port })
    const voter = { id: voterId, directoryId: voterDirectoryId }
    const request = { kind: 'beginQuorumEpoch', voter, leaderId, leaderEpoch } as const
    const forget = services.quorum.step(request, ({ error, ...leader }) => {
      const partition = {
        partitionIndex: 0,
        errorCode: ErrorCode[error],
        leaderId: leader.leaderId,
        leaderEpoch: leader.leaderEpoch,
      }
      call.reply({
        errorCode: ErrorCode.NONE,
        topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }],
        nodeEndpoints: leaderEndpoints(services),
      })
    })
    call.whenGone(forget)
  },
})
