/**
 * Up to where the logs of a data directory are known to be committed, in Kafka's `replication-offset-checkpoint`. What is committed stays so: an entry may be old, and
 * is never ahead. It holds for the log that stands there and for nothing that comes in its place: before a log is cut its entry is lowered, durably, and where one
 * has been found to be shorter, or is new, before anything is appended to it.
 */
import type { Disk, DiskDone } from '../io/disk.js'
import type { Logger } from '../io/logger.js'
import { writeAtomically } from './atomic-file.js'
import { partitionDirectoryName } from './log-files.js'
import { formatOffsetCheckpoint, type PartitionOffset, readOffsetCheckpoint } from './offset-checkpoint.js'

const FILE = 'replication-offset-checkpoint'

export class HighWatermarks {
  readonly #disk: Disk
  readonly #directory: string
  /** By directory name. */
  readonly #offsets: Map<string, PartitionOffset>
  /** Something is to be said that the last write that began did not say. */
  #isDue = false
  #writing = false
  #wanted: DiskDone[] = []

  /** Throws `DiskError`. */
  constructor(disk: Disk, directory: string, logger: Logger) {
    this.#disk = disk
    this.#directory = directory
    const path = `${directory}/${FILE}`
    const entries = readOffsetCheckpoint(disk, path)
    if (entries === undefined) logger.warn({ path }, 'high watermarks are not readable')
    this.#offsets = entries ?? new Map()
  }

  /** 0: nothing is known to be committed. */
  of(name: string): number {
    return this.#offsets.get(name)?.offset ?? 0
  }

  /** Is in the file after the next write. Not behind where the log is cut just now. */
  set({ topic, partition, offset }: PartitionOffset): void {
    const name = partitionDirectoryName(topic, partition)
    if (this.#offsets.get(name)?.offset === offset) return
    this.#offsets.set(name, { topic, partition, offset })
    this.#isDue = true
  }

  /** Nothing is said of the log in the directory of this name that lies behind `endOffset`, when it is done. */
  lower(name: string, endOffset: number, done: DiskDone): void {
    const entry = this.#offsets.get(name)
    if (entry !== undefined && entry.offset > endOffset) this.set({ ...entry, offset: endOffset })
    this.write(done)
  }

  /** The log is gone for good: it is not in the file any more after the next write. */
  forget(name: string): void {
    if (this.#offsets.delete(name)) this.#isDue = true
  }

  /** Done when there is nothing in the file that was lowered or forgotten before; at once where there is nothing to be said. */
  write(done: DiskDone): void {
    if (!this.#isDue && !this.#writing) return done(undefined)
    this.#wanted.push(done)
    if (!this.#writing) this.#writeNext()
  }

  #writeNext(): void {
    const callers = this.#wanted
    if (callers.length === 0) return
    this.#wanted = []
    this.#writing = true
    this.#isDue = false
    const text = formatOffsetCheckpoint([...this.#offsets.values()])
    writeAtomically(this.#disk, this.#directory, FILE, Buffer.from(text), (error) => {
      this.#writing = false
      if (error !== undefined) this.#isDue = true
      for (const done of callers) done(error)
      if (!this.#writing) this.#writeNext()
    })
  }
}
