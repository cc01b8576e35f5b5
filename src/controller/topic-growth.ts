/** CreatePartitions: topics get more partitions, never fewer; the new ones have as many replicas as the first one has. */
import type { Decision } from '../base/decision.js'
import type { TopicImage } from '../metadata/image.js'
import type { MetadataRecord } from '../metadata/records.js'
import { ErrorCode } from '../protocol/errors.js'
import type { CreatePartitions } from '../protocol/messages/create-partitions.js'
import type { Infer, InferInput } from '../protocol/schema.js'
import type { DecisionContext } from './context.js'
import { targetOf } from './moving-replicas.js'
import {
  checkAssignment,
  checkRoom,
  newPartition,
  placeNewPartitions,
  type Room,
  roomAfter,
  roomFor,
} from './new-partitions.js'
import { Refusal, repeated } from './refusal.js'

type Request = Infer<typeof CreatePartitions.request>
type Response = InferInput<typeof CreatePartitions.response>
type WantedTopic = Request['topics'][number]

export function createPartitions(
  context: DecisionContext,
  request: Request,
  principal: string,
): Decision<MetadataRecord, Response> {
  const records: MetadataRecord[] = []
  const twice = repeated(request.topics.map(({ name }) => name))
  const names = new Map(request.topics.map((topic) => [topic.name, topic]))
  let room = roomFor(context)
  const results = [...names].map(([name, topic]) => {
    const grown = twice.has(name)
      ? new Refusal('INVALID_REQUEST', `the request names topic ${name} more than once`)
      : grow(context, topic, room, principal)
    if (grown instanceof Refusal) return { name, errorCode: ErrorCode[grown.error], errorMessage: grown.message }
    room = roomAfter(room, { records: grown.length, partitions: grown.length })
    if (!request.validateOnly) records.push(...grown)
    return { name, errorCode: ErrorCode.NONE }
  })
  return { records, replies: [{ throttleTimeMs: 0, results }] }
}

function grow(
  context: DecisionContext,
  { name, count, assignments }: WantedTopic,
  room: Room,
  principal: string,
): MetadataRecord[] | Refusal {
  const { image } = context
  const topic = image.topicsByName.get(name)
  if (topic === undefined) return new Refusal('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`)
  const { topicId, partitions } = topic
  if (count === partitions.length) return new Refusal('INVALID_PARTITIONS', `topic ${name} has ${count} already`)
  if (count < partitions.length) {
    const sentence = `topic ${name} has ${partitions.length} partitions, and ${count} would be fewer: partitions can only be added`
    return new Refusal('INVALID_PARTITIONS', sentence)
  }
  const added = count - partitions.length
  const full = checkRoom(context, added, room)
  if (full !== undefined) return full
  const factor = targetOf(partitions[0]!).length
  const placed =
    assignments === null ? placeNewPartitions(context, added, factor) : assigned(context, assignments, added, topic)
  if (placed instanceof Refusal) return placed
  const cause = { reason: 'PARTITIONS_ADDED', evidence: { principal } } as const
  return placed.map((replicas, n) => newPartition(image, topicId, partitions.length + n, replicas, cause))
}

function assigned(
  { image }: DecisionContext,
  assignments: NonNullable<WantedTopic['assignments']>,
  added: number,
  { partitions }: TopicImage,
): (readonly number[])[] | Refusal {
  if (assignments.length !== added) {
    const sentence = `${added} partitions are to be added, and ${assignments.length} are assigned`
    return new Refusal('INVALID_REPLICA_ASSIGNMENT', sentence)
  }
  const factor = targetOf(partitions[0]!).length
  for (const [n, { brokerIds }] of assignments.entries()) {
    const refused = checkAssignment(image, partitions.length + n, brokerIds, factor)
    if (refused !== undefined) return refused
  }
  return assignments.map(({ brokerIds }) => brokerIds)
}
