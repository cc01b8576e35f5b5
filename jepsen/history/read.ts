/**
 * HistoryReader: the lines of `history.jsonl` as what the checkers take, one after the other; what is kept is columns, so that a million operations take some hundred MB. A line that
 * cannot be is an error that names it. A last line that is cut off, because the run was killed, is said, and the rest is judged.
 */
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import type { OffsetListed } from '../../src/check/check-watermarks.js'
import { Column } from '../../src/check/columns.js'
import {
  ASSIGN,
  FAIL,
  HistoryBuilder,
  type HistoryColumns,
  INFO,
  OF_POLL,
  OK,
  POLL,
  SEND,
  SUBSCRIBE,
  TXN,
} from '../../src/check/history-columns.js'
import { FinalReads } from './final-reads.js'
import { GroupHistory } from './group-history.js'
import { placeInProcess } from './operation.js'
import { type Parsed, parseOperation } from './parse-operation.js'
import type { RunSettings } from './run-file.js'
import { TopicHistory } from './topic-history.js'

/** What the file says is no history. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError'
}

/** An operation that has ended, or that never did: then `ended` is undefined, and it ended with the history. */
export interface Pair {
  readonly invoked: Parsed
  readonly ended: Parsed | undefined
  readonly outcome: 'ok' | 'fail' | 'info'
  /** Of the line that says most about it. */
  readonly index: number
  readonly process: number
  readonly invokedMs: number
  readonly completedMs: number
}

export interface Struck {
  readonly index: number
  readonly timeMs: number
  readonly f: string
  readonly value: unknown
}

export interface Counts {
  ok: number
  fail: number
  info: number
  /** Polls that were answered with nothing. */
  empty: number
}

export interface ReadHistory {
  readonly columns: HistoryColumns
  readonly listed: readonly OffsetListed[]
  readonly groups: GroupHistory
  readonly topics: TopicHistory
  readonly finalReads: FinalReads
  /** By f, of clients. */
  readonly counts: ReadonlyMap<string, Counts>
  readonly struck: readonly Struck[]
  readonly lines: number
  /** Operations that never ended. */
  readonly open: number
  /** The last line is not whole. */
  readonly isCutOff: boolean
  readonly endMs: number
}

const KINDS: Readonly<Record<string, number>> = {
  send: SEND,
  poll: POLL,
  txn: TXN,
  assign: ASSIGN,
  subscribe: SUBSCRIBE,
}
const OUTCOMES = { ok: OK, fail: FAIL, info: INFO } as const
const NANOSECONDS = 1e6

/** Of faults that are kept. */
const MOST_STRUCK = 100_000

export class HistoryReader {
  readonly #builder = new HistoryBuilder()
  readonly #index = new Column(new Int32Array(0))
  readonly #listed: OffsetListed[] = []
  readonly #groups = new GroupHistory()
  readonly #topics = new TopicHistory()
  readonly #finalReads = new FinalReads()
  readonly #counts = new Map<string, Counts>()
  readonly #struck: Struck[] = []
  readonly #open = new Map<number, Parsed>()
  /** Rows from which nothing follows for what else their process did. */
  readonly #alone: number[] = []
  readonly #settings: RunSettings
  readonly #ended: (pair: Pair) => void
  #lines = 0
  #endMs = 0
  #isCutOff = false

  /** `ended` is told of each operation as it ends. */
  constructor(settings: RunSettings = {}, ended: (pair: Pair) => void = () => undefined) {
    this.#settings = settings
    this.#ended = ended
  }

  line(text: string): void {
    let content: unknown
    try {
      content = JSON.parse(text)
    } catch {
      throw this.#wrong('is not JSON')
    }
    this.#operation(content)
  }

  /** Behind the last line break. */
  lastLine(text: string): void {
    if (text === '') return
    let content: unknown
    try {
      content = JSON.parse(text)
    } catch {
      this.#isCutOff = true
      return
    }
    this.#operation(content)
  }

  build(): ReadHistory {
    const open = [...this.#open.values()]
    for (const invoked of open) {
      this.#pair({
        invoked,
        ended: undefined,
        outcome: 'info',
        index: invoked.index,
        process: invoked.process as number,
        invokedMs: invoked.time / NANOSECONDS,
        completedMs: this.#endMs,
      })
    }
    this.#open.clear()
    const columns = { ...this.#builder.build(), index: this.#index.content }
    for (const row of this.#alone) columns.isAlone[row] = 1
    return {
      columns,
      listed: this.#listed,
      groups: this.#groups,
      topics: this.#topics,
      finalReads: this.#finalReads,
      counts: this.#counts,
      struck: this.#struck,
      lines: this.#lines,
      open: open.filter(({ f }) => f !== 'crash').length,
      isCutOff: this.#isCutOff,
      endMs: this.#endMs,
    }
  }

  /** Of a file in another notation. */
  operation(content: unknown): void {
    this.#operation(content)
  }

  #wrong(why: string): HistoryError {
    return new HistoryError(`line ${this.#lines + 1} ${why}`)
  }

  #operation(content: unknown): void {
    const parsed = parseOperation(content)
    if (typeof parsed === 'string') throw this.#wrong(parsed)
    if (parsed.index !== this.#lines) throw this.#wrong(`has the index ${parsed.index}, and not ${this.#lines}`)
    this.#endMs = Math.max(this.#endMs, parsed.time / NANOSECONDS)
    const { process } = parsed
    if (process === 'nemesis') this.#nemesis(parsed)
    else if (parsed.type === 'invoke') this.#invoked(process, parsed)
    else this.#completed(process, parsed)
    this.#lines++
  }

  #nemesis({ index, time, f, value }: Parsed): void {
    if (this.#struck.length < MOST_STRUCK) this.#struck.push({ index, timeMs: time / NANOSECONDS, f, value })
  }

  #invoked(process: number, operation: Parsed): void {
    const before = this.#open.get(process)
    if (before !== undefined) {
      throw this.#wrong(
        `begins something of process ${process}, which has not ended what it began in line ${before.index + 1}`,
      )
    }
    this.#open.set(process, operation)
  }

  #completed(process: number, ended: Parsed): void {
    const invoked = this.#open.get(process)
    if (invoked === undefined) throw this.#wrong(`ends what process ${process} has not begun`)
    if (invoked.f !== ended.f) throw this.#wrong(`ends ${ended.f}, and process ${process} has begun ${invoked.f}`)
    if (!isSameRequest(invoked, ended)) {
      throw this.#wrong(`ends something else than process ${process} has begun in line ${invoked.index + 1}`)
    }
    this.#open.delete(process)
    this.#pair({
      invoked,
      ended,
      outcome: ended.type as Pair['outcome'],
      index: ended.index,
      process,
      invokedMs: invoked.time / NANOSECONDS,
      completedMs: ended.time / NANOSECONDS,
    })
  }

  #pair(pair: Pair): void {
    const { invoked, outcome } = pair
    const { f } = invoked
    const isEmpty = KINDS[f] === undefined ? false : this.#row(pair)
    let counts = this.#counts.get(f)
    if (counts === undefined) this.#counts.set(f, (counts = { ok: 0, fail: 0, info: 0, empty: 0 }))
    counts[outcome]++
    if (isEmpty && outcome === 'ok') counts.empty++
    if (f === 'list-offsets') this.#offsetListed(pair)
    this.#finalReads.did(pair)
    this.#groups.did(pair)
    this.#topics.did(pair)
    this.#ended(pair)
  }

  /** Whether it is a poll that was given nothing. */
  #row(pair: Pair): boolean {
    const { invoked, ended, outcome, index, process, invokedMs, completedMs } = pair
    const builder = this.#builder
    const { values } = builder
    const { f } = invoked
    const parts = (ended ?? invoked).value as readonly (readonly unknown[])[]
    if (f === 'send' && parts.length > 1 && this.#settings.transactional !== true) {
      this.#sendsApart(pair, parts)
      return false
    }
    const row = builder.rows
    builder.row(KINDS[f]!, OUTCOMES[outcome], process, invokedMs, completedMs)
    this.#index.push(index)
    if (f === 'assign' || f === 'subscribe') {
      const keys = (invoked.value as readonly number[]).map((key) => values.keyNumber(String(key)))
      builder.assignments.set(row, { keys, fromBeginning: invoked['seek-to-beginning?'] === true })
      return false
    }
    this.#more(row, ended)
    let given = 0
    for (const part of parts) {
      if (part[0] === 'send') this.#send(part, process)
      else if (part[1] !== undefined) given += this.#poll(part[1] as Readonly<Record<string, Records>>)
    }
    return f === 'poll' && given === 0
  }

  /** Each has an end of its own. What became of the whole says nothing of the order in which they ended, if it did not end well. */
  #sendsApart({ outcome, index, process, invokedMs, completedMs }: Pair, parts: readonly (readonly unknown[])[]): void {
    for (const part of parts) {
      const isAcknowledged = outcome === 'ok' || (outcome === 'info' && Array.isArray(part[2]))
      if (outcome === 'info') this.#alone.push(this.#builder.rows)
      this.#builder.row(SEND, isAcknowledged ? OK : OUTCOMES[outcome], process, invokedMs, completedMs)
      this.#index.push(index)
      this.#send(part, process)
    }
  }

  #more(row: number, ended: Parsed | undefined): void {
    if (ended === undefined) return
    const { 'rebalance-log': rebalances, 'commit-started': started, markers } = ended
    if (rebalances === undefined && started === undefined && markers === undefined) return
    this.#builder.transactions.set(row, {
      ...(rebalances === undefined
        ? {}
        : { rebalances: rebalances.map(({ type, keys }) => ({ type, keys: keys.map(String) })) }),
      ...(started === undefined ? {} : { commitStartedMs: started / NANOSECONDS }),
      ...(markers === undefined ? {} : { markers }),
    })
  }

  #send(part: readonly unknown[], process: number): void {
    const { values } = this.#builder
    const { acks = -1, idempotent } = this.#settings
    const key = values.keyNumber(String(part[1]))
    const [offset, value] = Array.isArray(part[2]) ? (part[2] as [number | null, Value]) : [null, part[2] as Value]
    const place = idempotent === true && typeof value === 'number' ? placeInProcess(value) : undefined
    const isOwn = place?.process === process
    this.#builder.send({
      key,
      value: this.#value(key, value),
      offset: offset ?? undefined,
      acks,
      producer: isOwn ? String(process) : undefined,
      sequence: isOwn ? place.sequence : undefined,
    })
  }

  /** How many records it gave. */
  #poll(given: Readonly<Record<string, Records>>): number {
    const { values } = this.#builder
    let count = 0
    for (const [name, records] of Object.entries(given)) {
      const key = values.keyNumber(name)
      this.#builder.poll(key, OF_POLL)
      for (const [offset, value] of records) this.#builder.polled(offset, this.#value(key, value))
      count += records.length
    }
    return count
  }

  #value(key: number, value: Value): number {
    const { values } = this.#builder
    return typeof value === 'number' ? values.ofNumber(key, value) : values.ofText(key, value)
  }

  #offsetListed({ ended, outcome, index, process, invokedMs, completedMs }: Pair): void {
    if (outcome !== 'ok') return
    const [key, of, offset] = ended!.value as readonly [number, OffsetListed['of'], number]
    this.#listed.push({ process, key: String(key), of, offset, invokedMs, completedMs, index })
  }
}

type Value = number | string
type Records = readonly (readonly [offset: number, value: Value])[]

/** What was asked for is said again in the end: the same sends to the same keys, as many polls, the same keys and topics. */
function isSameRequest(invoked: Parsed, ended: Parsed): boolean {
  switch (invoked.f) {
    case 'send':
    case 'poll':
    case 'txn': {
      const asked = invoked.value as readonly (readonly unknown[])[]
      const done = ended.value as readonly (readonly unknown[])[]
      return asked.length === done.length && asked.every((part, at) => isSamePart(part, done[at]!))
    }
    case 'list-offsets': {
      const [asked, done] = [invoked.value as readonly unknown[], ended.value as readonly unknown[]]
      return asked[0] === done[0] && asked[1] === done[1]
    }
    case 'commit':
    case 'committed':
      return invoked.group === ended.group
    case 'create-topic':
    case 'delete-topic':
    case 'set-config':
    case 'get-config':
    case 'describe-topic':
      return (invoked.value as readonly unknown[])[0] === (ended.value as readonly unknown[])[0]
    default:
      return true
  }
}

function isSamePart(asked: readonly unknown[], done: readonly unknown[]): boolean {
  if (asked[0] !== done[0]) return false
  if (asked[0] === 'poll') return true
  return asked[1] === done[1] && valueIn(asked[2]) === valueIn(done[2])
}

function valueIn(sent: unknown): unknown {
  return Array.isArray(sent) ? sent[1] : sent
}

/** Longer lines are not of a history. */
const LONGEST_LINE = 64 * 1024 * 1024

/** Gives each line of a file, and in the end what is behind the last line break. */
export async function eachLine(
  path: string,
  line: (text: string) => void,
  lastLine: (text: string) => void,
): Promise<void> {
  const stream = createReadStream(path, { encoding: 'utf8', highWaterMark: 256 * 1024 })
  let rest = ''
  let failure: unknown
  stream.on('data', (chunk) => {
    if (failure !== undefined) return
    try {
      const lines = `${rest}${chunk}`.split('\n')
      rest = lines.pop()!
      for (const each of lines) line(each)
      if (rest.length > LONGEST_LINE)
        throw new HistoryError(`a line of ${path} has more than ${LONGEST_LINE} characters`)
    } catch (error) {
      failure = error
      stream.destroy()
    }
  })
  await once(stream, 'close')
  if (failure !== undefined) throw failure
  lastLine(rest)
}

export async function readHistory(
  path: string,
  settings: RunSettings = {},
  ended?: (pair: Pair) => void,
): Promise<ReadHistory> {
  const reader = new HistoryReader(settings, ended)
  await eachLine(
    path,
    (text) => reader.line(text),
    (text) => reader.lastLine(text),
  )
  return reader.build()
}
