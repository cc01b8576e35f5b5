/** Histories of objects as columns. */
import type { ClientOperation } from './client-history.js'
import type { Operation, PollOperation, SendOperation } from './history.js'
import {
  ASSIGN,
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
  SUBSCRIBE,
  TXN,
} from './history-columns.js'

const OUTCOME = { ok: OK, fail: FAIL, info: INFO } as const
const KIND = { send: SEND, poll: POLL, txn: TXN, assign: ASSIGN, subscribe: SUBSCRIBE } as const

/** Operations one after the other, in order of time. */
export class OperationColumns {
  readonly builder = new HistoryBuilder()
  /** What has begun and not ended, by value. */
  readonly #open = new Map<number, SendOperation>()
  #endMs = 0

  add(operation: Operation): void {
    this.#endMs = operation.time
    const { builder } = this
    if (operation.f === 'fault') return
    const key = builder.values.keyNumber(operation.key)
    if (operation.f === 'poll') this.#poll(key, operation)
    else if (operation.f === 'delete') {
      builder.deletions.push({ key, offset: operation.offset, isCertain: operation.type === 'ok' })
    } else {
      const value = builder.values.ofText(key, operation.value)
      if (operation.type === 'invoke') this.#open.set(value, operation)
      else {
        const invokedMs = this.#open.get(value)?.time ?? operation.time
        this.#send(key, value, operation, OUTCOME[operation.type], invokedMs, operation.time)
        this.#open.delete(value)
      }
    }
  }

  build(): HistoryColumns {
    for (const [value, operation] of this.#open) {
      const key = this.builder.values.keyNumber(operation.key)
      this.#send(key, value, operation, INFO, operation.time, this.#endMs)
    }
    return this.builder.build()
  }

  #send(
    key: number,
    value: number,
    { process, offset, acks, producer, sequence, recordKey, deletes }: SendOperation,
    outcome: number,
    invokedMs: number,
    completedMs: number,
  ): void {
    const compacted = recordKey === undefined ? undefined : { recordKey, ...(deletes === true ? { deletes } : {}) }
    this.builder.row(SEND, outcome, process, invokedMs, completedMs)
    this.builder.send({ key, value, offset, acks, producer, sequence, compacted })
  }

  #poll(key: number, { process, time, records, highWatermark, seek, final, startOffset }: PollOperation): void {
    const { builder } = this
    builder.row(POLL, OK, process, time, time)
    const part = OF_POLL | (seek === true ? OF_SOUGHT : 0) | (final === true ? OF_FINAL : 0)
    builder.poll(key, part, highWatermark, startOffset)
    for (const [offset, value] of records) builder.polled(offset, builder.values.ofText(key, value))
  }
}

export function columnsOf(history: readonly Operation[]): HistoryColumns {
  const columns = new OperationColumns()
  for (const operation of history) columns.add(operation)
  return columns.build()
}

export function columnsOfClients(history: readonly ClientOperation[]): HistoryColumns {
  const builder = new HistoryBuilder()
  const { values } = builder
  for (const operation of history) {
    const row = builder.rows
    const { outcome, process, invokedMs, completedMs } = operation
    builder.row(KIND[operation.f], OUTCOME[outcome], process, invokedMs, completedMs)
    if ('keys' in operation) {
      const keys = operation.keys.map((key) => values.keyNumber(key))
      builder.assignments.set(row, { keys, fromBeginning: operation.fromBeginning === true })
      continue
    }
    const { parts, rebalances, commitStartedMs, markers } = operation
    if (rebalances !== undefined || commitStartedMs !== undefined || markers !== undefined) {
      builder.transactions.set(row, {
        ...(rebalances === undefined ? {} : { rebalances }),
        ...(commitStartedMs === undefined ? {} : { commitStartedMs }),
        ...(markers === undefined ? {} : { markers }),
      })
    }
    for (const part of parts) {
      const key = values.keyNumber(part.key)
      if (part.f === 'send') {
        const { offset, producer, sequence } = part
        builder.send({ key, value: values.ofText(key, part.value), offset, acks: -1, producer, sequence })
        continue
      }
      builder.poll(key, OF_POLL | (part.sought === true ? OF_SOUGHT : 0))
      for (const [offset, value] of part.records) builder.polled(offset, values.ofText(key, value))
    }
  }
  return builder.build()
}
