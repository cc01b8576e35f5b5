/**
 * Fault scripts: what befalls a cluster when, as plain data, so that a script can be drawn from a seed, written down, generated and shrunk. Each fault
 * stands for itself: a script without one of its faults is a script, too.
 */
import type { Prng } from '../base/prng.js'

export const CLUSTER_FAULTS = [
  'crash',
  'restart',
  'crash-at-operation',
  'power-loss',
  'power-loss-at-operation',
  'power-loss-of-several',
  'disk-replaced',
  'pause',
  'sleep',
  'isolate',
  'isolate-one-way',
  'partition',
  'partition-one-way',
  'flapping',
  'slow-links',
  'refuse',
  'reset',
  'half-open',
  'late-request',
  'wall-jump',
  'drift',
  'stuck-disk',
  'disk-full',
  'failed-flush',
  'io-error',
] as const

export type ClusterFaultKind = (typeof CLUSTER_FAULTS)[number]

export interface TimedFault {
  /** Since the faults began. */
  readonly atMs: number
  readonly kind: ClusterFaultKind
  /** Whom it strikes: who leads the quorum then, or the node with this number, counted round. */
  readonly target: 'leader' | number
  /** Where it is about several nodes: one bit for each of the others. */
  readonly others: number
  /** How long it lasts, where it does. */
  readonly durationMs: number
  /** From 0 to 1: how bad it is, or which way it goes. */
  readonly strength: number
}

export type FaultScript = readonly TimedFault[]

export interface ScriptOptions {
  readonly kinds: readonly ClusterFaultKind[]
  readonly lengthMs: number
  readonly meanPauseMs: number
  readonly longestFaultMs: number
  /** How likely a fault strikes the leader. */
  readonly leaderChance: number
  /** How often, besides, a fault takes the leader away for longer than others wait for it, if there is a kind that does. */
  readonly leaderLosses: number
}

/** So long that others elect another leader. */
const LEADER_LOSS_MS = 6000
export const LEADER_LOSSES: readonly ClusterFaultKind[] = [
  'isolate',
  'pause',
  'isolate',
  'pause',
  'crash',
  'power-loss',
]

export function drawScript(random: Prng, options: ScriptOptions): FaultScript {
  const { kinds, lengthMs, meanPauseMs, longestFaultMs, leaderChance, leaderLosses } = options
  const script: TimedFault[] = []
  if (kinds.length === 0) return script
  const losses = LEADER_LOSSES.filter((kind) => kinds.includes(kind))
  for (let n = 0; n < leaderLosses && losses.length > 0; n++) {
    const atMs = (0.1 + 0.8 * random.float()) * lengthMs
    const kind = random.pick(losses)
    script.push({ atMs, kind, target: 'leader', others: 0, durationMs: LEADER_LOSS_MS, strength: random.float() })
  }
  for (let atMs = random.exponential(meanPauseMs); atMs < lengthMs; atMs += random.exponential(meanPauseMs)) {
    script.push({
      atMs,
      kind: random.pick(kinds),
      target: random.chance(leaderChance) ? 'leader' : random.below(16),
      others: random.below(256),
      durationMs: random.float() * longestFaultMs,
      strength: random.float(),
    })
  }
  return script.sort((a, b) => a.atMs - b.atMs)
}
