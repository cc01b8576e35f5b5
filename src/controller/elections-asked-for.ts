/**
 * ElectLeaders: elections that somebody asks for. A preferred one gives the lead back to the first replica, if that is in sync; an unclean one gives a
 * partition without a leader to any replica that is alive, in sync or not, and so may lose what was committed.
 */
import type { Decision } from '../base/decision.js'
import type { TopicImage } from '../metadata/image.js'
import type { Cause, MetadataRecord, PartitionState } from '../metadata/records.js'
import { ErrorCode } from '../protocol/errors.js'
import type { ElectLeaders } from '../protocol/messages/elect-leaders.js'
import type { Infer, InferInput } from '../protocol/schema.js'
import type { DecisionContext } from './context.js'
import { rulesOf } from './election-rules.js'
import { electOneOf, isPreferredReady, type PartitionChanges } from './leader-election.js'
import { MAX_RECORDS_PER_REQUEST } from './new-partitions.js'
import { Refusal } from './refusal.js'

type Request = Infer<typeof ElectLeaders.request>
type Response = InferInput<typeof ElectLeaders.response>

const ELECTIONS = ['preferred', 'unclean'] as const
type Election = (typeof ELECTIONS)[number]

export function electLeaders(
  context: DecisionContext,
  request: Request,
  principal: string,
): Decision<MetadataRecord, Response> {
  const { image } = context
  const election = ELECTIONS[request.electionType]
  if (election === undefined) {
    return {
      records: [],
      replies: [{ throttleTimeMs: 0, errorCode: ErrorCode.INVALID_REQUEST, replicaElectionResults: [] }],
    }
  }
  const cause: Cause = { reason: 'ELECTION_ASKED', evidence: { election, principal } }
  const records: MetadataRecord[] = []
  const elected = (name: string, partitionId: number): Refusal | undefined => {
    const topic = image.topicsByName.get(name)
    const partition = topic?.partitions[partitionId]
    if (topic === undefined || partition === undefined) {
      return new Refusal('UNKNOWN_TOPIC_OR_PARTITION', `there is no partition ${name}-${partitionId}`)
    }
    if (records.length >= MAX_RECORDS_PER_REQUEST) {
      return new Refusal('POLICY_VIOLATION', `one request has at most ${MAX_RECORDS_PER_REQUEST} leaders elected`)
    }
    const changes = hold(election, partition, context, topic)
    if (changes instanceof Refusal) return changes
    records.push({ type: 'partitionChange', topicId: topic.topicId, partitionId, ...changes, cause })
    return undefined
  }
  const all = request.topicPartitions === null
  const replicaElectionResults = [...wanted(request, image.topicsByName)].flatMap(([topic, partitions]) => {
    const partitionResult = [...partitions].flatMap((partitionId) => {
      const refused = elected(topic, partitionId)
      // Who asks for all of them is told of those for which there was something to do.
      if (all && refused?.error === 'ELECTION_NOT_NEEDED') return []
      const errorCode = refused === undefined ? ErrorCode.NONE : ErrorCode[refused.error]
      return [{ partitionId, errorCode, errorMessage: refused?.message ?? null }]
    })
    return all && partitionResult.length === 0 ? [] : [{ topic, partitionResult }]
  })
  return { records, replies: [{ throttleTimeMs: 0, errorCode: ErrorCode.NONE, replicaElectionResults }] }
}

/** Partitions by topic, each once. */
function wanted(
  { topicPartitions }: Request,
  topicsByName: ReadonlyMap<string, TopicImage>,
): Map<string, Iterable<number>> {
  if (topicPartitions === null) {
    return new Map([...topicsByName].map(([name, { partitions }]) => [name, partitions.keys()]))
  }
  const byTopic = new Map<string, Set<number>>()
  for (const { topic, partitions } of topicPartitions) {
    byTopic.set(topic, new Set([...(byTopic.get(topic) ?? []), ...partitions]))
  }
  return byTopic
}

function hold(
  election: Election,
  partition: PartitionState,
  context: DecisionContext,
  topic: TopicImage,
): PartitionChanges | Refusal {
  const { image } = context
  const { leader, replicas } = partition
  if (election === 'preferred') {
    const preferred = replicas[0]!
    if (leader === preferred) return new Refusal('ELECTION_NOT_NEEDED', `broker ${leader} leads already`)
    return isPreferredReady(image, partition)
      ? { leader: preferred }
      : new Refusal('PREFERRED_LEADER_NOT_AVAILABLE', `broker ${preferred} is away, or not in sync`)
  }
  if (leader !== -1) return new Refusal('ELECTION_NOT_NEEDED', `broker ${leader} leads`)
  const changes = electOneOf(image, partition, { ...rulesOf(context, topic), unclean: true })
  return changes ?? new Refusal('ELIGIBLE_LEADERS_NOT_AVAILABLE', 'all replicas are away')
}
