/** The list of targets, in the order in which they run. */

import { batches } from './batches.js'
import { codec } from './codec.js'
import { config } from './config.js'
import { log } from './log.js'
import { metadata } from './metadata.js'
import { node } from './node.js'
import type { Target } from './target.js'

export const TARGETS: readonly Target[] = [
  codec,
  batches,
  log,
  node,
  metadata,
  config,
] as readonly unknown[] as readonly Target[]

export function targetOf(name: string): Target | undefined {
  return TARGETS.find((target) => target.name === name)
}
