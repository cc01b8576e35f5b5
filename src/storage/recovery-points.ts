/**
 * The recovery points of a data directory: `recovery-point-offset-checkpoint`. It is replaced as a whole, by one write at a time; a write that is
 * asked for meanwhile follows, with what there is to say then.
 */
import type { Disk, DiskDone } from '../io/disk.js'
import type { Logger } from '../io/logger.js'
import { writeAtomically } from './atomic-file.js'
import { partitionDirectoryName } from './log-files.js'
import { formatOffsetCheckpoint, type PartitionOffset, readOffsetCheckpoint } from './offset-checkpoint.js'

const FILE = 'recovery-point-offset-checkpoint'

interface Write {
  readonly points: () => readonly PartitionOffset[]
  readonly done: DiskDone[]
}

export class RecoveryPoints {
  readonly #disk: Disk
  readonly #directory: string
  /** As they were found, by name of the log's directory; also of logs that nobody has opened yet. */
  readonly #found: Map<string, PartitionOffset>
  /** Of which directories there may be one in the file. */
  #onDisk: ReadonlySet<string>
  #writing = false
  #next: Write | undefined

  /** Throws `DiskError`. */
  constructor(disk: Disk, logger: Logger, directory: string) {
    this.#disk = disk
    this.#directory = directory
    const path = `${directory}/${FILE}`
    const entries = readOffsetCheckpoint(disk, path)
    // Without it everything is read through: slow, and safe.
    if (entries === undefined) logger.warn({ path }, 'recovery points are not readable')
    this.#found = entries ?? new Map()
    this.#onDisk = new Set(this.#found.keys())
  }

  /** As it was found; 0: recovery has to look at everything. */
  of(name: string): number {
    return this.#found.get(name)?.offset ?? 0
  }

  isOnDisk(name: string): boolean {
    return this.#onDisk.has(name)
  }

  /** The log is gone: its point is no more in the file after the next write. */
  forget(name: string): void {
    this.#found.delete(name)
  }

  /** Writes the points of these logs, and those that were found of others. `points` is asked when the write begins. */
  write(points: () => readonly PartitionOffset[], done: DiskDone): void {
    if (this.#writing) this.#next = { points, done: [...(this.#next?.done ?? []), done] }
    else this.#write({ points, done: [done] })
  }

  #write({ points, done }: Write): void {
    const offsets = new Map(this.#found)
    for (const { topic, partition, offset } of points()) {
      offsets.set(partitionDirectoryName(topic, partition), { topic, partition, offset })
    }
    this.#writing = true
    const before = this.#onDisk
    this.#onDisk = new Set([...before, ...offsets.keys()])
    const text = formatOffsetCheckpoint([...offsets.values()])
    writeAtomically(this.#disk, this.#directory, FILE, Buffer.from(text), (error) => {
      this.#writing = false
      if (error === undefined) this.#onDisk = new Set(offsets.keys())
      for (const each of done) each(error)
      const next = this.#next
      if (next === undefined || this.#writing) return
      this.#next = undefined
      this.#write(next)
    })
  }
}
