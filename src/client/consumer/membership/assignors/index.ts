/** `partition.assignment.strategy`: the assignors there are, by Kafka's names and by the names of Kafka's classes. */
import type { Assignor } from './assignor.js'
import { COOPERATIVE_STICKY } from './cooperative-sticky.js'
import { RANGE } from './range.js'
import { ROUND_ROBIN } from './round-robin.js'
import { STICKY } from './sticky.js'

const BY_CLASS: Readonly<Record<string, Assignor>> = {
  RangeAssignor: RANGE,
  RoundRobinAssignor: ROUND_ROBIN,
  StickyAssignor: STICKY,
  CooperativeStickyAssignor: COOPERATIVE_STICKY,
}

/** Kafka's default. */
export const DEFAULT_ASSIGNORS: readonly Assignor[] = [RANGE, COOPERATIVE_STICKY]

export const ASSIGNOR_NAMES: readonly string[] = Object.values(BY_CLASS).map(({ name }) => name)

/** `range`, `RangeAssignor` or `org.apache.kafka.clients.consumer.RangeAssignor`; undefined: there is no such. */
export function assignorByName(text: string): Assignor | undefined {
  const name = text.trim().slice(text.trim().lastIndexOf('.') + 1)
  return Object.hasOwn(BY_CLASS, name) ? BY_CLASS[name] : Object.values(BY_CLASS).find((each) => each.name === name)
}
