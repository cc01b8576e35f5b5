/**
 * OffsetFetch: what groups have committed. The shards are always asked as by version 8: for groups; versions before name one, and have it answered in
 * another shape. From version 10 on topics have ids, and the shards are told the names that go with them. Groups and topics that the client may not describe
 * are answered each for itself; of topics that it has not named it is told what it may see.
 *
 * Nothing is told by a coordinator in whose place another one was as the request came, and has taken commits (`leadership-check.ts`): it says that it is none. Kafka's tells what it knows.
 *
 * Version 0, whose offsets Kafka kept in ZooKeeper, is answered from where all others are.
 */
import { oneByOne } from '../../../base/one-by-one.js'
import { type Uuid, ZERO_UUID } from '../../../base/uuid.js'
import type { MetadataImage } from '../../../metadata/image.js'
import { ErrorCode } from '../../../protocol/errors.js'
import { OffsetFetch } from '../../../protocol/messages/offset-fetch.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import type { GroupsAnswer } from '../../coordinators/group-coordinator.js'
import type { ShardPartition } from '../../coordinators/shard-host.js'
import { type Call, handler } from '../../server/handler.js'
import { eachForItself } from '../../server/stages.js'
import { LeadershipCheck } from '../leadership-check.js'
import { brokerOf, type Services } from '../services.js'
import { mayOnGroup, mayOnTopic, sifted } from './allowed.js'
import { codeOf, groupsOf, requestOf } from './ask-group.js'

type Request = Infer<typeof OffsetFetch.request>
type Response = InferInput<typeof OffsetFetch.response>
type WantedGroup = Request['groups'][number]
type WantedTopic = NonNullable<WantedGroup['topics']>[number]
type GroupResult = NonNullable<Response['groups']>[number]
type TopicResult = GroupResult['topics'][number]

const GROUPS_SINCE = 8
const TOPIC_IDS_SINCE = 10
/** Before, an error of the group is one of each partition. */
const GROUP_ERROR_SINCE = 2

export const offsetFetch = handler<Services, typeof OffsetFetch.request.fields, typeof OffsetFetch.response.fields>(
  OffsetFetch,
  {
    versions: [0, 10],
    servedBy: 'group coordinator',
    listeners: ['broker'],
    // Each group and each topic for itself.
    authorize: eachForItself,
    refuse: (request, errorCode) => {
      const [first] = groupsWanted(request)
      const groups = request.groups.map(({ groupId }) => ({ groupId, topics: [], errorCode }))
      if (request.groups.length > 0) return { groups }
      return oldShape(first!, { groupId: first!.groupId, topics: [], errorCode }, 0)
    },
    handle: (request, services, call) => {
      const { image } = brokerOf(services)
      const byId = call.version >= TOPIC_IDS_SINCE
      const wanted = groupsWanted(request)
      const refused = new Map<WantedGroup, readonly TopicResult[]>()
      const known = wanted.map((each) => {
        const refuse = (results: readonly TopicResult[]): void => {
          refused.set(each, [...(refused.get(each) ?? []), ...results])
        }
        return withAllowed(byId ? withNames(each, image, refuse) : each, call, refuse)
      })
      const [allowed] = sifted(known, ({ groupId }) => mayOnGroup(call, 'DESCRIBE', groupId))
      const kept = new KeptGroups(services, call)
      for (const { groupId } of allowed) kept.begin(groupId)
      groupsOf(services).askEach(
        allowed,
        ({ groupId }) => groupId,
        (groups) => requestOf('OffsetFetch', { ...request, groups: [...groups] }, call),
        kept.sure((answers) => {
          const results = new Map<WantedGroup, GroupResult>()
          for (const { items, answer } of answers) {
            for (const [at, item] of items.entries()) {
              const failed = {
                groupId: item.groupId,
                topics: [],
                errorCode: typeof answer === 'string' ? codeOf(answer) : 0,
              }
              results.set(item, typeof answer === 'string' ? failed : (answer.groups?.[at] ?? failed))
            }
          }
          const groups = known.map((each, at) => {
            const result = results.get(each)
            if (result === undefined) {
              return { groupId: each.groupId, topics: [], errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED }
            }
            if (result.errorCode !== ErrorCode.NONE) return result
            const [told] = sifted(
              result.topics,
              ({ name = '' }) => each.topics !== null || mayOnTopic(call, 'DESCRIBE', name),
            )
            return {
              ...result,
              topics: [...(byId ? withIds(told, image) : told), ...(refused.get(wanted[at]!) ?? [])],
            }
          })
          reply(call, wanted, groups)
        }),
      )
    },
  },
)

type Answer = GroupsAnswer<'OffsetFetch', WantedGroup>

/** Where groups are kept, and whether this broker coordinated them as the request came. */
class KeptGroups {
  readonly #services: Services
  readonly #leadership: LeadershipCheck

  constructor(services: Services, call: Call<Response>) {
    this.#services = services
    this.#leadership = new LeadershipCheck(brokerOf(services), call)
  }

  begin(groupId: string): void {
    const partition = this.#partitionOf(groupId)
    if (partition !== undefined) this.#leadership.begin(partition)
  }

  /** Passes answers on when it is known of which of them that is so. */
  sure(done: (answers: readonly Answer[]) => void): (answers: readonly Answer[]) => void {
    return (answers) => {
      const known: Answer[] = []
      oneByOne(
        answers,
        (each, next) =>
          this.#whenKnown(each, (isKnown) => {
            known.push(isKnown ? each : { ...each, answer: 'NOT_COORDINATOR' })
            next()
          }),
        () => done(known),
      )
    }
  }

  #whenKnown({ items, answer }: Answer, go: (isKnown: boolean) => void): void {
    if (typeof answer === 'string') return go(true)
    const partition = this.#partitionOf(items[0]!.groupId)
    if (partition === undefined) return go(false)
    const { leaderEpoch } = partition
    this.#leadership.when(
      partition,
      () => true,
      // The answer is from this epoch: in a later one others may have led in between.
      (isKnown) => go(isKnown && partition.isLeader && partition.leaderEpoch === leaderEpoch),
    )
  }

  #partitionOf(groupId: string): ShardPartition | undefined {
    const groups = groupsOf(this.#services)
    return groups.runtime.partition(groups.partitionOf(groupId))
  }
}

function groupsWanted({ groups, groupId, topics }: Request): readonly WantedGroup[] {
  if (groups.length > 0 || groupId === undefined) return groups
  const named = topics?.map((each) => ({ ...each, topicId: ZERO_UUID })) ?? null
  return [{ groupId, memberId: null, memberEpoch: -1, topics: named }]
}

function reply(call: Call<Response>, wanted: readonly WantedGroup[], groups: readonly GroupResult[]): void {
  const { version } = call
  if (version >= GROUPS_SINCE) return call.reply({ groups: [...groups] })
  call.reply(oldShape(wanted[0]!, groups[0]!, version))
}

/** Of a version that knows one group. */
function oldShape({ topics: wanted }: WantedGroup, { topics, errorCode }: GroupResult, version: number): Response {
  if (errorCode === ErrorCode.NONE || version >= GROUP_ERROR_SINCE) {
    return { topics: topics.map(({ name = '', partitions }) => ({ name, partitions })), errorCode }
  }
  const failed = (wanted ?? []).map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => noOffset(partitionIndex, errorCode)),
  }))
  return { topics: failed, errorCode }
}

function noOffset(partitionIndex: number, errorCode: number): TopicResult['partitions'][number] {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode }
}

/** The same by name; of topics that are not there `missing` is told. */
function withNames(
  wanted: WantedGroup,
  { topicsById }: MetadataImage,
  missing: (results: readonly TopicResult[]) => void,
): WantedGroup {
  const { topics } = wanted
  if (topics === null) return wanted
  const known: WantedTopic[] = []
  const unknown: TopicResult[] = []
  for (const each of topics) {
    const found = topicsById.get(each.topicId)
    if (found !== undefined) known.push({ ...each, name: found.name })
    else {
      const partitions = each.partitionIndexes.map((index) => noOffset(index, ErrorCode.UNKNOWN_TOPIC_ID))
      unknown.push({ name: '', topicId: each.topicId, partitions })
    }
  }
  missing(unknown)
  return { ...wanted, topics: known }
}

/** Those topics that the client may describe; the others are told as `denied`. */
function withAllowed(
  wanted: WantedGroup,
  call: Call<Response>,
  denied: (results: readonly TopicResult[]) => void,
): WantedGroup {
  if (wanted.topics === null) return wanted
  const [topics, others] = sifted(wanted.topics, ({ name }) => mayOnTopic(call, 'DESCRIBE', name))
  const errorCode = ErrorCode.TOPIC_AUTHORIZATION_FAILED
  denied(
    others.map(({ name, topicId, partitionIndexes }) => ({
      name,
      topicId,
      partitions: partitionIndexes.map((index) => noOffset(index, errorCode)),
    })),
  )
  return { ...wanted, topics }
}

/** By id; what was committed for a topic that is not there any more is not told. */
function withIds(topics: readonly TopicResult[], { topicsByName }: MetadataImage): TopicResult[] {
  return topics.flatMap((each) => {
    const topicId: Uuid | undefined = topicsByName.get(each.name ?? '')?.topicId
    return topicId === undefined ? [] : [{ ...each, topicId }]
  })
}
