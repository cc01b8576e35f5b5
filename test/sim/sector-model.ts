/**
 * What a power loss may leave of a file, naively: every content that a sector has had, each with the moment at which it came about, and every
 * size. A flush is a moment, too: of what was dirty then nothing older can come back.
 */
import { SECTOR_BYTES } from '../../src/sim/disk-file.js'

interface Version {
  readonly at: number
  /** As far as it is known: behind the end of a file that a power loss has left there is whatever. */
  readonly content: Buffer
}

interface Sector {
  /** Oldest first; the first is what stood there before anything was written: undefined, whatever. */
  versions: (Version | undefined)[]
  /** The latest write that no flush has tried to make durable. */
  dirtySince: number
}

export class SectorModel {
  content: Buffer = Buffer.alloc(0)
  #now = 0
  #sectors = new Map<number, Sector>()
  #sizes: { readonly at: number; readonly bytes: number }[] = [{ at: 0, bytes: 0 }]
  /** By the moment at which it began: the contents that each flush is about. */
  #flushes = new Map<number, Map<number, number>>()

  write(position: number, bytes: Buffer): void {
    this.#now++
    const end = position + bytes.length
    if (end > this.content.length) this.#resize(end)
    this.content.set(bytes, position)
    for (let index = Math.floor(position / SECTOR_BYTES); index * SECTOR_BYTES < end; index++) this.#touch(index)
  }

  truncate(sizeBytes: number): void {
    this.#now++
    this.#resize(sizeBytes)
    if (sizeBytes % SECTOR_BYTES !== 0) this.#touch(Math.floor(sizeBytes / SECTOR_BYTES))
    for (const [index, sector] of this.#sectors) if (index * SECTOR_BYTES >= sizeBytes) sector.dirtySince = 0
  }

  beginFlush(): number {
    const at = ++this.#now
    const dirty = new Map<number, number>()
    for (const [index, { dirtySince }] of this.#sectors) if (dirtySince > 0) dirty.set(index, dirtySince)
    this.#flushes.set(at, dirty)
    return at
  }

  endFlush(at: number, succeeded: boolean): void {
    for (const [index, writtenAt] of this.#flushes.get(at)!) {
      const sector = this.#sectors.get(index)!
      // Clean, unless it was written again meanwhile.
      if (sector.dirtySince === writtenAt) sector.dirtySince = 0
      if (!succeeded) continue
      const current = sector.versions.findLast((version) => version === undefined || version.at <= writtenAt)
      // A later flush may have been there already.
      if (current !== undefined) sector.versions = sector.versions.slice(sector.versions.indexOf(current))
    }
    this.#flushes.delete(at)
    const size = this.#sizes.findLast((each) => each.at < at)
    if (succeeded && size !== undefined) this.#sizes = this.#sizes.slice(this.#sizes.indexOf(size))
  }

  /** Why this cannot be what a power loss leaves; undefined if it can. */
  whyNot(left: Buffer): string | undefined {
    if (!this.#sizes.some(({ bytes }) => bytes === left.length)) return `it never had ${left.length} bytes`
    for (let index = 0; index * SECTOR_BYTES < left.length; index++) {
      const found = left.subarray(index * SECTOR_BYTES, (index + 1) * SECTOR_BYTES)
      const possible = this.#sectors.get(index)?.versions ?? [undefined]
      const known = possible.some((version) => {
        if (version === undefined) return true
        const { length } = version.content.subarray(0, found.length)
        return version.content.subarray(0, length).equals(found.subarray(0, length))
      })
      if (!known) return `sector ${index} never held ${found.toString('hex')}, or not since it was flushed`
    }
    return undefined
  }

  /** This is what the power loss has left. */
  restart(found: Buffer): void {
    const left = Buffer.from(found)
    this.content = Buffer.from(found)
    this.#now++
    this.#sizes = [{ at: this.#now, bytes: left.length }]
    this.#flushes.clear()
    this.#sectors = new Map()
    for (let index = 0; index * SECTOR_BYTES < left.length; index++) {
      const content = left.subarray(index * SECTOR_BYTES, (index + 1) * SECTOR_BYTES)
      this.#sectors.set(index, { versions: [{ at: this.#now, content }], dirtySince: 0 })
    }
  }

  #touch(index: number): void {
    let sector = this.#sectors.get(index)
    if (sector === undefined) this.#sectors.set(index, (sector = { versions: [undefined], dirtySince: 0 }))
    sector.versions.push({ at: this.#now, content: this.#sector(index) })
    sector.dirtySince = this.#now
  }

  #resize(bytes: number): void {
    const content = Buffer.alloc(bytes)
    this.content.copy(content)
    this.content = content
    this.#sizes.push({ at: this.#now, bytes })
  }

  #sector(index: number): Buffer {
    const content = Buffer.alloc(SECTOR_BYTES)
    this.content.copy(content, 0, index * SECTOR_BYTES, (index + 1) * SECTOR_BYTES)
    return content
  }
}
