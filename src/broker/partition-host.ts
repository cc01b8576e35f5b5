/** What a partition has around it: time, the log of the node, what cuts its log, and who hears of it when something about it has changed. */
import type { FlightRecorder } from '../base/flight-recorder.js'
import type { Clock } from '../io/clock.js'
import type { Logger } from '../io/logger.js'
import type { LogCutter } from './following.js'
import type { Partition } from './partition.js'
import type { PartitionId } from './partition-terms.js'

export interface PartitionHost {
  readonly nodeId: number
  readonly clock: Clock
  readonly logger: Logger
  readonly recorder: FlightRecorder
  /** `replica.lag.time.max.ms` */
  readonly longestLagMs: () => number
  /** What cuts the partition's log; undefined: it has no directory any more. */
  readonly cutter: (id: PartitionId) => LogCutter | undefined
  /** Waiting requests should look again. */
  readonly changed: (partition: Partition) => void
  /** Only those should who want to know whether it leads still. */
  readonly heard: (partition: Partition) => void
  /** The leader has something to ask of the controller. */
  readonly proposes: (partition: Partition) => void
  /** Whom it follows has changed, or whether it can ask now. */
  readonly follows: (partition: Partition) => void
  /** A batch at this offset, or before it in its segment, has rotted. */
  readonly rotted: (partition: Partition, offset: number) => void
}
