/**
 * Kafka's `.snapshot` files: every producer of a partition as of the offset in the file's name. Big-endian.
 *
 *      ┌──────────────┬────────────┬──────────────┐   CRC-32C of everything behind it, the count included
 *      │ version i16 1│ CRC uint32 │ count  int32 │
 *      ├──────────────┴─────┬──────┴──┬───────────┴┬────────────────────┬──────────────────┐
 *      │ producer id  int64 │ epoch   │ last       │ last offset  int64 │ offset delta i32 │
 *      │                    │ int16   │ sequence   │                    │                  │
 *      ├────────────────────┼─────────┴───┬────────┴────────────────────┼──────────────────┘
 *      │ timestamp    int64 │ coordinator │ first offset of the open    │   46 bytes for each producer
 *      │                    │ epoch int32 │ transaction int64           │
 *      └────────────────────┴─────────────┴─────────────────────────────┘   -1 stands for none
 *
 * Of the batches of a producer only the last one is kept; the others come back by reading the log from an older snapshot.
 */
import { DecodeError, Reader } from '../base/bytes/reader.js'
import { Writer } from '../base/bytes/writer.js'
import { crc32c } from '../base/crc32c.js'
import { corrupt, ok, type Parsed } from './parsed.js'
import { ProducerEntry } from './producer-entry.js'

const VERSION = 1
const COUNT_AT = 6
const ENTRIES_AT = 10
const ENTRY_BYTES = 46

/** By rising producer id, so that equal states have equal bytes. */
export function encodeProducerSnapshot(entries: Iterable<ProducerEntry>): Buffer {
  const sorted = [...entries].sort((a, b) => a.producerId - b.producerId)
  const writer = new Writer(ENTRIES_AT + sorted.length * ENTRY_BYTES)
  writer.int16(VERSION)
  const patchCrc = writer.openInt32()
  writer.int32(sorted.length)
  for (const entry of sorted) {
    writer.int64(entry.producerId)
    writer.int16(entry.producerEpoch)
    writer.int32(entry.lastSequence)
    writer.int64(entry.lastOffset)
    writer.int32(entry.lastOffsetDelta)
    writer.int64(entry.lastTimestamp)
    writer.int32(entry.coordinatorEpoch)
    writer.int64(entry.transactionFirstOffset ?? -1)
  }
  const bytes = writer.toBuffer()
  patchCrc(crc32c(bytes, COUNT_AT))
  return bytes
}

export function decodeProducerSnapshot(bytes: Uint8Array): Parsed<ProducerEntry[]> {
  if (bytes.length < ENTRIES_AT) return corrupt(`a producer snapshot of ${bytes.length} bytes has no header`)
  const reader = new Reader(bytes)
  const version = reader.int16()
  if (version !== VERSION) return corrupt(`a producer snapshot has version ${version} where ${VERSION} is expected`)
  const stored = reader.uint32()
  const computed = crc32c(bytes, COUNT_AT)
  if (stored !== computed) return corrupt(`a producer snapshot has CRC ${computed} where its header says ${stored}`)
  const count = reader.int32()
  if (count * ENTRY_BYTES !== reader.remaining) {
    return corrupt(`a producer snapshot announces ${count} producers in ${reader.remaining} bytes`)
  }
  const entries: ProducerEntry[] = []
  try {
    while (entries.length < count) entries.push(readEntry(reader))
  } catch (error) {
    if (error instanceof DecodeError) return corrupt(`in a producer snapshot: ${error.message}`)
    throw error
  }
  return ok(entries)
}

function readEntry(reader: Reader): ProducerEntry {
  const entry = new ProducerEntry(reader.int64())
  entry.enterEpoch(reader.int16())
  const lastSequence = reader.int32()
  const lastOffset = reader.int64()
  const offsetDelta = reader.int32()
  entry.lastTimestamp = reader.int64()
  entry.coordinatorEpoch = reader.int32()
  const transactionFirstOffset = reader.int64()
  if (transactionFirstOffset >= 0) entry.transactionFirstOffset = transactionFirstOffset
  if (lastOffset >= 0) entry.add(lastSequence, lastOffset, offsetDelta, entry.lastTimestamp)
  return entry
}
