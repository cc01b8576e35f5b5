/**
 * Deleting topics, by name or by id. What is refused: everything where `delete.topic.enable` is false; a topic that is not there, or that the
 * request names twice in whatever way.
 */
import type { Decision } from '../base/decision.js'
import { type Uuid, ZERO_UUID } from '../base/uuid.js'
import type { TopicImage } from '../metadata/image.js'
import type { MetadataRecord } from '../metadata/records.js'
import { LOGRAFT_VERSION } from '../metadata/release.js'
import { ErrorCode } from '../protocol/errors.js'
import type { DeleteTopics } from '../protocol/messages/delete-topics.js'
import type { Infer, InferInput } from '../protocol/schema.js'
import type { DecisionContext } from './context.js'
import { TOPIC_DELETION_SINCE } from './features.js'
import { MAX_RECORDS_PER_REQUEST } from './new-partitions.js'
import { Refusal, repeated } from './refusal.js'

type Request = Infer<typeof DeleteTopics.request>
type Response = InferInput<typeof DeleteTopics.response>

/** Which topic is meant: by either, as the request says it. */
interface Wanted {
  readonly name: string | null
  readonly topicId: Uuid
}

export function deleteTopics(
  context: DecisionContext,
  request: Request,
  principal: string,
): Decision<MetadataRecord, Response> {
  const wanted = wantedTopics(request)
  const disabled = notAllowed(context)
  const found = wanted.map((each) => disabled ?? lookUp(context, each))
  const ids = found.flatMap((each) => (each instanceof Refusal ? [] : each.topicId))
  const twice = repeated(ids)
  const cause = { reason: 'TOPIC_DELETED', evidence: { principal } } as const
  const records: MetadataRecord[] = []
  const responses = wanted.map(({ name, topicId }, index) => {
    let topic = found[index]!
    if (!(topic instanceof Refusal) && twice.has(topic.topicId)) {
      topic = new Refusal('INVALID_REQUEST', `the request names topic ${topic.name} more than once`)
    }
    if (!(topic instanceof Refusal) && records.length >= MAX_RECORDS_PER_REQUEST) {
      topic = new Refusal('POLICY_VIOLATION', `one request deletes at most ${MAX_RECORDS_PER_REQUEST} topics`)
    }
    if (topic instanceof Refusal) {
      return { name, topicId, errorCode: ErrorCode[topic.error], errorMessage: topic.message }
    }
    records.push({ type: 'removeTopic', topicId: topic.topicId, cause })
    return { name: topic.name, topicId: topic.topicId, errorCode: ErrorCode.NONE }
  })
  return { records, replies: [{ responses }] }
}

/** What the request names, in any of its versions. */
export function wantedTopics({ topics, topicNames }: Request): readonly Wanted[] {
  return [...topics, ...topicNames.map((name) => ({ name, topicId: ZERO_UUID }))]
}

function notAllowed({ image, settings }: DecisionContext): Refusal | undefined {
  if (!settings['delete.topic.enable']) {
    return new Refusal('TOPIC_DELETION_DISABLED', 'topics are not deleted here: delete.topic.enable is false')
  }
  const level = image.features.get(LOGRAFT_VERSION) ?? 0
  if (level >= TOPIC_DELETION_SINCE) return undefined
  const sentence = `topics can be deleted from level ${TOPIC_DELETION_SINCE} of ${LOGRAFT_VERSION} on, and the cluster is at ${level}: raise it with kafka-features.sh upgrade --feature ${LOGRAFT_VERSION}=${TOPIC_DELETION_SINCE}`
  return new Refusal('UNSUPPORTED_VERSION', sentence)
}

function lookUp({ image }: DecisionContext, { name, topicId }: Wanted): TopicImage | Refusal {
  const byId = topicId !== ZERO_UUID
  if (byId && name !== null) return new Refusal('INVALID_REQUEST', 'a topic is named by name or by id, not by both')
  if (!byId && name === null) return new Refusal('INVALID_REQUEST', 'neither the name nor the id of a topic is given')
  const topic = byId ? image.topicsById.get(topicId) : image.topicsByName.get(name!)
  if (topic !== undefined) return topic
  return byId
    ? new Refusal('UNKNOWN_TOPIC_ID', `there is no topic with the id ${topicId}`)
    : new Refusal('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`)
}
