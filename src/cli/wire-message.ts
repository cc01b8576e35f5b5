/**
 * Messages of magic 0 and 1 as JSON, in the form of batches (`wire-batch.ts`): one that is not compressed is a batch of one record, a wrapper is a batch of
 * what is compressed in it, with absolute offsets.
 */
import { array, bytes, int8, int32, int64, type OutOf, string, struct, uint32 } from '../protocol/field.js'
import { fromJson, JsonError, type JsonObject, toJson } from '../protocol/json.js'
import { CODEC_MASK, LOG_APPEND_TIME_BIT, NO_TIMESTAMP } from '../records/batch.js'
import { CODEC_NAMES, type CodecName } from '../records/compression/codec.js'
import { codecById } from '../records/compression/codecs.js'
import { setOldChecksum } from '../records/legacy/lz4-checksum.js'
import { MessageSetWriter, type OldMagic } from '../records/legacy/message.js'
import { MESSAGE_FAULTS, MessageSetReader } from '../records/legacy/message-set.js'
import { MAX_OPENED_BYTES, RecordFormatError } from '../records/reader.js'

const CRC_AT = 12
const LZ4 = 3
const CODECS: readonly CodecName[] = ['none', 'gzip', 'snappy', 'lz4']

const recordFields = { offset: int64, timestamp: int64, key: bytes.nullable(), value: bytes.nullable() }

const messageFields = {
  magic: int8,
  codec: string,
  baseOffset: int64,
  lastOffset: int64,
  sizeInBytes: int32,
  crc: uint32,
  timestampType: string,
  maxTimestamp: int64,
  records: array(struct(recordFields)),
}

type Given = Partial<Omit<OutOf<typeof messageFields>, 'records'>> & {
  readonly records?: readonly Partial<OutOf<typeof recordFields>>[]
}

/** `source[start, end)` is one message as its length says. Throws `RecordFormatError`. */
export function messageToJson(source: Buffer, start: number, end: number): JsonObject {
  const set = new MessageSetReader(source, start, end, MAX_OPENED_BYTES)
  const { entry } = set
  const records: OutOf<typeof recordFields>[] = []
  let step = set.next()
  for (; step === 'record'; step = set.next()) {
    const { offset, timestamp, key, value } = set
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(timestamp)) {
      throw new RecordFormatError('an offset or a timestamp of a message is beyond +-(2^53 - 1)')
    }
    records.push({ offset, timestamp, key, value })
  }
  if (step !== 'end') throw new RecordFormatError(MESSAGE_FAULTS[step].message)
  const value = {
    magic: entry.magic,
    codec: CODEC_NAMES[entry.attributes & CODEC_MASK]!,
    baseOffset: records[0]!.offset,
    lastOffset: records.at(-1)!.offset,
    sizeInBytes: end - start,
    crc: source.readUInt32BE(start + CRC_AT),
    timestampType: timestampTypes(entry.magic)[(entry.attributes & LOG_APPEND_TIME_BIT) === 0 ? 0 : 1] ?? NO_TYPE,
    maxTimestamp: entry.timestamp,
    records,
  } satisfies OutOf<typeof messageFields>
  return toJson(messageFields, value, 0)
}

const NO_TYPE = 'NoTimestampType'

/** By the bit in the attributes. */
function timestampTypes(magic: OldMagic): readonly string[] {
  return magic === 0 ? [NO_TYPE] : ['CreateTime', 'LogAppendTime']
}

/** Throws `JsonError`. */
export function messageFromJson(magic: OldMagic, json: unknown): Buffer {
  const given = fromJson(messageFields, json, 0) as Given
  const { codec = 'none', timestampType = timestampTypes(magic)[0]! } = given
  const codecId = codedAs('codec', codec, CODECS)
  const typeBit = codedAs('timestampType', timestampType, timestampTypes(magic)) * LOG_APPEND_TIME_BIT
  const records = (given.records ?? []).map(({ offset = 0, timestamp = NO_TIMESTAMP, key = null, value = null }) => {
    if (magic === 0 && timestamp !== NO_TIMESTAMP) throw new JsonError('a message of magic 0 has no timestamp')
    return { offset, timestamp, attributes: typeBit, key, value }
  })
  const [first] = records
  const last = records.at(-1)
  if (first === undefined || last === undefined) throw new JsonError('records is empty: there is no such message')
  if (codecId === 0 && records.length > 1) {
    throw new JsonError(`a message of magic ${magic} holds one record: each has to be one of batches`)
  }
  const latest = records.reduce((most, { timestamp }) => Math.max(most, timestamp), NO_TIMESTAMP)
  // The wrapper's own time is that of its last append, which records inside need not show.
  const maxTimestamp = codecId === 0 || magic === 0 ? latest : (given.maxTimestamp ?? latest)
  for (const [name, value] of Object.entries({
    baseOffset: first.offset,
    lastOffset: last.offset,
    maxTimestamp,
  })) {
    const said = given[name as keyof Given]
    if (said !== undefined && said !== value) {
      throw new JsonError(`${name} is ${said}, and from the other fields follows ${value}`)
    }
  }
  const out = new MessageSetWriter(magic)
  if (codecId === 0) out.append(first)
  else {
    const inner = new MessageSetWriter(magic)
    for (const record of records) {
      inner.append({ ...record, offset: magic === 0 ? record.offset : record.offset - first.offset })
    }
    const stream = codecById(codecId)!.compress(inner.bytes)
    if (magic === 0 && codecId === LZ4) setOldChecksum(stream)
    const attributes = typeBit | codecId
    out.append({ offset: last.offset, timestamp: maxTimestamp, attributes, key: null, value: stream })
  }
  return out.bytes
}

/** Its place among what there is. */
function codedAs(name: string, text: string, all: readonly string[]): number {
  const at = all.indexOf(text)
  if (at < 0) throw new JsonError(`${name} is ${JSON.stringify(text)}, and not one of ${all.join(', ')}`)
  return at
}
