/** What the load generator is told and what it answers: plain data, for they travel between processes. */
import type { Topic } from './load-requests.js'

export interface LoadJob {
  readonly port: number
  readonly connections: number
  /** Requests of one connection that are sent and not answered. */
  readonly inFlight: number
  readonly warmupMs: number
  readonly measureMs: number
  /** Ends the measurement early, so that no load fills the disk. */
  readonly mostRequests: number
  /** Whose processor time is to be measured. */
  readonly serverPid: number
  readonly load: Load
}

export type Load =
  | { readonly kind: 'produce'; readonly topic: Topic; readonly acks: 1 | -1; readonly batch: BatchShape }
  /** The requests of that produce load, and answers of the same size; it is not looked into them. */
  | { readonly kind: 'echo'; readonly topic: Topic; readonly batch: BatchShape }
  /** Connection i reads partition i from its beginning to its end, again and again. */
  | {
      readonly kind: 'fetch'
      readonly topic: Topic
      readonly maxBytes: number
      readonly batch: BatchShape
      readonly batchesPerPartition: number
    }

/** `sizeBytes` undefined: one record. */
export interface BatchShape {
  readonly valueBytes: number
  readonly sizeBytes: number | undefined
}

export interface LoadResult {
  /** Answers within the measurement. */
  readonly answers: number
  readonly elapsedMs: number
  readonly sentBytes: number
  readonly receivedBytes: number
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
