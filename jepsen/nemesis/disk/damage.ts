/** Which files of a node that does not run may be damaged so that enough intact replicas are left, and what is done to them. Knows the names of segments, which are Kafka's. */
import type { Prng } from '../../../src/base/prng.js'

export interface Replicated {
  readonly topic: string
  readonly partition: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
}

/** By partition, the nodes whose replica was damaged before and may be so still. */
export type Damaged = ReadonlyMap<string, ReadonlySet<number>>

export function partitionName({ topic, partition }: Replicated): string {
  return `${topic}-${partition}`
}

/** Those of which a majority of replicas is intact and in sync without this node and those that were damaged before. */
export function sparePartitions<P extends Replicated>(partitions: readonly P[], node: number, damaged: Damaged): P[] {
  return partitions.filter((each) => {
    const { replicas, isr } = each
    if (!replicas.includes(node)) return false
    const hurt = new Set([...(damaged.get(partitionName(each)) ?? []), node])
    const intact = isr.filter((id) => !hurt.has(id))
    return intact.length > replicas.length / 2
  })
}

/** Names of segments, the active one last. */
export function segmentsOf(names: readonly string[]): string[] {
  return names.filter((name) => /^\d{20}\.log$/.test(name)).sort()
}

export interface Flip {
  readonly at: number
  /** 0-7. */
  readonly bit: number
}

/** At least one, in different bytes, in order. */
export function drawFlips(sizeBytes: number, random: Prng, most: number): readonly Flip[] {
  const wanted = Math.min(sizeBytes, random.between(1, most))
  const flips = new Map<number, number>()
  while (flips.size < wanted) flips.set(random.below(sizeBytes), random.below(8))
  return [...flips].sort(([a], [b]) => a - b).map(([at, bit]) => ({ at, bit }))
}

/** What a write that was under way when power went may have left behind the end: the beginning of what stands there already, zeros, or anything. */
export function tornBytes(beginning: Uint8Array, random: Prng, most: number): Uint8Array {
  const length = random.between(1, most)
  switch (random.below(3)) {
    case 0:
      return beginning.length < 2 ? new Uint8Array(length) : beginning.slice(0, Math.min(length, beginning.length - 1))
    case 1:
      return new Uint8Array(length)
    default:
      return random.bytes(length)
  }
}
