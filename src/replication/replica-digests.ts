/**
 * What replicas tell each other of their logs, to see whether they are the same: a digest of the batches in a range of offsets, as they stand on the disk; and
 * what a leader makes of those of all replicas.
 *
 * It speaks of what all replicas have: what is committed, where nothing was ever compacted. Each replica compacts for itself, and what a follower fetches may
 * have been compacted at its leader; so a range says nothing in which offsets are missing, or a batch that a cleaner has left its mark on. Two different ranges
 * have the same digest with a chance of 2^-64. It finds accidents, not forgers.
 */
import { DigestState } from '../log/digest-state.js'
import type { BatchView } from '../records/batch.js'

/** `damaged`: the checksum of a batch is wrong, for which there are other remedies. `compacted`: it cannot be compared. */
export type RangeFault = 'damaged' | 'compacted'

export class RangeDigest {
  readonly #state = new DigestState()
  /** Undefined: there was no batch yet. */
  #nextOffset: number | undefined

  constructor() {
    this.#state.start(0)
  }

  /** Behind the last batch. */
  get nextOffset(): number | undefined {
    return this.#nextOffset
  }

  /** One more batch; what it says is what is wrong with the range, which is not to be gone on with then. */
  add(batch: BatchView): RangeFault | undefined {
    const { baseOffset, nextOffset, lastOffsetDelta, recordCount, crc, sizeBytes, partitionLeaderEpoch } = batch
    if (batch.computeCrc() !== crc) return 'damaged'
    const isWhole = recordCount === lastOffsetDelta + 1 && batch.deleteHorizonMs === undefined
    if (!isWhole || baseOffset !== (this.#nextOffset ?? baseOffset)) return 'compacted'
    this.#nextOffset = nextOffset
    this.#state.add(baseOffset, crc)
    // These stand outside of the checksum.
    this.#state.add(sizeBytes, partitionLeaderEpoch)
    return undefined
  }

  toText(): string {
    const { high, low } = this.#state
    return [high, low].map((half) => half.toString(16).padStart(8, '0')).join('')
  }
}

/**
 * `same`: as far as one can tell. `different`: not all that could tell are; `odd` are those that differ from more than half of all replicas, `whole` these. Where
 * there are not so many, nobody knows who is right, and both are empty.
 */
export type Comparison =
  | { readonly kind: 'same' }
  | { readonly kind: 'different'; readonly odd: readonly number[]; readonly whole: readonly number[] }

/** `digests`: of the same range, by those that can tell. */
export function compareReplicas(replicas: readonly number[], digests: ReadonlyMap<number, string>): Comparison {
  const byDigest = new Map<string, number[]>()
  for (const id of replicas) {
    const digest = digests.get(id)
    if (digest === undefined) continue
    const alike = byDigest.get(digest) ?? []
    byDigest.set(digest, alike)
    alike.push(id)
  }
  if (byDigest.size <= 1) return { kind: 'same' }
  const whole = [...byDigest.values()].find(({ length }) => 2 * length > replicas.length)
  if (whole === undefined) return { kind: 'different', odd: [], whole: [] }
  return { kind: 'different', odd: [...byDigest.values()].flatMap((ids) => (ids === whole ? [] : ids)), whole }
}
