/** Mutations of bytes: what storage, networks and hostile peers do to them. All drawn from the generator that is given. */
import type { Prng } from '../../src/base/prng.js'

/** Where a number stands that the format gives a meaning to: a length, a count, a tag. */
export interface Span {
  readonly start: number
  readonly end: number
  readonly kind: 'fixed' | 'varint'
  /** As it was read. */
  readonly value: number
}

/** Where formats have their edges. */
const EDGES = [
  -1, -2, 0, 1, 2, 3, 7, 16, 60, 61, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 1_000_000, 1_000_001,
  0x7fff_fffe, 0x7fff_ffff, -0x8000_0000, -0x7fff_ffff,
]
const WIDTHS = [1, 2, 4, 8]
const LONGEST_INSERTION = 64

type Mutation = (random: Prng, bytes: Buffer, donor: Uint8Array) => Buffer

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  flipBit,
  setByte,
  overwriteNumber,
  overwriteNumber,
  overwriteVarint,
  removeRange,
  duplicateRange,
  insertBytes,
  truncate,
  splice,
  fillRange,
]

/** So many mutations, one after the other; `donor` is what is spliced in. */
export function mutate(random: Prng, bytes: Uint8Array, count: number, donor: Uint8Array = bytes): Buffer {
  let mutated: Buffer = Buffer.from(bytes)
  for (let left = count; left > 0; left--) mutated = random.pick(MUTATIONS)(random, mutated, donor)
  return mutated
}

/** Mostly few: every further one makes it less likely that anything is looked at closely. */
export function mutationCount(random: Prng): number {
  return random.chance(0.1) ? 0 : 1 + Math.min(7, Math.floor(random.exponential(0.8)))
}

/** Puts a number where the format has one: of the edges, or near to what it was. */
export function mutateSpan(random: Prng, bytes: Buffer, span: Span): Buffer {
  const { start, end, kind, value } = span
  const wanted = random.chance(0.3) ? value + random.between(-2, 2) : random.pick(EDGES)
  if (kind === 'varint') return replaced(bytes, start, end, random.chance(0.1) ? endlessVarint(random) : varint(wanted))
  const fixed = Buffer.from(bytes)
  writeNumber(fixed, start, end - start, wanted, false)
  return fixed
}

/** `bytes` with something else between `start` and `end`. */
export function replaced(bytes: Uint8Array, start: number, end: number, by: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(end)])
}

/** An unsigned varint of 32 bits. */
export function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = value >>> 0
  for (; left > 0x7f; left >>>= 7) bytes.push((left & 0x7f) | 0x80)
  bytes.push(left)
  return Buffer.from(bytes)
}

function endlessVarint(random: Prng): Buffer {
  return Buffer.alloc(random.between(5, 12), 0xff)
}

function flipBit(random: Prng, bytes: Buffer): Buffer {
  if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
  return bytes
}

function setByte(random: Prng, bytes: Buffer): Buffer {
  if (bytes.length > 0) bytes[random.below(bytes.length)] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)])
  return bytes
}

function overwriteNumber(random: Prng, bytes: Buffer): Buffer {
  const width = random.pick(WIDTHS)
  if (bytes.length < width) return bytes
  writeNumber(bytes, random.below(bytes.length - width + 1), width, random.pick(EDGES), random.chance(0.2))
  return bytes
}

function overwriteVarint(random: Prng, bytes: Buffer): Buffer {
  const at = random.below(bytes.length + 1)
  const by = random.chance(0.1) ? endlessVarint(random) : varint(random.pick(EDGES))
  return replaced(bytes, at, Math.min(bytes.length, at + random.below(by.length + 1)), by)
}

function removeRange(random: Prng, bytes: Buffer): Buffer {
  const { start, end } = rangeOf(random, bytes)
  return replaced(bytes, start, end, Buffer.alloc(0))
}

function duplicateRange(random: Prng, bytes: Buffer): Buffer {
  const { start, end } = rangeOf(random, bytes)
  return replaced(bytes, end, end, bytes.subarray(start, end))
}

function insertBytes(random: Prng, bytes: Buffer): Buffer {
  const at = random.below(bytes.length + 1)
  return replaced(bytes, at, at, random.bytes(random.below(LONGEST_INSERTION)))
}

function truncate(random: Prng, bytes: Buffer): Buffer {
  return bytes.subarray(0, random.below(bytes.length + 1))
}

function splice(random: Prng, bytes: Buffer, donor: Uint8Array): Buffer {
  const to = rangeOf(random, bytes)
  const from = rangeOf(random, donor)
  return replaced(bytes, to.start, to.end, donor.subarray(from.start, from.end))
}

function fillRange(random: Prng, bytes: Buffer): Buffer {
  const { start, end } = rangeOf(random, bytes)
  return bytes.fill(random.pick([0, 0xff, random.below(256)]), start, end)
}

/** Mostly short. */
function rangeOf(random: Prng, bytes: Uint8Array): { readonly start: number; readonly end: number } {
  const start = random.below(bytes.length + 1)
  const longest = bytes.length - start
  const length = random.chance(0.8) ? random.below(Math.min(longest, 16) + 1) : random.below(longest + 1)
  return { start, end: start + length }
}

function writeNumber(bytes: Buffer, at: number, width: number, value: number, little: boolean): void {
  const raw = Buffer.alloc(8)
  raw.writeBigInt64BE(BigInt(value))
  const number = raw.subarray(8 - width)
  bytes.set(little ? Buffer.from(number).reverse() : number, at)
}
