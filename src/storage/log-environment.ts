/** What the logs of one data directory share. */
import type { BufferPool } from '../base/buffer-pool.js'
import type { Clock } from '../io/clock.js'
import type { Compute } from '../io/compute.js'
import type { Disk } from '../io/disk.js'
import type { Logger } from '../io/logger.js'
import type { Random } from '../io/random.js'
import type { IndexCache } from './index-cache.js'
import type { LogDirectory } from './log-directory.js'
import type { StartOffsets } from './start-offsets.js'
import type { StopWatch } from './stop-watch.js'
import type { TurnWriter } from './turn-writer.js'

/** For reading a log that is there. */
export interface LoadEnvironment {
  readonly clock: Clock
  readonly disk: Disk
  readonly compute: Compute
  readonly buffers: BufferPool
  readonly indexes: IndexCache
  readonly logger: Logger
}

export interface LogEnvironment extends LoadEnvironment {
  readonly random: Random
  readonly turns: TurnWriter
  readonly logDirectory: LogDirectory
  readonly startOffsets: StartOffsets
  /** How long flushes of logs take. */
  readonly flushTimes: StopWatch
}
