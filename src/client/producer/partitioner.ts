/**
 * Which partition a record goes to, as Kafka's clients decide it: by the key's murmur2 hash, so that all clients agree; without a key sticky, one
 * partition until its batch is full (KIP-480), or in turn.
 */
import type { Random } from '../../io/random.js'

const SEED = 0x9747b28c
const M = 0x5bd1e995
const R = 24

/** Kafka's murmur2 as an int32. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes
  let hash = SEED ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    word = Math.imul(word, M)
    word ^= word >>> R
    hash = Math.imul(hash, M) ^ Math.imul(word, M)
  }
  const rest = length - at
  if (rest === 3) hash ^= bytes[at + 2]! << 16
  if (rest >= 2) hash ^= bytes[at + 1]! << 8
  if (rest >= 1) hash = Math.imul(hash ^ bytes[at]!, M)
  hash ^= hash >>> 13
  hash = Math.imul(hash, M)
  return hash ^ (hash >>> 15)
}

/** Which of `partitions` a key belongs to. */
export function partitionOfKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fff_ffff) % partitions
}

export interface Partitioner {
  /** `available`: numbers of the partitions that have a leader; all of them if none has. */
  partition(topic: string, key: Uint8Array | null, partitions: number, available: readonly number[]): number
  /** The batch that gathered for this partition is complete. */
  batchFull(topic: string, partition: number): void
}

export class StickyPartitioner implements Partitioner {
  readonly #random: Random
  readonly #current = new Map<string, number>()

  constructor(random: Random) {
    this.#random = random
  }

  partition(topic: string, key: Uint8Array | null, partitions: number, available: readonly number[]): number {
    if (key !== null) return partitionOfKey(key, partitions)
    const current = this.#current.get(topic)
    if (current !== undefined && available.includes(current)) return current
    const chosen = available[this.#random.below(available.length)]!
    this.#current.set(topic, chosen)
    return chosen
  }

  batchFull(topic: string, partition: number): void {
    if (this.#current.get(topic) === partition) this.#current.delete(topic)
  }
}

/** Keys are not looked at, as in Kafka's class of this name. */
export class RoundRobinPartitioner implements Partitioner {
  readonly #next = new Map<string, number>()

  partition(topic: string, _key: Uint8Array | null, _partitions: number, available: readonly number[]): number {
    const turn = this.#next.get(topic) ?? 0
    this.#next.set(topic, (turn + 1) % 0x7fff_ffff)
    return available[turn % available.length]!
  }

  batchFull(): void {}
}
