/**
 * Record batches as JSON: the fields of the header, and records with absolute offsets and timestamps, keys and values in base64. Several batches stand in
 * `batches`. Older formats: `wire-message.ts`.
 */
import { array, bool, bytes, int8, int16, int32, int64, type OutOf, string, struct, uint32 } from '../protocol/field.js'
import { fromJson, JsonError, type JsonObject, toJson } from '../protocol/json.js'
import { type BatchView, MAGIC_V2, NO_SEQUENCE, sequenceAfter, type TimestampType } from '../records/batch.js'
import { type BatchOptions, buildBatch } from '../records/builder.js'
import { CODEC_NAMES, type CodecName } from '../records/compression/codec.js'
import { BatchIterator, MAX_OPENED_BYTES, RecordFormatError, readRecords } from '../records/reader.js'
import { messageFromJson, messageToJson } from './wire-message.js'

const TIMESTAMP_TYPES: readonly TimestampType[] = ['CreateTime', 'LogAppendTime']

const recordFields = {
  offset: int64,
  timestamp: int64,
  key: bytes.nullable(),
  value: bytes.nullable(),
  headers: array(struct({ key: string, value: bytes.nullable() })),
}

const headerFields = {
  magic: int8,
  codec: string,
  baseOffset: int64,
  lastOffset: int64,
  sizeInBytes: int32,
  crc: uint32,
  timestampType: string,
  maxTimestamp: int64,
  baseTimestamp: int64,
  count: int32,
  leaderEpoch: int32,
  producerId: int64,
  producerEpoch: int16,
  baseSequence: int32,
  lastSequence: int32,
  transactional: bool,
  control: bool,
}

/** With what only some batches and records have. */
const batchFields = {
  ...headerFields,
  deleteHorizonMs: int64,
  records: array(struct({ ...recordFields, sequence: int32 })),
}

/** Anything may be left out of what is to be encoded. */
type GivenRecord = Partial<OutOf<typeof recordFields>>
type GivenBatch = Partial<OutOf<typeof headerFields>> & {
  readonly deleteHorizonMs?: number
  readonly records?: readonly GivenRecord[]
}

/**
 * `unread`: what is left of a batch that was cut off behind whole ones. Throws `RecordFormatError`, also for a CRC that is wrong, and
 * `CompressionError`.
 */
export function decodeBatches(source: Buffer): { readonly json: JsonObject; readonly unread: number } {
  const batches: JsonObject[] = []
  const iterator = new BatchIterator(source)
  let start = 0
  let step = iterator.next()
  for (; step === 'batch' || step === 'old-magic'; step = iterator.next()) {
    batches.push(step === 'batch' ? batchToJson(iterator.batch) : messageToJson(source, start, iterator.position))
    start = iterator.position
  }
  if (step === 'corrupt') throw new RecordFormatError(`what stands at ${iterator.position} is no batch`)
  if (batches.length === 0) throw new RecordFormatError(`${source.length} bytes, which is less than a batch`)
  return {
    json: batches.length === 1 ? batches[0]! : { batches },
    unread: source.length - iterator.position,
  }
}

function batchToJson(batch: BatchView): JsonObject {
  const { baseOffset, crc, recordCount, deleteHorizonMs } = batch
  if (batch.hasUnsafeInteger) throw new RecordFormatError('an int64 of the header is beyond +-(2^53 - 1)')
  const computed = batch.computeCrc()
  if (computed !== crc) {
    throw new RecordFormatError(`the batch at offset ${baseOffset} has the CRC ${crc}, and its bytes have ${computed}`)
  }
  if (recordCount < 0) throw new RecordFormatError(`a batch of ${recordCount} records`)
  const stored = readRecords(batch, MAX_OPENED_BYTES)
  const value = {
    magic: batch.magic,
    codec: CODEC_NAMES[batch.codecId]!,
    baseOffset,
    lastOffset: batch.lastOffset,
    sizeInBytes: batch.sizeBytes,
    crc,
    timestampType: batch.timestampType,
    maxTimestamp: batch.maxTimestamp,
    baseTimestamp: batch.baseTimestamp,
    count: recordCount,
    leaderEpoch: batch.partitionLeaderEpoch,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    lastSequence: batch.lastSequence,
    transactional: batch.isTransactional,
    control: batch.isControl,
  } satisfies OutOf<typeof headerFields>
  const records = stored.map((record) => ({
    ...toJson(recordFields, { ...record }, 0),
    ...(batch.hasProducer ? { sequence: sequenceOf(batch, record.offset) } : {}),
  }))
  return {
    ...toJson(headerFields, value, 0),
    ...(deleteHorizonMs === undefined ? {} : { deleteHorizonMs }),
    records,
  }
}

function sequenceOf({ baseSequence, baseOffset }: BatchView, offset: number): number {
  return baseSequence === NO_SEQUENCE ? NO_SEQUENCE : sequenceAfter(baseSequence, offset - baseOffset)
}

/** Throws `JsonError` and `EncodeError`. */
export function encodeBatches(json: unknown): Buffer {
  const several = json as { readonly batches?: unknown } | null
  if (!Array.isArray(several?.batches)) return encodeBatch(json)
  if (several.batches.length === 0) throw new JsonError('batches is empty')
  return Buffer.concat(several.batches.map(encodeBatch))
}

function encodeBatch(json: unknown): Buffer {
  const old = (json as { magic?: unknown } | null)?.magic
  if (old === 0 || old === 1) return messageFromJson(old, json)
  const given = fromJson(batchFields, json, 0) as GivenBatch
  const { magic = MAGIC_V2, codec = 'none', timestampType = 'CreateTime', records = [] } = given
  if (magic !== MAGIC_V2) throw new JsonError(`magic is ${magic}, and not 0, 1 or 2`)
  const baseOffset = given.baseOffset ?? records[0]?.offset ?? 0
  const inputs = records.map((record, index) => ({ offset: baseOffset + index, ...record, headers: headersOf(record) }))
  const last = inputs.at(-1)?.offset ?? baseOffset - 1
  const { lastOffset = last } = given
  if (lastOffset < last || lastOffset - baseOffset > 0x7fff_ffff) {
    throw new JsonError(`lastOffset is ${lastOffset}, and the records go from ${baseOffset} to ${last}`)
  }
  const options: { -readonly [K in keyof BatchOptions]: BatchOptions[K] } = {
    codec: oneOf<CodecName>('codec', codec, CODEC_NAMES),
    timestampType: oneOf<TimestampType>('timestampType', timestampType, TIMESTAMP_TYPES),
    baseOffset,
    lastOffset,
    transactional: given.transactional === true,
    control: given.control === true,
  }
  if (given.leaderEpoch !== undefined) options.partitionLeaderEpoch = given.leaderEpoch
  if (given.maxTimestamp !== undefined) options.maxTimestamp = given.maxTimestamp
  if (given.deleteHorizonMs !== undefined) options.deleteHorizonMs = given.deleteHorizonMs
  if (given.producerId !== undefined) options.producerId = given.producerId
  if (given.producerEpoch !== undefined) options.producerEpoch = given.producerEpoch
  if (given.baseSequence !== undefined) options.baseSequence = given.baseSequence
  const batch = buildBatch(inputs, options)
  refuseContradictions(given, new BatchIterator(batch))
  return batch
}

function headersOf({ headers = [] }: GivenRecord): { key: string; value: Uint8Array | null }[] {
  return headers.map(({ key, value = null }: { key?: string; value?: Uint8Array | null }) => {
    if (key === undefined) throw new JsonError('a header without a key')
    return { key, value }
  })
}

function oneOf<T extends string>(name: string, text: string, all: readonly T[]): T {
  const found = all.find((each) => each === text)
  if (found === undefined) throw new JsonError(`${name} is ${JSON.stringify(text)}, and not one of ${all.join(', ')}`)
  return found
}

/** What follows from other fields may be given; another value than follows would be lost. (Size and CRC are results.) */
function refuseContradictions(given: GivenBatch, iterator: BatchIterator): void {
  iterator.next()
  const { batch } = iterator
  const follows: GivenBatch = {
    count: batch.recordCount,
    lastSequence: batch.lastSequence,
    // With LogAppendTime the records do not show what the first one's own was.
    ...(batch.timestampType === 'LogAppendTime' ? {} : { baseTimestamp: batch.baseTimestamp }),
  }
  for (const [name, value] of Object.entries(follows)) {
    const said = given[name as keyof GivenBatch]
    if (said !== undefined && said !== value) {
      throw new JsonError(`${name} is ${said}, and from the other fields follows ${value}`)
    }
  }
}
