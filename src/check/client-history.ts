/**
 * A history of clients that send to and poll several keys in one operation, in transactions or not: one entry for each operation that has ended, in
 * the order in which they ended. What Jepsen's Kafka workload writes down says the same in pairs of invocation and completion.
 *
 * A value is sent at most once to a key. What never ended is `info`, and ends with the history.
 */
import type { Operation, PollOperation, SendOperation } from './history.js'

export type ClientOperation = MessagesOperation | AssignOperation

/** `ok`: it happened; `fail`: it certainly did not; `info`: nobody knows. What it polled was polled in any case. */
export type Outcome = 'ok' | 'fail' | 'info'

interface Common {
  /** A client: what one does, it does one after the other. A client that crashed and came back is another process. */
  readonly process: number
  readonly outcome: Outcome
  readonly invokedMs: number
  readonly completedMs: number
}

export interface MessagesOperation extends Common {
  /** `txn`: sends and polls. */
  readonly f: 'send' | 'poll' | 'txn'
  /** In the order in which they were done. */
  readonly parts: readonly (SendPart | PollPart)[]
  /** What the listener of the consumer was told meanwhile. */
  readonly rebalances?: readonly { readonly type: 'revoked' | 'assigned' | 'lost'; readonly keys: readonly string[] }[]
  /** Of a transaction: when it asked to be committed. */
  readonly commitStartedMs?: number
  /** Of a transaction: where the marker that ends it stands, as far as somebody has looked. */
  readonly markers?: Readonly<Record<string, number>>
}

export interface SendPart {
  readonly f: 'send'
  readonly key: string
  readonly value: string
  /** Where the broker said it stands; negative or undefined if it did not say. */
  readonly offset?: number
  /** With idempotence and without transactions: the producer, and the place of this value in what it sent to the key. */
  readonly producer?: string
  readonly sequence?: number
}

/** What a poll gave of one key. */
export interface PollPart {
  readonly f: 'poll'
  readonly key: string
  readonly records: readonly (readonly [offset: number, value: string])[]
  /** The client sought before: nothing follows from where it was. */
  readonly sought?: true
}

export interface AssignOperation extends Common {
  /** `subscribe`: the broker says of which partitions of these topics. */
  readonly f: 'assign' | 'subscribe'
  readonly keys: readonly string[]
  readonly fromBeginning?: true
}

/**
 * The same history for the checker of workloads. Deletions are left out, and so is that the log was compacted: of such a key `checkLog` knows more. With
 * acks=0 nobody has said that it happened.
 */
export function clientOperations(history: readonly Operation[]): ClientOperation[] {
  const operations: MessagesOperation[] = []
  const invoked = new Map<string, SendOperation>()
  for (const operation of history) {
    if (operation.f === 'poll') operations.push(polled(operation))
    else if (operation.f === 'send') {
      const id = `${operation.key}\n${operation.value}`
      if (operation.type === 'invoke') invoked.set(id, operation)
      else {
        operations.push(sent(operation, invoked.get(id)?.time ?? operation.time, operation.time))
        invoked.delete(id)
      }
    }
  }
  const endMs = history.at(-1)?.time ?? 0
  for (const operation of invoked.values()) operations.push(sent(operation, operation.time, endMs))
  return operations
}

function sent(operation: SendOperation, invokedMs: number, completedMs: number): MessagesOperation {
  const { process, type, acks, key, value, offset, producer, sequence } = operation
  const outcome = type === 'invoke' || (type === 'ok' && acks === 0) ? 'info' : type
  const part: SendPart = {
    f: 'send',
    key,
    value,
    ...(offset === undefined ? {} : { offset }),
    ...(producer === undefined ? {} : { producer }),
    ...(sequence === undefined ? {} : { sequence }),
  }
  return { process, f: 'send', outcome, invokedMs, completedMs, parts: [part] }
}

function polled({ process, time, key, records, seek }: PollOperation): MessagesOperation {
  const part: PollPart = seek === true ? { f: 'poll', key, records, sought: true } : { f: 'poll', key, records }
  return { process, f: 'poll', outcome: 'ok', invokedMs: time, completedMs: time, parts: [part] }
}
