/**
 * What is said to a driver in a program of its own: lines of JSON on its standard input, and answers on its standard output, in any order, each with the number of what it answers. Errors and
 * whatever else it wants to say go to standard error.
 *
 * The first line it writes says what it is: `{"hello": {"name": "kafkajs 2.2.4", "lacks": ["list offsets"]}}`. Then it is asked
 * `{"id": 7, "client": 3, "call": "poll", "limitMs": 100}`: the calls are those of `Client` with their arguments by name, and `open` with `settings`, which begins a client. It answers
 * `{"id": 7, "result": ...}` with what the call resolves with, null for nothing, or `{"id": 7, "error": {"code", "outcome", "message"}}`. Of `send` the result is a list with
 * `{"offset": 12}`, `{"offset": null}` or `{"error": ...}`. Calls of one client come one after the other, those of several at once; only `crash` may come while another call is under way, and then nobody
 * waits for that. When its standard input ends, the program ends.
 */
import type { Ability, Client } from './driver.js'

export interface HelloLine {
  readonly hello: { readonly name: string; readonly lacks: readonly Ability[] }
}

export type CallName = keyof Client | 'open'

export interface ErrorTold {
  readonly code: string
  readonly outcome: 'fail' | 'info'
  readonly message: string
}

export interface AnswerLine {
  readonly id: number
  readonly result?: unknown
  readonly error?: ErrorTold
}

export type SendTold = { readonly offset: number | null } | { readonly error: ErrorTold }

/** In the order of the arguments of `Client`. */
export const ARGUMENTS: Readonly<Record<CallName, readonly string[]>> = {
  open: ['settings'],
  send: ['records'],
  assign: ['places', 'from'],
  subscribe: ['topics'],
  poll: ['limitMs'],
  seek: ['places'],
  commit: [],
  committed: ['places'],
  listOffset: ['place', 'of'],
  createTopic: ['topic', 'partitions', 'settings'],
  deleteTopic: ['topic'],
  describeTopic: ['topic'],
  setTopicConfig: ['topic', 'name', 'value'],
  getTopicConfig: ['topic', 'name'],
  close: [],
  crash: [],
}

/** A line of an answer; undefined: it is none. */
export function readAnswer(text: string): AnswerLine | HelloLine | undefined {
  try {
    const line = JSON.parse(text) as Partial<AnswerLine & HelloLine> | null
    if (typeof line !== 'object' || line === null) return undefined
    if (typeof line.hello?.name === 'string' && Array.isArray(line.hello.lacks)) return line as HelloLine
    return typeof line.id === 'number' ? (line as AnswerLine) : undefined
  } catch {
    return undefined
  }
}
