/**
 * Every codec with every implementation that this machine has, best first. They are looked for when first used: a
 * broker that never decompresses loads none.
 */
import { CODEC_NAMES, type Codec, type CodecImplementation, type CodecName, tooLarge } from './codec.js'
import { gzipImplementations } from './gzip.js'
import { lz4Implementations } from './lz4.js'
import { snappyImplementations } from './snappy.js'
import { zstdImplementations } from './zstd.js'

const none: CodecImplementation = {
  id: 0,
  name: 'none',
  implementation: 'plain',
  compress: (bytes) => bytes,
  decompress(bytes, maxBytes) {
    if (bytes.length > maxBytes) throw tooLarge('none', maxBytes)
    return bytes
  },
}

const FINDERS: Record<CodecName, () => readonly CodecImplementation[]> = {
  none: () => [none],
  gzip: gzipImplementations,
  snappy: snappyImplementations,
  lz4: lz4Implementations,
  zstd: zstdImplementations,
}

const found = new Map<CodecName, readonly CodecImplementation[]>()

/** Best first. Empty only for zstd, where neither Node nor a package has it. */
export function implementationsOf(name: CodecName): readonly CodecImplementation[] {
  let implementations = found.get(name)
  if (implementations === undefined) {
    implementations = FINDERS[name]()
    found.set(name, implementations)
  }
  return implementations
}

/** The best implementation; undefined where there is none. */
export function codecByName(name: CodecName): Codec | undefined {
  return implementationsOf(name)[0]
}

/** For the id in a batch's attributes; undefined for 5 to 7 too. */
export function codecById(id: number): Codec | undefined {
  const name = CODEC_NAMES[id]
  return name === undefined ? undefined : codecByName(name)
}
