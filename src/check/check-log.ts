/**
 * Checks a history of sends and polls against what a partitioned log promises: order, no loss, no double, no invention. Linear in the length of
 * the history. It knows nothing of brokers: the same checker judges the simulator, real processes and other people's clusters.
 *
 * The definitions are those of Jepsen's Kafka workload where it has one (jepsen.tests.kafka), and stricter where values describe themselves
 * and producers are idempotent.
 */

import type { Anomaly, Finding } from './anomalies.js'
import { belongsTo, type Operation, type PollOperation, type SendOperation } from './history.js'
import { Supersession } from './supersession.js'

export type { Anomaly, Finding } from './anomalies.js'

export interface CheckOptions {
  /** Whether the log may have lost what was acknowledged or read at this time: a promise with conditions that were not kept. */
  readonly mayBeLost?: (key: string, time: number, acks: 0 | 1 | -1 | undefined) => boolean
  /** Whether what was sent at this time may have been removed from the front of the log, other than by a deletion in the history. */
  readonly mayBeRemoved?: (key: string, time: number) => boolean
}

const NOT_REMOVABLE = (): boolean => false

export interface Verdict {
  /** Undefined: it cannot be said, because a key was not read to its end. */
  readonly valid: boolean | undefined
  readonly findings: readonly Finding[]
  readonly acknowledged: number
  readonly unknown: number
  readonly keys: number
}

interface Send {
  readonly operation: SendOperation
  readonly invokedAt: number
}

/** What is known of one key. */
class KeyHistory {
  readonly sends = new Map<string, Send>()
  readonly polls: PollOperation[] = []
  finalRead = false
  /** Where the log began at the last reading, and up to where its front was to be deleted, and certainly was. */
  startOffset = 0
  deletedUpTo = 0
  certainlyDeletedUpTo = 0
}

/** `history` in order of time. */
export function checkLog(history: readonly Operation[], options: CheckOptions = {}): Verdict {
  const keys = new Map<string, KeyHistory>()
  const invoked = new Map<string, SendOperation>()
  let acknowledged = 0
  let unknown = 0
  const keyOf = (name: string): KeyHistory => {
    let key = keys.get(name)
    if (key === undefined) keys.set(name, (key = new KeyHistory()))
    return key
  }
  for (const operation of history) {
    if (operation.f === 'poll') {
      const key = keyOf(operation.key)
      key.polls.push(operation)
      if (operation.final) {
        key.finalRead = true
        key.startOffset = Math.max(key.startOffset, operation.startOffset ?? 0)
      }
    } else if (operation.f === 'delete') {
      const key = keyOf(operation.key)
      key.deletedUpTo = Math.max(key.deletedUpTo, operation.offset)
      if (operation.type === 'ok') key.certainlyDeletedUpTo = Math.max(key.certainlyDeletedUpTo, operation.offset)
    } else if (operation.f === 'send') {
      const id = `${operation.key}\n${operation.value}`
      if (operation.type === 'invoke') {
        invoked.set(id, operation)
        keyOf(operation.key)
        continue
      }
      if (operation.type === 'ok') acknowledged++
      else if (operation.type === 'info') unknown++
      keyOf(operation.key).sends.set(operation.value, { operation, invokedAt: invoked.get(id)!.time })
      invoked.delete(id)
    }
  }
  for (const operation of invoked.values()) {
    unknown++
    keyOf(operation.key).sends.set(operation.value, {
      operation: { ...operation, type: 'info' },
      invokedAt: operation.time,
    })
  }

  const findings: Finding[] = []
  let complete = true
  for (const [name, key] of keys) {
    if (!key.finalRead && key.sends.size > 0) complete = false
    checkKey(name, key, options, findings)
  }
  const valid = findings.length > 0 ? false : complete ? true : undefined
  return { valid, findings, acknowledged, unknown, keys: keys.size }
}

function checkKey(name: string, key: KeyHistory, options: CheckOptions, findings: Finding[]): void {
  const { mayBeLost, mayBeRemoved = NOT_REMOVABLE } = options
  const report = (anomaly: Anomaly, detail: string): void => void findings.push({ anomaly, key: name, detail })
  const removed = (offset: number | undefined, time: number): boolean =>
    offset !== undefined &&
    offset >= 0 &&
    offset < key.startOffset &&
    (offset < key.deletedUpTo || mayBeRemoved(name, time))
  /** Whether a later record of its key may have taken its place. */
  const compacted = (value: string, offset: number | undefined): boolean => {
    const send = key.sends.get(value)?.operation
    return send !== undefined && supersession.mayBeGone(send, offset)
  }
  const excused = (time: number, acks?: 0 | 1 | -1): boolean => mayBeLost?.(name, time, acks) ?? false

  /** Value by offset in the final log, and the first offset by value. */
  const final = new Map<number, string>()
  /** When it was read there. */
  const finallyRead = new Map<number, number>()
  const finalOffset = new Map<string, number>()
  const supersession = new Supersession()
  /** First value seen at an offset, from every poll and acknowledgement that nothing excuses. */
  const seen = new Map<number, string>()
  const offsetsOf = new Map<string, Set<number>>()
  const observe = (offset: number, value: string): void => {
    const other = seen.get(offset)
    if (other === undefined) seen.set(offset, value)
    else if (other !== value) report('inconsistent-offsets', `offset ${offset} has ${other} and ${value}`)
    const offsets = offsetsOf.get(value)
    if (offsets === undefined) offsetsOf.set(value, new Set([offset]))
    else offsets.add(offset)
  }

  for (const poll of key.polls) {
    for (const [offset, value] of poll.records) {
      const send = key.sends.get(value)
      if (send === undefined || !belongsTo(value, name)) report('phantom', `offset ${offset} has ${value}`)
      else if (send.operation.type === 'fail') report('failed-write-visible', `${value} at offset ${offset}`)
      if (offset >= (poll.highWatermark ?? Number.POSITIVE_INFINITY)) {
        report('uncommitted-read', `${value} at offset ${offset}, committed up to ${poll.highWatermark}`)
      }
      if (poll.final && offset < key.certainlyDeletedUpTo) report('deleted-visible', `${value} at offset ${offset}`)
      if (poll.final) {
        final.set(offset, value)
        finallyRead.set(offset, poll.time)
        if (!finalOffset.has(value)) finalOffset.set(value, offset)
        if (send !== undefined) supersession.isThere(send.operation, offset)
      }
      if (poll.final || !excused(poll.time)) observe(offset, value)
    }
  }
  for (const [value, { operation }] of key.sends) {
    const { offset } = operation
    supersession.wasSent(operation)
    if (operation.type !== 'ok' || offset === undefined || offset < 0) continue
    if (!excused(operation.time, operation.acks)) observe(offset, value)
  }
  for (const [value, offsets] of offsetsOf) {
    if (offsets.size > 1) report('duplicate', `${value} at offsets ${[...offsets].join(', ')}`)
  }

  if (key.finalRead) {
    for (const [value, { operation, invokedAt }] of key.sends) {
      if (operation.type !== 'ok' || operation.acks === 0 || finalOffset.has(value)) continue
      if (excused(operation.time, operation.acks) || removed(operation.offset, invokedAt)) continue
      if (compacted(value, operation.offset)) {
        const older = supersession.olderThan(operation)
        if (older !== undefined) report('resurrected', `offset ${older} is there, and ${value} of its key is not`)
        continue
      }
      report('lost-write', `${value}, acknowledged at ${operation.time} ms with acks=${operation.acks}`)
    }
    for (const poll of key.polls) {
      if (poll.final || excused(poll.time)) continue
      for (const [offset, value] of poll.records) {
        if (finalOffset.has(value) || removed(offset, key.sends.get(value)?.invokedAt ?? poll.time)) continue
        if (compacted(value, offset)) continue
        report('lost-read', `${value}, read at ${poll.time} ms from offset ${offset}`)
      }
    }
  }
  /** Logs are cleaned while the last reading goes on, and behind it. */
  const compactedSince = (offset: number, time: number): boolean =>
    time > finallyRead.get(offset)! && compacted(final.get(offset)!, offset)
  checkPolls(key.polls, [...final.keys()], excused, compactedSince, report)
  checkSends(key.sends, finalOffset, report)
}

/** Each client reads upwards and leaves nothing out. */
function checkPolls(
  polls: readonly PollOperation[],
  final: readonly number[],
  excused: (time: number) => boolean,
  compactedSince: (offset: number, time: number) => boolean,
  report: (anomaly: Anomaly, detail: string) => void,
): void {
  const known = final.toSorted((a, b) => a - b)
  const lastRead = new Map<number, number>()
  for (const poll of polls) {
    let last = poll.seek ? undefined : lastRead.get(poll.process)
    for (const [offset] of poll.records) {
      if (last !== undefined && offset <= last) {
        report('nonmonotonic-poll', `process ${poll.process} read offset ${offset} after ${last}`)
      } else if (last !== undefined && offset > last + 1 && !excused(poll.time)) {
        let passed = firstAbove(known, last)
        while (passed !== undefined && passed < offset && compactedSince(passed, poll.time)) {
          passed = firstAbove(known, passed)
        }
        if (passed !== undefined && passed < offset) {
          report('poll-skip', `process ${poll.process} read offset ${offset} after ${last}, and ${passed} is there`)
        }
      }
      last = offset
    }
    if (last !== undefined) lastRead.set(poll.process, last)
  }
}

function checkSends(
  sends: ReadonlyMap<string, Send>,
  finalOffset: ReadonlyMap<string, number>,
  report: (anomaly: Anomaly, detail: string) => void,
): void {
  const byProducer = new Map<string, { sequence: number; offset: number; value: string }[]>()
  const inLog: { invokedAt: number; completedAt: number; offset: number; value: string }[] = []
  for (const [value, { operation, invokedAt }] of sends) {
    const offset = finalOffset.get(value)
    if (offset === undefined) continue
    // With acks=0 nobody has said when it was appended.
    const acknowledged = operation.type === 'ok' && operation.acks !== 0
    const completedAt = acknowledged ? operation.time : Number.POSITIVE_INFINITY
    inLog.push({ invokedAt, completedAt, offset, value })
    const { producer, sequence } = operation
    if (producer === undefined || sequence === undefined) continue
    const list = byProducer.get(producer)
    if (list === undefined) byProducer.set(producer, [{ sequence, offset, value }])
    else list.push({ sequence, offset, value })
  }
  for (const [producer, list] of byProducer) {
    list.sort((a, b) => a.sequence - b.sequence)
    for (let at = 1; at < list.length; at++) {
      const [earlier, later] = [list[at - 1]!, list[at]!]
      if (later.offset > earlier.offset) continue
      report(
        'nonmonotonic-send',
        `producer ${producer}: ${earlier.value} at ${earlier.offset}, ${later.value} at ${later.offset}`,
      )
    }
  }
  // Sweep in order of invocation, with everything that was acknowledged before: its highest offset must be below.
  const byInvocation = [...inLog].sort((a, b) => a.invokedAt - b.invokedAt)
  const byCompletion = [...inLog].sort((a, b) => a.completedAt - b.completedAt)
  let at = 0
  let highest: { offset: number; value: string } | undefined
  for (const send of byInvocation) {
    while (at < byCompletion.length && byCompletion[at]!.completedAt < send.invokedAt) {
      const completed = byCompletion[at++]!
      if (highest === undefined || completed.offset > highest.offset) highest = completed
    }
    if (highest !== undefined && send.offset < highest.offset) {
      report(
        'send-realtime',
        `${send.value} at ${send.offset} was sent after ${highest.value} at ${highest.offset} was acknowledged`,
      )
    }
  }
}

/** The smallest of the sorted numbers above `bound`. */
function firstAbove(sorted: readonly number[], bound: number): number | undefined {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! <= bound) low = middle + 1
    else high = middle
  }
  return sorted[low]
}
