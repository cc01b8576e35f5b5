/** What befalls the files of a data directory: bits, sectors and tails of segments, and any bytes of the small files. */
import type { Prng } from '../../src/base/prng.js'
import type { DiskDevice } from '../../src/sim/disk-device.js'
import { SimulatedDirectory } from '../../src/sim/disk-directory.js'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { mutate } from './mutate.js'

export interface Damage {
  readonly path: string
  readonly before: Buffer
  /** Undefined: the file is gone. */
  readonly after: Buffer | undefined
  /** Bytes that were written in one place stand in another. */
  readonly moved: boolean
}

const SECTOR_BYTES = 512

/** Of everything below the directory. */
export function filesBelow(device: DiskDevice, directory: string): string[] {
  const found: string[] = []
  const entry = device.find(directory)
  if (!(entry instanceof SimulatedDirectory)) return found
  for (const name of entry.names) {
    const path = `${directory}/${name}`
    if (entry.get(name) instanceof SimulatedFile) found.push(path)
    else found.push(...filesBelow(device, path))
  }
  return found
}

export function contentOf(device: DiskDevice, path: string): Buffer {
  const file = device.find(path)
  return file instanceof SimulatedFile ? Buffer.from(file.content) : Buffer.alloc(0)
}

/** Damages one file, durably. Segments from byte `from` on, where that is given. */
export function damage(random: Prng, device: DiskDevice, path: string, from?: number): Damage {
  const before = contentOf(device, path)
  const isSegment = path.endsWith('.log')
  let after: Buffer | undefined
  let moved = false
  if (from === undefined && random.chance(0.06)) after = undefined
  else if (isSegment) ({ after, moved } = damagedSegment(random, before, from ?? 0))
  else after = damagedText(random, before)
  if (after === undefined) remove(device, path)
  else write(device, path, after)
  return { path, before, after, moved }
}

function damagedSegment(random: Prng, before: Buffer, from: number): { after: Buffer; moved: boolean } {
  const after = Buffer.from(before)
  const at = from + random.below(before.length - from + 1)
  const length = random.pick([1, 4, 61, SECTOR_BYTES, random.below(2000)])
  switch (random.below(7)) {
    case 0:
    case 1:
      for (let flips = random.between(1, 3); flips > 0; flips--) {
        const place = from + random.below(Math.max(1, before.length - from))
        if (place < after.length) after[place]! ^= 1 << random.below(8)
      }
      return { after, moved: false }
    case 2:
      return { after: after.subarray(0, at), moved: false }
    case 3:
      return {
        after: after.fill(random.pick([0, 0xff, random.below(256)]), at, Math.min(after.length, at + length)),
        moved: false,
      }
    case 4: {
      const noise = random.bytes(Math.min(length, after.length - at))
      after.set(noise, at)
      return { after, moved: false }
    }
    case 5: {
      const tail = random.chance(0.5) ? Buffer.alloc(length) : random.bytes(length)
      return { after: Buffer.concat([after, tail]), moved: false }
    }
    default: {
      const source = random.below(before.length + 1)
      const piece = before.subarray(source, source + length)
      const grown = Buffer.concat([after, Buffer.alloc(Math.max(0, at + piece.length - after.length))])
      grown.set(piece, at)
      return { after: grown, moved: true }
    }
  }
}

function damagedText(random: Prng, before: Buffer): Buffer {
  if (!random.chance(0.5)) return mutate(random, before, random.between(1, 3))
  // Another number is more likely to be believed than noise.
  const after = Buffer.from(before)
  const digits = [...after.keys()].filter((at) => after[at]! >= 0x30 && after[at]! <= 0x39)
  if (digits.length > 0) after[random.pick(digits)] = 0x30 + random.below(10)
  return after
}

function write(device: DiskDevice, path: string, content: Buffer): void {
  const file = device.find(path) as SimulatedFile
  file.truncate(0)
  if (content.length > 0) file.write(0, content)
  file.endFlush(file.beginFlush(), true)
}

function remove(device: DiskDevice, path: string): void {
  const { parent, name } = device.parentOf(path, 'remove')
  parent.remove(name)
  parent.endFlush(parent.beginFlush(), true)
}
