/**
 * Cuts a stream of bytes into frames: a 4-byte length and as many bytes. A frame that lies whole in what arrived is handed out where it is;
 * only one that arrives in pieces is put together in a buffer of its own, which grows with what has really come, not with what the
 * length promises.
 */
const LENGTH_BYTES = 4
const FIRST_BUFFER_BYTES = 16 * 1024

/** Where the buffers of frames that arrive in pieces come from. */
export interface FrameBuffers {
  /** A buffer of at least this size. */
  take(sizeBytes: number): Buffer
  give(buffer: Buffer): void
  /** The frame in this buffer is whole: from now on it is with whoever handles it, who gives it back. */
  whole?(buffer: Buffer): void
}

/** What a frame holds, without its length. */
export interface Frame {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  /**
   * Present where the bytes have a buffer of their own: they stay until as many `release` as `retain` and one more have come. Absent: they are only
   * lent for the call.
   */
  readonly owner: FrameOwner | undefined
}

export interface FrameOwner {
  retain(): void
  release(): void
}

export class FrameAssembler {
  readonly #maxFrameBytes: number
  readonly #buffers: FrameBuffers
  readonly #length = Buffer.alloc(LENGTH_BYTES)
  #lengthBytes = 0
  /** Of the frame that arrives in pieces; -1: none does. */
  #frameBytes = -1
  #buffer: Buffer | undefined
  #filled = 0
  #consumed = 0

  constructor(maxFrameBytes: number, buffers: FrameBuffers) {
    this.#maxFrameBytes = maxFrameBytes
    this.#buffers = buffers
  }

  /** Bytes held of a frame that is not whole yet. */
  get heldBytes(): number {
    return this.#buffer?.length ?? 0
  }

  /** What has come of the frame that is not whole yet, in bytes. */
  get filledBytes(): number {
    return this.#frameBytes < 0 ? 0 : this.#filled
  }

  /** The size of the frame that is not whole yet, as its sender declared it; 0: there is none. */
  get frameBytes(): number {
    return Math.max(0, this.#frameBytes)
  }

  /** How much of what `feed` was given it has taken. */
  get consumed(): number {
    return this.#consumed
  }

  /** The size that the buffer would grow to, so that it can take this much more without growing; 0: it need not grow. */
  nextBufferBytes(moreBytes: number): number {
    if (this.#buffer === undefined || this.#frameBytes < 0) return 0
    const needed = Math.min(this.#frameBytes, this.#filled + moreBytes)
    return this.#buffer.length >= needed ? 0 : Math.min(this.#frameBytes, Math.max(needed, 2 * this.#filled))
  }

  /** Makes room ahead, for a frame of which some has come. */
  grow(sizeBytes: number): void {
    const larger = this.#buffers.take(sizeBytes)
    larger.set(this.#buffer!.subarray(0, this.#filled))
    this.#buffers.give(this.#buffer!)
    this.#buffer = larger
  }

  /**
   * Takes what arrived and hands out the frames that are whole. Returns the length that cannot be, if one came: the stream is of no more
   * use. `handle` says false to stop; `consumed` says where.
   */
  feed(bytes: Uint8Array, handle: (frame: Frame) => boolean): number | undefined {
    let at = 0
    while (at < bytes.length) {
      if (this.#frameBytes >= 0) {
        at = this.#fill(bytes, at)
        if (this.#filled < this.#frameBytes) break
        this.#consumed = at
        if (!handle(this.#takeOwned())) return undefined
        continue
      }
      let length: number
      if (this.#lengthBytes === 0 && bytes.length - at >= LENGTH_BYTES) {
        length = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
        at += LENGTH_BYTES
      } else {
        this.#length[this.#lengthBytes++] = bytes[at++]!
        if (this.#lengthBytes < LENGTH_BYTES) continue
        length = this.#length.readInt32BE()
        this.#lengthBytes = 0
      }
      if (length <= 0 || length > this.#maxFrameBytes) return length
      if (bytes.length - at >= length) {
        const start = at
        at += length
        this.#consumed = at
        if (!handle({ bytes, start, end: at, owner: undefined })) return undefined
      } else {
        this.#frameBytes = length
        this.#filled = 0
      }
    }
    this.#consumed = at
    return undefined
  }

  /** The connection is gone: gives back what was held. */
  discard(): void {
    if (this.#buffer !== undefined) this.#buffers.give(this.#buffer)
    this.#buffer = undefined
  }

  /** Returns how far it took the bytes. */
  #fill(bytes: Uint8Array, at: number): number {
    const take = Math.min(bytes.length - at, this.#frameBytes - this.#filled)
    const needed = this.#filled + take
    if (this.#buffer === undefined || this.#buffer.length < needed) {
      const size = Math.min(this.#frameBytes, Math.max(needed, 2 * this.#filled, FIRST_BUFFER_BYTES))
      if (this.#buffer === undefined) this.#buffer = this.#buffers.take(size)
      else this.grow(size)
    }
    this.#buffer!.set(bytes.subarray(at, at + take), this.#filled)
    this.#filled = needed
    return at + take
  }

  #takeOwned(): Frame {
    const buffer = this.#buffer!
    const end = this.#frameBytes
    this.#buffer = undefined
    this.#frameBytes = -1
    this.#filled = 0
    this.#buffers.whole?.(buffer)
    return { bytes: buffer, start: 0, end, owner: new PooledOwner(buffer, this.#buffers) }
  }
}

class PooledOwner implements FrameOwner {
  readonly #buffer: Buffer
  readonly #buffers: FrameBuffers
  #holders = 1

  constructor(buffer: Buffer, buffers: FrameBuffers) {
    this.#buffer = buffer
    this.#buffers = buffers
  }

  retain(): void {
    this.#holders++
  }

  release(): void {
    this.#holders--
    if (this.#holders === 0) this.#buffers.give(this.#buffer)
  }
}
