/**
 * The start offsets of all logs of a data directory, in Kafka's `log-start-offset-checkpoint`. A log's start moves when this file says so durably,
 * and only then are files in front of it removed: what the file says is never behind what is gone, and a start that somebody has seen never goes
 * back, but where an empty log begins anew where its leader does. One write serves all who asked before it began.
 */
import type { Disk, DiskDone } from '../io/disk.js'
import type { Logger } from '../io/logger.js'
import { writeAtomically } from './atomic-file.js'
import { partitionDirectoryName } from './log-files.js'
import { formatOffsetCheckpoint, type PartitionOffset, readOffsetCheckpoint } from './offset-checkpoint.js'

const START_OFFSETS = 'log-start-offset-checkpoint'

/** A log, as far as this asks. */
export interface StartingLog {
  /** Where it is to start; never less than where it does. */
  readonly front: { readonly wantedStartOffset: number }
  /** The wanted start, as of when the write began, is durable. */
  startIsDurable(offset: number): void
}

export class StartOffsets {
  readonly #disk: Disk
  readonly #directory: string
  /** As found, by directory name; also of logs that nobody has opened yet. */
  readonly #found: Map<string, PartitionOffset>
  readonly #logs = new Map<string, { readonly topic: string; readonly partition: number; readonly log: StartingLog }>()
  /** Of which directories there may be one in the file. */
  #onDisk: ReadonlySet<string>
  #writing = false
  #wanted: DiskDone[] = []

  /** Throws `DiskError`. */
  constructor(disk: Disk, directory: string, logger: Logger) {
    this.#disk = disk
    this.#directory = directory
    const path = `${directory}/${START_OFFSETS}`
    const entries = readOffsetCheckpoint(disk, path)
    if (entries === undefined) logger.error({ path }, 'log start offsets are not readable')
    this.#found = entries ?? new Map()
    this.#onDisk = new Set(this.#found.keys())
  }

  isOnDisk(name: string): boolean {
    return this.#onDisk.has(name)
  }

  /** Where the log in the directory of this name starts, by the file. */
  of(name: string): number {
    return this.#found.get(name)?.offset ?? 0
  }

  /** The log is open. */
  add(topic: string, partition: number, log: StartingLog): void {
    const name = partitionDirectoryName(topic, partition)
    this.#found.delete(name)
    this.#logs.set(name, { topic, partition, log })
  }

  /** The log is gone: where it started is no more in the file after the next write. */
  forget(name: string): void {
    this.#found.delete(name)
    this.#logs.delete(name)
  }

  /** Makes durable where the logs want to start, and has them start there. */
  write(done: DiskDone): void {
    this.#wanted.push(done)
    if (!this.#writing) this.#writeNext()
  }

  #writeNext(): void {
    const callers = this.#wanted
    if (callers.length === 0) return
    this.#wanted = []
    this.#writing = true
    const entries = new Map(this.#found)
    const moving: (() => void)[] = []
    for (const [name, { topic, partition, log }] of this.#logs) {
      const offset = log.front.wantedStartOffset
      if (offset === 0) continue
      entries.set(name, { topic, partition, offset })
      moving.push(() => {
        // Meanwhile it may have begun anew in front of there.
        if (offset <= log.front.wantedStartOffset) log.startIsDurable(offset)
      })
    }
    this.#onDisk = new Set([...this.#onDisk, ...entries.keys()])
    writeAtomically(
      this.#disk,
      this.#directory,
      START_OFFSETS,
      Buffer.from(formatOffsetCheckpoint([...entries.values()])),
      (error) => {
        this.#writing = false
        if (error === undefined) {
          this.#onDisk = new Set(entries.keys())
          for (const move of moving) move()
        }
        for (const done of callers) done(error)
        if (!this.#writing) this.#writeNext()
      },
    )
  }
}
