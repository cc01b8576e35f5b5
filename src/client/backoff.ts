/** How long to wait before the next attempt (KIP-580): doubling from `firstMs` to `maximumMs`, a fifth more or less. */
import type { Random } from '../io/random.js'

export interface BackoffOptions {
  readonly firstMs: number
  readonly maximumMs: number
}

/** Kafka's `retry.backoff.ms` and `retry.backoff.max.ms`. */
export const DEFAULT_BACKOFF: BackoffOptions = { firstMs: 100, maximumMs: 1000 }

const JITTER_PERCENT = 20

/** `failures`: attempts that failed so far, from 1. */
export function backoffMs(failures: number, { firstMs, maximumMs }: BackoffOptions, random: Random): number {
  const plain = Math.min(maximumMs, firstMs * 2 ** Math.min(failures - 1, 30))
  const percent = 100 - JITTER_PERCENT + random.below(2 * JITTER_PERCENT + 1)
  return Math.min(maximumMs, (plain * percent) / 100)
}
