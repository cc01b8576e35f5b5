/**
 * The records of one decision as one batch in the partition that keeps the shard. The batch is as large as any other of the topic may be; the room that is
 * kept free on a disk (`log.dir.reserved.bytes`) is there for these, too.
 */
import { EncodeError } from '../../base/bytes/writer.js'
import { targetCompression } from '../../log/target-compression.js'
import type { ErrorName } from '../../protocol/errors.js'
import { BatchView } from '../../records/batch.js'
import { BatchBuilder } from '../../records/builder.js'
import type { CodecName } from '../../records/compression/codec.js'
import { codecByName } from '../../records/compression/codecs.js'
import { OWN_MEMORY } from '../../storage/log-options.js'
import type { Appended, Partition } from '../partition.js'

/** Key and value as they stand in a record. */
export interface RecordBytes {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** From this size on a batch is written from where it is instead of being copied. */
const BY_REFERENCE_FROM_BYTES = 16 * 1024

/**
 * Appends as acks=all asks for it; returns why not. `codec`: where the topic has none of its own. A record that cannot be written (`encode` throws
 * `EncodeError`) is one that is too large.
 */
export function appendRecords<Record>(
  partition: Pick<Partition, 'settings' | 'append'>,
  records: readonly Record[],
  encode: (record: Record) => RecordBytes,
  codec: CodecName,
  nowMs: number,
): Appended | ErrorName {
  const { settings } = partition
  const target = targetCompression(settings) ?? { codec }
  if (codecByName(target.codec) === undefined) return 'UNSUPPORTED_COMPRESSION_TYPE'
  let bytes: Uint8Array
  try {
    const builder = new BatchBuilder(target)
    for (const record of records) builder.append({ ...encode(record), timestamp: nowMs })
    bytes = builder.build()
  } catch (error) {
    if (error instanceof EncodeError) return 'MESSAGE_TOO_LARGE'
    throw error
  }
  if (bytes.length > settings['max.message.bytes']) return 'MESSAGE_TOO_LARGE'
  if (bytes.length > settings['internal.segment.bytes']) return 'RECORD_LIST_TOO_LARGE'
  const batch = new BatchView().reset(bytes, 0)
  if (settings['message.timestamp.type'] === 'LogAppendTime') batch.setMaxTimestamp('LogAppendTime', nowMs)
  const result = partition.append(batch, -1, bytes.length < BY_REFERENCE_FROM_BYTES ? undefined : OWN_MEMORY)
  return result.kind === 'appended' ? result : result.error
}
