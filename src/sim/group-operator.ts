/**
 * GroupOperator: somebody who looks after groups while members come and go: lists and describes them, sets offsets of groups without members back or deletes
 * them, and makes groups that have none and deletes them again, which must stay deleted (a tombstone that is forgotten brings them back).
 */
import type { Prng } from '../base/prng.js'
import type { Address } from '../io/network.js'
import { ErrorCode } from '../protocol/errors.js'
import type { Fields } from '../protocol/field.js'
import { ConsumerGroupDescribe } from '../protocol/messages/consumer-group-describe.js'
import { DeleteGroups } from '../protocol/messages/delete-groups.js'
import { DescribeGroups } from '../protocol/messages/describe-groups.js'
import { ListGroups } from '../protocol/messages/list-groups.js'
import { OffsetCommit } from '../protocol/messages/offset-commit.js'
import { OffsetDelete } from '../protocol/messages/offset-delete.js'
import { OffsetFetch } from '../protocol/messages/offset-fetch.js'
import type { InOfMessage, Message, OutOfMessage } from '../protocol/schema.js'
import { type ClientPorts, SimulatedClient } from './client.js'
import type { GroupHistory } from './group-history.js'
import { CoordinatorLocator } from './group-locator.js'
import { type GroupPlace, nameOf } from './group-protocol.js'

const RETRY_MS = 300
/** How long it is tried to set back a group whose members may not all be gone yet. */
const RESET_PATIENCE_MS = 15_000

export interface GroupOperatorOptions {
  readonly history: GroupHistory
  readonly now: () => number
  readonly brokers: () => Address
  readonly topicIdOf: (topic: string) => string | undefined
  readonly random: Prng
  /** Mean time between two things that it does. */
  readonly meanPauseMs: number
  /** Groups with members. */
  readonly groups: () => readonly string[]
  /** Whether members of it may speak the protocol of KIP-848. */
  readonly mayBeNext: (group: string) => boolean
  /** Of which groups without members commit offsets. */
  readonly place: () => GroupPlace
}

/** A group without members, of which an offset is committed once. */
interface PassingGroup {
  readonly name: string
  readonly place: GroupPlace
}

interface Described {
  readonly state: string
  readonly members: readonly string[]
}

interface Asked<Response extends Fields> {
  readonly response: OutOfMessage<Response> | undefined
  readonly invokedMs: number
}

export class GroupOperator {
  readonly process: number
  readonly #ports: ClientPorts
  readonly #options: GroupOperatorOptions
  readonly #clients = new Map<string, SimulatedClient>()
  readonly #passed: PassingGroup[] = []
  #stopped = false
  #busy = 0

  constructor(ports: ClientPorts, options: GroupOperatorOptions) {
    this.#ports = ports
    this.#options = options
    this.process = options.history.nextProcess()
    this.#next()
  }

  stop(): void {
    this.#stopped = true
  }

  /** Nothing that it began is under way. */
  get idle(): boolean {
    return this.#busy === 0
  }

  /** Sets an offset of a group back when its members are gone, or deletes it (-1). `done`: that is so, or it was given up. */
  setBack(group: string, place: GroupPlace, offset: number, done: () => void): void {
    const { now } = this.#options
    const untilMs = now() + RESET_PATIENCE_MS
    const attempt = (): void => {
      if (now() > untilMs) return done()
      const next = (isDone: boolean): void => (isDone ? done() : this.#later(group, attempt))
      if (offset < 0) this.#deleteOffset(group, place, next)
      else this.#commit(group, place, offset, true, next)
    }
    attempt()
  }

  /** Asks once more about all groups that were deleted. */
  lookBack(done: () => void): void {
    let left = this.#passed.length
    if (left === 0) return done()
    for (const { name, place } of this.#passed) {
      this.#fetch(name, place, () => {
        if (--left === 0) done()
      })
    }
  }

  /** State and ids of the members of a group, asked until somebody says it. */
  describe(group: string, done: (described: Described) => void): void {
    this.#describe(group, (described) => {
      if (described !== undefined) done(described)
      else this.#later(group, () => this.describe(group, done))
    })
  }

  /** A group of KIP-848 is none for who asks for classic ones. */
  #describe(group: string, done: (described: Described | undefined) => void): void {
    this.#ask(group, DescribeGroups, { groups: [group] }, ({ response }) => {
      const [described] = response?.groups ?? []
      const isOther = described?.errorCode === ErrorCode.GROUP_ID_NOT_FOUND && this.#options.mayBeNext(group)
      if (isOther) return this.#describeNext(group, done)
      done(this.#described(group, described))
    })
  }

  #describeNext(group: string, done: (described: Described | undefined) => void): void {
    const body = { groupIds: [group], includeAuthorizedOperations: false }
    this.#ask(group, ConsumerGroupDescribe, body, ({ response }) => {
      const [described] = response?.groups ?? []
      if (described?.errorCode === ErrorCode.NONE) this.#count('groups of the next protocol are described')
      done(this.#described(group, described))
    })
  }

  #described(
    group: string,
    described: { errorCode: number; groupState: string; members: readonly { readonly memberId: string }[] } | undefined,
  ): Described | undefined {
    if (described === undefined) return undefined
    const { errorCode, groupState: state, members } = described
    if (errorCode !== ErrorCode.NONE) return void this.#left(group, errorCode)
    this.#count('groups are described')
    return { state, members: members.map(({ memberId }) => memberId) }
  }

  #next(): void {
    const { random, meanPauseMs, groups } = this.#options
    this.#ports.clock.timer(random.exponential(meanPauseMs), () => {
      if (this.#stopped) return
      const choice = random.float()
      this.#busy++
      const done = (): void => {
        this.#busy--
        this.#next()
      }
      if (choice < 0.3) this.#describe(random.pick(groups()), done)
      else if (choice < 0.5) this.#list(random.pick(groups()), done)
      else this.#pass(done)
    })
  }

  #list(group: string, done: () => void): void {
    this.#ask(group, ListGroups, {}, ({ response }) => {
      if (response?.errorCode === ErrorCode.NONE && response.groups.some(({ groupId }) => groupId === group)) {
        this.#count('groups are listed')
      }
      done()
    })
  }

  /** A group comes and goes. */
  #pass(done: () => void): void {
    const { random, place } = this.#options
    const group: PassingGroup = { name: `passing${this.#passed.length}`, place: place() }
    this.#passed.push(group)
    const offset = random.between(1, 1000)
    const remove = (): void => this.#delete(group, () => this.#fetch(group.name, group.place, done))
    const commit = (): void =>
      this.#commit(group.name, group.place, offset, false, (isDone) =>
        isDone ? this.#fetch(group.name, group.place, remove) : this.#later(group.name, commit),
      )
    commit()
  }

  #commit(group: string, place: GroupPlace, offset: number, isReset: boolean, done: (isDone: boolean) => void): void {
    const { topic, partition } = place
    const wanted = { partitionIndex: partition, committedOffset: offset, committedMetadata: null }
    const topics = [{ name: topic, topicId: this.#options.topicIdOf(topic)!, partitions: [wanted] }]
    this.#ask(group, OffsetCommit, { groupId: group, memberId: '', topics }, ({ response, invokedMs }) => {
      const code = response?.topics[0]?.partitions[0]?.errorCode
      const isDone = code === ErrorCode.NONE
      const isRefused = code === ErrorCode.UNKNOWN_MEMBER_ID || code === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
      this.#committed(group, place, offset, isReset, isDone ? 'ok' : isRefused ? 'fail' : 'info', invokedMs)
      this.#left(group, code)
      done(isDone)
    })
  }

  #committed(
    group: string,
    place: GroupPlace,
    offset: number,
    isReset: boolean,
    outcome: 'ok' | 'fail' | 'info',
    invokedMs: number,
  ): void {
    const { history, now } = this.#options
    history.add({
      f: 'commit',
      process: this.process,
      group,
      key: nameOf(place),
      offset,
      invokedMs,
      completedMs: now(),
      outcome,
      ...(isReset ? { isReset } : {}),
      ...(outcome === 'info' ? { mayComeLate: true } : {}),
    })
  }

  #deleteOffset(group: string, place: GroupPlace, done: (isDone: boolean) => void): void {
    const topics = [{ name: place.topic, partitions: [{ partitionIndex: place.partition }] }]
    this.#ask(group, OffsetDelete, { groupId: group, topics }, ({ response, invokedMs }) => {
      const ofPartition = response?.topics[0]?.partitions[0]?.errorCode
      const code = response?.errorCode === ErrorCode.NONE ? ofPartition : response?.errorCode
      const isDone = code === ErrorCode.NONE
      const isRefused = code === ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC || code === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
      this.#committed(group, place, -1, true, isDone ? 'ok' : isRefused ? 'fail' : 'info', invokedMs)
      if (isDone) this.#count('an offset is deleted')
      this.#left(group, code)
      done(isDone)
    })
  }

  #delete({ name, place }: PassingGroup, done: () => void): void {
    const beganMs = this.#options.now()
    const attempt = (): void =>
      this.#ask(name, DeleteGroups, { groupsNames: [name] }, ({ response }) => {
        const code = response?.results[0]?.errorCode
        // Who asks again may find that it is done.
        if (code === ErrorCode.NONE || code === ErrorCode.GROUP_ID_NOT_FOUND) {
          this.#committed(name, place, -1, true, 'ok', beganMs)
          this.#count('a group is deleted')
          return done()
        }
        this.#left(name, code)
        this.#later(name, attempt)
      })
    attempt()
  }

  /** Until it is answered. */
  #fetch(group: string, place: GroupPlace, done: () => void): void {
    const { history, now, topicIdOf } = this.#options
    const { topic, partition } = place
    const topics = [{ name: topic, topicId: topicIdOf(topic)!, partitionIndexes: [partition] }]
    const attempt = (): void =>
      this.#ask(group, OffsetFetch, { groups: [{ groupId: group, topics }] }, ({ response, invokedMs }) => {
        const [answer] = response?.groups ?? []
        const found = answer?.topics[0]?.partitions[0]
        const code = answer?.errorCode === ErrorCode.NONE ? found?.errorCode : answer?.errorCode
        this.#left(group, code)
        if (code !== ErrorCode.NONE) return this.#later(group, attempt)
        const common = { process: this.process, group, key: nameOf(place), invokedMs, completedMs: now() }
        history.add({ f: 'fetch', ...common, offset: found!.committedOffset })
        done()
      })
    attempt()
  }

  #later(group: string, action: () => void): void {
    this.#clientOf(group).later(RETRY_MS, action)
  }

  /** Somebody else coordinates it. */
  #left(group: string, code: number | undefined): void {
    if (code === ErrorCode.NOT_COORDINATOR || code === ErrorCode.COORDINATOR_NOT_AVAILABLE) {
      this.#clientOf(group).leave()
    }
  }

  #ask<Request extends Fields, Response extends Fields>(
    group: string,
    message: Message<Request, Response>,
    body: InOfMessage<Request>,
    done: (asked: Asked<Response>) => void,
  ): void {
    const client = this.#clientOf(group)
    const { now } = this.#options
    client.whenReady(() => {
      const invokedMs = now()
      client.call(message, body, (_, response) => done({ response, invokedMs }))
    })
  }

  #clientOf(group: string): SimulatedClient {
    const known = this.#clients.get(group)
    if (known !== undefined) return known
    const locator = new CoordinatorLocator(this.#ports, this.#options.brokers, group)
    const client = new SimulatedClient(this.#ports, locator, `operator of ${group}`)
    this.#clients.set(group, client)
    return client
  }

  #count(what: string): void {
    this.#options.history.count(what)
  }
}
