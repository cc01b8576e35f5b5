/**
 * Up to where the logs of a data directory were cleaned, in Kafka's `cleaner-offset-checkpoint`. Written after a cleaning is durable: what it says is
 * never ahead; if it is lost, logs are cleaned once more.
 */
import type { Disk, DiskDone } from '../io/disk.js'
import type { Logger } from '../io/logger.js'
import { writeAtomically } from './atomic-file.js'
import { partitionDirectoryName } from './log-files.js'
import { formatOffsetCheckpoint, type PartitionOffset, readOffsetCheckpoint } from './offset-checkpoint.js'

const CLEANER_OFFSETS = 'cleaner-offset-checkpoint'

export class CleanerOffsets {
  readonly #disk: Disk
  readonly #directory: string
  /** By directory name. */
  readonly #offsets: Map<string, PartitionOffset>
  /** Of which directories there may be one in the file. */
  #onDisk: ReadonlySet<string>
  #writing = false
  #wanted: DiskDone[] = []

  /** Throws `DiskError`. */
  constructor(disk: Disk, directory: string, logger: Logger) {
    this.#disk = disk
    this.#directory = directory
    const path = `${directory}/${CLEANER_OFFSETS}`
    const entries = readOffsetCheckpoint(disk, path)
    if (entries === undefined)
      logger.warn({ path }, 'cleaner offsets are not readable: compacted logs are cleaned anew')
    this.#offsets = entries ?? new Map()
    this.#onDisk = new Set(this.#offsets.keys())
  }

  /** Undefined: never cleaned. */
  of(topic: string, partition: number): number | undefined {
    return this.#offsets.get(partitionDirectoryName(topic, partition))?.offset
  }

  isOnDisk(name: string): boolean {
    return this.#onDisk.has(name)
  }

  /** Is in the file after the next write. */
  set({ topic, partition, offset }: PartitionOffset): void {
    this.#offsets.set(partitionDirectoryName(topic, partition), { topic, partition, offset })
  }

  /** The log is gone for good: it is not in the file any more after the next write. */
  forget(name: string): void {
    this.#offsets.delete(name)
  }

  /** One write serves all who asked before it began. */
  write(done: DiskDone): void {
    this.#wanted.push(done)
    if (!this.#writing) this.#writeNext()
  }

  #writeNext(): void {
    const callers = this.#wanted
    if (callers.length === 0) return
    this.#wanted = []
    this.#writing = true
    const names = new Set(this.#offsets.keys())
    this.#onDisk = new Set([...this.#onDisk, ...names])
    const text = formatOffsetCheckpoint([...this.#offsets.values()])
    writeAtomically(this.#disk, this.#directory, CLEANER_OFFSETS, Buffer.from(text), (error) => {
      this.#writing = false
      if (error === undefined) this.#onDisk = names
      for (const done of callers) done(error)
      if (!this.#writing) this.#writeNext()
    })
  }
}
