/**
 * Vote: whether this voter is for a candidate, or would be (KIP-595, KIP-996). Versions before 1 do not say which directory is asked: another one
 * under the same id is another voter.
 */
import { ErrorCode } from '../../../protocol/errors.js'
import { Vote } from '../../../protocol/messages/vote.js'
import { handler } from '../../server/handler.js'
import type { Services } from '../services.js'
import { AS_A_SERVER, isOfCluster, logPartition, ofLog, WRONG_PARTITION } from './metadata-log.js'

export const vote = handler<Services, typeof Vote.request.fields, typeof Vote.response.fields>(Vote, {
  versions: [1, 2],
  servedBy: 'controller',
  listeners: ['controller'],
  authorize: () => AS_A_SERVER,
  refuse: (_, errorCode) => ({ errorCode, topics: [] }),
  handle: ({ clusterId, voterId, topics }, services, call) => {
    const refuse = (errorCode: number): void => call.reply({ errorCode, topics: [] })
    if (!isOfCluster(services, clusterId)) return refuse(ErrorCode.INCONSISTENT_CLUSTER_ID)
    const part = logPartition(topics, ({ partitionIndex }) => partitionIndex)
    if (part === undefined) return refuse(ErrorCode[WRONG_PARTITION])
    const { replicaEpoch, replicaId, replicaDirectoryId, voterDirectoryId, lastOffsetEpoch, lastOffset, preVote } = part
    const request = {
      kind: 'vote',
      replicaEpoch,
      replica: { id: replicaId, directoryId: replicaDirectoryId },
      voter: { id: voterId, directoryId: voterDirectoryId },
      lastOffsetEpoch,
      lastOffset,
      preVote,
    } as const
    const forget = services.quorum.step(request, (reply) => {
      if (reply.kind !== 'vote') return
      const { error, leaderId, leaderEpoch, voteGranted } = reply
      const partition = { partitionIndex: 0, errorCode: ErrorCode[error], leaderId, leaderEpoch, voteGranted }
      call.reply(ofLog(services, partition))
    })
    call.whenGone(forget)
  },
})
