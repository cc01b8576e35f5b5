/** A record as a line: Kafka's DefaultMessageFormatter with its properties. */
import type { ConsumedRecord } from '../client/consumer/fetched.js'
import { unescaped } from './line-record.js'

/** `--property` of console-consumer. */
export const FORMATTER_PROPERTIES: Readonly<Record<string, string>> = {
  'print.timestamp': 'false',
  'print.partition': 'false',
  'print.offset': 'false',
  'print.epoch': 'false',
  'print.headers': 'false',
  'print.key': 'false',
  'print.value': 'true',
  'key.separator': '\\t',
  'line.separator': '\\n',
  'headers.separator': ',',
  'null.literal': 'null',
}

export class RecordFormatter {
  readonly #properties: ReadonlyMap<string, string>
  readonly #separator: Buffer
  readonly #end: Buffer
  readonly #nothing: Buffer

  constructor(properties: ReadonlyMap<string, string>) {
    this.#properties = properties
    this.#separator = Buffer.from(this.#value('key.separator'))
    this.#end = Buffer.from(this.#value('line.separator'))
    this.#nothing = Buffer.from(this.#value('null.literal'))
  }

  /** With the line's end. Keys and values as they are, whatever they are. */
  format(record: ConsumedRecord): Buffer {
    const parts: Uint8Array[] = []
    const print = (what: string, part: () => Uint8Array): void => {
      if (this.#value(`print.${what}`) === 'true') parts.push(...(parts.length > 0 ? [this.#separator] : []), part())
    }
    const { timestamp, timestampType, partition, offset, leaderEpoch, headers, key, value } = record
    print('timestamp', () => Buffer.from(timestamp < 0 ? 'NO_TIMESTAMP' : `${timestampType}:${timestamp}`))
    print('partition', () => Buffer.from(`Partition:${partition}`))
    print('offset', () => Buffer.from(`Offset:${offset}`))
    print('epoch', () => Buffer.from(`Epoch:${leaderEpoch}`))
    print('headers', () => this.#headers(headers))
    print('key', () => key ?? this.#nothing)
    print('value', () => value ?? this.#nothing)
    return Buffer.concat([...parts, this.#end])
  }

  #headers(headers: ConsumedRecord['headers']): Buffer {
    if (headers.length === 0) return Buffer.from('NO_HEADERS')
    const between = Buffer.from(this.#value('headers.separator'))
    const parts = headers.flatMap(({ key, value }, n) => [
      ...(n === 0 ? [] : [between]),
      Buffer.from(`${key}:`),
      value ?? this.#nothing,
    ])
    return Buffer.concat(parts)
  }

  #value(key: string): string {
    return unescaped(this.#properties.get(key) ?? FORMATTER_PROPERTIES[key]!)
  }
}
