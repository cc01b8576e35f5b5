/**
 * Fetch of the metadata log, by other servers of the cluster (KIP-595): the core says what they get, and holds the answer back until there is
 * something new.
 */
import { ErrorCode } from '../../../protocol/errors.js'
import type { Fetch } from '../../../protocol/messages/fetch.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import type { FetchResponse, OffsetRange } from '../../../raft/messages.js'
import { METADATA_TOPIC } from '../../../storage/log-files.js'
import type { LogRead } from '../../../storage/log-reader.js'
import { METADATA_TOPIC_ID } from '../../quorum/batches.js'
import type { Call } from '../../server/handler.js'
import type { ListenerContext } from '../../server/stages.js'
import type { Services } from '../services.js'
import { isOfCluster, leaderEndpoints, logPartition } from './metadata-log.js'

type Request = Infer<typeof Fetch.request>
type Response = InferInput<typeof Fetch.response>

/** A request of an earlier version cannot say of which epoch the batch before is: it is refused. */
const LEADERS_SINCE = 12
const ENDPOINTS_SINCE = 16
/** What a follower of an earlier release knows is not said. */
const NO_HIGH_WATERMARK = -1

/** Whether another server asks for the metadata log: it says who it is, or came where only servers come. */
export function isMetadataFetch(
  { replicaId, replicaState, topics }: Request,
  { serves }: Pick<ListenerContext, 'serves'>,
): boolean {
  const isServer = Math.max(replicaId, replicaState.replicaId) >= 0 || serves === 'controller'
  return isServer && topics.some(({ topic, topicId }) => topic === METADATA_TOPIC || topicId === METADATA_TOPIC_ID)
}

export function fetchMetadata(request: Request, services: Services, call: Call<Response>): void {
  const refuse = (errorCode: number): void => call.reply({ errorCode, responses: [] })
  if (!isOfCluster(services, request.clusterId)) return refuse(ErrorCode.INCONSISTENT_CLUSTER_ID)
  const part = logPartition(request.topics, ({ partition }) => partition)
  if (part === undefined) return refuse(ErrorCode.INVALID_REQUEST)
  const { currentLeaderEpoch, fetchOffset, lastFetchedEpoch, replicaDirectoryId, partitionMaxBytes } = part
  const { highWatermark = NO_HIGH_WATERMARK } = part
  const replica = { id: Math.max(request.replicaId, request.replicaState.replicaId), directoryId: replicaDirectoryId }
  const { maxWaitMs } = request
  const position = { currentLeaderEpoch, fetchOffset, lastFetchedEpoch, highWatermark }
  const forget = services.quorum.step({ kind: 'fetch', replica, ...position, maxWaitMs }, (reply) => {
    if (reply.kind !== 'fetch') return
    if (reply.outcome.is !== 'records') return answer(services, call, reply)
    const maxBytes = Math.min(request.maxBytes, partitionMaxBytes)
    services.quorum.readRange(reply.outcome.records, reply.leaderEpoch, maxBytes, (read) => {
      if (read !== undefined) return answer(services, call, reply, read)
      const { nodeId: leaderId, epoch: leaderEpoch } = services.quorum.leader()
      const outcome = { is: 'refused' } as const
      answer(services, call, { ...reply, error: 'NOT_LEADER_OR_FOLLOWER', leaderId, leaderEpoch, outcome })
    })
  })
  call.whenGone(forget)
}

function answer(services: Services, call: Call<Response>, reply: FetchResponse<OffsetRange>, read?: LogRead): void {
  const { error, leaderId, leaderEpoch, highWatermark, outcome } = reply
  const partition: Response['responses'][number]['partitions'][number] = {
    partitionIndex: 0,
    errorCode: ErrorCode[error],
    highWatermark,
    lastStableOffset: highWatermark,
    ...(call.version < LEADERS_SINCE ? {} : { currentLeader: { leaderId, leaderEpoch } }),
    abortedTransactions: null,
    records: read?.bytes ?? NOTHING,
    ...(outcome.is === 'diverging'
      ? { divergingEpoch: { epoch: outcome.divergingEpoch.epoch, endOffset: outcome.divergingEpoch.offset } }
      : {}),
    ...(outcome.is === 'snapshot'
      ? { snapshotId: { epoch: outcome.snapshotId.epoch, endOffset: outcome.snapshotId.offset } }
      : {}),
  }
  const endpoints = call.version < ENDPOINTS_SINCE ? [] : leaderEndpoints(services)
  const nodeEndpoints = endpoints.map((endpoint) => ({ ...endpoint, rack: null }))
  const responses = [{ topic: METADATA_TOPIC, topicId: METADATA_TOPIC_ID, partitions: [partition] }]
  call.reply({ errorCode: ErrorCode.NONE, sessionId: 0, responses, nodeEndpoints }, () => read?.release())
}

const NOTHING = new Uint8Array(0)
