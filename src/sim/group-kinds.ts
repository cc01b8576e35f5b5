/**
 * Groups whose members run on the cores that users are given: all of them of the protocol of KIP-848, all classic, or of both, so that the group goes over from the one to the other and
 * back while it is read. What is drawn here has a stream of its own: a run without such groups is what it was before there were any.
 */
import type { Prng } from '../base/prng.js'
import { randomUuid } from '../base/uuid.js'
import { COOPERATIVE_STICKY } from '../client/consumer/membership/assignors/cooperative-sticky.js'
import { RANGE } from '../client/consumer/membership/assignors/range.js'
import { ROUND_ROBIN } from '../client/consumer/membership/assignors/round-robin.js'
import { STICKY } from '../client/consumer/membership/assignors/sticky.js'
import { ClassicMembership } from '../client/consumer/membership/classic-membership.js'
import { ConsumerMembership } from '../client/consumer/membership/consumer-membership.js'
import type { Wanted } from '../client/consumer/membership/membership.js'
import { CoreMember, type CoreMemberOptions } from './core-member.js'
import type { MemberParts } from './group-consumer.js'
import type { GroupMembership } from './group-membership.js'
import { ABSENT_TOPIC } from './group-protocol.js'
import { drawManner, type GroupManner } from './group-slot.js'

/** What the members of a group speak. */
export type GroupKind = 'next' | 'classic' | 'both'
/** What one process speaks; plain: `GroupMember`, of the simulator. */
type Tongue = 'next' | 'classic' | 'plain'

const GROUPS_CHANCE = 0.6
const MOST_GROUPS = 2
const REGEX_CHANCE = 0.3
/** How often a process that is started again wants something else, and may speak something else. */
const OTHER_CHANCE = 0.6
/** So long most members of a group of both protocols speak the one. */
const FASHION_MS = 9000
const FASHION_CHANCE = 0.85
const ASSIGNORS = { range: RANGE, roundrobin: ROUND_ROBIN, 'cooperative-sticky': COOPERATIVE_STICKY } as const
const ALL_EAGER = ['range', 'roundrobin'] as const
const SESSION_KEY = 'group.consumer.session.timeout.ms'

/** Empty: a run without such groups. */
export function drawKinds(random: Prng): GroupKind[] {
  if (!random.chance(GROUPS_CHANCE)) return []
  const count = random.between(1, MOST_GROUPS)
  return Array.from({ length: count }, () => random.pick(['next', 'next', 'next', 'both', 'both', 'classic'] as const))
}

/** Of the brokers. Where there are such groups, logs are also read in small pieces, so that it takes its time until they are loaded. */
export function drawNextSettings(random: Prng, kinds: readonly GroupKind[]): Readonly<Record<string, string>> {
  const sessionMs = random.pick([1500, 3000, 6000])
  return {
    'group.consumer.min.session.timeout.ms': '500',
    [SESSION_KEY]: String(sessionMs),
    'group.consumer.min.heartbeat.interval.ms': '100',
    'group.consumer.heartbeat.interval.ms': String(sessionMs / random.pick([3, 6])),
    ...(kinds.length > 0 ? { 'offsets.load.buffer.size': random.pick(['512', '5242880']) } : {}),
    'group.consumer.assignors': random.pick(['uniform,range', 'uniform,range', 'range,uniform']),
  }
}

export interface KindOfSlot {
  readonly kind: GroupKind
  readonly isCooperative: boolean
  readonly isStatic: boolean
  /** Of the brokers. */
  readonly settings: Readonly<Record<string, string>>
  /** What all that are started from now on speak, in a group of both. */
  readonly turned: { to: 'next' | 'classic' | undefined }
  /** Nothing befalls groups any more. */
  readonly isSettled: () => boolean
  readonly coreOptions: Pick<
    CoreMemberOptions,
    'group' | 'instanceId' | 'now' | 'reign' | 'shardAt' | 'count' | 'brokers' | 'topicIdOf'
  >
}

export interface SlotManner extends GroupManner {
  readonly memberOf: (parts: MemberParts) => GroupMembership | undefined
  readonly lateCommitChance: number
  readonly isConverted: boolean
}

/** What a slot is like whose processes may each speak something else. */
export function drawKindOfSlot(random: Prng, slot: KindOfSlot): SlotManner {
  const { kind, isCooperative, isStatic, isSettled } = slot
  const drawn = drawManner(random, isCooperative)
  // A coordinator that loads a classic group only knows the assignor that was chosen (in Kafka, too): who does not know that one is not let in.
  const manner = isCooperative || drawn.assignors.length > 1 ? drawn : { ...drawn, assignors: ALL_EAGER }
  const lateCommitChance = random.pick([0.3, 0.8])
  const draw = (): Tongue => (kind === 'both' ? drawTongue(random, isStatic, slot.coreOptions.now()) : kind)
  let tongue = draw()
  let wishes = drawWishes(random)
  const served = { wanted: undefined }
  const memberOf = (parts: MemberParts): GroupMembership | undefined => {
    if (!isSettled() && random.chance(OTHER_CHANCE)) {
      tongue = draw()
      wishes = drawWishes(random)
    }
    tongue = slot.turned.to ?? tongue
    if (tongue === 'plain') return undefined
    slot.coreOptions.count(`a core speaks the ${tongue} protocol`)
    return tongue === 'next' ? nextMember(parts, slot, manner, wishes) : classicMember(parts, slot, manner, served)
  }
  return {
    ...manner,
    memberOf,
    lateCommitChance,
    isConverted: kind === 'both',
  }
}

/** As one would upgrade a group, and take that back: for a time most speak the one protocol, then most the other. */
function drawTongue(random: Prng, isStatic: boolean, nowMs: number): Tongue {
  // Two kinds of classic members under one instance id do not know what the other has wanted.
  const classic = isStatic ? 'classic' : random.pick(['classic', 'plain'] as const)
  const isUpgraded = Math.floor(nowMs / FASHION_MS) % 2 === 1
  return random.chance(FASHION_CHANCE) === isUpgraded ? 'next' : classic
}

/** What a member of KIP-848 wants of the group besides its topics. */
interface Wishes {
  readonly isByRegex: boolean
  readonly assignor: string | null
}

function drawWishes(random: Prng): Wishes {
  return { isByRegex: random.chance(REGEX_CHANCE), assignor: random.pick([null, null, 'uniform', 'range']) }
}

function nextMember(
  parts: MemberParts,
  { coreOptions, settings, kind }: KindOfSlot,
  { rebalanceTimeoutMs }: GroupManner,
  { isByRegex, assignor }: Wishes,
): GroupMembership {
  const { group, instanceId } = coreOptions
  // A poll of the application comes in time, unless it is busy.
  const patientMs = Math.max(2000, rebalanceTimeoutMs)
  const core = new ConsumerMembership({
    groupId: group,
    memberId: randomUuid(parts.ports.random),
    groupInstanceId: instanceId,
    remoteAssignor: assignor,
    maxPollIntervalMs: patientMs,
    random: parts.ports.random,
  })
  if (isByRegex) coreOptions.count('a member wants what an expression matches')
  const wantedOf = (topics: readonly string[]): Wanted =>
    isByRegex ? { topics: topics.slice(1), regex: topics.join('|') } : { topics }
  return new CoreMember(parts, {
    ...coreOptions,
    core,
    isNext: true,
    sessionTimeoutMs: Number(settings[SESSION_KEY]),
    rebalanceTimeoutMs: patientMs,
    wantedOf,
    isConverted: kind === 'both',
  })
}

function classicMember(
  parts: MemberParts,
  { coreOptions, isStatic, isSettled, kind }: KindOfSlot,
  { assignors, sessionTimeoutMs, rebalanceTimeoutMs, heartbeatMs }: GroupManner,
  served: NonNullable<CoreMemberOptions['served']>,
): GroupMembership {
  const { group, instanceId } = coreOptions
  const patientMs = Math.max(2000, rebalanceTimeoutMs)
  const known = assignors.map((name) => ASSIGNORS[name])
  const core = new ClassicMembership({
    groupId: group,
    groupInstanceId: instanceId,
    // In groups that are divided by the simulator's own there is no such assignor.
    assignors: kind === 'classic' && assignors[0] === 'roundrobin' ? [STICKY, ...known] : known,
    sessionTimeoutMs,
    heartbeatIntervalMs: heartbeatMs,
    maxPollIntervalMs: patientMs,
    random: parts.ports.random,
  })
  return new CoreMember(parts, {
    ...coreOptions,
    core,
    isNext: false,
    sessionTimeoutMs,
    rebalanceTimeoutMs: patientMs,
    // In the end it wants one topic more, which is not there: that begins a round, also where topics have grown while a static leader was away, of which it knows nothing (in Kafka, too).
    wantedOf: (topics) => ({ topics: isSettled() ? [...topics, ABSENT_TOPIC] : topics }),
    ...(isStatic ? { served } : {}),
    isConverted: kind === 'both',
  })
}
