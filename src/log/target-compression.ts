/** With what the batches of a topic are compressed in its log, from `compression.type` and the levels (KIP-390). */
import type { TopicSettings } from '../config/topic-settings.js'
import type { CodecName } from '../records/compression/codec.js'

export interface TargetCompression {
  readonly codec: CodecName
  /** As in `Codec.compress`; not there for codecs that have none. */
  readonly level?: number
}

/** Undefined: what the producer has chosen stays. */
export function targetCompression(settings: TopicSettings): TargetCompression | undefined {
  const codec = settings['compression.type']
  switch (codec) {
    case 'producer':
      return undefined
    case 'uncompressed':
      return { codec: 'none' }
    case 'snappy':
      return { codec }
    case 'gzip':
      return { codec, level: settings['compression.gzip.level'] }
    case 'lz4':
      return { codec, level: settings['compression.lz4.level'] }
    case 'zstd':
      return { codec, level: settings['compression.zstd.level'] }
  }
}

const COSTS: Readonly<Record<CodecName, number>> = { none: 1, snappy: 4, lz4: 4, zstd: 16, gzip: 32 }
const DEFAULT_LEVELS: Readonly<Partial<Record<CodecName, number>>> = { gzip: -1, lz4: 9, zstd: 3 }
const OTHER_LEVEL_COST = 4

/** How many times as long as to open a batch it takes, roughly, to compress it; of levels other than the default the upper ones are meant. */
export function compressionCost({ codec, level }: TargetCompression): number {
  return COSTS[codec] * (level === DEFAULT_LEVELS[codec] ? 1 : OTHER_LEVEL_COST)
}
