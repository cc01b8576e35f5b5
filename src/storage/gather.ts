/**
 * Gathers what is to be written with one system call. Small pieces are copied, one behind the other, into recycled memory, for their bytes
 * are only lent; large ones that somebody keeps stay where they are.
 */
import type { BufferPool } from '../base/buffer-pool.js'

const LARGEST_SLAB_BYTES = 256 * 1024

/** Who keeps the bytes of a batch: they stay until `release` has come for each `retain`. */
export interface BytesOwner {
  retain(): void
  release(): void
}

/** What was gathered, in order; valid until `release`. */
export interface Gathered {
  readonly chunks: readonly Uint8Array[]
  /** Nobody looks at the chunks any more. */
  release(): void
}

export class Gather {
  readonly #buffers: BufferPool
  #chunks: Uint8Array[] = []
  #owners: BytesOwner[] = []
  #slabs: Buffer[] = []
  /** The last of the slabs, and what of it is used and not yet a chunk. */
  #slab: Buffer | undefined
  #start = 0
  #end = 0

  constructor(buffers: BufferPool) {
    this.#buffers = buffers
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0 && this.#start === this.#end
  }

  /** Adds a copy of `bytes[start, end)`. */
  copy(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (this.#slab === undefined || this.#end + length > this.#slab.length) this.#takeSlab(length)
    this.#slab!.set(length === bytes.length ? bytes : bytes.subarray(start, end), this.#end)
    this.#end += length
  }

  /** Adds the bytes themselves, which the owner keeps until then. */
  lend(bytes: Uint8Array, owner: BytesOwner): void {
    owner.retain()
    this.#owners.push(owner)
    this.#seal()
    this.#chunks.push(bytes)
  }

  /** Hands over everything, and begins anew. */
  take(): Gathered {
    this.#seal()
    const buffers = this.#buffers
    const owners = this.#owners
    const slabs = this.#slabs
    const chunks = this.#chunks
    this.#chunks = []
    this.#owners = []
    this.#slabs = []
    this.#slab = undefined
    this.#start = this.#end = 0
    const release = (): void => {
      for (const owner of owners) owner.release()
      for (const slab of slabs) buffers.give(slab)
    }
    return { chunks, release }
  }

  /** Each is twice as large as the one before: most logs get little in a turn, and there may be thousands. */
  #takeSlab(length: number): void {
    this.#seal()
    const wanted = this.#slab === undefined ? 0 : Math.min(2 * this.#slab.length, LARGEST_SLAB_BYTES)
    this.#slab = this.#buffers.take(Math.max(length, wanted))
    this.#slabs.push(this.#slab)
    this.#start = this.#end = 0
  }

  #seal(): void {
    if (this.#start === this.#end) return
    this.#chunks.push(this.#slab!.subarray(this.#start, this.#end))
    this.#start = this.#end
  }
}
