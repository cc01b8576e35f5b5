/** Creating topics: what may be created, where its replicas go, and the records that make it so. Deleting and growing have files of their own. */
import type { Decision } from '../base/decision.js'
import { randomUuid, ZERO_UUID } from '../base/uuid.js'
import { ConfigError, parseSetting } from '../config/setting.js'
import { isTopicSetting, topicSettings } from '../config/topic-settings.js'
import { describeTopicConfigs, startedWith } from '../metadata/config-descriptions.js'
import { dynamicConfigs } from '../metadata/effective-settings.js'
import { type MetadataRecord, RESOURCE_TYPE_TOPIC } from '../metadata/records.js'
import { ErrorCode } from '../protocol/errors.js'
import type { CreateTopics } from '../protocol/messages/create-topics.js'
import type { Infer, InferInput } from '../protocol/schema.js'
import type { DecisionContext } from './context.js'
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
import { collisionKey, invalidTopicName } from './topic-name.js'

type Request = Infer<typeof CreateTopics.request>
type Response = InferInput<typeof CreateTopics.response>
type WantedTopic = Request['topics'][number]
type TopicResult = Response['topics'][number]

/** The log of the metadata itself. */
const METADATA_TOPIC = '__cluster_metadata'

export function createTopics(
  context: DecisionContext,
  request: Request,
  principal: string,
): Decision<MetadataRecord, Response> {
  const records: MetadataRecord[] = []
  const results: TopicResult[] = []
  const twice = repeated(request.topics.map(({ name }) => name))
  const topics = new Map(request.topics.map((topic) => [topic.name, topic]))
  const collisions = new Map([...context.image.topicsByName.keys()].map((name) => [collisionKey(name), name]))

  let room = roomFor(context)
  for (const [name, topic] of topics) {
    const planned = twice.has(name)
      ? new Refusal('INVALID_REQUEST', `the request names ${name} more than once`)
      : plan(context, topic, collisions, room, principal)
    if (planned instanceof Refusal) {
      results.push({ name, errorCode: ErrorCode[planned.error], errorMessage: planned.message, configs: null })
      continue
    }
    collisions.set(collisionKey(name), name)
    room = roomAfter(room, { records: planned.records.length, partitions: planned.partitions })
    if (!request.validateOnly) records.push(...planned.records)
    results.push({ ...planned.result, topicId: request.validateOnly ? ZERO_UUID : planned.topicId })
  }
  return { records, replies: [{ topics: results }] }
}

interface Planned {
  readonly topicId: string
  readonly records: readonly MetadataRecord[]
  readonly partitions: number
  readonly result: TopicResult
}

function plan(
  context: DecisionContext,
  topic: WantedTopic,
  collisions: ReadonlyMap<string, string>,
  room: Room,
  principal: string,
): Planned | Refusal {
  const { name } = topic
  const badName = invalidTopicName(name) ?? (name === METADATA_TOPIC ? `${name} is lograft's own` : undefined)
  if (badName !== undefined) return new Refusal('INVALID_TOPIC_EXCEPTION', badName)
  if (context.image.topicsByName.has(name)) {
    return new Refusal('TOPIC_ALREADY_EXISTS', `topic ${name} exists already`)
  }
  const similar = collisions.get(collisionKey(name))
  if (similar !== undefined) {
    return new Refusal(
      'INVALID_TOPIC_EXCEPTION',
      `${name} collides with topic ${similar}: "." and "_" count as one in metrics`,
    )
  }
  const overrides = checkConfigs(topic)
  if (overrides instanceof Refusal) return overrides
  const assignments = assign(context, topic, roomAfter(room, { records: 1 + overrides.size, partitions: 0 }))
  if (assignments instanceof Refusal) return assignments

  const { image, random } = context
  const topicId = randomUuid(random)
  const cause = { reason: 'TOPIC_CREATED', evidence: { principal } } as const
  const records: MetadataRecord[] = [{ type: 'topic', topicId, name }]
  for (const [key, value] of overrides) {
    records.push({ type: 'config', resourceType: RESOURCE_TYPE_TOPIC, resourceName: name, name: key, value })
  }
  for (const [partitionId, replicas] of assignments.entries()) {
    records.push(newPartition(image, topicId, partitionId, replicas, cause))
  }
  const result: TopicResult = {
    name,
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    numPartitions: assignments.length,
    replicationFactor: assignments[0]!.length,
    configs: describeConfigs(context, overrides),
  }
  return { topicId, records, partitions: assignments.length, result }
}

function checkConfigs(topic: WantedTopic): Map<string, string> | Refusal {
  const overrides = new Map<string, string>()
  for (const { name, value } of topic.configs) {
    if (!isTopicSetting(name))
      return new Refusal('INVALID_CONFIG', `${name} is not a configuration of topics that is known here`)
    if (value === null) return new Refusal('INVALID_CONFIG', `${name} has no value`)
    try {
      parseSetting<unknown>(topicSettings[name], name, value)
    } catch (error) {
      if (error instanceof ConfigError) return new Refusal('INVALID_CONFIG', error.message)
      throw error
    }
    overrides.set(name, value)
  }
  return overrides
}

/** Lists of replicas by partition, the preferred leader first. */
function assign(context: DecisionContext, topic: WantedTopic, room: Room): number[][] | Refusal {
  if (topic.assignments.length > 0) {
    return checkRoom(context, topic.assignments.length, room) ?? assignAsGiven(context, topic)
  }
  const { settings } = context
  const factor = topic.replicationFactor === -1 ? settings['default.replication.factor'] : topic.replicationFactor
  if (factor < 1) {
    return new Refusal('INVALID_REPLICATION_FACTOR', `a replication factor is at least 1, not ${factor}`)
  }
  const partitions = topic.numPartitions === -1 ? settings['num.partitions'] : topic.numPartitions
  if (partitions < 1) return new Refusal('INVALID_PARTITIONS', `a topic has at least 1 partition, not ${partitions}`)
  return checkRoom(context, partitions, room) ?? placeNewPartitions(context, partitions, factor)
}

function assignAsGiven({ image }: DecisionContext, topic: WantedTopic): number[][] | Refusal {
  if (topic.numPartitions !== -1 || topic.replicationFactor !== -1) {
    return new Refusal('INVALID_REQUEST', 'with an assignment, the numbers of partitions and replicas must be -1')
  }
  const assignments: number[][] = []
  for (const { partitionIndex, brokerIds } of topic.assignments) {
    if (assignments[partitionIndex] !== undefined) {
      return new Refusal('INVALID_REPLICA_ASSIGNMENT', `partition ${partitionIndex} is assigned twice`)
    }
    const refused = checkAssignment(image, partitionIndex, brokerIds, topic.assignments[0]!.brokerIds.length)
    if (refused !== undefined) return refused
    assignments[partitionIndex] = [...brokerIds]
  }
  for (let partition = 0; partition < topic.assignments.length; partition++) {
    if (assignments[partition] === undefined) {
      return new Refusal(
        'INVALID_REPLICA_ASSIGNMENT',
        `the partitions must be numbered from 0: ${partition} is missing`,
      )
    }
  }
  return assignments
}

function describeConfigs(
  { image, settings }: DecisionContext,
  overrides: ReadonlyMap<string, string>,
): TopicResult['configs'] {
  const sources = { settings, started: startedWith(settings), ...dynamicConfigs(image, settings['node.id']) }
  const only = { synonyms: false, documentation: false, isDefault: false }
  return describeTopicConfigs(sources, overrides, only).map(({ name, value, readOnly, configSource, isSensitive }) => {
    return { name, value, readOnly, configSource, isSensitive }
  })
}
