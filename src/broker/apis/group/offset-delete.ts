/** OffsetDelete: offsets of topics that nobody in the group reads are forgotten. */
import { ErrorCode } from '../../../protocol/errors.js'
import { OffsetDelete } from '../../../protocol/messages/offset-delete.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { group } from '../../server/stages.js'
import { brokerOf, type Services } from '../services.js'
import { mayOnTopic, sifted } from './allowed.js'
import { askGroup, codeOf } from './ask-group.js'

type WantedTopic = Infer<typeof OffsetDelete.request>['topics'][number]
type Response = InferInput<typeof OffsetDelete.response>
type TopicResult = Response['topics'][number]

export const offsetDelete = handler<Services, typeof OffsetDelete.request.fields, typeof OffsetDelete.response.fields>(
  OffsetDelete,
  {
    versions: [0, 0],
    servedBy: 'group coordinator',
    listeners: ['broker'],
    authorize: ({ groupId }) => [{ operation: 'DELETE', resource: group(groupId) }],
    refuse: () => failed(ErrorCode.GROUP_AUTHORIZATION_FAILED),
    handle: (request, services, call) => {
      if (request.groupId === '') return call.reply(failed(ErrorCode.INVALID_GROUP_ID))
      const { topicsByName } = brokerOf(services).image
      const isThere = ({ name }: WantedTopic, partition: number): boolean =>
        topicsByName.get(name)?.partitions[partition] !== undefined
      const known: WantedTopic[] = []
      const unknown: TopicResult[] = []
      for (const wanted of request.topics) {
        const isAllowed = mayOnTopic(call, 'READ', wanted.name)
        const [there, missing] = sifted(
          wanted.partitions,
          ({ partitionIndex }) => isAllowed && isThere(wanted, partitionIndex),
        )
        if (there.length > 0) known.push({ ...wanted, partitions: there })
        const errorCode = isAllowed ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.TOPIC_AUTHORIZATION_FAILED
        const partitions = missing.map(({ partitionIndex }) => ({ partitionIndex, errorCode }))
        if (missing.length > 0) unknown.push({ name: wanted.name, partitions })
      }
      askGroup(
        ...([services, call, 'OffsetDelete', request.groupId, { ...request, topics: known }] as const),
        (error) => failed(codeOf(error)),
        ({ errorCode, topics }) =>
          call.reply(
            errorCode === ErrorCode.NONE
              ? { ...failed(errorCode), topics: merged(topics, unknown) }
              : failed(errorCode),
          ),
      )
    },
  },
)

function failed(errorCode: number): Response {
  return { errorCode, throttleTimeMs: 0, topics: [] }
}

/** A topic comes once, whatever became of its partitions. */
function merged(known: readonly TopicResult[], unknown: readonly TopicResult[]): TopicResult[] {
  const results = new Map(known.map((each) => [each.name, each]))
  for (const { name, partitions } of unknown) {
    results.set(name, { name, partitions: [...(results.get(name)?.partitions ?? []), ...partitions] })
  }
  return [...results.values()]
}
