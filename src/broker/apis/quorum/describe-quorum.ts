/** DescribeQuorum: how the metadata quorum stands, from its leader (KIP-595, KIP-836). */
import { ErrorCode } from '../../../protocol/errors.js'
import { DescribeQuorum } from '../../../protocol/messages/describe-quorum.js'
import type { InferInput } from '../../../protocol/schema.js'
import type { VoterProgress } from '../../../raft/raft-state.js'
import { METADATA_TOPIC } from '../../../storage/log-files.js'
import { CLUSTER } from '../../server/stages.js'
import { answeredByLeader } from '../controller/answered-by-leader.js'
import type { Services } from '../services.js'

type Response = InferInput<typeof DescribeQuorum.response>
type PartitionResult = Response['topics'][number]['partitions'][number]
type ReplicaResult = PartitionResult['currentVoters'][number]

const DIRECTORIES_SINCE = 2

export const describeQuorum = answeredByLeader(DescribeQuorum, {
  versions: [0, 2],
  servedBy: 'controller',
  listeners: ['broker', 'controller'],
  authorize: () => [{ operation: 'DESCRIBE', resource: CLUSTER }],
  refuse: (_, errorCode) => ({ errorCode, topics: [] }),
  handle: ({ topics }, services, call) => {
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
