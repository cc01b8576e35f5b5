/**
 * Metadata: brokers, and topics with their partitions, from what this broker has applied. A topic that is missing is created where the client and
 * the broker allow it, and answered at once with its leader.
 */

import { ZERO_UUID } from '../../../base/uuid.js'
import { partitionsIn } from '../../../controller/new-partitions.js'
import { invalidTopicName } from '../../../controller/topic-name.js'
import type { MetadataImage, TopicImage } from '../../../metadata/image.js'
import { ErrorCode } from '../../../protocol/errors.js'
import { Metadata } from '../../../protocol/messages/metadata.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { creatableTopic, isInternal } from '../../coordinators/internal-topics.js'
import { type Call, handler } from '../../server/handler.js'
import { topic } from '../../server/stages.js'
import { passOn } from '../controller/pass-on.js'
import {
  ALL_CLUSTER_OPERATIONS,
  ALL_TOPIC_OPERATIONS,
  brokerOf,
  endpointOf,
  OPERATIONS_NOT_ASKED,
  type Services,
  topicMakerOf,
} from '../services.js'
import { describePartition } from './topic-description.js'

type Request = Infer<typeof Metadata.request>
type Response = InferInput<typeof Metadata.response>
type TopicResult = Response['topics'][number]

const CREATE_TIMEOUT_MS = 5000
/** Before, a response cannot leave the name out, and a request may not either. */
const BY_ID_SINCE = 12

export const metadata = handler<Services, typeof Metadata.request.fields, typeof Metadata.response.fields>(Metadata, {
  versions: [0, 13],
  servedBy: 'any broker',
  listeners: ['broker'],
  authorize: ({ topics }) =>
    (topics ?? []).flatMap(({ name }) => (name === null ? [] : [{ operation: 'DESCRIBE', resource: topic(name) }])),
  refuse: (request, errorCode) => ({
    brokers: [],
    topics: (request.topics ?? []).map(({ name, topicId }) => failed(errorCode, name, topicId)),
    errorCode,
  }),
  handle: (request, services, call) => {
    if (call.version < BY_ID_SINCE && request.topics?.some(({ name }) => name === null)) {
      const topics = request.topics.map(({ name }) => failed(ErrorCode.INVALID_REQUEST, name ?? ''))
      return call.reply({ brokers: [], topics })
    }
    const missing = topicsToCreate(request, services)
    const tooMany = missing.splice(creatable(services))
    const refused = tooMany.map((name) => [name, ErrorCode.POLICY_VIOLATION] as const)
    if (missing.length === 0) return call.reply(answer(request, services, call, new Map(refused)))
    const wanted = missing.map((name) => creatableTopic(name, topicMakerOf(services)))
    const createRequest = { topics: wanted, timeoutMs: CREATE_TIMEOUT_MS, validateOnly: false }
    passOn(services, 'CreateTopics', createRequest, CREATE_TIMEOUT_MS, call, (created) => {
      const errors = (created?.topics ?? []).map(({ name, errorCode }) => [name, errorCode] as const)
      call.reply(answer(request, services, call, new Map([...errors, ...refused])))
    })
  },
})

/** All topics: null, in v0 an empty list. */
function asksForAll({ topics }: Request, version: number): boolean {
  return topics === null || (version === 0 && topics.length === 0)
}

function topicsToCreate(request: Request, services: Services): string[] {
  const { settings, image } = brokerOf(services)
  if (!request.allowAutoTopicCreation || !settings['auto.create.topics.enable']) return []
  const names = new Set((request.topics ?? []).flatMap(({ name }) => name ?? []))
  return [...names].filter((name) => !image.topicsByName.has(name) && invalidTopicName(name) === undefined)
}

/** How many topics may be made because somebody asks for their metadata. */
function creatable(services: Services): number {
  const { settings, image } = brokerOf(services)
  const left = settings['auto.create.topics.max.partitions'] - partitionsIn(image)
  return Math.max(0, Math.floor(left / settings['num.partitions']))
}

function answer(
  request: Request,
  services: Services,
  call: Call<Response>,
  createErrors: ReadonlyMap<string, number>,
): Response {
  const broker = brokerOf(services)
  const { image, clusterId } = broker
  const operations = request.includeTopicAuthorizedOperations ? ALL_TOPIC_OPERATIONS : OPERATIONS_NOT_ASKED
  const describe = (found: TopicImage): TopicResult => describeTopic(found, image, services, call, operations)
  const topics = asksForAll(request, call.version)
    ? [...image.topicsByName.values()].map(describe)
    : request.topics!.map(({ name, topicId }) => {
        const found = name === null ? image.topicsById.get(topicId) : image.topicsByName.get(name)
        return found === undefined ? notFound(name, topicId, createErrors) : describe(found)
      })
  return {
    brokers: [...image.brokers.values()].flatMap(({ brokerId, fenced, rack = null }) => {
      const endpoint = fenced ? undefined : endpointOf(services, brokerId, call)
      return endpoint === undefined ? [] : [{ nodeId: brokerId, host: endpoint.host, port: endpoint.port, rack }]
    }),
    clusterId,
    controllerId: anyBroker(image),
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? ALL_CLUSTER_OPERATIONS
      : OPERATIONS_NOT_ASKED,
  }
}

/** Clients send what is for the controller to the broker that is named here; any of them passes it on. */
function anyBroker({ brokers }: MetadataImage): number {
  for (const { brokerId, fenced } of brokers.values()) if (!fenced) return brokerId
  return -1
}

function describeTopic(
  { name, topicId, partitions }: TopicImage,
  image: MetadataImage,
  services: Services,
  call: Call<Response>,
  topicAuthorizedOperations: number,
): TopicResult {
  return {
    errorCode: ErrorCode.NONE,
    name,
    topicId,
    isInternal: isInternal(name),
    partitions: partitions.map((partition, index) => describePartition(partition, index, image, services, call)),
    topicAuthorizedOperations,
  }
}

function notFound(name: string | null, topicId: string, createErrors: ReadonlyMap<string, number>): TopicResult {
  if (name === null) return failed(ErrorCode.UNKNOWN_TOPIC_ID, name, topicId)
  if (invalidTopicName(name) !== undefined) return failed(ErrorCode.INVALID_TOPIC_EXCEPTION, name)
  const createError = createErrors.get(name) ?? ErrorCode.NONE
  // It was created, by this request or another one, and is not known here yet.
  const pending = createErrors.has(name) && [ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS].includes(createError)
  if (pending) return failed(ErrorCode.LEADER_NOT_AVAILABLE, name)
  return failed(createError === ErrorCode.NONE ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : createError, name)
}

function failed(errorCode: number, name: string | null, topicId: string = ZERO_UUID): TopicResult {
  return { errorCode, name, topicId, partitions: [] }
}
