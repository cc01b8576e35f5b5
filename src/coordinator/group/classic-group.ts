/**
 * ClassicGroup: a group whose members agree by JoinGroup and SyncGroup, as Kafka has had them from the first. It knows members, protocols and its state;
 * `ClassicGroups` says what happens when. In the log stands the last generation that was assigned; a round that is under way does not, so that it
 * begins again after a move.
 */
import { assert } from '../../base/assert.js'
import { Reader } from '../../base/bytes/reader.js'
import type { ErrorName } from '../../protocol/errors.js'
import { ConsumerProtocolSubscription } from '../../protocol/messages/records/consumer-protocol.js'
import type { Now } from '../shard.js'
import {
  type ClassicMember,
  type JoinTicket,
  type MemberProtocol,
  type MemberWishes,
  NO_BYTES,
} from './classic-member.js'
import type { Deadline } from './deadlines.js'
import type { CommitClaim, Group, OffsetsUnused } from './group.js'
import type { GroupRecord, GroupRecordOf } from './group-records.js'
import type { ResponseOf } from './group-requests.js'

export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

const CONSUMER_PROTOCOL_TYPE = 'consumer'

export type GroupMetadata = NonNullable<GroupRecordOf<'GroupMetadata'>['value']>

export class ClassicGroup implements Group {
  readonly type = 'classic'
  readonly groupId: string
  readonly members = new Map<string, ClassicMember>()
  /** Member ids by `group.instance.id` (KIP-345). */
  readonly staticMembers = new Map<string, string>()
  /** Those that were given an id and have not come back with it yet (KIP-394), until when. */
  readonly pendingMembers = new Map<string, Deadline>()
  /** Who has not asked for its assignment since the round. */
  readonly pendingSyncs = new Set<string>()
  readonly joinDeadline: Deadline
  readonly syncDeadline: Deadline
  /** Members came while the first round waits for more. */
  newMemberAdded = false
  /** The first round of a group that was empty: it waits although all are there. */
  isFirstRound = false
  /** It stands in the log. */
  isStored = false
  /** It is empty, and the log, which did not take that, says something else. */
  isAheadOfLog = false
  /**
   * It has become a classic group, and its members have not been in a round yet. In the log it has no leader then (Kafka names one, and no round begins after a move): whoever loads it begins that round.
   */
  awaitsRound = false
  /** Monotonic: when the round under way began. */
  roundStartedMs = 0
  generation = 0
  protocol: string | null = null
  leader: string | null = null

  #state: ClassicState = 'Empty'
  #protocolType = ''
  /** Wall time; -1: an old record did not say. */
  #stateSinceMs: number
  /** Names of the protocols that all members know; undefined: to be found. */
  #shared: ReadonlySet<string> | undefined
  #subscribedTopics: ReadonlySet<string> | undefined
  readonly #extendSession: (member: ClassicMember, now: Now) => void

  constructor(groupId: string, sinceMs: number, timers: GroupTimers) {
    this.groupId = groupId
    this.#stateSinceMs = sinceMs
    this.joinDeadline = timers.join
    this.syncDeadline = timers.sync
    this.#extendSession = timers.extendSession
  }

  get state(): ClassicState {
    return this.#state
  }

  get protocolType(): string {
    return this.#protocolType
  }

  get isEmpty(): boolean {
    return this.#state === 'Empty'
  }

  get memberCount(): number {
    return this.members.size
  }

  get awaitingJoin(): number {
    let count = 0
    for (const { joining } of this.members.values()) if (joining !== undefined) count++
    return count
  }

  get hasAllJoined(): boolean {
    if (this.pendingMembers.size > 0) return false
    for (const { joining } of this.members.values()) if (joining === undefined) return false
    return true
  }

  /** The longest of its members. */
  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const { rebalanceTimeoutMs } of this.members.values()) longest = Math.max(longest, rebalanceTimeoutMs)
    return longest
  }

  transitionTo(state: ClassicState, now: Now): void {
    this.#state = state
    this.#stateSinceMs = now.wallMs
  }

  // Members

  add(member: ClassicMember, protocolType: string): void {
    // Only where somebody else has written it so.
    if (this.members.has(member.memberId)) this.remove(member.memberId)
    if (this.members.size === 0) this.#protocolType = protocolType
    if (this.members.size > 0 && this.#shared !== undefined) this.#shared = namesOf(member.protocols, this.#shared)
    else this.#shared = undefined
    this.members.set(member.memberId, member)
    if (member.groupInstanceId !== null) this.staticMembers.set(member.groupInstanceId, member.memberId)
    this.leader ??= member.memberId
  }

  remove(memberId: string): ClassicMember | undefined {
    const member = this.members.get(memberId)
    this.#shared = undefined
    this.members.delete(memberId)
    this.pendingSyncs.delete(memberId)
    const { groupInstanceId = null } = member ?? {}
    if (groupInstanceId !== null && this.staticMembers.get(groupInstanceId) === memberId) {
      this.staticMembers.delete(groupInstanceId)
    }
    if (this.leader === memberId) this.leader = this.members.keys().next().value ?? null
    return member
  }

  change(member: ClassicMember, { protocols, rebalanceTimeoutMs, sessionTimeoutMs }: MemberWishes): void {
    const isSame = protocols.every(({ name }, index) => name === member.protocols[index]?.name)
    if (!isSame || protocols.length !== member.protocols.length) this.#shared = undefined
    member.protocols = protocols
    member.rebalanceTimeoutMs = rebalanceTimeoutMs
    member.sessionTimeoutMs = sessionTimeoutMs
  }

  /** The same static member under another id, in its place: it keeps its assignment, and the lead. */
  replace(old: ClassicMember, member: ClassicMember): void {
    const members = [...this.members.values()].map((other) => (other === old ? member : other))
    this.#shared = undefined
    this.members.clear()
    for (const each of members) this.members.set(each.memberId, each)
    if (this.leader === old.memberId) this.leader = member.memberId
    if (this.pendingSyncs.delete(old.memberId)) this.pendingSyncs.add(member.memberId)
    assert(member.groupInstanceId !== null, () => `member ${member.memberId} is not static, and takes a place`)
    this.staticMembers.set(member.groupInstanceId, member.memberId)
  }

  /** What is wrong with who says to be this member. */
  refusesMember(memberId: string, groupInstanceId: string | null): ErrorName | undefined {
    if (groupInstanceId !== null) {
      const known = this.staticMembers.get(groupInstanceId)
      if (known === undefined) return 'UNKNOWN_MEMBER_ID'
      if (known !== memberId) return 'FENCED_INSTANCE_ID'
    }
    return this.members.has(memberId) ? undefined : 'UNKNOWN_MEMBER_ID'
  }

  /** The leader, if it has come to this round; else the first that has. False: nobody has. */
  electLeader(): boolean {
    if (this.leader !== null && this.members.get(this.leader)?.joining !== undefined) return true
    for (const { memberId, joining } of this.members.values()) {
      if (joining === undefined) continue
      this.leader = memberId
      return true
    }
    return false
  }

  // Protocols

  /** Whether who wants these could be a member. */
  supports(protocolType: string, protocols: readonly { readonly name: string }[]): boolean {
    if (this.#state === 'Empty') return protocolType !== '' && protocols.length > 0
    if (protocolType !== this.#protocolType) return false
    if (this.members.size === 0) return protocols.length > 0
    const shared = this.#sharedProtocols()
    return protocols.some(({ name }) => shared.has(name))
  }

  /** Who has come by JoinGroup does; what has been read elsewhere need not. */
  get sharesProtocol(): boolean {
    return this.#sharedProtocols().size > 0
  }

  /** What all support, and most prefer. */
  selectProtocol(): string {
    const votes = new Map<string, number>()
    const shared = this.#sharedProtocols()
    for (const { protocols, memberId } of this.members.values()) {
      const wanted = protocols.find(({ name }) => shared.has(name))
      assert(wanted !== undefined, () => `member ${memberId} of ${this.groupId} shares no protocol with the others`)
      votes.set(wanted.name, (votes.get(wanted.name) ?? 0) + 1)
    }
    let selected = ''
    for (const [name, count] of votes) if (count > (votes.get(selected) ?? 0)) selected = name
    return selected
  }

  #sharedProtocols(): ReadonlySet<string> {
    if (this.#shared === undefined) {
      const [first, ...others] = this.members.values()
      let shared = namesOf(first?.protocols ?? [])
      for (const { protocols } of others) shared = namesOf(protocols, shared)
      this.#shared = shared
    }
    return this.#shared
  }

  /** The round is over: who is there now makes the next generation. */
  beginGeneration(now: Now): void {
    this.generation++
    this.pendingSyncs.clear()
    this.isFirstRound = false
    this.newMemberAdded = false
    this.awaitsRound = false
    this.protocol = this.members.size === 0 ? null : this.selectProtocol()
    this.transitionTo(this.members.size === 0 ? 'Empty' : 'CompletingRebalance', now)
    this.#findSubscribedTopics()
  }

  // What is answered

  joinAnswer(member: ClassicMember, asked: JoinTicket): ResponseOf<'JoinGroup'> {
    const { memberId } = member
    return {
      errorCode: 0,
      generationId: this.generation,
      protocolType: this.#protocolType,
      protocolName: this.protocol ?? (asked.version < 7 ? '' : null),
      leader: this.leader ?? '',
      skipAssignment: false,
      memberId,
      members: this.leader === memberId ? this.membersForLeader() : [],
    }
  }

  membersForLeader(): ResponseOf<'JoinGroup'>['members'] {
    return [...this.members.values()].map(({ memberId, groupInstanceId, protocols }) => ({
      memberId,
      groupInstanceId,
      metadata: metadataFor(protocols, this.protocol),
    }))
  }

  describe(): ResponseOf<'DescribeGroups'>['groups'][number] {
    const isStable = this.#state === 'Stable'
    return {
      errorCode: 0,
      groupId: this.groupId,
      groupState: this.#state,
      protocolType: this.#protocolType,
      protocolData: isStable ? (this.protocol ?? '') : '',
      members: [...this.members.values()].map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        memberMetadata: isStable ? metadataFor(member.protocols, this.protocol) : NO_BYTES,
        memberAssignment: isStable ? member.assignment : NO_BYTES,
      })),
    }
  }

  // The log

  /** With the members as they are, and these assignments or those that they have. */
  record(assignments?: ReadonlyMap<string, Uint8Array>): GroupRecord {
    return {
      type: 'GroupMetadata',
      key: { group: this.groupId },
      value: {
        protocolType: this.#protocolType,
        generation: this.generation,
        protocol: this.protocol,
        leader: this.awaitsRound ? null : this.leader,
        currentStateTimestamp: this.#stateSinceMs,
        members: [...this.members.values()].map((member) => ({
          memberId: member.memberId,
          groupInstanceId: member.groupInstanceId,
          clientId: member.clientId,
          clientHost: member.clientHost,
          rebalanceTimeout: member.rebalanceTimeoutMs,
          sessionTimeout: member.sessionTimeoutMs,
          subscription: metadataFor(member.protocols, this.protocol),
          assignment: (assignments === undefined ? member.assignment : assignments.get(member.memberId)) ?? NO_BYTES,
        })),
      },
    }
  }

  tombstones(): GroupRecord[] {
    return [{ type: 'GroupMetadata', key: { group: this.groupId }, value: null }]
  }

  /** What a record says of the whole group. Of one that was decided here members keep what the log does not have: who waits, and which protocols they know. */
  take(value: GroupMetadata, decidedHere: boolean, makeMember: (fields: StoredMember) => ClassicMember): void {
    const known = new Map(decidedHere ? this.members : [])
    this.isStored = true
    this.isAheadOfLog = false
    this.members.clear()
    this.#shared = undefined
    this.staticMembers.clear()
    this.generation = value.generation
    this.#protocolType = value.protocolType
    this.protocol = value.protocol
    this.leader = value.leader
    this.awaitsRound = value.leader === null && value.members.length > 0
    this.#stateSinceMs = value.currentStateTimestamp
    this.#state = value.members.length === 0 ? 'Empty' : 'Stable'
    for (const stored of value.members) {
      const member = known.get(stored.memberId) ?? makeMember({ ...stored, protocol: value.protocol ?? '' })
      member.assignment = new Uint8Array(stored.assignment)
      this.add(member, value.protocolType)
    }
    this.#findSubscribedTopics()
  }

  // As a group

  refusesCommit({
    memberId,
    groupInstanceId,
    generationIdOrMemberEpoch: generation,
  }: CommitClaim): ErrorName | undefined {
    if (generation < 0 && this.isEmpty) return undefined
    if (generation < 0 && memberId === '' && groupInstanceId === null) return 'UNKNOWN_MEMBER_ID'
    const refused = this.refusesMember(memberId, groupInstanceId)
    if (refused !== undefined) return refused
    if (generation !== this.generation) return 'ILLEGAL_GENERATION'
    return this.#state === 'CompletingRebalance' ? 'REBALANCE_IN_PROGRESS' : undefined
  }

  committed(memberId: string, now: Now): void {
    const member = this.members.get(memberId)
    if (member !== undefined && this.#state !== 'CompletingRebalance') this.#extendSession(member, now)
  }

  refusesFetch(): ErrorName | undefined {
    return undefined
  }

  refusesOffsetDelete(): ErrorName | undefined {
    return this.isEmpty || this.#protocolType === CONSUMER_PROTOCOL_TYPE ? undefined : 'NON_EMPTY_GROUP'
  }

  /** Of members of whom it cannot be read what they want, it is taken to be everything. */
  isSubscribedTo(topic: string): boolean {
    return this.#subscribedTopics?.has(topic) ?? this.#protocolType === CONSUMER_PROTOCOL_TYPE
  }

  offsetsUnused(): OffsetsUnused {
    if (this.#protocolType === '') return 'since commit'
    if (this.isEmpty) return this.#stateSinceMs === -1 ? 'since commit' : { sinceMs: this.#stateSinceMs }
    const isKnown = this.#protocolType === CONSUMER_PROTOCOL_TYPE && this.#subscribedTopics !== undefined
    return isKnown && this.#state === 'Stable' ? 'since commit' : 'in use'
  }

  #findSubscribedTopics(): void {
    this.#subscribedTopics = undefined
    if (this.#protocolType !== CONSUMER_PROTOCOL_TYPE) return
    const topics = new Set<string>()
    for (const { protocols } of this.members.values()) {
      const subscribed = subscribedTopics(metadataFor(protocols, this.protocol))
      if (subscribed === undefined) return
      for (const topic of subscribed) topics.add(topic)
    }
    this.#subscribedTopics = topics
  }
}

export interface GroupTimers {
  readonly join: Deadline
  readonly sync: Deadline
  readonly extendSession: (member: ClassicMember, now: Now) => void
}

/** A member as a record has it, with the one protocol that is written there. */
export type StoredMember = GroupMetadata['members'][number] & { readonly protocol: string }

function namesOf(protocols: readonly MemberProtocol[], among?: ReadonlySet<string>): ReadonlySet<string> {
  const names = new Set<string>()
  for (const { name } of protocols) if (among === undefined || among.has(name)) names.add(name)
  return names
}

function metadataFor(protocols: readonly MemberProtocol[], name: string | null): Uint8Array {
  return protocols.find((protocol) => protocol.name === name)?.metadata ?? NO_BYTES
}

/** Undefined: it is none that can be read. Every version begins as version 0 does. */
function subscribedTopics(metadata: Uint8Array): readonly string[] | undefined {
  try {
    const reader = new Reader(metadata)
    return reader.int16() < 0 ? undefined : ConsumerProtocolSubscription.decode(0, reader).topics
  } catch {
    return undefined
  }
}
