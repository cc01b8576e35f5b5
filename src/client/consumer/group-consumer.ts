/**
 * GroupConsumer: reads topics as a member of a group: partitions come and go as the group decides, and it goes on where the group has committed. A membership
 * core decides; this sends what it wants sent, and lets listeners and commits happen in `poll`, as the application's own doing.
 */
import { randomUuid } from '../../base/uuid.js'
import type { Timer } from '../../io/clock.js'
import { ErrorCode } from '../../protocol/errors.js'
import type { Message } from '../../protocol/schema.js'
import { ClientError, serverError } from '../client-error.js'
import type { ClusterClient } from '../cluster-client.js'
import { CoordinatorLink } from './coordinator-link.js'
import type { ConsumedRecord } from './fetched.js'
import { type CommittedOffset, GroupOffsets, type OffsetToCommit } from './group-offsets.js'
import type { Assignor } from './membership/assignors/assignor.js'
import { DEFAULT_ASSIGNORS } from './membership/assignors/index.js'
import { ClassicMembership } from './membership/classic-membership.js'
import { ConsumerMembership } from './membership/consumer-membership.js'
import {
  MEMBERSHIP_MESSAGES,
  type MemberIdentity,
  type Membership,
  type MembershipAnswer,
  type MembershipEvent,
  type MembershipRequest,
} from './membership/membership.js'
import { keyOf, type TopicPartition } from './membership/topic-partition.js'
import { type FetchOptions, PartitionFetcher, withoutOffset } from './partition-fetcher.js'
import { TopicWatch } from './topic-watch.js'

/** With Kafka's names and defaults. */
export interface GroupConsumerOptions extends FetchOptions {
  /** `group.id` */
  readonly groupId: string
  /** `group.protocol`, classic */
  readonly groupProtocol?: 'classic' | 'consumer'
  /** `group.instance.id` */
  readonly groupInstanceId?: string | null
  /** `partition.assignment.strategy`, range and cooperative-sticky; classic only. */
  readonly assignors?: readonly Assignor[]
  /** `group.remote.assignor`; consumer only. */
  readonly remoteAssignor?: string | null
  /** `session.timeout.ms`, 45 s; classic only. */
  readonly sessionTimeoutMs?: number
  /** `heartbeat.interval.ms`, 3 s; classic only. */
  readonly heartbeatIntervalMs?: number
  /** `max.poll.interval.ms`, 5 minutes */
  readonly maxPollIntervalMs?: number
  /** `max.poll.records`, 500 */
  readonly maxPollRecords?: number
  /** `enable.auto.commit`, true */
  readonly autoCommit?: boolean
  /** `auto.commit.interval.ms`, 5 s */
  readonly autoCommitIntervalMs?: number
  /** `client.rack` */
  readonly rackId?: string | null
  /** `metadata.max.age.ms`, 5 minutes */
  readonly metadataMaxAgeMs?: number
  /** `allow.auto.create.topics`, true */
  readonly allowAutoTopicCreation?: boolean
  readonly listener?: RebalanceListener
}

/** Called within `poll` and `close`, which wait for them. */
export interface RebalanceListener {
  readonly assigned?: (partitions: readonly TopicPartition[]) => void | Promise<void>
  /** The last moment to commit for them. */
  readonly revoked?: (partitions: readonly TopicPartition[]) => void | Promise<void>
  /** Others may have them already. */
  readonly lost?: (partitions: readonly TopicPartition[]) => void | Promise<void>
}

/** Topics by name, by an expression for the whole name that is matched here, or by one (RE2) that the coordinator matches (KIP-848). */
export type Subscribed =
  | { readonly topics: readonly string[] }
  | { readonly pattern: RegExp }
  | { readonly regex: string }

const CLOSE_MS = 30_000

export class GroupConsumer {
  readonly #client: ClusterClient
  readonly #options: GroupConsumerOptions
  readonly #membership: Membership
  readonly #link: CoordinatorLink
  readonly #offsets: GroupOffsets
  readonly #fetcher: PartitionFetcher
  readonly #topics: TopicWatch
  readonly #events: MembershipEvent[] = []
  /** Assigned, and where to begin is not known yet. */
  readonly #unlocated = new Map<string, TopicPartition>()
  #locating: Promise<void> | undefined
  #timer: Timer | undefined
  #wake: () => void = () => {}
  #commitDueMs = Number.POSITIVE_INFINITY
  #fatal: Error | undefined
  #isPolling = false
  #isWoken = false
  #hasLeft = true
  #isClosed = false

  constructor(client: ClusterClient, options: GroupConsumerOptions) {
    if (options.groupId === '') throw new ClientError('INVALID_GROUP_ID', 'group.id must not be empty')
    this.#client = client
    this.#options = options
    this.#membership = membershipOf(client, options)
    this.#link = new CoordinatorLink(client, options.groupId)
    this.#offsets = new GroupOffsets(client, this.#link, options.groupId)
    this.#fetcher = new PartitionFetcher(client, options)
    this.#topics = new TopicWatch(client, {
      maxAgeMs: options.metadataMaxAgeMs ?? 300_000,
      allowAutoTopicCreation: options.allowAutoTopicCreation ?? true,
      seen: (topics, matching) => {
        this.#membership.topicsSeen(topics, this.#nowMs)
        if (matching !== undefined) this.#membership.want({ topics: matching }, this.#nowMs)
        this.#drain()
      },
      failed: (error) => this.#failed(error),
    })
  }

  get identity(): MemberIdentity {
    return this.#membership.identity
  }

  /** What it reads at the moment. */
  get assignment(): TopicPartition[] {
    const others = [...this.#unlocated.values()]
    return [...this.#fetcher.positions.map(({ topic, partition }) => ({ topic, partition })), ...others]
  }

  /** Joins the group; what was subscribed before is replaced. */
  subscribe(subscribed: Subscribed): void {
    this.#hasLeft = false
    const topics = 'topics' in subscribed ? subscribed.topics : []
    const pattern = 'pattern' in subscribed ? subscribed.pattern : undefined
    if (pattern === undefined) {
      const regex = 'regex' in subscribed ? { regex: subscribed.regex } : {}
      this.#membership.want({ topics, ...regex }, this.#nowMs)
    }
    this.#topics.watch(topics, pattern)
    this.#drain()
  }

  /** At most `max.poll.records`, within the time or after a wakeup none. Rejects with `ClientError`. */
  async poll(timeoutMs: number): Promise<ConsumedRecord[]> {
    if (this.#isPolling) throw new ClientError('INVALID_REQUEST', 'the consumer is polled already: one call at a time')
    this.#isPolling = true
    try {
      return await this.#poll(this.#nowMs + timeoutMs)
    } finally {
      this.#isPolling = false
      this.#isWoken = false
    }
  }

  /** The poll that is under way, or the next one, ends at once. */
  wakeup(): void {
    this.#isWoken = true
    this.#wake()
  }

  /** Commits where the application has come to, or these offsets. Tries again until the time for a call is up. Rejects with `ClientError`. */
  commit(offsets: readonly OffsetToCommit[] = this.#consumed()): Promise<void> {
    return this.#client.retrying('committing offsets', () => this.commitOnce(offsets))
  }

  /** The same without trying again: a later commit is not overtaken by an earlier one. */
  async commitOnce(offsets: readonly OffsetToCommit[] = this.#consumed()): Promise<void> {
    if (offsets.length === 0) return
    const identity = this.#membership.identity
    // Without a generation it would count as one who commits for a group that has no members.
    if (identity.generation < 0) {
      throw new ClientError(
        'UNKNOWN_MEMBER_ID',
        'the consumer is not a member of its group: others may have its partitions',
      )
    }
    const refused = await this.#offsets.commit(offsets, identity)
    const [first] = refused
    if (first === undefined) return
    const [partition, errorCode] = first
    const { error, message, retriable } = serverError(errorCode, `committing ${partition}`)
    if (error === 'NOT_COORDINATOR' || error === 'COORDINATOR_NOT_AVAILABLE') this.#link.lost()
    this.#membership.commitRefused(errorCode, identity.generation, this.#nowMs)
    this.#drain()
    // The member has got another epoch meanwhile: it may commit with that.
    throw new ClientError(error, message, retriable || errorCode === ErrorCode.STALE_MEMBER_EPOCH)
  }

  /** What the group has committed; nothing for partitions without. Rejects with `ClientError`. */
  committed(partitions: readonly TopicPartition[]): Promise<CommittedOffset[]> {
    return this.#client.retrying('asking for committed offsets', () => this.#committedOnce(partitions))
  }

  async #committedOnce(partitions: readonly TopicPartition[]): Promise<CommittedOffset[]> {
    if (this.#options.groupProtocol !== 'consumer') return this.#offsets.fetch(partitions)
    const { identity } = this.#membership
    try {
      return await this.#offsets.fetch(partitions, identity)
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      // A heartbeat on the other connection was faster: the member has got another epoch, or is about to.
      if (error.error === 'STALE_MEMBER_EPOCH') throw new ClientError(error.error, error.message, true)
      if (error.error === 'UNKNOWN_MEMBER_ID') {
        this.#membership.commitRefused(ErrorCode.UNKNOWN_MEMBER_ID, identity.generation, this.#nowMs)
        this.#drain()
      }
      throw error
    }
  }

  /** The next `poll` goes on there. Throws `ClientError` for a partition that it does not have. */
  seek(partition: TopicPartition, offset: number | 'earliest' | 'latest'): void {
    if (!this.#has(partition)) {
      throw new ClientError('UNKNOWN_TOPIC_OR_PARTITION', `${keyOf(partition)} is not assigned to this consumer`)
    }
    this.#unlocated.delete(keyOf(partition))
    this.#fetcher.seek(partition, offset)
  }

  /** The offset of the next record of the partition; undefined: not known yet. */
  position(partition: TopicPartition): number | undefined {
    const offset = this.#fetcher.position(partition)?.offset ?? -1
    return offset < 0 ? undefined : offset
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#fetcher.pause(partitions, true)
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#fetcher.pause(partitions, false)
    this.#wake()
  }

  /** Commits if it does so by itself, and leaves the group. Within the time, whoever does not answer. */
  async close(timeoutMs: number = CLOSE_MS): Promise<void> {
    if (this.#isClosed) return
    const deadlineMs = this.#nowMs + timeoutMs
    this.#membership.leave(this.#nowMs)
    this.#drain()
    while (!this.#hasLeft && this.#nowMs < deadlineMs) {
      const handling = this.#handleEvents(true)
      await this.#until(deadlineMs, [handling])
      if (this.#events.length === 0 && !this.#hasLeft) await this.#until(deadlineMs, [])
    }
    this.#isClosed = true
    this.#timer?.cancel()
    this.#topics.close()
  }

  /** Stops without a goodbye, as if its process had been killed: the group waits for it until its session is over. */
  abandon(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#topics.close()
    this.wakeup()
  }

  get #nowMs(): number {
    return this.#client.ports.clock.monotonicMs()
  }

  async #poll(deadlineMs: number): Promise<ConsumedRecord[]> {
    const { maxPollRecords = 500 } = this.#options
    this.#membership.polled(this.#nowMs)
    this.#drain()
    for (;;) {
      await this.#handleEvents()
      if (this.#fatal !== undefined) throw this.#fatal
      this.#commitIfDue()
      this.#locate()
      this.#fetcher.pump()
      const records = this.#fetcher.take(maxPollRecords)
      if (records.length > 0) {
        // What comes next is asked for while the application has these.
        this.#fetcher.pump()
        return records
      }
      if (this.#isWoken || this.#nowMs >= deadlineMs) return []
      await this.#until(Math.min(deadlineMs, this.#commitDueMs), [this.#fetcher.arrival()])
    }
  }

  /** The time, something of these, or somebody who wakes. */
  async #until(timeMs: number, others: readonly Promise<void>[]): Promise<void> {
    if (this.#events.length > 0 && others.length === 0) return
    let timer: Timer | undefined
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve
      timer = this.#client.ports.clock.timer(Math.max(0, timeMs - this.#nowMs), () => resolve())
    })
    await Promise.race([woken, ...others])
    timer?.cancel()
  }

  async #handleEvents(isClosing = false): Promise<void> {
    const { listener = {}, autoCommit = true, autoCommitIntervalMs = 5000 } = this.#options
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) {
      if (event.type === 'release') {
        const { partitions, lost } = event
        if (!lost && autoCommit) await this.#commitQuietly()
        await (lost ? listener.lost : listener.revoked)?.(partitions)
        for (const partition of partitions) {
          this.#fetcher.remove(partition)
          this.#unlocated.delete(keyOf(partition))
        }
        this.#membership.released(this.#nowMs)
      } else if (event.type === 'assigned') {
        for (const partition of event.added) this.#unlocated.set(keyOf(partition), partition)
        if (autoCommit) this.#commitDueMs = this.#nowMs + autoCommitIntervalMs
        await listener.assigned?.(event.added)
      } else if (event.type === 'left') this.#hasLeft = true
      else if (event.type === 'failed') {
        this.#fatal = new ClientError(event.error, event.message)
        if (isClosing) this.#hasLeft = true
      }
      this.#drain()
    }
  }

  /** What is not committed is read again by whoever gets the partition. */
  async #commitQuietly(): Promise<void> {
    try {
      await this.commit()
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
    }
  }

  #commitIfDue(): void {
    const { autoCommitIntervalMs = 5000 } = this.#options
    if (this.#nowMs < this.#commitDueMs) return
    this.#commitDueMs = this.#nowMs + autoCommitIntervalMs
    this.commitOnce().catch((error) => {
      // The next one says more.
      if (!(error instanceof ClientError)) this.#failed(error as Error)
    })
  }

  #consumed(): OffsetToCommit[] {
    return this.#fetcher.positions
      .filter(({ offset }) => offset >= 0)
      .map(({ topic, partition, offset, leaderEpoch }) => ({ topic, partition, offset, leaderEpoch }))
  }

  #has(partition: TopicPartition): boolean {
    return this.#unlocated.has(keyOf(partition)) || this.#fetcher.position(partition) !== undefined
  }

  /** Where to begin with what was assigned: behind what the group has committed, else where the policy says. */
  #locate(): void {
    if (this.#locating !== undefined) return
    let isFenced = false
    this.#locating = this.#findOffsets()
      .catch((error) => {
        const name = error instanceof ClientError ? error.error : undefined
        // It joins again, and is assigned anew.
        isFenced = name === 'UNKNOWN_MEMBER_ID'
        // A topic that was deleted is taken away by the group soon.
        const isGone = name === 'UNKNOWN_TOPIC_OR_PARTITION'
        if (!isFenced && !isGone && name !== 'REQUEST_TIMED_OUT') this.#failed(error as Error)
      })
      .finally(() => {
        this.#locating = undefined
        if (isFenced) this.#wake()
      })
  }

  async #findOffsets(): Promise<void> {
    const partitions = [...this.#unlocated.values()]
    if (partitions.length > 0) {
      const found = new Map((await this.committed(partitions)).map((each) => [keyOf(each), each]))
      for (const partition of partitions) {
        // It was taken away, or the application has said where to begin.
        if (this.#unlocated.get(keyOf(partition)) !== partition) continue
        const committed = found.get(keyOf(partition))
        const { reset = 'latest' } = this.#options
        if (committed === undefined && reset === 'none') throw withoutOffset(partition)
        this.#unlocated.delete(keyOf(partition))
        this.#fetcher.seek(partition, committed?.offset ?? reset, committed?.leaderEpoch)
      }
    }
    const hasLocated = await this.#fetcher.locate()
    if (hasLocated || partitions.length > 0) this.#wake()
  }

  /** Takes out what the membership wants done, and sees to the next deadline. */
  #drain(): void {
    const { requests, events } = this.#membership.takeReady()
    for (const event of events) {
      if (event.type === 'coordinator lost') this.#link.lost()
      else if (event.type === 'topics wanted') this.#topics.look(event.names, event.ids)
      else this.#events.push(event)
    }
    for (const request of requests) this.#send(request)
    this.#timer?.cancel()
    const deadlineMs = this.#membership.nextDeadlineMs()
    if (deadlineMs !== Number.POSITIVE_INFINITY && !this.#isClosed && this.#fatal === undefined) {
      this.#timer = this.#client.ports.clock.timer(Math.max(0, deadlineMs - this.#nowMs), () => {
        this.#membership.tick(this.#nowMs)
        this.#drain()
      })
    }
    if (events.length > 0) this.#wake()
  }

  #send({ id, api, body, waitsMs }: MembershipRequest): void {
    // A join that waits must not hold up the goodbye.
    const purpose = api === 'LeaveGroup' ? 'offsets' : 'membership'
    const sending = this.#link.call(purpose, {
      message: MEMBERSHIP_MESSAGES[api] as unknown as Message,
      body: () => body as never,
      take: (response) => {
        const answer = { id, api, body: response } as unknown as MembershipAnswer
        this.#membership.answered(answer, this.#nowMs)
      },
      ...(waitsMs === undefined ? {} : { timeoutMs: waitsMs }),
    })
    sending
      .catch((error) => {
        if (!(error instanceof ClientError && error.retriable)) this.#failed(error as Error)
        this.#membership.failed(id, this.#nowMs)
      })
      .finally(() => this.#drain())
  }

  #failed(error: Error): void {
    if (this.#isClosed) return
    this.#fatal ??= error
    this.#wake()
  }
}

function membershipOf(client: ClusterClient, options: GroupConsumerOptions): Membership {
  const { random } = client.ports
  const { groupId, groupInstanceId = null, maxPollIntervalMs = 300_000, rackId = null } = options
  const common = { groupId, groupInstanceId, maxPollIntervalMs, rackId, random }
  if (options.groupProtocol === 'consumer') {
    const { remoteAssignor = null } = options
    return new ConsumerMembership({ ...common, memberId: randomUuid(random), remoteAssignor })
  }
  const { assignors = DEFAULT_ASSIGNORS, sessionTimeoutMs = 45_000, heartbeatIntervalMs = 3000 } = options
  return new ClassicMembership({ ...common, assignors, sessionTimeoutMs, heartbeatIntervalMs })
}
