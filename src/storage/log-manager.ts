/**
 * LogManager: the logs in one data directory. Opens and creates them, writes their recovery points down, has them drop what they need not keep,
 * takes them out of failure when the directory has room again, and closes them.
 */
import type { BufferPool } from '../base/buffer-pool.js'
import { oneByOne } from '../base/one-by-one.js'
import type { Uuid } from '../base/uuid.js'
import type { Timer } from '../io/clock.js'
import { type DiskDone, DiskError } from '../io/disk.js'
import type { Ports } from '../io/ports.js'
import type { RetentionLimits } from '../log/retention.js'
import { asDiskError, writeAtomically } from './atomic-file.js'
import { LogDamagedError } from './log-damaged-error.js'
import type { LogDirectory } from './log-directory.js'
import type { LogEnvironment } from './log-environment.js'
import {
  formatPartitionMetadata,
  PARTITION_METADATA,
  parsePartitionMetadata,
  partitionDirectoryName,
} from './log-files.js'
import { loadLog } from './log-loader.js'
import { type LogResources, logResources } from './log-resources.js'
import { formatOffsetCheckpoint, type PartitionOffset, parseOffsetCheckpoint } from './offset-checkpoint.js'
import { type LogOptions, PartitionLog } from './partition-log.js'
import { StartOffsets } from './start-offsets.js'
import type { StopWatch } from './stop-watch.js'
import { TurnWriter } from './turn-writer.js'

const RECOVERY_POINTS = 'recovery-point-offset-checkpoint'
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

export type OpenDone = (error: DiskError | LogDamagedError | undefined, log: PartitionLog | undefined) => void

export class LogManager {
  readonly buffers: BufferPool
  readonly flushTimes: StopWatch
  readonly #ports: Ports
  readonly #directory: LogDirectory
  readonly #environment: LogEnvironment
  readonly #checkpointIntervalMs: number
  /** As they were found, by directory name; also of logs that nobody has opened yet. */
  readonly #recoveryPoints = new Map<string, PartitionOffset>()
  /** By directory name. */
  readonly #logs = new Map<string, { readonly id: LogId; readonly log: PartitionLog }>()
  readonly #waiting: (() => void)[] = []
  #opening = 0
  #timer: Timer | undefined
  /** Work that writes files of logs: one at a time. */
  #work: 'checkpoint' | 'retention' | undefined
  #waitingWork = new Map<'checkpoint' | 'retention', (done: DiskDone) => void>()
  #lastCheckpointMs: number
  #bytesAtCheckpoint = 0
  #closed = false
  #afterWork: (() => void) | undefined

  /** The directory is taken over and marked as running. Throws `DiskError`. */
  constructor(
    node: Ports,
    directory: LogDirectory,
    checkpointIntervalMs: number,
    resources: LogResources = logResources(node),
  ) {
    const { files: disk, buffers, indexes, flushTimes } = resources
    const ports = { ...node, disk }
    const { compute, logger, clock, random } = ports
    this.buffers = buffers
    this.flushTimes = flushTimes
    this.#ports = ports
    this.#directory = directory
    this.#checkpointIntervalMs = checkpointIntervalMs
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
    this.#lastCheckpointMs = clock.monotonicMs()
    this.#readRecoveryPoints()
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

  /** Flushes the logs whose last flush was longer ago than `flush.ms`. */
  flushOld(): void {
    for (const { log } of this.#logs.values()) log.flushIfOld()
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
      })
    }
  }

  /** Flushes and writes down everything. Without an error the directory may be marked as cleanly stopped. */
  closeClean(done: DiskDone): void {
    this.#stopTimer()
    // Both write the same files.
    if (this.#work !== undefined) this.#afterWork = () => this.#closeLogs(done)
    else this.#closeLogs(done)
  }

  /** Has logs drop what they need not keep: all make up their minds, their starts are written down once, then segments go. */
  retain(logs: readonly Retained[]): void {
    this.#do('retention', (done) => {
      const step = ({ log, limits, committedOffset }: Retained, next: DiskDone): void =>
        this.#closed ? next(undefined) : log.retain(limits, committedOffset(), this.#ports.clock.wallMs(), next)
      const each = (retained: Retained, next: () => void): void =>
        step(retained, (error) => (error === undefined ? next() : done(error)))
      oneByOne(logs, each, () => {
        if (this.#closed) return done(undefined)
        if (logs.every(({ log }) => log.wantedStartOffset === log.startOffset)) return this.#removeFronts(logs, done)
        this.#environment.startOffsets.write((writeError) => {
          if (writeError === undefined && !this.#closed) this.#removeFronts(logs, done)
          else done(writeError)
        })
      })
    })
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
      if (isNew) disk.makeDirectory(directory)
    } catch (error) {
      return done(this.#reported(asDiskError(error)), undefined)
    }
    this.#identify(directory, id.topicId, (error) => {
      if (error === undefined) return this.#load(id, options, directory, isNew, done)
      done(error instanceof DiskError ? this.#reported(error) : error, undefined)
    })
  }

  #load(id: LogId, options: LogOptions, directory: string, isNew: boolean, done: OpenDone): void {
    const name = partitionDirectoryName(id.topic, id.partition)
    const recoveryPoint = this.#recoveryPoints.get(name)?.offset ?? 0
    const startOffset = this.#environment.startOffsets.of(name)
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
      done(undefined, log)
    })
  }

  /** Says whose log the directory is, durably, or checks what it says. */
  #identify(directory: string, topicId: Uuid, done: (error: DiskError | LogDamagedError | undefined) => void): void {
    const { disk } = this.#ports
    let found: Uuid | undefined
    try {
      const content = disk.readFile(`${directory}/${PARTITION_METADATA}`)
      found = content === undefined ? undefined : parsePartitionMetadata(Buffer.from(content).toString('utf8'))
    } catch (error) {
      return done(asDiskError(error))
    }
    if (found === topicId) return done(undefined)
    if (found !== undefined) {
      return done(new LogDamagedError(`${directory} holds data of a topic with id ${found}, not ${topicId}`))
    }
    // It was made right before a crash: its name says enough.
    writeAtomically(disk, directory, PARTITION_METADATA, Buffer.from(formatPartitionMetadata(topicId)), done)
  }

  #reported(error: DiskError): DiskError {
    this.#directory.report(error)
    return error
  }

  #readRecoveryPoints(): void {
    const path = `${this.#directory.path}/${RECOVERY_POINTS}`
    const content = this.#ports.disk.readFile(path)
    if (content === undefined) return
    const entries = parseOffsetCheckpoint(Buffer.from(content).toString('utf8'))
    // Without it everything is read through: slow, and safe.
    if (entries === undefined) this.#ports.logger.warn({ path }, 'recovery points are not readable')
    for (const entry of entries ?? []) {
      this.#recoveryPoints.set(partitionDirectoryName(entry.topic, entry.partition), entry)
    }
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
      if (!this.#closed) this.#schedule()
    })
  }

  #stopTimer(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  /** Now, or when what is under way has come to its end. What waits already is not done twice. */
  #do(name: 'checkpoint' | 'retention', work: (done: DiskDone) => void): void {
    if (this.#closed || this.#directory.offline) return
    if (this.#work !== undefined) {
      if (this.#work !== name) this.#waitingWork.set(name, work)
      return
    }
    this.#work = name
    work((error) => {
      this.#work = undefined
      if (error !== undefined) this.#directory.report(error)
      if (this.#closed) return this.#afterWork?.()
      const [next] = this.#waitingWork
      if (next === undefined) return
      this.#waitingWork.delete(next[0])
      this.#do(...next)
    })
  }

  /** Log after log: one that has nothing new costs nothing. */
  #checkpoint(): void {
    this.#do('checkpoint', (done) => {
      this.#lastCheckpointMs = this.#ports.clock.monotonicMs()
      this.#bytesAtCheckpoint = this.#environment.turns.bytesAppended
      const logs = [...this.#logs.values()].map(({ log }) => log)
      const step = (log: PartitionLog, next: DiskDone): void =>
        this.#closed || log.failed ? next(undefined) : log.writeRecoveryFiles(next)
      const each = (log: PartitionLog, next: () => void): void =>
        step(log, (error) => (error === undefined ? next() : done(error)))
      oneByOne(logs, each, () => (this.#closed ? done(undefined) : this.#writeRecoveryPoints(done)))
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
      if (error === undefined) this.#writeRecoveryPoints(done)
      else done(error)
    })
  }

  #writeRecoveryPoints(done: DiskDone): void {
    const offsets = new Map(this.#recoveryPoints)
    for (const [name, { id, log }] of this.#logs) {
      offsets.set(name, { topic: id.topic, partition: id.partition, offset: log.recoveryPoint })
    }
    const text = formatOffsetCheckpoint([...offsets.values()])
    writeAtomically(this.#ports.disk, this.#directory.path, RECOVERY_POINTS, Buffer.from(text), done)
  }
}
