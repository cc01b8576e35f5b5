/**
 * What the client of a request may do, asked for one group or topic at a time: what it may not is answered for itself, with Kafka's error, and the rest goes on.
 * What a request needs as a whole stands in the declaration of its handler.
 */
import type { Call } from '../../server/handler.js'
import { group, type Operation, topic } from '../../server/stages.js'

type Asking = Pick<Call<unknown>, 'principal' | 'allows'>

/** Kafka's codes of the operations that a group has. */
const OPERATION_CODES: readonly (readonly [operation: Operation, code: number])[] = [
  ['READ', 3],
  ['DELETE', 6],
  ['DESCRIBE', 8],
  ['DESCRIBE_CONFIGS', 10],
  ['ALTER_CONFIGS', 11],
]

export function mayOnGroup(call: Asking, operation: Operation, groupId: string): boolean {
  return call.allows(call.principal, [{ operation, resource: group(groupId) }])
}

export function mayOnTopic(call: Asking, operation: Operation, name: string): boolean {
  return call.allows(call.principal, [{ operation, resource: topic(name) }])
}

/** Those that are wanted, and those that are not, each in their order. */
export function sifted<Item>(items: Iterable<Item>, isWanted: (item: Item) => boolean): [Item[], Item[]] {
  const wanted: Item[] = []
  const others: Item[] = []
  for (const item of items) (isWanted(item) ? wanted : others).push(item)
  return [wanted, others]
}

/** As responses tell it: a bit for each. */
export function groupOperations(call: Asking, groupId: string): number {
  let bits = 0
  for (const [operation, code] of OPERATION_CODES) if (mayOnGroup(call, operation, groupId)) bits |= 1 << code
  return bits
}
