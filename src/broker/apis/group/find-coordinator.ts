/**
 * FindCoordinator: the broker that leads the partition of `__consumer_offsets` in which a group is kept. Who asks first has that topic made, and is answered
 * when it is there; as long as it cannot be made clients are told to come again.
 *
 * Left out: transactions and share groups; they are never available.
 */
import { ErrorCode, errorByCode } from '../../../protocol/errors.js'
import { FindCoordinator } from '../../../protocol/messages/find-coordinator.js'
import type { InferInput } from '../../../protocol/schema.js'
import { creatableTopic, OFFSETS_TOPIC } from '../../coordinators/internal-topics.js'
import { type Call, handler } from '../../server/handler.js'
import { eachForItself } from '../../server/stages.js'
import { passOn } from '../controller/pass-on.js'
import { brokerOf, endpointOf, type Services, topicMakerOf } from '../services.js'
import { mayOnGroup } from './allowed.js'

type Response = InferInput<typeof FindCoordinator.response>
type Found = NonNullable<Response['coordinators']>[number]

const GROUP = 0
const TRANSACTION = 1
const SHARE = 2
const SEVERAL_SINCE = 4
const SHARE_SINCE = 6
const CREATE_TIMEOUT_MS = 5000

export const findCoordinator = handler<
  Services,
  typeof FindCoordinator.request.fields,
  typeof FindCoordinator.response.fields
>(FindCoordinator, {
  versions: [0, 6],
  servedBy: 'any broker',
  listeners: ['broker'],
  // Each key for itself.
  authorize: eachForItself,
  refuse: ({ key, coordinatorKeys }, errorCode) =>
    coordinatorKeys.length === 0
      ? oldShape(notFound(key, errorCode))
      : { coordinators: coordinatorKeys.map((each) => notFound(each, errorCode)) },
  handle: ({ key, keyType, coordinatorKeys }, services, call) => {
    const isOne = call.version < SEVERAL_SINCE
    const keys = isOne ? [key] : coordinatorKeys
    const answer = (find: (key: string) => Found): void => {
      const found = keys.map(find)
      call.reply(isOne ? oldShape(found[0]!) : { coordinators: found })
    }
    if (keyType === TRANSACTION) {
      const sentence = 'this version has no transactions: nobody coordinates them'
      return answer((each) => notFound(each, ErrorCode.COORDINATOR_NOT_AVAILABLE, sentence))
    }
    if (keyType === SHARE && call.version >= SHARE_SINCE) {
      const sentence = 'this version has no share groups: nobody coordinates them'
      return answer((each) => notFound(each, ErrorCode.COORDINATOR_NOT_AVAILABLE, sentence))
    }
    if (keyType !== GROUP) return answer((each) => notFound(each, ErrorCode.INVALID_REQUEST))
    const isAllowed = new Map(keys.map((each) => [each, mayOnGroup(call, 'DESCRIBE', each)]))
    const answerAllowed = (found: (key: string) => Found): void =>
      answer((each) =>
        isAllowed.get(each) === true ? found(each) : notFound(each, ErrorCode.GROUP_AUTHORIZATION_FAILED),
      )
    const find = (): void => answerAllowed((each) => coordinatorOf(each, services, call))
    // Nobody has the topic made who may not see what is in it.
    if (![...isAllowed.values()].includes(true)) return find()
    if (brokerOf(services).image.topicsByName.has(OFFSETS_TOPIC)) return find()
    const topics = [creatableTopic(OFFSETS_TOPIC, topicMakerOf(services))]
    const request = { topics, timeoutMs: CREATE_TIMEOUT_MS, validateOnly: false }
    passOn(services, 'CreateTopics', request as never, CREATE_TIMEOUT_MS, call, (created) => {
      const { errorCode = ErrorCode.NONE, errorMessage = null } = created?.topics[0] ?? {}
      if (errorMessage === null || errorCode === ErrorCode.TOPIC_ALREADY_EXISTS) return find()
      const sentence = `${OFFSETS_TOPIC} cannot be made: ${errorMessage}`
      answerAllowed((each) => notFound(each, ErrorCode.COORDINATOR_NOT_AVAILABLE, sentence))
    })
  },
})

function coordinatorOf(key: string, services: Services, call: Call<Response>): Found {
  const { image, groups } = brokerOf(services)
  const leader = image.topicsByName.get(OFFSETS_TOPIC)?.partitions[groups.partitionOf(key)]?.leader ?? -1
  const isThere = leader >= 0 && image.brokers.get(leader)?.fenced === false
  const endpoint = isThere ? endpointOf(services, leader, call) : undefined
  if (endpoint === undefined) return notFound(key, ErrorCode.COORDINATOR_NOT_AVAILABLE)
  const { host, port } = endpoint
  return { key, nodeId: leader, host, port, errorCode: ErrorCode.NONE, errorMessage: null }
}

function notFound(key: string, errorCode: number, errorMessage = sentenceOf(errorCode)): Found {
  return { key, nodeId: -1, host: '', port: -1, errorCode, errorMessage }
}

function sentenceOf(errorCode: number): string | null {
  return errorCode === ErrorCode.NONE ? null : errorByCode(errorCode).sentence
}

function oldShape({ nodeId, host, port, errorCode, errorMessage = null }: Found): Response {
  return { nodeId, host, port, errorCode, errorMessage }
}
