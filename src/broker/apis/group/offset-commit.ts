/**
 * OffsetCommit: what names a partition that is not there, or a topic that the client may not read, is refused here, the rest goes to the shard of the group. From version 10 on topics have ids, and
 * the shard is told the names that go with them.
 *
 * Version 0, whose offsets Kafka kept in ZooKeeper, is answered as those without a group's generation.
 */
import { ZERO_UUID } from '../../../base/uuid.js'
import type { MetadataImage, TopicImage } from '../../../metadata/image.js'
import { ErrorCode } from '../../../protocol/errors.js'
import { OffsetCommit } from '../../../protocol/messages/offset-commit.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { group } from '../../server/stages.js'
import { brokerOf, type Services } from '../services.js'
import { mayOnTopic, sifted } from './allowed.js'
import { askGroup, codeOf } from './ask-group.js'

type Request = Infer<typeof OffsetCommit.request>
type Response = InferInput<typeof OffsetCommit.response>
type WantedTopic = Request['topics'][number]
type TopicResult = Response['topics'][number]

const TOPIC_IDS_SINCE = 10

export const offsetCommit = handler<Services, typeof OffsetCommit.request.fields, typeof OffsetCommit.response.fields>(
  OffsetCommit,
  {
    versions: [0, 10],
    servedBy: 'group coordinator',
    listeners: ['broker'],
    authorize: ({ groupId }) => [{ operation: 'READ', resource: group(groupId) }],
    refuse: ({ topics }) => ({ topics: topics.map((each) => failed(each, ErrorCode.GROUP_AUTHORIZATION_FAILED)) }),
    handle: (request, services, call) => {
      const { image } = brokerOf(services)
      const byId = call.version >= TOPIC_IDS_SINCE
      const unknown: TopicResult[] = []
      const known: WantedTopic[] = []
      for (const wanted of request.topics) {
        const found = byId ? image.topicsById.get(wanted.topicId) : image.topicsByName.get(wanted.name)
        if (byId && found === undefined) {
          unknown.push(failed(wanted, ErrorCode.UNKNOWN_TOPIC_ID))
          continue
        }
        // Who may not know of a topic is not told whether it is there.
        if (!mayOnTopic(call, 'READ', found?.name ?? wanted.name)) {
          unknown.push(failed(wanted, ErrorCode.TOPIC_AUTHORIZATION_FAILED))
          continue
        }
        if (found === undefined) {
          unknown.push(failed(wanted, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
          continue
        }
        const { name, topicId } = found
        const [there, missing] = split(wanted, found)
        if (missing.length > 0) {
          const errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
          unknown.push(failed({ name, topicId, partitions: missing }, errorCode))
        }
        if (there.length > 0) known.push({ ...wanted, name, topicId, partitions: there })
      }
      const answer = (topics: Response['topics']): void =>
        call.reply({ topics: merged([...topics.map((each) => withId(each, image)), ...unknown]) })
      if (known.length === 0) return answer([])
      askGroup(
        ...([services, call, 'OffsetCommit', request.groupId, { ...request, topics: known }] as const),
        (error) => ({ topics: known.map((each) => failed(each, codeOf(error))) }),
        ({ topics }) => answer(topics),
      )
    },
  },
)

/** Those of its partitions that are there, and those that are not. */
function split(
  { partitions }: WantedTopic,
  found: TopicImage,
): [WantedTopic['partitions'][number][], WantedTopic['partitions'][number][]] {
  return sifted(partitions, ({ partitionIndex }) => found.partitions[partitionIndex] !== undefined)
}

/** The shard speaks of names. */
function withId({ topicId, ...result }: TopicResult, { topicsByName }: MetadataImage): TopicResult {
  return { ...result, topicId: topicId ?? topicsByName.get(result.name ?? '')?.topicId ?? ZERO_UUID }
}

/** A topic comes once, whatever became of its partitions. */
function merged(topics: readonly TopicResult[]): TopicResult[] {
  const results = new Map<string, TopicResult>()
  for (const each of topics) {
    const key = `${each.topicId} ${each.name}`
    const first = results.get(key)
    results.set(key, first === undefined ? each : { ...first, partitions: [...first.partitions, ...each.partitions] })
  }
  return [...results.values()]
}

function failed(
  { name, topicId, partitions }: Pick<WantedTopic, 'name' | 'topicId' | 'partitions'>,
  errorCode: number,
): TopicResult {
  return { name, topicId, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })) }
}
