/**
 * A world for one group shard: it appends and applies what is decided, lets replies go when what they rest on is committed, moves the clock from deadline to
 * deadline, and can move the shard: load another from the log, with what was not committed cut off.
 */
import assert from 'node:assert/strict'
import { Prng } from '../../../src/base/prng.js'
import { ClassicGroup } from '../../../src/coordinator/group/classic-group.js'
import {
  decodeGroupRecord,
  encodeGroupRecord,
  type GroupRecord,
  type RecordBytes,
} from '../../../src/coordinator/group/group-records.js'
import type {
  GroupApi,
  GroupDecision,
  GroupReply,
  GroupRequest,
  RequestOf,
  ResponseOf,
} from '../../../src/coordinator/group/group-requests.js'
import type { GroupSettings } from '../../../src/coordinator/group/group-settings.js'
import { GroupShard, type GroupShardOptions } from '../../../src/coordinator/group/group-shard.js'
import type { GroupNote } from '../../../src/coordinator/group/rebalance-history.js'
import type { Now, Ticket } from '../../../src/coordinator/shard.js'
import { MetadataDelta } from '../../../src/metadata/delta.js'
import { EMPTY_IMAGE, type MetadataImage } from '../../../src/metadata/image.js'
import { type ErrorName, errorByCode } from '../../../src/protocol/errors.js'

/** Kafka's defaults. */
export const SETTINGS: GroupSettings = {
  'group.min.session.timeout.ms': 6000,
  'group.max.session.timeout.ms': 1_800_000,
  'group.initial.rebalance.delay.ms': 3000,
  'group.max.size': 2_147_483_647,
  'group.consumer.session.timeout.ms': 45_000,
  'group.consumer.min.session.timeout.ms': 45_000,
  'group.consumer.max.session.timeout.ms': 60_000,
  'group.consumer.heartbeat.interval.ms': 5000,
  'group.consumer.min.heartbeat.interval.ms': 5000,
  'group.consumer.max.heartbeat.interval.ms': 15_000,
  'group.consumer.max.size': 2_147_483_647,
  'group.consumer.assignors': ['uniform', 'range'],
  'group.consumer.migration.policy': 'bidirectional',
  'group.consumer.regex.refresh.interval.ms': 600_000,
  'offset.metadata.max.bytes': 4096,
  'offsets.retention.minutes': 10_080,
  'offsets.retention.check.interval.ms': 600_000,
}

/** More decisions than this without the clock moving on: somebody asks to be called again and again. */
const DECISIONS_AT_ONCE = 10_000

export interface RigOptions {
  readonly seed?: string | number
  readonly settings?: Partial<GroupSettings>
  readonly consumerGroups?: GroupShardOptions['consumerGroups']
}

export interface Answer {
  readonly reply: GroupReply
  readonly atMs: number
}

export class Rig {
  settings: GroupSettings
  readonly random: Prng
  readonly notes: GroupNote[] = []
  /** What the partition holds, as bytes. */
  readonly log: { readonly bytes: RecordBytes; readonly timestampMs: number }[] = []
  shard: GroupShard
  image: MetadataImage = EMPTY_IMAGE
  monotonicMs = 5_000_000
  wallMs = 1_700_000_000_000
  /** Nothing is committed by itself. */
  isHeld = false
  /** What the partition says to the next decision that has records. */
  refuseNext: ErrorName | undefined
  /** Of the records of one decision, keys and values. */
  maxBatchBytes = Number.POSITIVE_INFINITY
  /** Called with every reply that leaves. */
  onReply: (ticket: Ticket, reply: GroupReply) => void = () => {}

  #committed = 0
  #lastTicket = 0
  #metadataOffset = 0
  readonly #waiting: { readonly logEnd: number; readonly decision: GroupDecision }[] = []
  readonly #open = new Map<Ticket, number>()
  readonly #answers = new Map<Ticket, Answer>()
  readonly #options: RigOptions

  constructor(options: RigOptions = {}) {
    this.#options = options
    this.settings = { ...SETTINGS, ...options.settings }
    this.random = new Prng(options.seed ?? 'rig')
    this.shard = this.newShard()
    this.#take(this.shard.loaded(this.image, this.now))
  }

  get now(): Now {
    return { monotonicMs: this.monotonicMs, wallMs: this.wallMs }
  }

  /** Tickets that wait, and since when. */
  get open(): ReadonlyMap<Ticket, number> {
    return this.#open
  }

  newShard(): GroupShard {
    const { consumerGroups } = this.#options
    return new GroupShard({
      settings: () => this.settings,
      random: this.random,
      noted: (note) => this.notes.push(note),
      ...(consumerGroups === undefined ? {} : { consumerGroups }),
    })
  }

  // Asking

  send<Api extends GroupApi>(api: Api, version: number, body: RequestOf<Api>, clientId = 'client'): Ticket {
    const ticket = ++this.#lastTicket
    this.#open.set(ticket, this.monotonicMs)
    const request = { api, version, body, client: { clientId, host: '/127.0.0.1' } } as unknown as GroupRequest
    this.#take(this.shard.decide(request, ticket, this.now))
    return ticket
  }

  answer<Api extends GroupApi>(api: Api, ticket: Ticket): ResponseOf<Api> | undefined {
    const answer = this.#answers.get(ticket)
    if (answer === undefined) return undefined
    assert.equal(answer.reply.api, api)
    return answer.reply.body as ResponseOf<Api>
  }

  /** Asks, and is answered at once. */
  ask<Api extends GroupApi>(api: Api, version: number, body: RequestOf<Api>, clientId?: string): ResponseOf<Api> {
    const answer = this.answer(api, this.send(api, version, body, clientId))
    assert.ok(answer !== undefined, `${api} waits`)
    return answer
  }

  // Time

  /** Lets this much time go by, with everything that is due in it. */
  advance(ms: number): void {
    const end = this.monotonicMs + ms
    let decisions = 0
    for (;;) {
      const next = this.shard.nextDeadlineMs()
      if (next > end) break
      if (next > this.monotonicMs) {
        this.wallMs += next - this.monotonicMs
        this.monotonicMs = next
        decisions = 0
      }
      assert.ok(++decisions < DECISIONS_AT_ONCE, 'it is due again and again')
      this.#take(this.shard.expire(this.now))
    }
    this.wallMs += end - this.monotonicMs
    this.monotonicMs = end
  }

  // The partition

  #take(decision: GroupDecision): void {
    const refuseNext = this.refuseNext ?? (this.#isTooLarge(decision) ? 'MESSAGE_TOO_LARGE' : undefined)
    if (decision.records.length > 0 && refuseNext !== undefined) {
      this.refuseNext = undefined
      this.#take(this.shard.refused(decision, refuseNext, this.now))
      return
    }
    for (const record of decision.records) {
      const bytes = encodeGroupRecord(record)
      this.log.push({ bytes, timestampMs: this.wallMs })
      this.shard.apply(record, this.#place(this.log.length - 1))
    }
    this.#waiting.push({ logEnd: this.log.length, decision })
    if (!this.isHeld) this.commit()
  }

  #isTooLarge({ records }: GroupDecision): boolean {
    let bytes = 0
    for (const { key, value } of records.map(encodeGroupRecord)) bytes += key.length + (value?.length ?? 0)
    return bytes > this.maxBatchBytes
  }

  #place(offset: number) {
    return { offset, timestampMs: this.log[offset]!.timestampMs, producerId: -1, producerEpoch: -1 }
  }

  /** All that was appended. */
  commit(): void {
    this.#committed = this.log.length
    while (this.#waiting.length > 0) {
      for (const { ticket, reply } of this.#waiting.shift()!.decision.replies) this.#leave(ticket, reply)
    }
  }

  #leave(ticket: Ticket, reply: GroupReply): void {
    assert.ok(this.#open.delete(ticket), `ticket ${ticket} is answered, and does not wait: ${JSON.stringify(reply)}`)
    this.#answers.set(ticket, { reply, atMs: this.monotonicMs })
    this.onReply(ticket, reply)
  }

  /** Another broker leads: what was not committed is lost, and who waited hears nothing from here. Gives the tickets that are lost. */
  move(): Ticket[] {
    this.shard.unloaded()
    this.log.length = this.#committed
    this.#waiting.length = 0
    const lost = [...this.#open.keys()]
    this.#open.clear()
    this.shard = this.loadedCopy()
    this.#take(this.shard.loaded(this.image, this.now))
    return lost
  }

  /** A shard that has read the log, before its sessions begin. */
  loadedCopy(): GroupShard {
    const shard = this.newShard()
    for (const [offset, { bytes }] of this.log.entries()) {
      const record = decodeGroupRecord(bytes)
      assert.ok(record !== undefined)
      shard.apply(record, this.#place(offset))
    }
    return shard
  }

  // Metadata

  changeMetadata(change: (delta: MetadataDelta, offset: () => number) => void): void {
    const delta = new MetadataDelta(this.image)
    change(delta, () => ++this.#metadataOffset)
    this.image = delta.image()
    this.#take(this.shard.metadataChanged(this.image, delta, this.now))
  }

  addTopic(name: string, topicId: string): void {
    this.changeMetadata((delta, offset) => delta.replay({ type: 'topic', topicId, name }, offset()))
  }

  removeTopic(topicId: string): void {
    this.changeMetadata((delta, offset) =>
      delta.replay({ type: 'removeTopic', topicId, cause: { reason: 'TOPIC_DELETED', evidence: {} } }, offset()),
    )
  }
}

/** The offsets of all groups, as lines. */
export function offsetsOf({ offsets }: GroupShard): string[] {
  const lines: string[] = []
  for (const groupId of offsets.groupIds) {
    for (const [topic, partitions] of offsets.allOf(groupId)) {
      for (const [partition, committed] of partitions) {
        lines.push(`${groupId} ${topic}-${partition} ${JSON.stringify(committed)}`)
      }
    }
  }
  return lines.sort()
}

/** What stands in the log of a group that is in no round: its record. */
export function recordOf(shard: GroupShard, groupId: string): GroupRecord | undefined {
  for (const group of shard.groups) {
    if (group.groupId !== groupId || !(group instanceof ClassicGroup) || !group.isStored) continue
    return group.state === 'Stable' || group.state === 'Empty' ? group.record() : undefined
  }
  return undefined
}

export function errorOf({ errorCode }: { readonly errorCode: number }): ErrorName {
  return errorByCode(errorCode).name
}

// Requests, with what a test does not care about filled in.

export interface JoinOptions {
  readonly groupId?: string
  readonly memberId?: string
  readonly instance?: string | null
  readonly version?: number
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
  readonly protocolType?: string
  /** Names with metadata. */
  readonly protocols?: Readonly<Record<string, Uint8Array | string>>
  readonly reason?: string | null
  readonly clientId?: string
}

export const GROUP = 'readers'

export function sendJoin(rig: Rig, options: JoinOptions = {}): Ticket {
  const { version = 9, groupId = GROUP, memberId = '', instance = null, clientId = 'client' } = options
  const { sessionTimeoutMs = 10_000, rebalanceTimeoutMs = 60_000, protocolType = 'consumer', reason = null } = options
  const protocols = Object.entries(options.protocols ?? { range: 'wants' }).map(([name, metadata]) => ({
    name,
    metadata: typeof metadata === 'string' ? Buffer.from(metadata) : metadata,
  }))
  const body = {
    groupId,
    memberId,
    groupInstanceId: instance,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    protocolType,
    protocols,
    reason,
  }
  return rig.send('JoinGroup', version, body, clientId)
}

/** With the id that it is given first, if it has none. */
export function sendJoinWithId(
  rig: Rig,
  options: JoinOptions = {},
): { readonly ticket: Ticket; readonly memberId: string } {
  const first = sendJoin(rig, options)
  const answer = rig.answer('JoinGroup', first)
  if (answer === undefined || errorOf(answer) !== 'MEMBER_ID_REQUIRED')
    return { ticket: first, memberId: options.memberId ?? '' }
  return { ticket: sendJoin(rig, { ...options, memberId: answer.memberId }), memberId: answer.memberId }
}

export interface SyncOptions {
  readonly groupId?: string
  readonly instance?: string | null
  readonly version?: number
  readonly protocolType?: string | null
  readonly protocolName?: string | null
  /** By member. */
  readonly assignments?: Readonly<Record<string, string>>
}

export function sendSync(rig: Rig, memberId: string, generationId: number, options: SyncOptions = {}): Ticket {
  const { groupId = GROUP, instance = null, version = 5, protocolType = null, protocolName = null } = options
  const assignments = Object.entries(options.assignments ?? {}).map(([id, text]) => ({
    memberId: id,
    assignment: Buffer.from(text),
  }))
  const body = { groupId, generationId, memberId, groupInstanceId: instance, protocolType, protocolName, assignments }
  return rig.send('SyncGroup', version, body)
}

export function heartbeat(
  rig: Rig,
  memberId: string,
  generationId: number,
  { groupId = GROUP, instance = null as string | null } = {},
): ErrorName {
  return errorOf(rig.ask('Heartbeat', 4, { groupId, generationId, memberId, groupInstanceId: instance }))
}

export interface CommitOptions {
  readonly groupId?: string
  readonly memberId?: string
  readonly instance?: string | null
  readonly generation?: number
  readonly version?: number
  readonly metadata?: string | null
  readonly retentionTimeMs?: number
  readonly topicId?: string
  readonly leaderEpoch?: number
  readonly commitTimestamp?: number
}

const NO_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

export function sendCommit(
  rig: Rig,
  topic: string,
  offsets: Readonly<Record<number, number>>,
  options: CommitOptions = {},
): Ticket {
  const { groupId = GROUP, memberId = '', instance = null, generation = -1, version = 9 } = options
  const { metadata = '', retentionTimeMs = -1, topicId = NO_TOPIC_ID, leaderEpoch = -1, commitTimestamp = -1 } = options
  const partitions = Object.entries(offsets).map(([partition, offset]) => ({
    partitionIndex: Number(partition),
    committedOffset: offset,
    committedLeaderEpoch: leaderEpoch,
    commitTimestamp,
    committedMetadata: metadata,
  }))
  return rig.send('OffsetCommit', version, {
    groupId,
    memberId,
    groupInstanceId: instance,
    generationIdOrMemberEpoch: generation,
    retentionTimeMs,
    topics: [{ name: topic, topicId, partitions }],
  })
}

/** The errors of the partitions. */
export function commit(
  rig: Rig,
  topic: string,
  offsets: Readonly<Record<number, number>>,
  options: CommitOptions = {},
): ErrorName[] {
  const answer = rig.answer('OffsetCommit', sendCommit(rig, topic, offsets, options))
  assert.ok(answer !== undefined)
  return answer.topics.flatMap(({ partitions }) => partitions.map(errorOf))
}

/** Offsets by topic and partition, as one client sees them; -1 where there is none. */
export function fetchOffsets(rig: Rig, topics: Readonly<Record<string, readonly number[]>> | null, groupId = GROUP) {
  const wanted =
    topics === null
      ? null
      : Object.entries(topics).map(([name, partitionIndexes]) => ({
          name,
          topicId: NO_TOPIC_ID,
          partitionIndexes: [...partitionIndexes],
        }))
  const answer = rig.ask('OffsetFetch', 8, {
    groupId: '',
    topics: null,
    groups: [{ groupId, memberId: null, memberEpoch: -1, topics: wanted }],
    requireStable: true,
  })
  const found: Record<string, Record<number, number>> = {}
  for (const { name = '', partitions } of answer.groups![0]!.topics) {
    const offsets: Record<number, number> = {}
    for (const { partitionIndex, committedOffset } of partitions) offsets[partitionIndex] = committedOffset
    found[name] = offsets
  }
  return found
}

/** Members by name, all in one stable generation: `['a', 'b']` of which the first leads. */
export interface StableGroup {
  readonly generation: number
  /** Member ids by name. */
  readonly ids: Readonly<Record<string, string>>
  readonly leader: string
}

export function stableGroup(
  rig: Rig,
  names: readonly string[],
  options: JoinOptions & { readonly statics?: boolean } = {},
): StableGroup {
  const { groupId = GROUP, statics = false } = options
  const tickets = new Map<string, Ticket>()
  for (const name of names) {
    tickets.set(name, sendJoinWithId(rig, { ...options, instance: statics ? name : null, clientId: name }).ticket)
  }
  rig.advance(rig.settings['group.initial.rebalance.delay.ms'] * 2)
  const ids: Record<string, string> = {}
  let generation = -1
  let leader = ''
  for (const [name, ticket] of tickets) {
    const answer = rig.answer('JoinGroup', ticket)
    assert.equal(answer?.errorCode, 0, `${name} joins`)
    ids[name] = answer.memberId
    generation = answer.generationId!
    leader = answer.leader
  }
  syncAll(rig, { generation, ids, leader }, groupId, statics)
  return { generation, ids, leader }
}

/** The leader assigns to each its name, and all ask for it. */
export function syncAll(rig: Rig, { generation, ids, leader }: StableGroup, groupId = GROUP, statics = false): void {
  const assignments = Object.fromEntries(Object.entries(ids).map(([name, id]) => [id, `for ${name}`]))
  const tickets = Object.entries(ids).map(([name, id]) => {
    const instance = statics ? name : null
    return [
      name,
      sendSync(rig, id, generation, { groupId, instance, ...(id === leader ? { assignments } : {}) }),
    ] as const
  })
  for (const [name, ticket] of tickets) {
    const answer = rig.answer('SyncGroup', ticket)
    assert.equal(answer?.errorCode, 0, `${name} is assigned`)
    assert.equal(Buffer.from(answer.assignment).toString(), `for ${name}`)
  }
}

export function stateOf(rig: Rig, groupId = GROUP): string {
  return rig.ask('DescribeGroups', 5, { groups: [groupId], includeAuthorizedOperations: false }).groups[0]!.groupState
}
