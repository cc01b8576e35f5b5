/**
 * GroupCoordinator: the groups that are kept in those partitions of `__consumer_offsets` that this broker leads. A group is in the partition that its id
 * hashes to; what asks for several groups is asked shard by shard, and answered together.
 */
import type { NodeSettings } from '../../config/node-settings.js'
import { ConsumerGroups } from '../../coordinator/group/consumer/consumer-groups.js'
import { decodeGroupRecord, encodeGroupRecord, type GroupRecord } from '../../coordinator/group/group-records.js'
import type {
  GroupApi,
  GroupReply,
  GroupRequest,
  GroupRequestOf,
  ResponseOf,
} from '../../coordinator/group/group-requests.js'
import { GroupShard } from '../../coordinator/group/group-shard.js'
import type { GroupNote } from '../../coordinator/group/rebalance-history.js'
import type { Clock } from '../../io/clock.js'
import type { Logger } from '../../io/logger.js'
import type { Random } from '../../io/random.js'
import type { MetadataImage } from '../../metadata/image.js'
import type { ErrorName } from '../../protocol/errors.js'
import { CODEC_NAMES } from '../../records/compression/codec.js'
import { CoordinatorRuntime } from './coordinator-runtime.js'
import { GroupActivity } from './group-activity.js'
import { OFFSETS_TOPIC } from './internal-topics.js'

export interface GroupCoordinatorOptions {
  readonly settings: () => NodeSettings
  /** What is applied. */
  readonly image: () => MetadataImage
  readonly random: Random
}

/** What a shard says, or why it says nothing. */
export type GroupAnswer<Api extends GroupApi> = ResponseOf<Api> | ErrorName

/** What one shard was asked about, and says of it. */
export interface GroupsAnswer<Api extends GroupApi, Item> {
  readonly items: readonly Item[]
  readonly answer: GroupAnswer<Api>
}

export class GroupCoordinator {
  readonly runtime: CoordinatorRuntime<GroupRequest, GroupRecord, GroupReply>
  /** What groups here have done since the start. */
  readonly activity = new GroupActivity()
  readonly #options: GroupCoordinatorOptions

  constructor(ports: { readonly clock: Clock; readonly logger: Logger }, options: GroupCoordinatorOptions) {
    this.#options = options
    const { settings, image, random } = options
    const { activity } = this
    const noted = (note: GroupNote): void => {
      activity.noted(note)
      if (note.what !== 'not converted') return
      const { groupId, type, why, members } = note
      ports.logger.warn({ groupId, type, members, why }, 'a group stays as it is, and was to be converted')
    }
    this.runtime = new CoordinatorRuntime(ports, {
      topic: OFFSETS_TOPIC,
      create: () =>
        new GroupShard({ settings, random, noted, consumerGroups: (context) => new ConsumerGroups(context) }),
      encode: encodeGroupRecord,
      decode: decodeGroupRecord,
      image,
      appended: (records) => activity.appended(records),
      settings: () => ({
        loadBytes: settings()['offsets.load.buffer.size'],
        codec: CODEC_NAMES[settings()['offsets.topic.compression.codec']]!,
        commitTimeoutMs: settings()['offsets.commit.timeout.ms'],
      }),
    })
  }

  /** Those that are loaded. */
  *shards(): Iterable<GroupShard> {
    for (const [, shard] of this.runtime.shards()) yield shard as GroupShard
  }

  /** Where a group is kept. As long as the topic is not there: where it will be. */
  partitionOf(groupId: string): number {
    const topic = this.#options.image().topicsByName.get(OFFSETS_TOPIC)
    const partitions = topic?.partitions.length ?? this.#options.settings()['offsets.topic.num.partitions']
    return partitionOfKey(groupId, partitions)
  }

  /** Asks the shard of a group. */
  ask<Api extends GroupApi>(
    groupId: string,
    request: GroupRequestOf<Api>,
    answered: (answer: GroupAnswer<Api>) => void,
  ): void {
    this.#ask(this.partitionOf(groupId), request, answered)
  }

  /** Asks all shards that these belong to, each for its own; calls back when all have answered. */
  askEach<Api extends GroupApi, Item>(
    items: readonly Item[],
    groupIdOf: (item: Item) => string,
    requestOf: (items: readonly Item[]) => GroupRequestOf<Api>,
    done: (answers: readonly GroupsAnswer<Api, Item>[]) => void,
  ): void {
    const byPartition = new Map<number, Item[]>()
    for (const item of items) {
      const partition = this.partitionOf(groupIdOf(item))
      const those = byPartition.get(partition)
      if (those === undefined) byPartition.set(partition, [item])
      else those.push(item)
    }
    gather(
      [...byPartition],
      ([partition, those], answered) =>
        this.#ask(partition, requestOf(those), (answer: GroupAnswer<Api>) => answered({ items: those, answer })),
      done,
    )
  }

  /** Asks all shards that are coordinated here. */
  askAll<Api extends GroupApi>(
    request: GroupRequestOf<Api>,
    done: (answers: readonly GroupAnswer<Api>[]) => void,
  ): void {
    gather(this.runtime.coordinated.partitions, (partition, answered) => this.#ask(partition, request, answered), done)
  }

  stop(): void {
    this.runtime.stop()
  }

  #ask<Api extends GroupApi>(
    partition: number,
    request: GroupRequestOf<Api>,
    answered: (answer: GroupAnswer<Api>) => void,
  ): void {
    this.runtime.request(partition, request as unknown as GroupRequest, (answer) =>
      answered(typeof answer === 'string' ? answer : (answer.body as ResponseOf<Api>)),
    )
  }
}

/** Which of so many partitions a key of a coordinator belongs to, for Kafka's brokers and for this one: by the hash of Java's strings. */
export function partitionOfKey(key: string, partitions: number): number {
  let hash = 0
  for (let at = 0; at < key.length; at++) hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0
  // The one number whose absolute value is none of an int32 counts as 0.
  return (hash === -0x8000_0000 ? 0 : Math.abs(hash)) % partitions
}

/** Calls back with all answers, in the order of the items. */
function gather<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item, answered: (answer: Answer) => void) => void,
  done: (answers: readonly Answer[]) => void,
): void {
  const answers = new Array<Answer>(items.length)
  let left = items.length
  if (left === 0) return done(answers)
  for (const [index, item] of items.entries()) {
    ask(item, (answer) => {
      answers[index] = answer
      left--
      if (left === 0) done(answers)
    })
  }
}
