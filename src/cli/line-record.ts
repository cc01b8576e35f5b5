/** A line of text as a record: Kafka's LineMessageReader with its properties. */
import type { RecordInput } from '../records/record-encoder.js'

/** `--property` of console-producer. */
export const READER_PROPERTIES: Readonly<Record<string, string>> = {
  'parse.key': 'false',
  'parse.headers': 'false',
  'ignore.error': 'false',
  'key.separator': '\\t',
  'headers.delimiter': '\\t',
  'headers.separator': ',',
  'headers.key.separator': ':',
  'null.marker': '',
}

/** The line has not the parts that it should have. */
export class LineError extends Error {
  override readonly name = 'LineError'
}

/** In the order in which they stand: `headers delimiter key separator value`. */
export class LineReader {
  readonly #parseKey: boolean
  readonly #parseHeaders: boolean
  readonly #ignoreError: boolean
  readonly #separator: Buffer
  readonly #delimiter: Buffer
  readonly #betweenHeaders: string
  readonly #inHeader: string
  readonly #nullMarker: Buffer | undefined

  /** Throws `LineError` for a separator that separates nothing. */
  constructor(properties: ReadonlyMap<string, string>) {
    const value = (key: string): string => unescaped(properties.get(key) ?? READER_PROPERTIES[key]!)
    this.#parseKey = value('parse.key') === 'true'
    this.#parseHeaders = value('parse.headers') === 'true'
    this.#ignoreError = value('ignore.error') === 'true'
    this.#separator = Buffer.from(value('key.separator'))
    this.#delimiter = Buffer.from(value('headers.delimiter'))
    this.#betweenHeaders = value('headers.separator')
    this.#inHeader = value('headers.key.separator')
    const marker = value('null.marker')
    this.#nullMarker = marker === '' ? undefined : Buffer.from(marker)
    if (
      this.#separator.length === 0 ||
      this.#delimiter.length === 0 ||
      this.#betweenHeaders === '' ||
      this.#inHeader === ''
    ) {
      throw new LineError('a separator must not be empty')
    }
  }

  /** `number`: of the line, from 1, for the message. Throws `LineError`. */
  read(line: Buffer, number: number): RecordInput {
    let rest = line
    let headers: { key: string; value: Uint8Array | null }[] = []
    let key: Buffer | null = null
    if (this.#parseHeaders) {
      const [before, after] = this.#split(rest, this.#delimiter, 'headers.delimiter', number)
      rest = after
      if (before !== undefined && !this.#isNull(before)) headers = this.#headers(before, number)
    }
    if (this.#parseKey) {
      const [before, after] = this.#split(rest, this.#separator, 'key.separator', number)
      rest = after
      key = before === undefined || this.#isNull(before) ? null : before
    }
    return { key, value: this.#isNull(rest) ? null : rest, headers }
  }

  #isNull(part: Buffer): boolean {
    return this.#nullMarker?.equals(part) ?? false
  }

  #split(line: Buffer, separator: Buffer, name: string, number: number): [Buffer | undefined, Buffer] {
    const at = line.indexOf(separator)
    if (at >= 0) return [line.subarray(0, at), line.subarray(at + separator.length)]
    if (this.#ignoreError) return [undefined, line]
    throw new LineError(`line ${number} has no ${name} ${JSON.stringify(separator.toString())}: ${preview(line)}`)
  }

  #headers(part: Buffer, number: number): { key: string; value: Uint8Array | null }[] {
    if (part.length === 0) return []
    return part
      .toString('utf8')
      .split(this.#betweenHeaders)
      .map((pair) => {
        const at = pair.indexOf(this.#inHeader)
        if (at < 0 && !this.#ignoreError) {
          throw new LineError(`line ${number} has a header without ${JSON.stringify(this.#inHeader)}: ${pair}`)
        }
        if (at < 0) return { key: pair, value: null }
        const value = Buffer.from(pair.slice(at + this.#inHeader.length))
        return { key: pair.slice(0, at), value: this.#isNull(value) ? null : value }
      })
  }
}

/** What a shell passes as two characters. */
export function unescaped(text: string): string {
  return text.replaceAll('\\t', '\t').replaceAll('\\n', '\n').replaceAll('\\0', '\0')
}

function preview(line: Buffer): string {
  const text = line.toString('utf8')
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}
