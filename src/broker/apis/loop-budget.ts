/**
 * What of the batches that one request names may be opened on the event loop: small ones, and not too many. The others go to the compute port, a
 * hand-off to which takes about as long as it takes to open half of what is small.
 */
const COMPRESSED_BYTES = 64 * 1024
const PLAIN_BYTES = 128 * 1024
const REQUEST_BYTES = 1024 * 1024

export class LoopBudget {
  #bytesLeft = REQUEST_BYTES

  /** To how many bytes a batch of this size may be opened on the loop; 0: not at all. `cost`: how many times as long as opening takes what is done. */
  allows(sizeBytes: number, cost = 1): number {
    const plainBytes = Math.floor(Math.min(PLAIN_BYTES, this.#bytesLeft) / cost)
    return sizeBytes <= Math.min(COMPRESSED_BYTES, plainBytes) ? plainBytes : 0
  }

  /** So many bytes were opened, at this cost. */
  spend(plainBytes: number, cost = 1): void {
    this.#bytesLeft -= plainBytes * cost
  }
}
