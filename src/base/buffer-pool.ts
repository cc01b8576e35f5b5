/**
 * Recycled buffers in sizes of powers of two: fresh pages cost more than the copying that fills them. What is given back is kept up to a
 * total; beyond it, and for very large ones, the garbage collector takes over.
 */
const SMALLEST_BYTES = 4 * 1024
const LARGEST_BYTES = 16 * 1024 * 1024

export class BufferPool {
  readonly #keepBytes: number
  readonly #free = new Map<number, Buffer[]>()
  #keptBytes = 0

  /** Keeps at most `keepBytes` of buffers that nobody uses. */
  constructor(keepBytes = 64 * 1024 * 1024) {
    this.#keepBytes = keepBytes
  }

  get keptBytes(): number {
    return this.#keptBytes
  }

  /** A buffer of at least this size, with whatever was in it before. */
  take(sizeBytes: number): Buffer {
    const size = sizeClass(sizeBytes)
    const buffer = this.#free.get(size)?.pop()
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size)
    this.#keptBytes -= size
    return buffer
  }

  /** Takes back a buffer that came from `take`, whole, and that nobody looks at any more. */
  give(buffer: Buffer): void {
    const size = buffer.length
    if (size > LARGEST_BYTES || this.#keptBytes + size > this.#keepBytes) return
    const free = this.#free.get(size)
    if (free === undefined) this.#free.set(size, [buffer])
    else free.push(buffer)
    this.#keptBytes += size
  }
}

function sizeClass(sizeBytes: number): number {
  if (sizeBytes > LARGEST_BYTES) return sizeBytes
  let size = SMALLEST_BYTES
  while (size < sizeBytes) size *= 2
  return size
}
