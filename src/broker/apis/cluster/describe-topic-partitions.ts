/**
 * DescribeTopicPartitions: what this broker has applied of topics, in order of name and page by page. A page holds at most what the client and
 * `max.request.partition.size.limit` allow; where there is more, a cursor says where the next page begins.
 */
import { ZERO_UUID } from '../../../base/uuid.js'
import { invalidTopicName } from '../../../controller/topic-name.js'
import { ErrorCode } from '../../../protocol/errors.js'
import { DescribeTopicPartitions } from '../../../protocol/messages/describe-topic-partitions.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { isInternal } from '../../coordinators/internal-topics.js'
import { type Call, handler } from '../../server/handler.js'
import { topic } from '../../server/stages.js'
import { ALL_TOPIC_OPERATIONS, brokerOf, type Services } from '../services.js'
import { describePartition } from './topic-description.js'

type Request = Infer<typeof DescribeTopicPartitions.request>
type Response = InferInput<typeof DescribeTopicPartitions.response>

export const describeTopicPartitions = handler<
  Services,
  typeof DescribeTopicPartitions.request.fields,
  typeof DescribeTopicPartitions.response.fields
>(DescribeTopicPartitions, {
  versions: [0, 0],
  servedBy: 'any broker',
  listeners: ['broker'],
  authorize: ({ topics }) => topics.map(({ name }) => ({ operation: 'DESCRIBE', resource: topic(name) })),
  refuse: failed,
  handle: (request, services, call) => call.reply(page(request, services, call)),
})

function failed({ topics }: Request, errorCode: number): Response {
  return { throttleTimeMs: 0, topics: topics.map(({ name }) => missing(name, errorCode)) }
}

function page(request: Request, services: Services, call: Call<Response>): Response {
  const { cursor } = request
  const { image, settings } = brokerOf(services)
  if (cursor !== null && cursor.partitionIndex < 0) return failed(request, ErrorCode.INVALID_REQUEST)
  const wanted = request.topics.length > 0 ? request.topics.map(({ name }) => name) : [...image.topicsByName.keys()]
  const names = [...new Set(wanted)].filter((name) => cursor === null || name >= cursor.topicName).sort()
  let left = Math.max(1, Math.min(request.responsePartitionLimit, settings['max.request.partition.size.limit']))
  const topics: Response['topics'][number][] = []
  for (const name of names) {
    const first = name === cursor?.topicName ? cursor.partitionIndex : 0
    if (left === 0) return { throttleTimeMs: 0, topics, nextCursor: { topicName: name, partitionIndex: 0 } }
    const found = image.topicsByName.get(name)
    if (found === undefined) {
      const invalid = invalidTopicName(name) !== undefined
      const errorCode = invalid ? ErrorCode.INVALID_TOPIC_EXCEPTION : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      topics.push(missing(name, errorCode))
      continue
    }
    const partitions = found.partitions.slice(first, first + left)
    topics.push({
      errorCode: ErrorCode.NONE,
      name,
      topicId: found.topicId,
      isInternal: isInternal(name),
      partitions: partitions.map((partition, n) => ({
        ...describePartition(partition, first + n, image, services, call),
        eligibleLeaderReplicas: partition.eligibleLeaderReplicas,
        lastKnownElr: partition.lastKnownElr,
      })),
      topicAuthorizedOperations: ALL_TOPIC_OPERATIONS,
    })
    left -= partitions.length
    const end = first + partitions.length
    if (end < found.partitions.length)
      return { throttleTimeMs: 0, topics, nextCursor: { topicName: name, partitionIndex: end } }
  }
  return { throttleTimeMs: 0, topics }
}

function missing(name: string, errorCode: number): Response['topics'][number] {
  return { errorCode, name, topicId: ZERO_UUID, isInternal: false, partitions: [] }
}
