/** What the cleaner of logs says of itself: Kafka's LogCleaner and LogCleanerManager. */
import type { LogCleaner } from '../../storage/log-cleaner.js'
import type { Exposition } from './exposition.js'

export function ofCleaner(page: Exposition, cleaner: LogCleaner): void {
  const { metrics, uncleanable } = cleaner
  const gauge = (name: string, help: string, value: number): void => page.gauge(name, help, [[{}, value]])
  gauge(
    'kafka_log_logcleaner_cleaner_recopy_percent',
    'Of what the last cleanings have read, how much was written again.',
    metrics.recopyPercent,
  )
  gauge('kafka_log_logcleaner_max_clean_time_secs', 'The longest of the last cleanings.', metrics.maxCleanSeconds)
  gauge(
    'kafka_log_logcleaner_max_buffer_utilization_percent',
    'How full the memory for keys was, at most, in the last cleanings.',
    metrics.maxBufferPercent,
  )
  gauge(
    'kafka_log_logcleaner_max_compaction_delay_secs',
    'By how much max.compaction.lag.ms is passed by some log.',
    cleaner.maxCompactionDelayMs / 1000,
  )
  gauge(
    'kafka_log_logcleanermanager_max_dirty_percent',
    'How much of the dirtiest log was not cleaned yet.',
    100 * cleaner.maxDirtyRatio,
  )
  gauge(
    'kafka_log_logcleanermanager_time_since_last_run_ms',
    'How long ago dirty logs were looked for.',
    metrics.sinceLookedMs,
  )
  gauge(
    'kafka_log_logcleanermanager_uncleanable_partitions_count',
    'Logs that are not cleaned because of what they hold.',
    uncleanable.count,
  )
  gauge('kafka_log_logcleanermanager_uncleanable_bytes', 'Their bytes.', uncleanable.bytes)
}
