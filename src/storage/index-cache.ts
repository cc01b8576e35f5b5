/**
 * IndexCache: keeps the index entries of closed segments in memory up to a bound; those that were not used for longest are dropped, and read
 * again from their files when somebody looks something up. Indexes of active segments are not its matter.
 */

/** Whose entries can be dropped. */
export interface DroppableIndexes {
  readonly indexBytes: number
  dropIndexes(): void
}

export class IndexCache {
  readonly #limitBytes: number
  /** The least recently used first, with what they take. */
  readonly #kept = new Map<DroppableIndexes, number>()
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The entries of a closed segment are in memory, and its files hold them, or they were used. */
  keep(segment: DroppableIndexes): void {
    this.forget(segment)
    const { indexBytes } = segment
    this.#kept.set(segment, indexBytes)
    this.#bytes += indexBytes
    for (const [oldest] of this.#kept) {
      if (this.#bytes <= this.#limitBytes || oldest === segment) return
      this.forget(oldest)
      oldest.dropIndexes()
    }
  }

  forget(segment: DroppableIndexes): void {
    const bytes = this.#kept.get(segment)
    if (bytes === undefined) return
    this.#kept.delete(segment)
    this.#bytes -= bytes
  }
}
