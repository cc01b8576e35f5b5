/** DescribeQuorum: how the metadata quorum stands, from its leader (KIP-595, KIP-836). */
import { ErrorCode } from '../../../protocol/errors.js'
import { DescribeQuorum } from '../../../protocol/messages/describe-quorum.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import type { VoterProgress } from '../../../raft/raft-state.js'
import { METADATA_TOPIC } from '../../../storage/log-files.js'
import { handler } from '../../server/handler.js'
import { CLUSTER } from '../../server/stages.js'
import type { Services } from '../services.js'
import { passToLeader } from './pass-to-leader.js'

type Response = InferInput<typeof DescribeQuorum.response>
type PartitionResult = Response['topics'][number]['partitions'][number]
type ReplicaResult = PartitionResult['currentVoters'][number]

const DIRECTORIES_SINCE = 2
/** How long a leader is looked for that knows. */
const LEADER_MS = 5000

export const describeQuorum = handler<
  Services,
  typeof DescribeQuorum.request.fields,
  typeof DescribeQuorum.response.fields
>(DescribeQuorum, {
  versions: [0, 2],
  servedBy: 'controller',
  listeners: ['broker', 'controller'],
  authorize: () => [{ operation: 'DESCRIBE', resource: CLUSTER }],
  refuse: (_, errorCode) => ({ errorCode, topics: [] }),
  handle: (request, services, call) => {
    const passed = passToLeader(DescribeQuorum, request, LEADER_MS, services, call, (response) => {
      if (response === undefined) call.reply({ errorCode: ErrorCode.REQUEST_TIMED_OUT, errorMessage: null, topics: [] })
      else call.reply(inVersion(response, call.version))
    })
    if (passed) return
    const { topics } = request
    call.reply({
      errorCode: ErrorCode.NONE,
      errorMessage: null,
      topics: topics.map(({ topicName, partitions }) => ({
        topicName,
        partitions: partitions.map(({ partitionIndex }) =>
          topicName === METADATA_TOPIC && partitionIndex === 0
            ? describe(services, call.version)
            : failed(partitionIndex, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ),
      })),
      ...(call.version < DIRECTORIES_SINCE ? {} : { nodes: nodes(services) }),
    })
  },
})

/** The leader has answered in its newest version. */
function inVersion(response: Infer<typeof DescribeQuorum.response>, version: number): Response {
  if (version >= DIRECTORIES_SINCE) return response
  const plain = (replicas: readonly ReplicaResult[]): ReplicaResult[] =>
    replicas.map(({ replicaDirectoryId: _, ...replica }) => replica)
  const { nodes: _, ...rest } = response
  return {
    ...rest,
    topics: response.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((partition) => ({
        ...partition,
        currentVoters: plain(partition.currentVoters),
        observers: plain(partition.observers),
      })),
    })),
  }
}

function describe({ quorum, nodeId, clock }: Services, version: number): PartitionResult {
  const { leaderId, leaderEpoch, highWatermark, voters, observers } = quorum.describe()
  if (leaderId !== nodeId || voters.length === 0) return failed(0, ErrorCode.NOT_LEADER_OR_FOLLOWER)
  const nowMs = clock.wallMs()
  const sinceStartMs = clock.monotonicMs()
  const wallMs = (monotonicMs: number): number =>
    monotonicMs < 0 ? -1 : Math.floor(nowMs - sinceStartMs + monotonicMs)
  const { id: selfId, directoryId: selfDirectoryId } = quorum.self
  const replica = ({ id, directoryId, endOffset, lastFetchMs, lastCaughtUpMs }: VoterProgress): ReplicaResult => {
    // The leader is always caught up with itself.
    const isSelf = id === selfId && directoryId === selfDirectoryId
    return {
      replicaId: id,
      ...(version < DIRECTORIES_SINCE ? {} : { replicaDirectoryId: directoryId }),
      logEndOffset: endOffset,
      lastFetchTimestamp: isSelf ? nowMs : wallMs(lastFetchMs),
      lastCaughtUpTimestamp: isSelf ? nowMs : wallMs(lastCaughtUpMs),
    }
  }
  return {
    partitionIndex: 0,
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    leaderId,
    leaderEpoch,
    highWatermark,
    currentVoters: voters.map(replica),
    observers: observers.map(replica),
  }
}

function nodes({ quorum }: Services): Response['nodes'] {
  return [...quorum.describe().endpoints].map(([nodeId, listeners]) => ({ nodeId, listeners }))
}

function failed(partitionIndex: number, errorCode: number): PartitionResult {
  return {
    partitionIndex,
    errorCode,
    errorMessage: null,
    leaderId: -1,
    leaderEpoch: -1,
    highWatermark: -1,
    currentVoters: [],
    observers: [],
  }
}
