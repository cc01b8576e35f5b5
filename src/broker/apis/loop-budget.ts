/**
 * What of the batches that one request names may be opened on the event loop: small ones, and not too many. The others go to the compute port, a
 * hand-off to which takes about as long as it takes to open half of what is small.
 */
const COMPRESSED_BYTES = 64 * 1024
const PLAIN_BYTES = 128 * 1024
const REQUEST_BYTES = 1024 * 1024

export class LoopBudget {
  #bytesLeft = REQUEST_BYTES

  /** To how many bytes a batch of this size may be opened on the loop; 0: not at all. */
  allows(sizeBytes: number): number {
    const plainBytes = Math.min(PLAIN_BYTES, this.#bytesLeft)
    return sizeBytes <= Math.min(COMPRESSED_BYTES, plainBytes) ? plainBytes : 0
  }

  /** So many bytes were opened. */
  spend(plainBytes: number): void {
    this.#bytesLeft -= plainBytes
  }
}
