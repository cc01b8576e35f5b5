/** Data of different kinds and sizes to compress. */
import { Prng } from '../../../src/base/prng.js'

export interface Sample {
  readonly name: string
  readonly bytes: Buffer
}

/** Lines that repeat in part, as events do. */
export function textOf(length: number): Buffer {
  const prng = new Prng('text')
  const lines: string[] = []
  for (let size = 0; size < length; size += lines.at(-1)!.length) {
    lines.push(
      `{"user":"user-${prng.below(5000)}","page":"/shop/${prng.below(40)}","value":${prng.float().toFixed(4)}}\n`,
    )
  }
  return Buffer.from(lines.join('')).subarray(0, length)
}

export function noiseOf(length: number): Buffer {
  return Buffer.from(new Prng('noise').bytes(length))
}

/**
 * Sizes around the blocks of snappy (32 KB), LZ4 (64 KB) and zstd (128 KB), and the ends that match finders trip
 * over.
 */
const SIZES = [
  0, 1, 2, 4, 5, 11, 12, 13, 16, 63, 64, 65, 300, 4096, 32767, 32768, 32769, 65535, 65536, 65537, 131072, 200_003,
]

export function samples(): Sample[] {
  const noise = noiseOf(200_003)
  const text = textOf(200_003)
  const mixed = Buffer.concat([
    noise.subarray(0, 40_000),
    text.subarray(0, 40_000),
    Buffer.alloc(40_000),
    noise.subarray(0, 70_000),
  ])
  return [
    ...SIZES.flatMap((size) => [
      { name: `text of ${size}`, bytes: text.subarray(0, size) },
      { name: `noise of ${size}`, bytes: noise.subarray(0, size) },
      { name: `zeros of ${size}`, bytes: Buffer.alloc(size) },
    ]),
    { name: 'period of 3', bytes: Buffer.alloc(70_000, 'abc') },
    { name: 'period of 70', bytes: Buffer.alloc(70_000, noise.subarray(0, 70)) },
    { name: 'far repeats', bytes: Buffer.concat([noise.subarray(0, 32_000), noise.subarray(0, 32_000)]) },
    { name: 'mixed', bytes: mixed },
  ]
}
