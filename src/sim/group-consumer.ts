/**
 * GroupConsumer: one life of a process that consumes as a member of a group: it reads the partitions that it is assigned from where the group has committed on, commits up to where
 * it has read, and writes down what it was told and what it took for its own. It never asks about a commit twice: what is not answered is unknown.
 *
 * What it is told to be committed counts, whoever says so: a coordinator that was deposed and does not know it yet is to say that it is none.
 */
import type { Outcome } from '../check/client-history.js'
import type { Operation } from '../check/history.js'
import type { Address } from '../io/network.js'
import { ErrorCode } from '../protocol/errors.js'
import { OffsetCommit } from '../protocol/messages/offset-commit.js'
import { OffsetFetch } from '../protocol/messages/offset-fetch.js'
import { type ClientPorts, SimulatedClient } from './client.js'
import type { GroupHistory } from './group-history.js'
import { CoordinatorLocator, type Reign } from './group-locator.js'
import { type GroupListener, GroupMember, type GroupMemberOptions } from './group-member.js'
import type { GroupMembership } from './group-membership.js'
import { type GroupPlace, nameOf } from './group-protocol.js'
import { GroupReader, type PartitionRead } from './group-reader.js'
import { LeaderLocator } from './leader-locator.js'

const RETRY_MS = 60
/** A round does not wait for longer for the last commit. */
const LAST_COMMIT_MS = 1000
/** A late commit comes within so much. */
const LATE_COMMIT_MS = 5000

/** Whatever the coordinator did with other requests of the member, this one it has refused. */
const REFUSED: ReadonlySet<number> = new Set([
  ErrorCode.ILLEGAL_GENERATION,
  ErrorCode.UNKNOWN_MEMBER_ID,
  ErrorCode.FENCED_INSTANCE_ID,
  ErrorCode.STALE_MEMBER_EPOCH,
  ErrorCode.REBALANCE_IN_PROGRESS,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
])

/** What says nothing of the member: the coordinator may not know of a partition yet, or not have enough replicas in sync in time. */
const OF_PARTITION: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.REQUEST_TIMED_OUT,
])

/** What a membership is made of. */
export interface MemberParts {
  readonly ports: ClientPorts
  /** On which the process asks for offsets and commits them. */
  readonly offsets: SimulatedClient
  readonly listener: GroupListener
  readonly topics: readonly string[]
  readonly isAlone: () => boolean
}

export interface GroupConsumerOptions extends Omit<GroupMemberOptions, 'reign' | 'nodeId' | 'count' | 'now'> {
  /** Without one, and where it gives none: a `GroupMember`. */
  readonly memberOf?: (parts: MemberParts) => GroupMembership | undefined
  /** How often it commits what it has given up, when the group has gone on without it. */
  readonly lateCommitChance?: number
  /** Numbers of generations may come again in its group. */
  readonly isConverted?: boolean
  readonly topics: readonly string[]
  readonly commitMs: number
  /** How often it commits before it gives its partitions up. */
  readonly lastCommitChance: number
  readonly process: number
  /** Another one has its instance id, as its coordinator says: it has ended. */
  readonly fenced: () => void
  readonly history: GroupHistory
  readonly now: () => number
  readonly reign: () => Reign | undefined
  readonly brokers: () => Address
  readonly topicIdOf: (topic: string) => string | undefined
  /** What it read, for the history of the partitions. */
  readonly record: (operation: Operation) => void
}

interface Asked {
  readonly place: GroupPlace
  readonly offset: number
}

interface Belief {
  readonly generation: number
  readonly fromMs: number
}

export class GroupConsumer {
  readonly process: number
  readonly member: GroupMembership
  readonly #options: GroupConsumerOptions
  readonly #ports: ClientPorts
  readonly #client: SimulatedClient
  readonly #beliefs = new Map<string, Belief>()
  readonly #readers = new Map<string, GroupReader>()
  /** What is asked for, and by which question: an answer to an earlier one may be old. */
  readonly #beginning = new Map<string, number>()
  #questions = 0
  /** Commits that are not answered: what becomes of them when they will not be. */
  readonly #unanswered = new Set<() => void>()
  #isCommitting = false
  /** As what it was assigned something last. */
  #wasMember = { generation: -1, memberId: '' }
  #dead = false

  constructor(ports: ClientPorts, options: GroupConsumerOptions) {
    const { group, process, history, topics, isAlone } = options
    this.#ports = ports
    this.#options = options
    this.process = process
    const locator = new CoordinatorLocator(ports, options.brokers, group)
    this.#client = new SimulatedClient(ports, locator, `member${process}`)
    const listener: GroupListener = {
      preparing: (goOn) => this.#prepare(goOn),
      assigned: (places) => this.#assigned(places),
      revoked: (places) => this.#revoked(places),
      fenced: () => {
        this.#stop()
        options.fenced()
      },
    }
    const memberOptions = { ...options, nodeId: () => locator.nodeId, count: (what: string) => history.count(what) }
    this.member =
      options.memberOf?.({ ports, offsets: this.#client, listener, topics, isAlone }) ??
      new GroupMember(this.#client, memberOptions, topics, listener)
    this.#commitLater()
  }

  /** It does nothing any more: it left, was fenced, or its process died. */
  get ended(): boolean {
    return this.#dead || this.member.ended
  }

  /** Behind what it was given of a partition; undefined: it does not read it. */
  positionOf(name: string): number | undefined {
    return this.#readers.get(name)?.offset
  }

  leave(done: () => void): void {
    this.member.leave(() => {
      this.#stop()
      done()
    })
  }

  /** It goes on reading and says nothing for so long; then it commits what it has read, whatever has become of it. */
  mute(durationMs: number): void {
    this.member.isMute = true
    this.#client.later(durationMs, () => {
      this.member.isMute = false
      if (this.member.stable) this.commit()
    })
  }

  /** Its process is gone: what it believed ends with it. */
  died(): void {
    if (this.#dead) return
    this.#dead = true
    for (const end of [...this.#unanswered]) end()
    for (const name of [...this.#beliefs.keys()]) this.#believeNoMore(name)
  }

  /** Of all that it reads. `done`: it is answered, or will not be. */
  commit(done: () => void = () => {}): void {
    const places = this.member.owned.filter((place) => (this.positionOf(nameOf(place)) ?? 0) > 0)
    if (this.#isCommitting || this.ended || places.length === 0 || !this.#client.ready) return done()
    const asked = places.map((place) => ({ place, offset: this.positionOf(nameOf(place))! }))
    const { generation, memberId } = this.member
    this.#isCommitting = true
    this.#commit(asked, memberId, generation, () => {
      this.#isCommitting = false
      done()
    })
  }

  #commit(asked: readonly Asked[], memberId: string, generation: number, done: () => void): void {
    const { group, instanceId, history, now, isConverted } = this.#options
    const invokedMs = now()
    const offsets = new Map(asked.map(({ place, offset }) => [nameOf(place), offset]))
    const body = {
      groupId: group,
      generationIdOrMemberEpoch: generation,
      memberId,
      groupInstanceId: instanceId,
      topics: this.#byTopic(asked.map(({ place }) => place)).map(({ name, topicId, partitionIndexes }) => ({
        name,
        topicId,
        partitions: partitionIndexes.map((partitionIndex) => ({
          partitionIndex,
          committedOffset: offsets.get(nameOf({ topic: name, partition: partitionIndex }))!,
          committedMetadata: `of ${this.process}`,
        })),
      })),
    }
    const ended = (place: GroupPlace, offset: number, outcome: Outcome): void => {
      const times = { invokedMs, completedMs: now() }
      const operation = { f: 'commit' as const, process: this.process, group, key: nameOf(place), offset, ...times }
      const since = isConverted === true ? {} : { generation }
      history.add({ ...operation, ...since, outcome, ...(outcome === 'info' ? { mayComeLate: true } : {}) })
    }
    const unanswered = (): void => {
      this.#unanswered.delete(unanswered)
      for (const { place, offset } of asked) ended(place, offset, 'info')
    }
    this.#unanswered.add(unanswered)
    this.#client.call(OffsetCommit, body, (_, response) => {
      // Its process is dead for the history.
      if (!this.#unanswered.delete(unanswered)) return
      let ofMember: number | undefined
      for (const { place, offset } of asked) {
        const topic = response?.topics.find((each) => this.#isOf(each, place))
        const code = topic?.partitions.find(({ partitionIndex }) => partitionIndex === place.partition)?.errorCode
        if (code !== undefined && !OF_PARTITION.has(code)) ofMember ??= code
        const isRefused = code !== undefined && REFUSED.has(code)
        ended(place, offset, code === ErrorCode.NONE ? 'ok' : isRefused ? 'fail' : 'info')
      }
      if (ofMember === ErrorCode.ILLEGAL_GENERATION || ofMember === ErrorCode.UNKNOWN_MEMBER_ID) {
        history.count('a commit of an old generation is refused')
      }
      if (ofMember === ErrorCode.STALE_MEMBER_EPOCH) history.count('a commit of an old member epoch is refused')
      if (ofMember === ErrorCode.FENCED_INSTANCE_ID) history.count('a commit of a replaced member is refused')
      // A commit that belongs to a generation that is over says nothing of this one.
      if (ofMember !== undefined && generation === this.member.generation) this.member.told(ofMember, generation)
      done()
    })
  }

  /** Somebody who has slept over it all: the group has another generation meanwhile, and others have the partitions. */
  #commitLate(places: readonly GroupPlace[]): void {
    const { lateCommitChance = 0, history } = this.#options
    if (lateCommitChance === 0 || this.#ports.random.below(1000) >= 1000 * lateCommitChance) return
    const { generation, memberId } = this.#wasMember
    const asked = places
      .map((place) => ({ place, offset: this.positionOf(nameOf(place)) ?? 0 }))
      .filter(({ offset }) => offset > 0)
    if (generation < 0 || asked.length === 0) return
    this.#client.later(this.#ports.random.below(LATE_COMMIT_MS), () => {
      const isSame = generation === this.member.generation && memberId === this.member.memberId
      if (this.ended || isSame || !this.#client.ready) return
      history.count('a commit comes late')
      this.#commit(asked, memberId, generation, () => {})
    })
  }

  #stop(): void {
    this.died()
    for (const reader of this.#readers.values()) reader.stop()
    this.#readers.clear()
    this.#client.stop()
  }

  #commitLater(): void {
    const { commitMs } = this.#options
    this.#client.later(commitMs * (0.5 + this.#ports.random.below(1000) / 1000), () => {
      if (this.ended) return
      if (this.member.stable && !this.member.isMute) this.commit()
      this.#commitLater()
    })
  }

  #prepare(goOn: () => void): void {
    const { lastCommitChance } = this.#options
    if (this.#ports.random.below(1000) >= 1000 * lastCommitChance) return goOn()
    let hasGoneOn = false
    const once = (): void => {
      if (hasGoneOn) return
      hasGoneOn = true
      goOn()
    }
    this.#client.later(LAST_COMMIT_MS, once)
    this.commit(once)
  }

  #assigned(places: readonly GroupPlace[]): void {
    const { now } = this.#options
    const { generation, memberId } = this.member
    this.#wasMember = { generation, memberId }
    for (const place of places) {
      const name = nameOf(place)
      this.#believeNoMore(name)
      this.#beliefs.set(name, { generation, fromMs: now() })
    }
    const news = places.filter((place) => !this.#readers.has(nameOf(place)) && !this.#beginning.has(nameOf(place)))
    if (news.length > 0) this.#begin(news)
  }

  #revoked(places: readonly GroupPlace[]): void {
    this.#commitLate(places)
    for (const place of places) {
      const name = nameOf(place)
      this.#believeNoMore(name)
      this.#beginning.delete(name)
      this.#readers.get(name)?.stop()
      this.#readers.delete(name)
    }
  }

  #believeNoMore(name: string): void {
    const belief = this.#beliefs.get(name)
    if (belief === undefined) return
    this.#beliefs.delete(name)
    const { group, instanceId, history, now, isConverted } = this.#options
    history.owned.push({
      group,
      key: name,
      member: `process ${this.process}`,
      ...(instanceId === null ? {} : { instance: instanceId }),
      ...(isConverted === true ? {} : { generation: belief.generation }),
      fromMs: belief.fromMs,
      toMs: now(),
      certainUntilMs: Math.min(this.member.certainUntilMs, this.member.replacedMs),
    })
  }

  /** Asks what is committed, until it is told or the partitions are taken away. */
  #begin(places: readonly GroupPlace[]): void {
    const question = ++this.#questions
    for (const place of places) this.#beginning.set(nameOf(place), question)
    const ask = (): void => {
      const wanted = places.filter((place) => this.#beginning.get(nameOf(place)) === question)
      if (wanted.length > 0 && !this.ended) this.#fetch(wanted, question, again)
    }
    const again = (): void => this.#client.later(RETRY_MS, () => this.#client.whenReady(ask))
    this.#client.whenReady(ask)
  }

  #fetch(places: readonly GroupPlace[], question: number, again: () => void): void {
    const { group, history, now } = this.#options
    const invokedMs = now()
    const { claim, generation } = this.member
    const body = { groups: [{ groupId: group, ...claim, topics: this.#byTopic(places) }], requireStable: false }
    this.#client.call(OffsetFetch, body, (_, response) => {
      const [answer] = response?.groups ?? []
      if (answer === undefined) return again()
      if (answer.errorCode !== ErrorCode.NONE) {
        this.member.told(answer.errorCode, generation)
        return again()
      }
      const completedMs = now()
      for (const place of places) {
        const topic = answer.topics.find((each) => this.#isOf(each, place))
        const found = topic?.partitions.find(({ partitionIndex }) => partitionIndex === place.partition)
        if (found === undefined || found.errorCode !== ErrorCode.NONE) continue
        const key = nameOf(place)
        const offset = found.committedOffset
        history.add({ f: 'fetch', process: this.process, group, key, offset, invokedMs, completedMs })
        if (this.#beginning.get(key) !== question) continue
        this.#beginning.delete(key)
        this.#read(place, Math.max(0, offset))
      }
      again()
    })
  }

  #byTopic(places: readonly GroupPlace[]): { name: string; topicId: string; partitionIndexes: number[] }[] {
    const names = [...new Set(places.map(({ topic }) => topic))]
    return names.map((name) => ({
      name,
      topicId: this.#options.topicIdOf(name)!,
      partitionIndexes: places.filter(({ topic }) => topic === name).map(({ partition }) => partition),
    }))
  }

  /** From some version on topics are named by their ids alone. */
  #isOf(named: { readonly name: string; readonly topicId: string }, { topic }: GroupPlace): boolean {
    return named.name === topic || named.topicId === this.#options.topicIdOf(topic)
  }

  #read(place: GroupPlace, offset: number): void {
    const { group, history, now, brokers, topicIdOf, process, record } = this.#options
    const key = nameOf(place)
    const topicId = topicIdOf(place.topic)!
    const locator = new LeaderLocator(this.#ports, brokers, { topicId, partition: place.partition })
    const client = new SimulatedClient(this.#ports, locator, `reader${process}`)
    history.progress.push({ f: 'begin', group, key, process, timeMs: now(), offset })
    let isFirst = true
    const read = ({ records, fromOffset, toOffset, highWatermark }: PartitionRead): void => {
      const time = now()
      history.progress.push({ f: 'read', group, key, process, timeMs: time, fromOffset, toOffset })
      record({ f: 'poll', type: 'ok', key, process, time, records, highWatermark, ...(isFirst ? { seek: true } : {}) })
      isFirst = false
    }
    this.#readers.set(
      key,
      new GroupReader(client, { place, topicId, offset, leaderEpoch: () => locator.leaderEpoch, read }),
    )
  }
}
