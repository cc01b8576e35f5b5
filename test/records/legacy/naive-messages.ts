/** Message sets of magic 0 and 1 written as plainly as can be, for tests to compare with: every number by BigInt, the CRC bit by bit. */
import type { CodecName } from '../../../src/records/compression/codec.js'
import { CODEC_NAMES } from '../../../src/records/compression/codec.js'
import { codecByName } from '../../../src/records/compression/codecs.js'
import { type GoldenBatch, goldenVectors } from '../golden-batches.js'

export interface NaiveMessage {
  readonly magic: number
  readonly offset: number
  readonly timestamp: number
  readonly attributes?: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
}

function bytesOf(value: bigint | number, count: number): Buffer {
  return Buffer.from(
    BigInt.asUintN(count * 8, BigInt(value))
      .toString(16)
      .padStart(count * 2, '0'),
    'hex',
  )
}

function nullable(bytes: Uint8Array | null): Buffer {
  return bytes === null ? bytesOf(-1, 4) : Buffer.concat([bytesOf(bytes.length, 4), bytes])
}

export function naiveCrc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0xedb88320)
  }
  return (crc ^ 0xffffffff) >>> 0
}

export function naiveMessage({ magic, offset, timestamp, attributes = 0, key, value }: NaiveMessage): Buffer {
  const time = magic === 0 ? Buffer.alloc(0) : bytesOf(timestamp, 8)
  const body = Buffer.concat([bytesOf(magic, 1), bytesOf(attributes, 1), time, nullable(key), nullable(value)])
  return Buffer.concat([bytesOf(offset, 8), bytesOf(body.length + 4, 4), bytesOf(naiveCrc32(body), 4), body])
}

/** As a client sends it: uncompressed one message behind the other, otherwise in a wrapper. */
export function naiveSet(codec: CodecName, messages: readonly NaiveMessage[]): Buffer {
  const { magic, offset: first } = messages[0]!
  if (codec === 'none') return Buffer.concat(messages.map(naiveMessage))
  const inner = messages.map((message) =>
    naiveMessage({ ...message, offset: magic === 0 ? message.offset : message.offset - first }),
  )
  return naiveMessage({
    magic,
    offset: messages.at(-1)!.offset,
    timestamp: Math.max(...messages.map(({ timestamp }) => timestamp)),
    attributes: CODEC_NAMES.indexOf(codec),
    key: null,
    value: codecByName(codec)!.compress(Buffer.concat(inner)),
  })
}

export interface GoldenSet {
  readonly case: string
  readonly bytes: Buffer
  /** One per message on the outer level. */
  readonly entries: readonly GoldenBatch[]
}

/** The golden vectors of magic 0 and 1. */
export function goldenSets(): GoldenSet[] {
  return goldenVectors()
    .map((vector) => ({
      case: vector.case,
      bytes: Buffer.from(vector.hex, 'hex'),
      entries: vector.batches ?? [vector as unknown as GoldenBatch],
    }))
    .filter(({ entries }) => entries[0]!.magic < 2)
}
