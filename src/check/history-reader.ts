/** HistoryReader: the lines of `history-file.ts` as columns, one line after the other. A line that cannot be is an error that names it. */
import type { OffsetListed } from './check-watermarks.js'
import {
  type Compacted,
  FAIL,
  HistoryBuilder,
  type HistoryColumns,
  INFO,
  OF_FINAL,
  OF_POLL,
  OF_SOUGHT,
  OK,
  POLL,
  SEND,
} from './history-columns.js'
import { HISTORY_FORMAT, HISTORY_VERSION } from './history-file.js'

/** What the file says is no history. */
export class HistoryFormatError extends Error {
  override readonly name = 'HistoryFormatError'
}

interface Open {
  readonly process: number
  readonly invokedMs: number
  readonly acks: 0 | 1 | -1
  readonly producer: string | undefined
  readonly sequence: number | undefined
  readonly compacted: Compacted | undefined
}

type Line = readonly (string | number | null | object)[]

const ENDS: Readonly<Record<string, number>> = { o: OK, f: FAIL, u: INFO }

export class HistoryReader {
  readonly listed: OffsetListed[] = []
  /** What the writer has said of the run. */
  about: Readonly<Record<string, unknown>> = {}
  readonly #builder = new HistoryBuilder()
  readonly #keys: number[] = []
  /** By value. */
  readonly #open = new Map<number, Open>()
  #lines = 0
  #endMs = 0
  #isWhole = false

  line(text: string): void {
    let line: Line
    try {
      line = JSON.parse(text) as Line
    } catch {
      throw this.#wrong('is not JSON')
    }
    if (this.#lines === 0) this.#begin(line)
    else this.#read(line)
    this.#lines++
  }

  /** After the last line. */
  build(): HistoryColumns {
    if (!this.#isWhole) throw this.#wrong('is missing: the history is cut off')
    for (const [value, open] of this.#open) this.#sent(value, open, INFO, this.#endMs, null, open.process)
    return this.#builder.build()
  }

  #wrong(why: string): HistoryFormatError {
    return new HistoryFormatError(`line ${this.#lines + 1} ${why}`)
  }

  #begin([kind, about]: Line): void {
    const { format, version } = (about ?? {}) as Record<string, unknown>
    if (kind !== 'h' || format !== HISTORY_FORMAT) throw this.#wrong('does not begin a history')
    if (version !== HISTORY_VERSION) throw this.#wrong(`is of version ${String(version)}`)
    this.about = about as Record<string, unknown>
  }

  #read(line: Line): void {
    const { values } = this.#builder
    if (this.#isWhole) throw this.#wrong('comes after the end')
    switch (line[0]) {
      case 'k':
        this.#keys.push(values.keyNumber(line[1] as string))
        return
      case 'i':
        return this.#begun(line)
      case 'o':
      case 'f':
      case 'u':
        return this.#ended(line)
      case 'p':
        return this.#polled(line)
      case 'd': {
        const [, , time, , type, offset] = line as [string, number, number, number, string, number]
        this.#endMs = time
        this.#builder.deletions.push({ key: this.#key(line), offset, isCertain: type === 'ok' })
        return
      }
      case 'n':
        this.#endMs = line[1] as number
        return
      case 'l': {
        const [, , of, process, invokedMs, completedMs, offset] = line as unknown as ListedLine
        this.listed.push({ process, key: values.keys[this.#key(line)]!, of, offset, invokedMs, completedMs })
        return
      }
      case 'e':
        if (line[1] !== this.#lines) throw this.#wrong(`says that ${String(line[1])} were in front of it`)
        this.#isWhole = true
        return
      default:
        throw this.#wrong(`begins with ${String(line[0])}`)
    }
  }

  #key(line: Line): number {
    const key = this.#keys[line[1] as number]
    if (key === undefined) throw this.#wrong('is of a key that has no name')
    return key
  }

  /** The value that stands there. */
  #value(line: Line, key: number, at: number): number {
    const { values } = this.#builder
    const first = line[at]
    if (typeof first === 'string') return values.ofWritten(key, first)
    const sequence = line[at + 1]
    if (typeof first !== 'number' || typeof sequence !== 'number') throw this.#wrong('has no value')
    return values.ofPlace(key, first, sequence)
  }

  #begun(line: Line): void {
    const [, , invokedMs, process, acks, producer, sequence, more] = line as unknown as SendLine
    this.#endMs = invokedMs
    this.#open.set(this.#value(line, this.#key(line), 8), {
      process,
      invokedMs,
      acks,
      producer: producer ?? undefined,
      sequence: sequence ?? undefined,
      compacted: more ?? undefined,
    })
  }

  #ended(line: Line): void {
    const [kind, , time, process, offset] = line as unknown as EndLine
    const value = this.#value(line, this.#key(line), 5)
    const open = this.#open.get(value)
    if (open === undefined) throw this.#wrong('ends what has not begun')
    this.#open.delete(value)
    this.#endMs = time
    this.#sent(value, open, ENDS[kind]!, time, offset, process)
  }

  #sent(value: number, open: Open, outcome: number, time: number, offset: number | null, process: number): void {
    const { invokedMs, acks, producer, sequence, compacted } = open
    const key = this.#builder.values.keyOfValue(value)
    this.#builder.row(SEND, outcome, process, invokedMs, time)
    this.#builder.send({ key, value, offset: offset ?? undefined, acks, producer, sequence, compacted })
  }

  #polled(line: Line): void {
    const [, , time, process, highWatermark, seek, final, startOffset] = line as unknown as PollLine
    const key = this.#key(line)
    this.#endMs = time
    this.#builder.row(POLL, OK, process, time, time)
    const part = OF_POLL | (seek === 1 ? OF_SOUGHT : 0) | (final === 1 ? OF_FINAL : 0)
    this.#builder.poll(key, part, highWatermark, startOffset)
    for (let at = 8; at < line.length; ) {
      this.#builder.polled(line[at] as number, this.#value(line, key, at + 1))
      at += typeof line[at + 1] === 'string' ? 2 : 3
    }
  }
}

type ListedLine = readonly ['l', number, OffsetListed['of'], number, number, number, number]
type SendLine = readonly [
  'i',
  number,
  number,
  number,
  0 | 1 | -1,
  string | null,
  number | null,
  Compacted | null,
  ...unknown[],
]
type EndLine = readonly ['o' | 'f' | 'u', number, number, number, number | null, ...unknown[]]
type PollLine = readonly ['p', number, number, number, number | null, number, number, number | null, ...unknown[]]
