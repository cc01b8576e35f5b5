/** Where a connection of a load gets its next bytes from, and what it makes of an answer. Nothing is allocated per request. */
import type { SizedBatch } from './batches.js'
import type { FetchRequest, RequestRing } from './load-requests.js'

export interface RequestSource {
  readonly requestBytes: number
  /** Bytes of one request or of several neighbours, at most `count`; how many is their length over `requestBytes`. */
  take(count: number): Uint8Array
  /** The correlation id that the next answer must have. */
  expectedId(): number
  /** The answer was in order and brought records of so many bytes. */
  answered(recordBytes: number): void
}

/** Partition after partition, from the connection's own on. */
export class ProduceSource implements RequestSource {
  readonly requestBytes: number
  readonly #views: readonly (readonly Uint8Array[])[]
  readonly #partitions: number
  readonly #largestGroup: number
  #next: number
  #expected: number

  constructor(ring: RingViews, firstPartition: number) {
    this.requestBytes = ring.requestBytes
    this.#views = ring.views
    this.#partitions = ring.partitions
    this.#largestGroup = ring.largestGroup
    this.#next = firstPartition % ring.partitions
    this.#expected = this.#next
  }

  take(count: number): Uint8Array {
    const group = Math.min(count, this.#largestGroup)
    const first = this.#next
    this.#next = (first + group) % this.#partitions
    return this.#views[first]![group - 1]!
  }

  expectedId(): number {
    return this.#expected
  }

  answered(): void {
    this.#expected = this.#expected + 1 === this.#partitions ? 0 : this.#expected + 1
  }
}

export interface RingViews extends Omit<RequestRing, 'bytes'> {
  /** By first request and by how many there are, less one. */
  readonly views: readonly (readonly Uint8Array[])[]
}

export function viewsOf({ bytes, requestBytes, partitions, largestGroup }: RequestRing): RingViews {
  const views = Array.from({ length: partitions }, (_, first) =>
    Array.from({ length: largestGroup }, (__, less) =>
      bytes.subarray(first * requestBytes, (first + less + 1) * requestBytes),
    ),
  )
  return { views, requestBytes, partitions, largestGroup }
}

/** One partition, from its beginning to its end, again and again; one request at a time. */
export class FetchSource implements RequestSource {
  readonly requestBytes: number
  readonly #request: FetchRequest
  readonly #partition: number
  readonly #batch: SizedBatch
  readonly #endOffset: number
  #offset = 0

  constructor(request: FetchRequest, partition: number, batch: SizedBatch, batches: number) {
    this.requestBytes = request.bytes.length
    this.#request = request
    this.#partition = partition
    this.#batch = batch
    this.#endOffset = batches * batch.recordCount
  }

  take(): Uint8Array {
    const { bytes, offsetAt } = this.#request
    bytes.writeUInt32BE(Math.floor(this.#offset / 0x1_0000_0000), offsetAt)
    bytes.writeUInt32BE(this.#offset >>> 0, offsetAt + 4)
    return bytes
  }

  expectedId(): number {
    return this.#partition
  }

  /** The last batch may be cut off. */
  answered(recordBytes: number): void {
    const batches = Math.floor(recordBytes / this.#batch.bytes.length)
    if (batches === 0) throw new Error(`a fetch at ${this.#offset} of ${this.#endOffset} brought ${recordBytes} bytes`)
    this.#offset += batches * this.#batch.recordCount
    if (this.#offset >= this.#endOffset) this.#offset = 0
  }
}

/** One piece of memory, answered by something that does not look into it. */
export class EchoSource extends ProduceSource {
  override expectedId(): number {
    return 0
  }
}
