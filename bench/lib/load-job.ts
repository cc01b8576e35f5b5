/** What the load generator is told and what it answers: plain data, for they travel between processes. */
import type { TextBatch } from './batches.js'
import type { Topic } from './load-requests.js'

export interface LoadJob {
  /** `echo`: the requests of that produce load to a server that does not look into them. */
  readonly kind: 'produce' | 'echo'
  readonly topic: Topic
  readonly acks: 1 | -1
  /** What each request brings: one record with a value of this many bytes, or a batch of many. */
  readonly records: number | TextBatch
  readonly port: number
  readonly connections: number
  /** Requests of one connection that are sent and not answered. */
  readonly inFlight: number
  readonly warmupMs: number
  readonly measureMs: number
  /** Whose processor time is to be measured. */
  readonly serverPid: number
}

export interface LoadResult {
  /** Answers within the measurement. */
  readonly answers: number
  readonly elapsedMs: number
  /** With warm-up, and what was on its way at the end. */
  readonly answersInAll: number
  readonly p50Us: number
  readonly p99Us: number
  /** Shares of one core, 0 to 1; `serverBusy` may be more: it counts all threads. NaN where it is not known. */
  readonly generatorBusy: number
  readonly serverBusy: number
  readonly serverLoopBusy: number
}

export type LoadReply = { readonly result: LoadResult } | { readonly error: string }
