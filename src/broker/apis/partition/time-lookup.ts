/**
 * Looks for the first committed record at or behind a time. Batch after batch that says it has one is opened, until one really has: the header may claim
 * more than is in it, and what it means may lie in front of the log's start. What is large, or much, is opened on the compute port.
 */

import type { Compute } from '../../../io/compute.js'
import { DiskError } from '../../../io/disk.js'
import { recordAtTime, type TimeSearchResult } from '../../../log/record-at-time.js'
import type { ErrorName } from '../../../protocol/errors.js'
import { BatchView } from '../../../records/batch.js'
import { MAX_OPENED_BYTES, RecordFormatError } from '../../../records/reader.js'
import type { Partition } from '../../partition.js'
import type { LoopBudget } from '../loop-budget.js'

/** A batch counts for no less: to find it costs something too. */
const STEP_BYTES = 4096

export interface Found {
  readonly offset: number
  readonly timestamp: number
}

export const NOTHING_FOUND: Found = { offset: -1, timestamp: -1 }

export interface TimeLookup {
  readonly compute: Compute
  /** Of the request. */
  readonly budget: LoopBudget
  /** Called before something is handed to the compute port. */
  readonly leavesLoop: () => void
  /** The partition, or why it is none of ours any more. */
  readonly partition: () => Partition | ErrorName
  /** Whether nobody waits for it any more. */
  readonly abandoned: () => boolean
}

/** `timestamp` in ms since 1970. Calls back now or later, or never where nobody waits any more. */
export function findByTime(
  lookup: TimeLookup,
  timestamp: number,
  done: (error: ErrorName | undefined, found: Found) => void,
): void {
  const { compute, budget } = lookup
  const batch = new BatchView()
  let fromOffset = 0
  const fail = (error: ErrorName): void => done(error, NOTHING_FOUND)

  /** False: it is over, or goes on later. */
  const step = (): boolean => {
    const partition = lookup.partition()
    if (typeof partition === 'string') {
      fail(partition)
      return false
    }
    const { log, highWatermark } = partition
    const startOffset = log.startOffset
    let bytes: Uint8Array | undefined
    try {
      bytes = log.batchAtTimestamp(timestamp, highWatermark, Math.max(fromOffset, startOffset))
    } catch (error) {
      if (!(error instanceof DiskError || error instanceof RecordFormatError)) throw error
      fail(error instanceof DiskError ? 'KAFKA_STORAGE_ERROR' : 'CORRUPT_MESSAGE')
      return false
    }
    if (bytes === undefined) {
      done(undefined, NOTHING_FOUND)
      return false
    }
    fromOffset = batch.reset(bytes, 0).nextOffset
    const search = { bytes, timestamp, fromOffset: startOffset }
    const maxPlainBytes = budget.allows(bytes.length)
    if (maxPlainBytes > 0) {
      const result = recordAtTime.run({ ...search, maxPlainBytes })
      budget.spend(result.kind === 'unreadable' ? maxPlainBytes : Math.max(STEP_BYTES, result.plainBytes))
      if (result.kind !== 'unreadable' || !result.tooLarge) return take(result)
    }
    lookup.leavesLoop()
    // What is read has memory of its own or is small.
    compute.run(recordAtTime, { ...search, maxPlainBytes: MAX_OPENED_BYTES }, (_, result) => {
      if (lookup.abandoned()) return
      if (take(result ?? { kind: 'unreadable', tooLarge: false })) run()
    })
    return false
  }

  const take = (result: TimeSearchResult): boolean => {
    if (result.kind === 'none') return true
    if (result.kind === 'found') done(undefined, { offset: result.offset, timestamp: result.timestamp })
    else fail('CORRUPT_MESSAGE')
    return false
  }

  const run = (): void => {
    while (step());
  }
  run()
}
