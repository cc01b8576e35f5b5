/**
 * FetchMemory: what has been read for fetches and not been taken by their clients yet, over all connections; and, in another one, what this broker as a
 * follower has asked leaders for. Nobody is refused or kept waiting: the more lies there, or is on its way, the less a further fetch may be of at once, so
 * that neither readers who never read nor many leaders can fill the memory.
 */
const MAX_BYTES = 64 * 1024 * 1024
/** What a fetch may always read. */
const ALWAYS_BYTES = 1024 * 1024

export class FetchMemory {
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** Read or about to be read, and not taken by clients. */
  get bytes(): number {
    return this.#bytes
  }

  /** Sets aside what a fetch that wants so much may read, and returns how much that is. To be given back with `release`. */
  reserve(wantedBytes: number): number {
    const share = Math.max(ALWAYS_BYTES, Math.floor((this.#maxBytes - this.#bytes) / 2))
    const bytes = Math.max(0, Math.min(wantedBytes, share))
    this.#bytes += bytes
    return bytes
  }

  /** A fetch has come to less, or to more (a first batch comes whole). */
  adjust(fromBytes: number, toBytes: number): void {
    this.#bytes += toBytes - fromBytes
  }

  release(bytes: number): void {
    this.#bytes -= bytes
  }
}
