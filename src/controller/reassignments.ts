/**
 * AlterPartitionReassignments and ListPartitionReassignments (KIP-455, KIP-860): partitions get other replicas, or keep those that they had.
 *
 *   - A move begins with all replicas, those that were there and those that are added; when it ends stands in `moving-replicas.ts`.
 *   - Where one is under way another takes its place: what that one has added goes at once, if enough of those before it are in sync, and else as what is
 *     removed goes.
 *   - A move that is taken back leaves the replicas that there were. It is refused where the ISR would become too small by it, but for a topic that allows unclean
 *     elections, where one of them leads then.
 */
import type { Decision } from '../base/decision.js'
import { canLead, type MetadataImage, type TopicImage } from '../metadata/image.js'
import type { Cause, MetadataRecord, PartitionState } from '../metadata/records.js'
import { ErrorCode } from '../protocol/errors.js'
import type { AlterPartitionReassignments } from '../protocol/messages/alter-partition-reassignments.js'
import type { ListPartitionReassignments } from '../protocol/messages/list-partition-reassignments.js'
import type { Infer, InferInput } from '../protocol/schema.js'
import type { DecisionContext } from './context.js'
import { type ElectionRules, rulesOf } from './election-rules.js'
import { arranged, type PartitionChanges } from './leader-election.js'
import { type Arrangement, isMoving, originOf, suffices, targetOf } from './moving-replicas.js'
import { MAX_RECORDS_PER_REQUEST } from './new-partitions.js'
import { Refusal } from './refusal.js'

type Request = Infer<typeof AlterPartitionReassignments.request>
type Response = InferInput<typeof AlterPartitionReassignments.response>
type ListRequest = Infer<typeof ListPartitionReassignments.request>
type ListResponse = InferInput<typeof ListPartitionReassignments.response>
type Wanted = Request['topics'][number]['partitions'][number]

export function alterPartitionReassignments(
  context: DecisionContext,
  { topics, allowReplicationFactorChange }: Request,
  principal: string,
): Decision<MetadataRecord, Response> {
  const { image } = context
  const records: MetadataRecord[] = []
  const named = new Set<string>()
  const decide = (name: string, { partitionIndex: partitionId, replicas: wanted }: Wanted): Refusal | undefined => {
    const topic = image.topicsByName.get(name)
    const partition = topic?.partitions[partitionId]
    if (topic === undefined || partition === undefined) {
      return new Refusal('UNKNOWN_TOPIC_OR_PARTITION', `there is no partition ${name}-${partitionId}`)
    }
    const key = `${name}-${partitionId}`
    if (named.has(key)) return new Refusal('INVALID_REQUEST', `the request names partition ${key} more than once`)
    named.add(key)
    if (records.length >= MAX_RECORDS_PER_REQUEST) {
      return new Refusal('POLICY_VIOLATION', `one request moves at most ${MAX_RECORDS_PER_REQUEST} partitions`)
    }
    const rules = rulesOf(context, topic)
    const changes =
      wanted === null
        ? takenBack(image, partition, rules)
        : (refusal(image, partition, wanted, allowReplicationFactorChange) ?? begun(image, partition, wanted, rules))
    if (changes instanceof Refusal) return changes
    if (Object.keys(changes).length === 0) return undefined
    const evidence = { principal, wanted: wanted === null ? 'cancel' : wanted.join(',') }
    const cause: Cause = { reason: 'REASSIGNMENT_ASKED', evidence }
    records.push({ type: 'partitionChange', topicId: topic.topicId, partitionId, ...changes, cause })
    return undefined
  }
  const responses = topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((each) => {
      const refused = decide(name, each)
      const errorCode = ErrorCode[refused?.error ?? 'NONE']
      return { partitionIndex: each.partitionIndex, errorCode, errorMessage: refused?.message ?? null }
    }),
  }))
  const reply = { throttleTimeMs: 0, allowReplicationFactorChange, errorCode: ErrorCode.NONE, errorMessage: null }
  return { records, replies: [{ ...reply, responses }] }
}

export function listPartitionReassignments(
  { image }: DecisionContext,
  { topics: wanted }: ListRequest,
): Decision<MetadataRecord, ListResponse> {
  const topics = [...partitionsOf(image, wanted)].flatMap(([{ name, partitions: all }, indexes]) => {
    const partitions = [...indexes].flatMap((partitionIndex) => {
      const partition = all[partitionIndex]
      if (partition === undefined || !isMoving(partition)) return []
      const { replicas, addingReplicas, removingReplicas } = partition
      const lists = { replicas, addingReplicas, removingReplicas }
      return [{ partitionIndex, ...lists }]
    })
    return partitions.length === 0 ? [] : [{ name, partitions }]
  })
  return {
    records: [],
    replies: [{ throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: null, topics }],
  }
}

/** Of topics that are there, each partition once. */
function partitionsOf({ topicsByName }: MetadataImage, wanted: ListRequest['topics']): Map<TopicImage, Set<number>> {
  if (wanted === null) {
    return new Map([...topicsByName.values()].map((topic) => [topic, new Set(topic.partitions.keys())]))
  }
  const byTopic = new Map<TopicImage, Set<number>>()
  for (const { name, partitionIndexes } of wanted) {
    const topic = topicsByName.get(name)
    if (topic !== undefined) byTopic.set(topic, new Set([...(byTopic.get(topic) ?? []), ...partitionIndexes]))
  }
  return byTopic
}

function refusal(
  { brokers }: MetadataImage,
  partition: PartitionState,
  wanted: readonly number[],
  allowReplicationFactorChange: boolean,
): Refusal | undefined {
  const refuse = (message: string): Refusal => new Refusal('INVALID_REPLICA_ASSIGNMENT', message)
  if (wanted.length === 0) return refuse('a partition needs replicas')
  if (new Set(wanted).size < wanted.length) return refuse('a partition needs replicas on different brokers')
  const unknown = wanted.find((id) => !brokers.has(id))
  if (unknown !== undefined) return refuse(`there is no broker ${unknown}`)
  const factor = targetOf(partition).length
  if (allowReplicationFactorChange || wanted.length === factor) return undefined
  const sentence = `the replication factor would change from ${factor} to ${wanted.length}`
  return new Refusal('INVALID_REPLICATION_FACTOR', sentence)
}

function begun(
  image: MetadataImage,
  partition: PartitionState,
  wanted: readonly number[],
  rules: ElectionRules,
): PartitionChanges {
  const origin = originOf(partition)
  const left = partition.isr.filter((id) => origin.includes(id) || wanted.includes(id))
  const losesNone = left.length === partition.isr.length
  const isLed = [-1, ...left].includes(partition.leader) || left.some((id) => canLead(image, partition, id))
  if (losesNone || (isLed && suffices(left, origin, rules))) {
    return arranged(image, partition, between(origin, wanted), rules)
  }
  const kept = partition.addingReplicas.filter((id) => partition.isr.includes(id))
  return arranged(image, partition, between([...origin, ...kept], wanted), rules)
}

/** On the way from some replicas to others. */
function between(from: readonly number[], to: readonly number[]): Arrangement {
  const removingReplicas = from.filter((id) => !to.includes(id))
  return {
    replicas: [...to, ...removingReplicas],
    addingReplicas: to.filter((id) => !from.includes(id)),
    removingReplicas,
  }
}

function takenBack(image: MetadataImage, partition: PartitionState, rules: ElectionRules): PartitionChanges | Refusal {
  if (!isMoving(partition))
    return new Refusal('NO_REASSIGNMENT_IN_PROGRESS', 'the replicas of the partition do not move')
  const replicas = originOf(partition)
  const isr = partition.isr.filter((id) => replicas.includes(id))
  const shrinks = isr.length < partition.isr.length
  const changes = arranged(image, partition, { replicas, addingReplicas: [], removingReplicas: [] }, rules)
  const losesLeader = partition.leader !== -1 && changes.leader === -1
  if (shrinks && (losesLeader || !(suffices(isr, replicas, rules) || (isr.length === 0 && rules.unclean)))) {
    const sentence = `the move cannot be taken back: of the replicas that there were ${isr.length} would be in sync`
    return new Refusal('INVALID_REPLICA_ASSIGNMENT', sentence)
  }
  return changes
}
