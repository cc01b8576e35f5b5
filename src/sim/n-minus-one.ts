/**
 * The N-1 profiles: a log of N replicas of which all but one fail, as a table: the cluster, the settings of the topic, what fails and what is claimed then. Those
 * whose name begins with `control` lack one of the conditions: there the checkers must see that acknowledged records are lost.
 */
import type { NodeRole } from './cluster-world.js'

/** `crash`: the process ends; what the system has in memory stays. `power-loss`: of the machine. `either`: one of these for each. */
export type FailureKind = 'crash' | 'power-loss' | 'either'

export interface FailureStage {
  /** How many more of the replicas fail, one after the other, and stay away. */
  readonly failures: number
  readonly kind: FailureKind
  /** All in the same moment. */
  readonly atOnce?: true
  /**
   * Each is cut off from the other nodes before, and not from its clients, until it has acknowledged records that nobody else has; who leads something goes first.
   */
  readonly cutOff?: true
  /** Those that failed in an earlier stage come back then. */
  readonly othersReturn?: true
  /** Those that failed in this stage come back then, and nobody else. */
  readonly theseReturn?: true
  /**
   * What is seen afterwards. `goes on`: every partition acknowledges records that were sent after the last failure. `stops`: none does. `nobody leads`: nor has any
   * partition a leader from when it is seen that those who failed are gone, or back.
   */
  readonly after: 'goes on' | 'stops' | 'nobody leads'
}

export interface NMinusOneProfile {
  readonly cluster: 'five combined nodes' | 'three controllers, three brokers' | 'three controllers, five brokers'
  readonly replicationFactor: number
  readonly minInsyncReplicas: number
  readonly flushPolicy: 'commit' | 'os'
  readonly acks: 1 | -1
  readonly unclean?: true
  /** `eligible.leader.replicas.version` is 1. */
  readonly keepsEligible?: true
  /** A machine that has lost its power says that it has not. */
  readonly bootIdIgnored?: true
  readonly stages: readonly FailureStage[]
  /** How often replicas are compared; without it as seldom as by default. */
  readonly digestIntervalMs?: number
  /** Of records that were acknowledged. */
  readonly lost: 'nothing' | 'may be lost'
}

const TWO_OF_THREE = { replicationFactor: 3, acks: -1, lost: 'nothing' } as const

/** Who was in sync last loses power, and is back first: with eligible replicas it does not lead, if it says so, and one of those that crashed does. */
const OS_AND_POWER = {
  cluster: 'three controllers, three brokers',
  replicationFactor: 3,
  minInsyncReplicas: 2,
  flushPolicy: 'os',
  acks: -1,
  keepsEligible: true,
} as const
const LAST_IN_SYNC = { failures: 2, kind: 'crash', after: 'stops' } as const

export const N_MINUS_ONE = {
  'rf3-min1': {
    ...TWO_OF_THREE,
    cluster: 'five combined nodes',
    minInsyncReplicas: 1,
    flushPolicy: 'commit',
    stages: [{ failures: 2, kind: 'either', after: 'goes on' }],
  },
  'rf3-min2': {
    ...TWO_OF_THREE,
    cluster: 'five combined nodes',
    minInsyncReplicas: 2,
    flushPolicy: 'commit',
    stages: [{ failures: 2, kind: 'either', after: 'stops' }],
  },
  'rf3-os': {
    ...TWO_OF_THREE,
    cluster: 'five combined nodes',
    minInsyncReplicas: 1,
    flushPolicy: 'os',
    stages: [{ failures: 2, kind: 'crash', after: 'goes on' }],
  },
  rf5: {
    cluster: 'three controllers, five brokers',
    replicationFactor: 5,
    minInsyncReplicas: 1,
    flushPolicy: 'commit',
    acks: -1,
    stages: [{ failures: 4, kind: 'either', after: 'goes on' }],
    lost: 'nothing',
  },
  'five-combined': {
    cluster: 'five combined nodes',
    replicationFactor: 5,
    minInsyncReplicas: 1,
    flushPolicy: 'commit',
    acks: -1,
    stages: [
      { failures: 2, kind: 'either', after: 'goes on' },
      { failures: 1, kind: 'either', after: 'stops' },
    ],
    lost: 'nothing',
  },
  'three-separate': {
    ...TWO_OF_THREE,
    cluster: 'three controllers, three brokers',
    minInsyncReplicas: 1,
    flushPolicy: 'commit',
    stages: [{ failures: 2, kind: 'either', after: 'goes on' }],
  },
  'clean-election': {
    ...TWO_OF_THREE,
    cluster: 'three controllers, three brokers',
    minInsyncReplicas: 1,
    flushPolicy: 'commit',
    stages: [
      { failures: 2, kind: 'either', after: 'goes on' },
      { failures: 1, kind: 'either', othersReturn: true, after: 'stops' },
    ],
  },
  'os-boot-id': {
    ...OS_AND_POWER,
    stages: [LAST_IN_SYNC, { failures: 1, kind: 'power-loss', theseReturn: true, after: 'nobody leads' }],
    lost: 'nothing',
  },
  'control-acks-1': {
    cluster: 'five combined nodes',
    replicationFactor: 3,
    minInsyncReplicas: 1,
    flushPolicy: 'commit',
    acks: 1,
    stages: [{ failures: 2, kind: 'either', cutOff: true, after: 'goes on' }],
    lost: 'may be lost',
  },
  'control-unclean': {
    cluster: 'three controllers, three brokers',
    replicationFactor: 3,
    minInsyncReplicas: 1,
    flushPolicy: 'commit',
    acks: -1,
    unclean: true,
    stages: [
      { failures: 2, kind: 'either', after: 'goes on' },
      { failures: 1, kind: 'either', othersReturn: true, after: 'goes on' },
    ],
    lost: 'may be lost',
  },
  'control-os-power-loss': {
    cluster: 'five combined nodes',
    replicationFactor: 3,
    minInsyncReplicas: 1,
    flushPolicy: 'os',
    acks: -1,
    stages: [{ failures: 3, kind: 'power-loss', atOnce: true, after: 'stops' }],
    lost: 'may be lost',
  },
  'control-boot-id': {
    ...OS_AND_POWER,
    bootIdIgnored: true,
    stages: [LAST_IN_SYNC, { failures: 1, kind: 'power-loss', theseReturn: true, after: 'stops' }],
    lost: 'may be lost',
  },
} as const satisfies Readonly<Record<string, NMinusOneProfile>>

export type NMinusOneName = keyof typeof N_MINUS_ONE

export const N_MINUS_ONE_NAMES = Object.keys(N_MINUS_ONE) as readonly NMinusOneName[]

export function isNMinusOne(name: string): name is NMinusOneName {
  return Object.hasOwn(N_MINUS_ONE, name)
}

export function rolesOf({ cluster }: NMinusOneProfile): readonly NodeRole[] {
  switch (cluster) {
    case 'five combined nodes':
      return repeated('combined', 5)
    case 'three controllers, three brokers':
      return [...repeated('controller', 3), ...repeated('broker', 3)]
    case 'three controllers, five brokers':
      return [...repeated('controller', 3), ...repeated('broker', 5)]
    default:
      return cluster satisfies never
  }
}

function repeated(role: NodeRole, count: number): NodeRole[] {
  return new Array<NodeRole>(count).fill(role)
}
