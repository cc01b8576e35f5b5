/**
 * Membership: one member of a group, as a core. What comes in: what is wanted, what topics there are, answers, and the time; what comes out, through
 * `takeReady`: requests for the coordinator, and what happens to the member's partitions. The classic protocol and that of KIP-848 have the same contract,
 * and so the shell of the consumer and the clients of the simulator drive both.
 *
 * A shell calls `takeReady` after every input, `tick` when `nextDeadlineMs` has come, and answers each request once. Times are monotonic.
 */
import type { ErrorName } from '../../../protocol/errors.js'
import { ConsumerGroupHeartbeat } from '../../../protocol/messages/consumer-group-heartbeat.js'
import { Heartbeat } from '../../../protocol/messages/heartbeat.js'
import { JoinGroup } from '../../../protocol/messages/join-group.js'
import { LeaveGroup } from '../../../protocol/messages/leave-group.js'
import { SyncGroup } from '../../../protocol/messages/sync-group.js'
import type { Infer, InferInput } from '../../../protocol/schema.js'
import type { TopicPartition } from './topic-partition.js'

/** What a member asks its coordinator, for shells to send. */
export const MEMBERSHIP_MESSAGES = { JoinGroup, SyncGroup, Heartbeat, LeaveGroup, ConsumerGroupHeartbeat } as const

type Messages = typeof MEMBERSHIP_MESSAGES
export type MembershipApi = keyof Messages

export interface MembershipRequestOf<Api extends MembershipApi> {
  readonly id: number
  readonly api: Api
  readonly body: InferInput<Messages[Api]['request']>
  /** Longer than other requests may take: others are waited for. */
  readonly waitsMs?: number
}

export interface MembershipAnswerOf<Api extends MembershipApi> {
  readonly id: number
  readonly api: Api
  readonly body: Infer<Messages[Api]['response']>
}

export type MembershipRequest = { [Api in MembershipApi]: MembershipRequestOf<Api> }[MembershipApi]
export type MembershipAnswer = { [Api in MembershipApi]: MembershipAnswerOf<Api> }[MembershipApi]

/** What a member wants to read. */
export interface Wanted {
  readonly topics: readonly string[]
  /** RE2, for the coordinator to match; only KIP-848 from version 1 of its heartbeat on. */
  readonly regex?: string
}

export interface SeenTopic {
  readonly name: string
  readonly topicId: string
  readonly partitionCount: number
}

export type MembershipEvent =
  /** Stop reading these, then call `released`. `lost`: others may have them already, so that nothing is committed for them. */
  | { readonly type: 'release'; readonly partitions: readonly TopicPartition[]; readonly lost: boolean }
  /** Begin to read `added`; `all` is what the member now has. Also comes with nothing added, when a rebalance gave nothing new. */
  | { readonly type: 'assigned'; readonly added: readonly TopicPartition[]; readonly all: readonly TopicPartition[] }
  /** Whoever was asked does not coordinate the group (any more): the next request goes to whom a new search finds. */
  | { readonly type: 'coordinator lost' }
  /** Look these up in fresh metadata, and call `topicsSeen`; ids are those of topics whose name is not known. */
  | { readonly type: 'topics wanted'; readonly names: readonly string[]; readonly ids: readonly string[] }
  /** The group has been left, or told. */
  | { readonly type: 'left' }
  /** For good: the member does nothing any more. */
  | { readonly type: 'failed'; readonly error: ErrorName; readonly message: string }

export interface MembershipReady {
  readonly requests: readonly MembershipRequest[]
  readonly events: readonly MembershipEvent[]
}

/** What a commit names, so that the coordinator knows whether it may. */
export interface MemberIdentity {
  readonly memberId: string
  /** Generation or member epoch; -1: not a member at the moment. */
  readonly generation: number
  readonly groupInstanceId: string | null
}

export interface Membership {
  readonly identity: MemberIdentity
  /** Between two assignments, or not a member. */
  readonly isRebalancing: boolean
  /** What the member may read. */
  readonly partitions: readonly TopicPartition[]
  /** Joins, or says what it wants from now on. */
  want(wanted: Wanted, nowMs: number): void
  /** These are the topics; it names at least all that were asked for and exist. */
  topicsSeen(topics: readonly SeenTopic[], nowMs: number): void
  answered(answer: MembershipAnswer, nowMs: number): void
  /** No answer will come: lost, never sent, or there is no coordinator at the moment. */
  failed(id: number, nowMs: number): void
  /** A commit of this generation was refused with this code of Kafka. */
  commitRefused(errorCode: number, generation: number, nowMs: number): void
  /** What the last `release` named is not read any more. */
  released(nowMs: number): void
  /** The application asks for records: it lives (`max.poll.interval.ms`). */
  polled(nowMs: number): void
  /** Lets go of everything and leaves the group; `want` joins again. */
  leave(nowMs: number): void
  tick(nowMs: number): void
  takeReady(): MembershipReady
  /** Infinity: nothing is to be done until something comes in. */
  nextDeadlineMs(): number
}
