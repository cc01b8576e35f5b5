/**
 * A file of the simulated disk: what everybody reads (the page cache), and what would be left after a power loss (the device), sector by sector.
 *
 *   write              changes the cache; the sectors it touches are dirty
 *   flush, succeeded   what was dirty when it began is on the device, and the size with it
 *   flush, failed      what was dirty counts as clean: no later flush writes it, unless it is written again
 *   power loss         every sector that is not on the device keeps its old content or any of its later ones, and the size is the old one or
 *                      any later one, each by itself: holes and torn writes come of that
 */
import type { Prng } from '../base/prng.js'

export const SECTOR_BYTES = 512

/** Contents of one sector that a power loss may leave, besides the one on the device. */
const MAX_VERSIONS = 4

/** Something that a write has left behind, and which of the writes to the file it was. */
interface Version<T> {
  readonly write: number
  readonly value: T
}

interface Sector {
  /** Later contents, oldest first. */
  versions: Version<Buffer>[]
  /** A flush will write it. */
  dirty: boolean
  /** The last write to it. */
  lastWrite: number
}

/** What a flush that has begun will make durable. */
export interface PendingFlush {
  /** The last write that it knows of. */
  readonly lastWrite: number
  readonly sizeBytes: number
  readonly sectors: ReadonlyMap<number, Version<Buffer>>
}

export class SimulatedFile {
  #cached: Buffer = Buffer.alloc(SECTOR_BYTES)
  #cachedBytes = 0
  #durable: Buffer = Buffer.alloc(0)
  /** How much of that was ever written to the device. */
  #durableEnd = 0
  #durableBytes = 0
  /** Those whose content on the device is not that of the last write, or not for certain. */
  readonly #sectors = new Map<number, Sector>()
  /** By sector: the write whose content was last flushed to the device. */
  readonly #stored = new Map<number, number>()
  /** The same of the size. */
  #sized = 0
  /** Sizes since the last flush that a power loss may leave, oldest first. */
  #sizes: Version<number>[] = []
  #writes = 0
  #isFlipped = false

  get sizeBytes(): number {
    return this.#cachedBytes
  }

  /** What a reader sees. */
  get content(): Buffer {
    return this.#cached.subarray(0, this.#cachedBytes)
  }

  /** What the device holds for certain. */
  get durableContent(): Buffer {
    return this.#durable.subarray(0, Math.min(this.#durableBytes, this.#durableEnd))
  }

  read(position: number, target: Uint8Array): number {
    const length = Math.max(0, Math.min(target.length, this.#cachedBytes - position))
    target.set(this.#cached.subarray(position, position + length))
    return length
  }

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length
    this.#writes++
    this.#reserve(end)
    this.#cached.set(bytes, position)
    if (end > this.#cachedBytes) this.#resize(end)
    for (let at = Math.floor(position / SECTOR_BYTES); at * SECTOR_BYTES < end; at++) this.#touch(at)
  }

  truncate(sizeBytes: number): void {
    this.#writes++
    this.#reserve(sizeBytes)
    if (sizeBytes < this.#cachedBytes) this.#cached.fill(0, sizeBytes, this.#cachedBytes)
    const edge = Math.floor(sizeBytes / SECTOR_BYTES)
    if (sizeBytes % SECTOR_BYTES !== 0) this.#touch(edge)
    for (const index of this.#sectors.keys()) {
      // Contents behind the end can still turn up after a power loss, but no flush will write them.
      if (index * SECTOR_BYTES >= sizeBytes) this.#sectors.get(index)!.dirty = false
    }
    this.#resize(sizeBytes)
  }

  beginFlush(): PendingFlush {
    const sectors = new Map<number, Version<Buffer>>()
    for (const [index, { dirty, lastWrite, versions }] of this.#sectors) {
      if (!dirty) continue
      // What the last write has left, unless a bit was flipped since.
      const last = this.#isFlipped ? undefined : versions.at(-1)
      sectors.set(index, last ?? { write: lastWrite, value: this.#sectorContent(index) })
    }
    return { lastWrite: this.#writes, sizeBytes: this.#cachedBytes, sectors }
  }

  /** Flushes may end in another order than they began: a later one has been there already, and nothing goes back. */
  endFlush({ lastWrite, sizeBytes, sectors }: PendingFlush, succeeded: boolean): void {
    for (const [index, { write, value }] of sectors) {
      const sector = this.#sectors.get(index)
      if (sector === undefined) continue
      // Written again meanwhile: still dirty.
      if (sector.lastWrite === write) sector.dirty = false
      if (!succeeded || write <= (this.#stored.get(index) ?? 0)) continue
      this.#storeDurable(index, value)
      this.#stored.set(index, write)
      if (sector.lastWrite === write) this.#sectors.delete(index)
      else sector.versions = sector.versions.filter((version) => version.write > write)
    }
    if (!succeeded || lastWrite <= this.#sized) return
    this.#durableBytes = sizeBytes
    this.#sized = lastWrite
    this.#sizes = this.#sizes.filter(({ write }) => write > lastWrite)
  }

  /** The cache is gone. True: what was written since the last flush survived in part. */
  losePower(random: Prng): boolean {
    const before = Buffer.from(this.durableContent)
    const written = Buffer.from(this.content)
    const sizeBytes =
      this.#sizes.length === 0
        ? this.#durableBytes
        : random.pick([this.#durableBytes, ...this.#sizes.map(({ value }) => value)])
    for (const [index, { versions }] of this.#sectors) {
      const kept = random.below(versions.length + 1)
      if (kept > 0) this.#storeDurable(index, versions[kept - 1]!.value)
    }
    const after = Buffer.alloc(Math.max(sizeBytes, SECTOR_BYTES))
    this.#durable.copy(after, 0, 0, Math.min(sizeBytes, this.#durableEnd))
    // Of a block that was never written: zeros, or what another file left there.
    if (sizeBytes > this.#durableEnd && random.chance(0.5)) {
      for (let at = this.#durableEnd; at < sizeBytes; at++) after[at] = random.below(256)
    }
    this.#cached = after
    this.#cachedBytes = sizeBytes
    this.#durable = Buffer.from(after.subarray(0, sizeBytes))
    this.#durableEnd = sizeBytes
    this.#durableBytes = sizeBytes
    this.#sectors.clear()
    this.#sizes = []
    return !this.content.equals(before) && !this.content.equals(written)
  }

  /** Flips one bit of what is on the device and in the cache. */
  flipBit(position: number, bit: number): void {
    this.#isFlipped = true
    if (position < this.#cached.length) this.#cached[position]! ^= 1 << bit
    if (position < this.#durableEnd) this.#durable[position]! ^= 1 << bit
  }

  #touch(index: number): void {
    let sector = this.#sectors.get(index)
    if (sector === undefined) this.#sectors.set(index, (sector = { versions: [], dirty: true, lastWrite: 0 }))
    sector.dirty = true
    sector.lastWrite = this.#writes
    sector.versions.push({ write: this.#writes, value: this.#sectorContent(index) })
    if (sector.versions.length > MAX_VERSIONS) sector.versions.splice(1, 1)
  }

  #sectorContent(index: number): Buffer {
    const start = index * SECTOR_BYTES
    const content = Buffer.allocUnsafe(SECTOR_BYTES)
    const length = this.#cached.copy(content, 0, start, Math.min(start + SECTOR_BYTES, this.#cached.length))
    return length < SECTOR_BYTES ? content.fill(0, length) : content
  }

  #storeDurable(index: number, content: Buffer): void {
    const end = (index + 1) * SECTOR_BYTES
    this.#durable = withRoom(this.#durable, this.#durableEnd, end)
    this.#durable.set(content, index * SECTOR_BYTES)
    this.#durableEnd = Math.max(this.#durableEnd, end)
  }

  #resize(sizeBytes: number): void {
    this.#cachedBytes = sizeBytes
    this.#sizes.push({ write: this.#writes, value: sizeBytes })
    if (this.#sizes.length > MAX_VERSIONS) this.#sizes.splice(1, 1)
  }

  #reserve(sizeBytes: number): void {
    this.#cached = withRoom(this.#cached, this.#cachedBytes, sizeBytes)
  }
}

/** The buffer, or a larger one with its first `usedBytes`; the rest is zeros. */
function withRoom(buffer: Buffer, usedBytes: number, sizeBytes: number): Buffer {
  if (sizeBytes <= buffer.length) return buffer
  const larger = Buffer.alloc(Math.max(sizeBytes, 2 * buffer.length))
  buffer.copy(larger, 0, 0, usedBytes)
  return larger
}
