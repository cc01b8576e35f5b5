/** What the cleaner of logs is told of the node and of the partitions of compacted topics. */
import type { NodeSettings } from '../config/node-settings.js'
import type { CleanerSettings, CompactedLog } from '../storage/log-cleaner.js'
import type { LogDirectories } from '../storage/log-directories.js'
import type { Partition } from './partition.js'

export function cleanerSettings(settings: NodeSettings): CleanerSettings {
  return {
    enabled: settings['log.cleaner.enable'] && settings['log.cleaner.threads'] > 0,
    dedupeBufferBytes: settings['log.cleaner.dedupe.buffer.size'],
    loadFactor: settings['log.cleaner.io.buffer.load.factor'],
    ioBufferBytes: settings['log.cleaner.io.buffer.size'],
    ioBytesPerSecond: settings['log.cleaner.io.max.bytes.per.second'],
    backoffMs: settings['log.cleaner.backoff.ms'],
  }
}

/** Undefined: it is not of a compacted topic, or not here any more. */
export function compactedLog(partition: Partition, logs: LogDirectories): CompactedLog | undefined {
  const { id, log, settings } = partition
  const manager = settings['cleanup.policy'].has('compact') ? logs.managerOf(id) : undefined
  if (manager === undefined) return undefined
  return {
    ...{ id, log, manager },
    stableOffset: lastStableOffset(partition),
    limits: {
      minDirtyRatio: settings['min.cleanable.dirty.ratio'],
      minLagMs: settings['min.compaction.lag.ms'],
      maxLagMs: settings['max.compaction.lag.ms'],
    },
    deleteRetentionMs: settings['delete.retention.ms'],
    segmentBytes: settings['internal.segment.bytes'],
    indexBytes: settings['segment.index.bytes'],
    indexIntervalBytes: settings['index.interval.bytes'],
  }
}

/** What is below it is committed, and of no transaction that is still open. */
function lastStableOffset({ log, highWatermark }: Partition): number {
  let offset = highWatermark
  for (const { transactionFirstOffset } of log.state.producers.entries()) {
    if (transactionFirstOffset !== undefined) offset = Math.min(offset, transactionFirstOffset)
  }
  return offset
}
