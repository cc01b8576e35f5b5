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
}

export function drawScript(random: Prng, options: ScriptOptions): FaultScript {
  const { kinds, lengthMs, meanPauseMs, longestFaultMs, leaderChance } = options
  const script: TimedFault[] = []
  if (kinds.length === 0) return script
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
  return script
}
