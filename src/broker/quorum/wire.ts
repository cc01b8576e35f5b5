/**
 * What members of the quorum say to each other, as the core knows it (`raft/messages.ts`) and as it goes over the wire: Vote, BeginQuorumEpoch,
 * EndQuorumEpoch, Fetch of the metadata log. Here on the side of who asks; the handlers in `apis/quorum` are the other one.
 */
import { unreachable } from '../../base/assert.js'
import { UnknownRecordError } from '../../metadata/record-codec.js'
import type { Release } from '../../metadata/release.js'
import { type ErrorName, errorByCode } from '../../protocol/errors.js'
import { BeginQuorumEpoch } from '../../protocol/messages/begin-quorum-epoch.js'
import { EndQuorumEpoch } from '../../protocol/messages/end-quorum-epoch.js'
import { Fetch } from '../../protocol/messages/fetch.js'
import { Vote } from '../../protocol/messages/vote.js'
import type { Infer } from '../../protocol/schema.js'
import type {
  FetchedBatch,
  FetchOutcome,
  PeerRequest,
  PeerResponse,
  RaftReply,
  RaftRequest,
} from '../../raft/messages.js'
import type { VoterEndpoint } from '../../raft/voter-set.js'
import { BatchIterator } from '../../records/reader.js'
import { BATCH_FAULTS, BatchValidator } from '../../records/validator.js'
import { METADATA_TOPIC } from '../../storage/log-files.js'
import { contentOf, METADATA_TOPIC_ID, type QuorumBatch } from './batches.js'
import type { PeerCall } from './peers.js'

/** A batch as it came from the leader: its bytes, and what it says. */
export interface ReceivedBatch {
  readonly is: 'received'
  readonly bytes: Buffer
  readonly content: QuorumBatch
}

/** Where a server is that a peer has told of. */
export interface ToldEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

export interface Answer {
  readonly response: PeerResponse<ReceivedBatch>
  readonly endpoints: readonly ToldEndpoint[]
}

/** What came cannot be taken. */
export class BadAnswerError extends Error {
  override readonly name = 'BadAnswerError'
}

export interface Asker {
  readonly clusterId: string
  /** Where it can be reached. */
  readonly endpoints: readonly VoterEndpoint[]
  readonly fetchMaxBytes: number
  readonly release: Release
}

/**
 * Asks over `call`, which knows whom. `done` gets the answer; undefined: there is none. What is wrong with one that came is an error:
 * `BadAnswerError`, or `UnknownRecordError` for records of a later release.
 */
export function askPeer(
  call: PeerCall,
  asker: Asker,
  request: PeerRequest,
  done: (answer: Answer | BadAnswerError | UnknownRecordError | undefined) => void,
): void {
  const { clusterId, endpoints: leaderEndpoints } = asker
  const finish = <Response>(response: Response | undefined, read: (response: Response) => Answer): void => {
    if (response === undefined) return done(undefined)
    let answer: Answer | BadAnswerError | UnknownRecordError
    try {
      answer = read(response)
    } catch (error) {
      if (!(error instanceof BadAnswerError || error instanceof UnknownRecordError)) throw error
      answer = error
    }
    done(answer)
  }
  switch (request.kind) {
    case 'vote': {
      const { voter, replica, replicaEpoch, lastOffsetEpoch, lastOffset, preVote } = request
      const partition = {
        partitionIndex: 0,
        replicaEpoch,
        replicaId: replica.id,
        replicaDirectoryId: replica.directoryId,
        voterDirectoryId: voter.directoryId,
        lastOffsetEpoch,
        lastOffset,
        preVote,
      }
      return call(Vote, { clusterId, voterId: voter.id, topics: [ofLog(partition)] }, (response) =>
        finish(response, ({ errorCode, topics, nodeEndpoints }) => {
          const { voteGranted, ...common } = onlyPartition(errorCode, topics)
          return answerOf({ kind: 'vote', ...leadership(common), voteGranted }, nodeEndpoints)
        }),
      )
    }
    case 'beginQuorumEpoch': {
      const { voter, leaderId, leaderEpoch } = request
      const partition = { partitionIndex: 0, voterDirectoryId: voter.directoryId, leaderId, leaderEpoch }
      const body = { clusterId, voterId: voter.id, topics: [ofLog(partition)], leaderEndpoints }
      return call(BeginQuorumEpoch, body, (response) =>
        finish(response, ({ errorCode, topics, nodeEndpoints }) =>
          answerOf({ kind: 'beginQuorumEpoch', ...leadership(onlyPartition(errorCode, topics)) }, nodeEndpoints),
        ),
      )
    }
    case 'endQuorumEpoch': {
      const { leaderId, leaderEpoch } = request
      const preferredCandidates = request.preferredCandidates.map(({ id, directoryId }) => ({
        candidateId: id,
        candidateDirectoryId: directoryId,
      }))
      const partition = { partitionIndex: 0, leaderId, leaderEpoch, preferredCandidates }
      return call(EndQuorumEpoch, { clusterId, topics: [ofLog(partition)], leaderEndpoints }, (response) =>
        finish(response, ({ errorCode, topics, nodeEndpoints }) =>
          answerOf({ kind: 'endQuorumEpoch', ...leadership(onlyPartition(errorCode, topics)) }, nodeEndpoints),
        ),
      )
    }
    case 'fetch': {
      const { replica, maxWaitMs, currentLeaderEpoch, fetchOffset, lastFetchedEpoch, highWatermark } = request
      const partition = {
        partition: 0,
        currentLeaderEpoch,
        fetchOffset,
        lastFetchedEpoch,
        partitionMaxBytes: asker.fetchMaxBytes,
        replicaDirectoryId: replica.directoryId,
        highWatermark,
      }
      const body = {
        clusterId,
        replicaState: { replicaId: replica.id, replicaEpoch: -1 },
        maxWaitMs,
        minBytes: 0,
        maxBytes: asker.fetchMaxBytes,
        topics: [{ topic: METADATA_TOPIC, topicId: METADATA_TOPIC_ID, partitions: [partition] }],
        forgottenTopicsData: [],
      }
      return call(Fetch, body, (response) =>
        finish(response, (fetched) => {
          const { errorCode, responses, nodeEndpoints } = fetched
          const part = onlyPartition(errorCode, responses)
          const { leaderId, leaderEpoch } = part.currentLeader
          const common = leadership({ errorCode: part.errorCode, leaderId, leaderEpoch })
          const outcome: FetchOutcome<readonly FetchedBatch<ReceivedBatch>[]> =
            common.error === 'NONE' ? outcomeOf(part, asker.release) : { is: 'refused' }
          return answerOf({ kind: 'fetch', ...common, highWatermark: part.highWatermark, outcome }, nodeEndpoints)
        }),
      )
    }
    default:
      return unreachable(request)
  }
}

type FetchPart = Infer<typeof Fetch.response>['responses'][number]['partitions'][number]

function ofLog<Partition>(partition: Partition): { topicName: string; partitions: Partition[] } {
  return { topicName: METADATA_TOPIC, partitions: [partition] }
}

function answerOf(response: PeerResponse<ReceivedBatch>, endpoints: readonly ToldEndpoint[]): Answer {
  return { response, endpoints: endpoints.map(({ nodeId, host, port }) => ({ nodeId, host, port })) }
}

/** Throws `BadAnswerError`. */
function onlyPartition<Partition>(
  errorCode: number,
  topics: readonly { readonly partitions: readonly Partition[] }[],
): Partition {
  if (errorCode !== 0) throw new BadAnswerError(`it answers with ${errorByCode(errorCode).name}`)
  const partition = topics[0]?.partitions[0]
  if (partition === undefined || topics.length > 1 || topics[0]!.partitions.length > 1) {
    throw new BadAnswerError('it answers for other partitions than that of the metadata log')
  }
  return partition
}

function leadership(part: { readonly errorCode: number; readonly leaderId: number; readonly leaderEpoch: number }): {
  readonly error: ErrorName
  readonly leaderId: number
  readonly leaderEpoch: number
} {
  const { errorCode, leaderId, leaderEpoch } = part
  return { error: errorByCode(errorCode).name, leaderId, leaderEpoch }
}

function outcomeOf(
  { divergingEpoch, snapshotId, records }: FetchPart,
  release: Release,
): FetchOutcome<FetchedBatch<ReceivedBatch>[]> {
  if (divergingEpoch.epoch >= 0) {
    const { epoch, endOffset: offset } = divergingEpoch
    return { is: 'diverging', divergingEpoch: { offset, epoch } }
  }
  if (snapshotId.epoch >= 0) {
    const { epoch, endOffset: offset } = snapshotId
    return { is: 'snapshot', snapshotId: { offset, epoch } }
  }
  return { is: 'records', records: receivedBatches(records ?? new Uint8Array(0), release) }
}

/**
 * Checks and copies what a leader has sent; the last batch may be cut off. Throws `BadAnswerError`, and `UnknownRecordError` for records of a
 * later release.
 */
export function receivedBatches(received: Uint8Array, release: Release): FetchedBatch<ReceivedBatch>[] {
  const bytes = Buffer.from(received)
  const batches = new BatchIterator(bytes)
  const validator = new BatchValidator()
  const found: FetchedBatch<ReceivedBatch>[] = []
  for (;;) {
    const step = batches.next()
    if (step === 'end' || step === 'partial') return found
    if (step !== 'batch') throw new BadAnswerError('what it sends is no record batch')
    const { batch } = batches
    const { baseOffset, nextOffset: endOffset, partitionLeaderEpoch: epoch, start, end } = batch
    const stored = validator.checkStored(bytes, start, end)
    const verdict = stored === 'ok' && batch.recordCount !== batch.lastOffsetDelta + 1 ? 'wrong-count' : stored
    if (verdict !== 'ok') throw new BadAnswerError(`at offset ${baseOffset}: ${BATCH_FAULTS[verdict].message}`)
    try {
      const { batch: content, voters } = contentOf(batch, release)
      found.push({
        baseOffset,
        endOffset,
        epoch,
        batch: { is: 'received', bytes: bytes.subarray(start, end), content },
        voters,
      })
    } catch (error) {
      if (error instanceof UnknownRecordError) throw error
      const { name, message } = error as Error
      const isBad = name === 'RecordFormatError' || name === 'CompressionError' || name === 'DecodeError'
      if (!isBad) throw error
      throw new BadAnswerError(`at offset ${baseOffset}: ${message}`)
    }
  }
}

/** A leader that sends what cannot be taken is none that can be followed: without an answer its time runs out. */
export const BAD_FETCH: PeerResponse<never> = {
  kind: 'fetch',
  error: 'CORRUPT_MESSAGE',
  leaderEpoch: -1,
  leaderId: -1,
  highWatermark: -1,
  outcome: { is: 'refused' },
}

/** The answer of a node that takes no more requests. */
export function refused({ kind }: RaftRequest): RaftReply {
  const common = { error: 'NOT_LEADER_OR_FOLLOWER', leaderEpoch: -1, leaderId: -1 } as const
  switch (kind) {
    case 'vote':
      return { kind, ...common, voteGranted: false }
    case 'fetch':
      return { kind, ...common, highWatermark: -1, outcome: { is: 'refused' } }
    case 'fetchSnapshot':
      return { kind, ...common, snapshotId: { offset: 0, epoch: 0 } }
    case 'beginQuorumEpoch':
    case 'endQuorumEpoch':
      return { kind, ...common }
    default:
      return { kind, ...common, errorMessage: undefined }
  }
}
