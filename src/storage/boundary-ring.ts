/**
 * Where the last few batches end in the active segment: offset to position, for readers at the tail, who would otherwise look for it in
 * the file. Bounded; the oldest make room.
 */
const CAPACITY = 32

export class BoundaryRing {
  readonly #offsets = new Float64Array(CAPACITY)
  readonly #positions = new Float64Array(CAPACITY)
  #count = 0

  /** The batches before `offset` end at `position`. Both rise with every call. */
  push(offset: number, position: number): void {
    const slot = this.#count++ % CAPACITY
    this.#offsets[slot] = offset
    this.#positions[slot] = position
  }

  positionOf(offset: number): number | undefined {
    const oldest = Math.max(0, this.#count - CAPACITY)
    for (let index = this.#count - 1; index >= oldest; index--) {
      if (this.#offsets[index % CAPACITY] === offset) return this.#positions[index % CAPACITY]
    }
    return undefined
  }

  clear(): void {
    this.#count = 0
  }
}
