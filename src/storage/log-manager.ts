/**
 * LogManager: the logs in one data directory. Opens and creates them, writes their recovery points down, has them drop what they need not keep,
 * takes them out of failure when the directory has room again, and closes them.
 */
import type { BufferPool } from '../base/buffer-pool.js'
import { oneByOne } from '../base/one-by-one.js'
import type { Uuid } from '../base/uuid.js'
import type { Timer } from '../io/clock.js'
import { type Disk, type DiskDone, DiskError } from '../io/disk.js'
import type { Ports } from '../io/ports.js'
import type { RetentionLimits } from '../log/retention.js'
import { asDiskError } from './atomic-file.js'
import { CleanerOffsets } from './cleaner-offsets.js'
import { HighWatermarks } from './high-watermarks.js'
import { LogCuts } from './log-cuts.js'
import { LogDamagedError } from './log-damaged-error.js'
import type { LogDirectory } from './log-directory.js'
import type { LogEnvironment } from './log-environment.js'
import { parsePartitionDirectoryName, parseRetiredDirectoryName, partitionDirectoryName } from './log-files.js'
import { loadLog } from './log-loader.js'
import { type LogResources, logResources } from './log-resources.js'
import { LogWork } from './log-work.js'
import { identify, isOfAnother } from './partition-identity.js'
import { type LogOptions, PartitionLog } from './partition-log.js'
import { RecoveryPoints } from './recovery-points.js'
import { RetiredDirectories } from './retired-directories.js'
import { StartOffsets } from './start-offsets.js'
import type { StopWatch } from './stop-watch.js'
import { TurnWriter } from './turn-writer.js'

/** Logs that are opened at the same time. */
const OPENING_AT_ONCE = 8
/** Recovery points are also written down when this much was appended since: it bounds what recovery has to read. */
const CHECKPOINT_AFTER_BYTES = 256 * 1024 * 1024
const CHECK_BYTES_EVERY_MS = 1000

export interface LogId {
  readonly topic: string
  readonly partition: number
  readonly topicId: Uuid
}

/** A log, and what it has to keep, as of when it is its turn. */
export interface Retained {
  readonly log: PartitionLog
  /** Undefined: no segment goes but those in front of the start. */
  readonly limits: RetentionLimits | undefined
  /** Nothing at or above it goes. */
  readonly committedOffset: () => number
}

export interface LogManagerOptions {
  /** `log.flush.offset.checkpoint.interval.ms` */
  readonly checkpointIntervalMs: number
  /** `log.segment.delete.delay.ms` */
  readonly deleteDelayMs: number
}

export type OpenDone = (error: DiskError | LogDamagedError | undefined, log: PartitionLog | undefined) => void

export class LogManager {
  readonly buffers: BufferPool
  readonly flushTimes: StopWatch
  readonly cleanerOffsets: CleanerOffsets
  readonly highWatermarks: HighWatermarks
  /** That of the logs. */
  readonly disk: Disk
  readonly cuts: LogCuts
  readonly #ports: Ports
  readonly #directory: LogDirectory
  readonly #environment: LogEnvironment
  readonly #checkpointIntervalMs: number
  readonly #recoveryPoints: RecoveryPoints
  readonly #retired: RetiredDirectories
  /** By directory name. */
  readonly #logs = new Map<string, { readonly id: LogId; readonly log: PartitionLog }>()
  readonly #waiting: (() => void)[] = []
  #opening = 0
  #timer: Timer | undefined
  readonly #work: LogWork
  /** Logs that are on their way out. */
  #removing = 0
  #whenRemoved: (() => void)[] = []
  #lastCheckpointMs: number
  #bytesAtCheckpoint = 0
  #abandoned = false

  /** The directory is taken over and marked as running. Throws `DiskError`. */
  constructor(
    node: Ports,
    directory: LogDirectory,
    options: LogManagerOptions,
    resources: LogResources = logResources(node),
  ) {
    const { files: disk, buffers, indexes, flushTimes } = resources
    const ports = { ...node, disk }
    const { compute, logger, clock, random } = ports
    this.disk = disk
    this.buffers = buffers
    this.flushTimes = flushTimes
    this.#ports = ports
    this.#directory = directory
    this.#checkpointIntervalMs = options.checkpointIntervalMs
    disk.whenFlushFails((error) => {
      if (error.path.startsWith(`${directory.path}/`)) directory.report(error)
    })
    this.#environment = {
      clock,
      random,
      disk,
      compute,
      logger,
      buffers,
      indexes,
      turns: new TurnWriter(clock, buffers),
      logDirectory: directory,
      startOffsets: new StartOffsets(disk, directory.path, logger),
      flushTimes,
    }
    this.cleanerOffsets = new CleanerOffsets(disk, directory.path, logger)
    this.highWatermarks = new HighWatermarks(disk, directory.path, logger)
    this.#lastCheckpointMs = clock.monotonicMs()
    this.#recoveryPoints = new RecoveryPoints(disk, logger, directory.path)
    this.#work = new LogWork(directory)
    this.cuts = new LogCuts(this.#work, (log, endOffset, done) => this.#lower(log, endOffset, done))
    this.#retired = new RetiredDirectories(ports, directory, options.deleteDelayMs)
    this.#schedule()
  }

  /** Opens the partition's log, or creates it. A log that holds another topic's data is an error. */
  open(id: LogId, options: LogOptions, done: OpenDone): void {
    const start = (): void => {
      this.#opening++
      this.#open(id, options, (error, log) => {
        this.#opening--
        this.#waiting.shift()?.()
        done(error, log)
      })
    }
    if (this.#opening < OPENING_AT_ONCE) start()
    else this.#waiting.push(start)
  }

  has(log: PartitionLog): boolean {
    return log.directory.startsWith(`${this.#directory.path}/`)
  }

  /** How long the files of deleted topics stay. */
  set deleteDelayMs(delayMs: number) {
    this.#retired.delayMs = delayMs
  }

  /** Flushes the logs whose last flush was longer ago than `flush.ms`. */
  flushOld(): void {
    for (const { log } of this.#logs.values()) log.flushIfOld()
  }

  /**
   * The topic of the partition is gone: takes the log out of use and its directory out of the way. Its files are removed later. Done: a log
   * of the same name can be opened, and finds nothing of this one.
   */
  remove({ topic, partition }: LogId, done: () => void): void {
    const name = partitionDirectoryName(topic, partition)
    const log = this.#logs.get(name)?.log
    this.#logs.delete(name)
    this.#removing++
    const retire = (): void => {
      this.#forget(name)
      if (!this.#abandoned) this.#retired.retire(name, 'delete')
      this.#removing--
      done()
      if (this.#removing === 0) for (const each of this.#whenRemoved.splice(0)) each()
    }
    if (log === undefined) retire()
    else this.#work.whenLeft(log, () => log.retire(retire))
  }

  /**
   * Puts aside the directories of partitions that nobody knows, or that are another topic's of the same name, under a name that says so, and goes on
   * with removing what was being removed when the node ended.
   */
  tidy(knownId: (topic: string, partition: number) => Uuid | undefined): void {
    const { disk } = this.#ports
    const { path } = this.#directory
    const isStray = (name: string): boolean => {
      const id = parsePartitionDirectoryName(name)
      if (id === undefined || this.#logs.has(name)) return false
      const topicId = knownId(id.topic, id.partition)
      return topicId === undefined || isOfAnother(disk, `${path}/${name}`, topicId)
    }
    let names: string[]
    let strays: string[]
    try {
      names = disk.list(path)
      strays = names.filter(isStray)
    } catch (error) {
      return void this.#reported(asDiskError(error))
    }
    for (const name of names) if (parseRetiredDirectoryName(name) === 'delete') this.#retired.removeLater(name)
    for (const name of strays) {
      this.#forget(name)
      this.#retired.retire(name, 'stray')
    }
  }

  /** Called when there is room again. */
  repairFailed(): void {
    for (const { log } of this.#logs.values()) {
      if (!log.failed) {
        log.flush()
        continue
      }
      log.repair((error) => {
        if (error === undefined && !log.failed) return log.observer?.repaired()
        this.#ports.logger.error({ directory: log.directory, error: error?.message }, 'log could not be repaired')
        // Without a descriptor, say, it is tried again when there is room again.
        if (error instanceof DiskError) this.#directory.report(error)
      })
    }
  }

  /** Flushes and writes down everything. Without an error the directory may be marked as cleanly stopped. */
  closeClean(done: DiskDone): void {
    this.#stopTimer()
    // Both write the same files.
    const whenRemoved = (): void => this.#work.whenDone(() => this.#closeLogs(done))
    if (this.#removing === 0) whenRemoved()
    else this.#whenRemoved.push(whenRemoved)
  }

  /** Has logs drop what they need not keep: all make up their minds, their starts are written down once, then segments go. */
  retain(logs: readonly Retained[]): void {
    this.#work.do('retention', (done) => {
      const step = ({ log, limits, committedOffset }: Retained, next: DiskDone): void =>
        this.#work.at(log, (left) => log.retain(limits, committedOffset(), this.#ports.clock.wallMs(), left), next)
      const each = (retained: Retained, next: () => void): void =>
        step(retained, (error) => (error === undefined ? next() : done(error)))
      oneByOne(logs, each, () => {
        if (this.#work.stopped) return done(undefined)
        if (logs.every(({ log }) => log.front.wantedStartOffset === log.startOffset))
          return this.#removeFronts(logs, done)
        this.#environment.startOffsets.write((writeError) => {
          if (writeError === undefined && !this.#work.stopped) this.#removeFronts(logs, done)
          else done(writeError)
        })
      })
    })
  }

  /** Whether logs can be cleaned in it now. */
  get canClean(): boolean {
    return !this.#work.stopped && this.#directory.takesAppends
  }

  /**
   * Does a step of a cleaning of a log that is in use, while nothing else is done to files of logs. The cleaner asks for one at a time. `done` does not
   * come when all logs are closed; where the log is, the step is left out.
   */
  cleaningStep(log: PartitionLog, step: (done: DiskDone) => void, done: DiskDone): void {
    this.#work.do(
      'cleaning',
      (finished) =>
        this.#work.at(log, step, (error) => {
          finished(error)
          done(error)
        }),
      () => done(this.#directory.failure),
    )
  }

  /** Has everything made durable that recovery would otherwise read closed segments for, with the recovery point. */
  prepareCleaning(log: PartitionLog, done: DiskDone): void {
    const prepare = (prepared: DiskDone): void =>
      log.writeRecoveryFiles((error) => (error === undefined ? this.#writeRecoveryPoints(prepared) : prepared(error)))
    this.cleaningStep(log, prepare, done)
  }

  /** The log was cleaned up to `offset`. */
  writeCleanedEnd(log: PartitionLog, { topic, partition }: LogId, offset: number, done: DiskDone): void {
    const write = (written: DiskDone): void => {
      this.cleanerOffsets.set({ topic, partition, offset })
      this.cleanerOffsets.write(written)
    }
    this.cleaningStep(log, write, done)
  }

  #closeLogs(done: DiskDone): void {
    let failure: DiskError | undefined
    const logs = [...this.#logs.values()]
    let open = logs.length
    const closed: DiskDone = (error) => {
      failure ??= error
      open--
      if (open > 0) return
      if (failure !== undefined) return done(failure)
      this.#writeOffsets(done)
    }
    if (open === 0) return this.#writeOffsets(done)
    for (const { log } of logs) log.closeClean(closed)
  }

  /** Lets go of all files as they are. */
  close(): void {
    this.#abandoned = true
    this.#stopTimer()
    for (const { log } of this.#logs.values()) log.close()
  }

  #open(id: LogId, options: LogOptions, done: OpenDone): void {
    const { disk } = this.#ports
    const name = partitionDirectoryName(id.topic, id.partition)
    const directory = `${this.#directory.path}/${name}`
    let isNew: boolean
    try {
      isNew = disk.stat(directory) === undefined
      // What is written down of an earlier topic of this name would be believed of this one after a crash.
      const { startOffsets } = this.#environment
      if (isNew && [this.#recoveryPoints, startOffsets, this.cleanerOffsets].some((each) => each.isOnDisk(name)))
        return this.#forgetThenOpen(id, options, done)
      if (isNew) disk.makeDirectory(directory)
      else if (isOfAnother(disk, directory, id.topicId)) {
        this.#forget(name)
        this.#retired.retire(name, 'stray')
        if (disk.stat(directory) === undefined) return this.#open(id, options, done)
        return done(new LogDamagedError(`${directory} holds another topic, and cannot be put aside`), undefined)
      }
    } catch (error) {
      return done(this.#reported(asDiskError(error)), undefined)
    }
    identify(disk, directory, id.topicId, (error) => {
      if (error === undefined) return this.#load(id, options, directory, isNew, done)
      done(this.#reported(error), undefined)
    })
  }

  #forget(name: string): void {
    this.cleanerOffsets.forget(name)
    this.highWatermarks.forget(name)
    this.#recoveryPoints.forget(name)
    this.#environment.startOffsets.forget(name)
  }

  #forgetThenOpen(id: LogId, options: LogOptions, done: OpenDone): void {
    this.#forget(partitionDirectoryName(id.topic, id.partition))
    const written: DiskDone = (error) =>
      error === undefined ? this.#open(id, options, done) : done(this.#reported(error), undefined)
    this.cleanerOffsets.write((error) => (error === undefined ? this.#writeOffsets(written) : written(error)))
  }

  #load(id: LogId, options: LogOptions, directory: string, isNew: boolean, done: OpenDone): void {
    const name = partitionDirectoryName(id.topic, id.partition)
    const recoveryPoint = isNew ? 0 : this.#recoveryPoints.of(name)
    const startOffset = isNew ? 0 : this.#environment.startOffsets.of(name)
    const { lastStop } = this.#directory
    const { flushPolicy } = options
    const makeDurable = flushPolicy === 'commit' && !isNew && lastStop !== 'new'
    const load = { ...options, directory, recoveryPoint, startOffset, lastStop, makeDurable }
    loadLog(this.#environment, load, (error, loaded) => {
      if (loaded === undefined) {
        if (error instanceof DiskError) this.#directory.report(error)
        return done(error, undefined)
      }
      const log = new PartitionLog(directory, this.#environment, options, loaded, {
        recoveryPoint,
        parentFlushed: false,
      })
      this.#logs.set(name, { id, log })
      this.#environment.startOffsets.add(id.topic, id.partition, log)
      this.highWatermarks.lower(name, log.logEndOffset, (failure) => {
        if (failure === undefined) return done(undefined, log)
        log.close()
        done(this.#reported(failure), undefined)
      })
    })
  }

  #reported(error: DiskError): DiskError {
    this.#directory.report(error)
    return error
  }

  #schedule(): void {
    const delayMs = Math.min(CHECK_BYTES_EVERY_MS, this.#checkpointIntervalMs)
    this.#timer = this.#ports.clock.timer(delayMs, () => {
      const { bytesAppended } = this.#environment.turns
      const dueMs = this.#lastCheckpointMs + this.#checkpointIntervalMs
      if (
        this.#ports.clock.monotonicMs() >= dueMs ||
        bytesAppended - this.#bytesAtCheckpoint > CHECKPOINT_AFTER_BYTES
      ) {
        this.#checkpoint()
      }
      if (!this.#work.stopped) this.#schedule()
    })
  }

  #stopTimer(): void {
    this.#work.stop()
    this.#retired.stop()
    this.#timer?.cancel()
  }

  /** Log after log: one that has nothing new costs nothing. */
  #checkpoint(): void {
    this.#work.do('checkpoint', (done) => {
      this.#lastCheckpointMs = this.#ports.clock.monotonicMs()
      this.#bytesAtCheckpoint = this.#environment.turns.bytesAppended
      const logs = [...this.#logs.values()].map(({ log }) => log)
      const step = (log: PartitionLog, next: DiskDone): void =>
        log.failed ? next(undefined) : this.#work.at(log, (left) => log.writeRecoveryFiles(left), next)
      const each = (log: PartitionLog, next: () => void): void =>
        step(log, (error) => (error === undefined ? next() : done(error)))
      oneByOne(logs, each, () => (this.#work.stopped ? done(undefined) : this.#writeRecoveryPoints(done)))
    })
  }

  #removeFronts(logs: readonly Retained[], done: DiskDone): void {
    try {
      for (const { log } of logs) log.removeFront()
    } catch (error) {
      return done(asDiskError(error))
    }
    done(undefined)
  }

  /** Also where logs start: somebody may still wait for that. */
  #writeOffsets(done: DiskDone): void {
    this.#environment.startOffsets.write((error) => {
      if (error !== undefined) return done(error)
      this.highWatermarks.write((failure) => (failure === undefined ? this.#writeRecoveryPoints(done) : done(failure)))
    })
  }

  /** Nothing that is written down of the log speaks of what lies behind `endOffset`. */
  #lower(log: PartitionLog, endOffset: number, done: DiskDone): void {
    log.lowerRecoveryPoint(endOffset)
    this.highWatermarks.lower(log.directory.slice(this.#directory.path.length + 1), endOffset, (error) =>
      error === undefined ? this.#writeRecoveryPoints(done) : done(error),
    )
  }

  #writeRecoveryPoints(done: DiskDone): void {
    this.#recoveryPoints.write(
      () => [...this.#logs.values()].map(({ id, log }) => ({ ...id, offset: log.recoveryPoint })),
      done,
    )
  }
}
