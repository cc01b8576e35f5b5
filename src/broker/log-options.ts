/** What the log of a partition goes by, from the settings of its topic. */
import type { TopicSettings } from '../config/topic-settings.js'
import type { LogOptions } from '../storage/partition-log.js'

export function logOptions(settings: TopicSettings): LogOptions {
  return {
    segmentBytes: settings['internal.segment.bytes'],
    segmentMs: segmentMs(settings),
    segmentJitterMs: settings['segment.jitter.ms'],
    indexBytes: settings['segment.index.bytes'],
    indexIntervalBytes: settings['index.interval.bytes'],
    flushPolicy: settings['flush.policy'],
    flushMessages: settings['flush.messages'],
    flushMs: settings['flush.ms'],
    fileDeleteDelayMs: settings['file.delete.delay.ms'],
  }
}

/** The active segment is not cleaned: it must be closed before what is in it has waited for too long. */
function segmentMs(settings: TopicSettings): number {
  const { 'segment.ms': age, 'cleanup.policy': policy, 'max.compaction.lag.ms': maxLagMs } = settings
  return policy.has('compact') ? Math.min(age, maxLagMs) : age
}
