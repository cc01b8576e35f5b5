/** Record batches for fuzzing: of every codec, of all kinds, also such as only an attacker would make. */

import { crc32c } from '../../src/base/crc32c.js'
import type { Prng } from '../../src/base/prng.js'
import { BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES, BatchView, FIELD_AT } from '../../src/records/batch.js'
import { type BatchOptions, buildBatch, recompress } from '../../src/records/builder.js'
import { CODEC_NAMES, type CodecName } from '../../src/records/compression/codec.js'
import { codecByName } from '../../src/records/compression/codecs.js'
import { buildControlBatch } from '../../src/records/control.js'
import type { RecordInput } from '../../src/records/record-encoder.js'

const TIMESTAMP = 1_763_600_000_000
const BOMB_BYTES = 8 * 1024 * 1024

/** A valid batch. */
export function randomBatch(random: Prng, options: BatchOptions = {}): Buffer {
  if (random.chance(0.05) && options.codec === undefined) {
    const value = random.bytes(random.pick([0, 5, 6, 7, 12]))
    const record = { type: random.pick([0, 1, 2, 3, 4, 5, 6] as const), value, timestamp: TIMESTAMP }
    return buildControlBatch([record], { transactional: true, producerId: random.below(9), producerEpoch: 0 })
  }
  const codec = options.codec ?? random.pick(CODEC_NAMES)
  const producer = random.chance(0.5)
    ? { producerId: random.below(1000), producerEpoch: random.below(9), baseSequence: random.pick([0, 7, 0x7fff_fff0]) }
    : {}
  const kind: BatchOptions = {
    timestampType: random.chance(0.1) ? 'LogAppendTime' : 'CreateTime',
    transactional: random.chance(0.1),
    baseOffset: random.chance(0.5) ? 0 : random.below(2 ** 31),
  }
  const batch = buildBatch(
    Array.from({ length: random.pick([1, 1, 2, 3, 10, 40]) }, () => randomRecord(random)),
    { ...kind, ...producer, ...options, codec },
  )
  return Buffer.from(batch)
}

export function randomRecord(random: Prng): RecordInput {
  const headers = Array.from({ length: random.chance(0.8) ? 0 : random.between(1, 3) }, () => ({
    key: random.pick(['', 'h', 'trace-id']),
    value: random.chance(0.2) ? null : random.bytes(random.below(12)),
  }))
  return { key: content(random), value: content(random), timestamp: TIMESTAMP + random.below(100_000), headers }
}

function content(random: Prng): Uint8Array | null {
  const kind = random.below(10)
  if (kind === 0) return null
  if (kind === 1) return Buffer.alloc(random.below(3000), random.below(256))
  if (kind < 5) return Buffer.from('some words that come again and again '.repeat(random.below(6)))
  return random.bytes(random.below(40))
}

/** Small, and large when it is decompressed; its header and CRC are in order. */
export function bomb(random: Prng): Buffer {
  const codec = random.pick(CODEC_NAMES.slice(1))
  const template = buildBatch([{ key: null, value: Buffer.from('x'), timestamp: TIMESTAMP }])
  return withRecords(template, compressedZeros(codec), CODEC_NAMES.indexOf(codec))
}

const zeros = new Map<CodecName, Uint8Array>()

function compressedZeros(codec: CodecName): Uint8Array {
  let stream = zeros.get(codec)
  if (stream === undefined) zeros.set(codec, (stream = codecByName(codec)!.compress(Buffer.alloc(BOMB_BYTES))))
  return stream
}

/** The same batch with something else behind its header, sealed again. */
export function withRecords(batch: Uint8Array, records: Uint8Array, codecId: number): Buffer {
  const whole = Buffer.concat([batch.subarray(0, BATCH_HEADER_BYTES), records])
  whole.writeInt16BE((whole.readInt16BE(FIELD_AT.attributes) & ~7) | codecId, FIELD_AT.attributes)
  return sealed(whole)
}

/** The same records, which were damaged before they were compressed. */
export function withPlainRecords(batch: Buffer, plain: Uint8Array): Buffer {
  const view = new BatchView().reset(batch, 0)
  return recompress(view, plain, CODEC_NAMES[view.codecId] ?? 'none')
}

/** Length and CRC are made to fit what is there. */
export function sealed(batch: Buffer): Buffer {
  if (batch.length < BATCH_HEADER_BYTES) return batch
  batch.writeInt32BE(batch.length - BATCH_PREFIX_BYTES, FIELD_AT.length)
  batch.writeUInt32BE(crc32c(batch, FIELD_AT.attributes, batch.length), FIELD_AT.crc)
  return batch
}
