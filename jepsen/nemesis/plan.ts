/**
 * When which fault begins and ends, drawn from a seed: one alone, again and again, several by turns, or mixtures that change, with quiet spells between. Says nothing of what a fault does, and is the
 * same however the faults turn out.
 */
import type { Prng } from '../../src/base/prng.js'

/** `alone`: the first, over the whole time; `turns`: each alone, one after the other, and then from the first again; `mixtures`: subsets that take turns. */
export const PLAN_KINDS = ['alone', 'turns', 'mixtures'] as const
export type PlanKind = (typeof PLAN_KINDS)[number]

export interface PlanOptions {
  /** Names. */
  readonly faults: readonly string[]
  readonly kind: PlanKind
  /** From the first to the last step. */
  readonly durationMs: number
  /** Between the beginnings of one fault, on the average. */
  readonly intervalMs?: number
  /** How long a mixture lasts, on the average. */
  readonly mixtureMs?: number
  /** How many of a mixture at most. */
  readonly most?: number
}

export interface PlannedStep {
  /** Since the plan begins. */
  readonly atMs: number
  readonly fault: string
  readonly does: 'begin' | 'end'
}

const INTERVAL_MS = 12_000
const MIXTURE_MS = 30_000
const MOST = 4
const QUIET = 0.25
/** A fault lasts for a part of its interval, and leaves time to recover. */
const SHORTEST = 0.2
const LONGEST = 0.8
const SHORTEST_MS = 500

/** In order of time; each fault begins and ends by turns, and has ended at the end. */
export function planFaults(options: PlanOptions, random: Prng): readonly PlannedStep[] {
  const { faults, kind, durationMs, intervalMs = INTERVAL_MS, mixtureMs = MIXTURE_MS, most = MOST } = options
  if (faults.length === 0) return []
  if (kind === 'alone') return turns([faults[0]!], 0, durationMs, intervalMs, random)
  if (kind === 'turns') return turns(faults, 0, durationMs, intervalMs, random)
  const steps: PlannedStep[] = []
  let wasQuiet = true
  for (let fromMs = 0; fromMs < durationMs; ) {
    const untilMs = Math.min(durationMs, fromMs + Math.round(mixtureMs * (0.75 + random.float() / 2)))
    // Two quiet spells in a row would be a long one.
    const isQuiet: boolean = !wasQuiet && random.chance(QUIET / (1 - QUIET))
    if (!isQuiet) {
      for (const fault of drawn(faults, random.between(1, Math.min(most, faults.length)), random)) {
        steps.push(...turns([fault], fromMs, untilMs, intervalMs, random.fork(`${fault} at ${fromMs}`)))
      }
    }
    wasQuiet = isQuiet
    fromMs = untilMs
  }
  return steps.sort((a, b) => a.atMs - b.atMs)
}

/** One after the other begins and ends in this time. */
function turns(
  faults: readonly string[],
  fromMs: number,
  untilMs: number,
  intervalMs: number,
  random: Prng,
): PlannedStep[] {
  const steps: PlannedStep[] = []
  let atMs = fromMs + Math.round(random.float() * Math.min(intervalMs, untilMs - fromMs) * 0.5)
  for (let turn = 0; atMs + SHORTEST_MS < untilMs; turn++) {
    const fault = faults[turn % faults.length]!
    const turnMs = Math.round(intervalMs * (0.5 + random.float()))
    const share = SHORTEST + random.float() * (LONGEST - SHORTEST)
    const endMs = Math.min(untilMs, atMs + Math.max(SHORTEST_MS, Math.round(turnMs * share)))
    steps.push({ atMs, fault, does: 'begin' }, { atMs: endMs, fault, does: 'end' })
    atMs = Math.max(atMs + turnMs, endMs + 1)
  }
  return steps
}

function drawn(faults: readonly string[], count: number, random: Prng): readonly string[] {
  const rest = [...faults]
  return Array.from({ length: count }, () => rest.splice(random.below(rest.length), 1)[0]!)
}
