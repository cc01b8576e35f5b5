/**
 * A history as lines of JSON, one array each, in order of time: small enough to keep a million operations, and read back without making an object for each.
 *
 * | line | what it says |
 * | --- | --- |
 * | `["h", {...}]` | the first: the version of this format, and what the writer wants to say of the run |
 * | `["k", name]` | a key: the first is 0 from here on, the next 1 |
 * | `["i", key, time, process, acks, producer, sequence, more, value]` | a send begins; producer and sequence are null without idempotence, `more` is null, or says `recordKey` and `deletes` |
 * | `["o", key, time, process, offset, value]` | the send of this value happened; `"f"`: it did not; `"u"`: nobody knows; the offset is null where none is said |
 * | `["p", key, time, process, highWatermark, seek, final, startOffset, offset, value, offset, value, ...]` | a poll; seek and final are 0 or 1, the offset of the start and the high watermark null where they are not said |
 * | `["d", key, time, process, type, offset]` | a deletion of what is in front of an offset |
 * | `["n", time, process, kind]` | a fault |
 * | `["l", key, of, process, invoked, completed, offset]` | ListOffsets was answered |
 * | `["e", lines]` | the last: how many were in front of it |
 *
 * A value that describes itself, and stands where it says, is two numbers, its process and sequence; any other is text.
 */
import type { OffsetListed } from './check-watermarks.js'
import { type Operation, type PollOperation, placeIn, type SendOperation } from './history.js'

export const HISTORY_FORMAT = 'lograft history'
export const HISTORY_VERSION = 1

type Value = readonly [process: number, sequence: number] | readonly [text: string]

export class HistoryEncoder {
  readonly #keys = new Map<string, number>()
  readonly #write: (line: string) => void
  #lines = 0

  constructor(write: (line: string) => void, about: Readonly<Record<string, unknown>> = {}) {
    this.#write = write
    this.#line(['h', { format: HISTORY_FORMAT, version: HISTORY_VERSION, ...about }])
  }

  operation(operation: Operation): void {
    const { time, process } = operation
    switch (operation.f) {
      case 'send':
        return this.#send(operation)
      case 'poll':
        return this.#poll(operation)
      case 'delete':
        return this.#line(['d', this.#key(operation.key), time, process, operation.type, operation.offset])
      case 'fault':
        return this.#line(['n', time, process, operation.kind])
    }
  }

  listed({ process, key, of, offset, invokedMs, completedMs }: OffsetListed): void {
    this.#line(['l', this.#key(key), of, process, invokedMs, completedMs, offset])
  }

  end(): void {
    this.#line(['e', this.#lines])
  }

  #send({
    type,
    key,
    value,
    time,
    process,
    acks,
    producer,
    sequence,
    offset,
    recordKey,
    deletes,
  }: SendOperation): void {
    const number = this.#key(key)
    const written = asWritten(key, value)
    if (type !== 'invoke') return this.#line([ENDS[type], number, time, process, offset ?? null, ...written])
    const more = recordKey === undefined && deletes === undefined ? null : { recordKey, deletes }
    this.#line(['i', number, time, process, acks, producer ?? null, sequence ?? null, more, ...written])
  }

  #poll({ key, time, process, records, highWatermark, seek, final, startOffset }: PollOperation): void {
    const number = this.#key(key)
    const flat: (string | number)[] = []
    for (const [offset, value] of records) flat.push(offset, ...asWritten(key, value))
    const flags = [seek === true ? 1 : 0, final === true ? 1 : 0]
    this.#line(['p', number, time, process, highWatermark ?? null, ...flags, startOffset ?? null, ...flat])
  }

  #key(name: string): number {
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    const number = this.#keys.size
    this.#keys.set(name, number)
    this.#line(['k', name])
    return number
  }

  #line(content: readonly unknown[]): void {
    this.#lines++
    this.#write(`${JSON.stringify(content)}\n`)
  }
}

const ENDS = { ok: 'o', fail: 'f', info: 'u' } as const

function asWritten(key: string, value: string): Value {
  const place = placeIn(value, key)
  return place ?? [value]
}
