/**
 * LogDirectories: the data directories of a node, one of which holds the metadata log, and the logs in them. It knows in which directory a
 * partition's log stands, and where a new one goes: where there are fewest. A directory that fails takes its logs with it and no others; without
 * the last one, or that of the metadata, the node cannot go on.
 */
import { type Uuid, ZERO_UUID } from '../base/uuid.js'
import { type DiskDone, DiskError } from '../io/disk.js'
import type { Ports } from '../io/ports.js'
import { asDiskError } from './atomic-file.js'
import { LogDamagedError } from './log-damaged-error.js'
import { DirectoryError, LogDirectory } from './log-directory.js'
import { PARTITION_METADATA, parsePartitionDirectoryName, partitionDirectoryName } from './log-files.js'
import { type LogId, LogManager, type LogManagerOptions, type OpenDone, type Retained } from './log-manager.js'
import { type LogResources, logResources } from './log-resources.js'
import { misplacedMetadata } from './metadata-place.js'
import type { PartitionOffset } from './offset-checkpoint.js'
import { topicIdIn } from './partition-identity.js'
import type { LogOptions, PartitionLog } from './partition-log.js'

export interface LogDirectoriesOptions extends LogManagerOptions {
  /** `log.dirs` */
  readonly paths: readonly string[]
  /** `metadata.log.dir`; may be one of them. */
  readonly metadataPath: string
  readonly nodeId: number
  /** Where directories belong to no cluster yet they do not begin one: see `join`. */
  readonly joins?: boolean
  readonly reservedBytes: number
  /** `log.open.files.max` */
  readonly openFiles: number
}

export interface DirectoriesEvents {
  /** The node cannot go on: a sentence for the operator. */
  readonly lost: (sentence: string) => void
  /** The logs of one directory are gone, others are not. */
  readonly offline: (path: string) => void
  /** A directory that had been full has room again, and its logs are being repaired. */
  readonly room: () => void
}

/** What the metadata says of where a log is. */
export interface Placement {
  /** The id of its directory; zeros: not known. */
  readonly directoryId: Uuid
  /** Nobody can have written to it yet. */
  readonly isNew: boolean
  /** The others have all that it has, and count without it: where its directory is no more, it begins anew. */
  readonly isDispensable: boolean
}

/** A directory of `log.dirs`, for who asks. */
export interface DescribedDirectory {
  readonly path: string
  readonly failure: DiskError | undefined
  /** -1: not known. */
  readonly totalBytes: number
  readonly usableBytes: number
}

interface Volume {
  readonly directory: LogDirectory
  readonly logs: LogManager
  /** False: for the metadata log only. */
  readonly isForPartitions: boolean
}

type OpenedDone = (error: DirectoryError | undefined, directories: LogDirectories | undefined) => void

export class LogDirectories {
  readonly resources: LogResources
  readonly #ports: Ports
  readonly #options: LogDirectoriesOptions
  readonly #events: DirectoriesEvents
  readonly #volumes: Volume[] = []
  /** Could not be opened. */
  readonly #unusable = new Map<string, DiskError>()
  /** By directory name: where logs stand, or are to stand. */
  readonly #homes = new Map<string, Volume>()
  #closed = false

  private constructor(ports: Ports, options: LogDirectoriesOptions, events: DirectoriesEvents) {
    this.#ports = ports
    this.#options = options
    this.#events = events
    this.resources = logResources(ports, { openFiles: options.openFiles })
  }

  /** Takes all of them, the one with the metadata first. What is wrong with another one's disk is that one's matter. */
  static open(ports: Ports, options: LogDirectoriesOptions, events: DirectoriesEvents, done: OpenedDone): void {
    const directories = new LogDirectories(ports, options, events)
    const { paths, metadataPath } = options
    const fail = (error: DirectoryError): void => {
      directories.abandon()
      done(error, undefined)
    }
    const sentence = misplacedMetadata(ports.disk, paths, metadataPath)
    if (sentence !== undefined) return fail(new DirectoryError(sentence))
    const left = [metadataPath, ...paths.filter((path) => path !== metadataPath)]
    const next = (): void => {
      const path = left.shift()
      if (path !== undefined) return directories.#open(path, (error) => (error === undefined ? next() : fail(error)))
      const refused = directories.#whyNot()
      if (refused === undefined) done(undefined, directories)
      else fail(new DirectoryError(refused))
    }
    next()
  }

  /** The one that holds the metadata log. */
  get metadata(): LogDirectory {
    return this.#volumes[0]!.directory
  }

  /** Ids of those that hold partitions and can be used. */
  get onlineIds(): Uuid[] {
    return this.#usable.map(({ directory }) => directory.directoryId)
  }

  /** Of the broker's last registration, if of all that it has reported nothing is missing in any of them; else -1. A new one has nothing to miss. */
  get previousBrokerEpoch(): number {
    const used = this.#volumes.filter(({ directory }) => directory.lastStop !== 'new')
    const epochs = new Set(used.map(({ directory }) => directory.previousBrokerEpoch))
    const [epoch = -1] = epochs
    return epochs.size === 1 ? epoch : -1
  }

  /** The broker has this registration now. */
  registered(brokerEpoch: number): void {
    for (const { directory } of this.#online) directory.registered(brokerEpoch)
  }

  get described(): readonly DescribedDirectory[] {
    return this.#options.paths.map((path) => {
      const directory = this.#volumes.find((volume) => volume.directory.path === path)?.directory
      const failure = directory === undefined ? this.#unusable.get(path) : directory.failure
      if (directory === undefined || failure !== undefined) return { path, failure, totalBytes: -1, usableBytes: -1 }
      const { totalBytes, usableBytes } = directory
      return { path, failure, totalBytes, usableBytes }
    })
  }

  /**
   * All of them belong to this cluster from now on: first the one with the metadata, so that after a crash the others can only lag behind. What is
   * wrong with another one's disk is that one's matter.
   */
  join(clusterId: string, done: DiskDone): void {
    const left = this.#volumes.filter(({ directory }) => directory.clusterId === undefined)
    const next = (): void => {
      const volume = left.shift()
      if (volume === undefined) return done(undefined)
      volume.directory.join(clusterId, (error) => {
        if (error === undefined) return next()
        volume.directory.report(error)
        if (volume !== this.#volumes[0] && volume.directory.offline) next()
        else done(error)
      })
    }
    next()
  }

  /** Who has the metadata log. */
  get metadataLogs(): LogManager {
    return this.#volumes[0]!.logs
  }

  set deleteDelayMs(delayMs: number) {
    for (const { logs } of this.#volumes) logs.deleteDelayMs = delayMs
  }

  openMetadata(id: LogId, options: LogOptions, done: OpenDone): void {
    this.#volumes[0]!.logs.open(id, options, done)
  }

  /** Opens the partition's log where it stands, or creates it. */
  open(id: LogId, options: LogOptions, placement: Placement, done: OpenDone): void {
    const volume = this.#homeOf(id, placement)
    if (volume instanceof Error) return done(volume, undefined)
    volume.logs.open(id, options, (error, log) => {
      if (log === undefined || !volume.directory.offline) return done(error, log)
      log.close()
      done(volume.directory.failure, undefined)
    })
  }

  /** The id of the directory where the partition's log stands. */
  directoryIdOf({ topic, partition }: LogId): Uuid | undefined {
    return this.#homes.get(partitionDirectoryName(topic, partition))?.directory.directoryId
  }

  /** Who has the partition's log. */
  managerOf({ topic, partition }: LogId): LogManager | undefined {
    return this.#homes.get(partitionDirectoryName(topic, partition))?.logs
  }

  /** Up to where the partition's log is committed, as it was written down; the log may have become shorter since. */
  highWatermarkOf({ topic, partition }: LogId): number {
    const name = partitionDirectoryName(topic, partition)
    return this.#homes.get(name)?.logs.highWatermarks.of(name) ?? 0
  }

  /** Up to where logs are committed: it is written down with the next of these, and with a stop in order. */
  noteHighWatermarks(offsets: readonly (PartitionOffset & { readonly log: PartitionLog })[]): void {
    for (const { logs } of this.#online) {
      for (const each of offsets) if (logs.has(each.log)) logs.highWatermarks.set(each)
    }
  }

  writeHighWatermarks(): void {
    for (const { logs, directory } of this.#online) {
      logs.highWatermarks.write((error) => {
        if (error !== undefined) directory.report(error)
      })
    }
  }

  /** See `LogManager.remove`. */
  remove(id: LogId, done: () => void): void {
    const name = partitionDirectoryName(id.topic, id.partition)
    const home = this.#homes.get(name)
    this.#homes.delete(name)
    if (home === undefined || home.directory.offline) done()
    else home.logs.remove(id, done)
  }

  /** See `LogManager.tidy`. */
  tidy(knownId: (topic: string, partition: number) => Uuid | undefined): void {
    for (const { logs } of this.#online) logs.tidy(knownId)
  }

  retain(retained: readonly Retained[]): void {
    for (const { logs } of this.#online) logs.retain(retained.filter(({ log }) => logs.has(log)))
  }

  flushOld(): void {
    for (const { logs } of this.#online) logs.flushOld()
  }

  /** Flushes and writes down everything, and leaves the marker that says so where that could be done. */
  closeClean(brokerEpoch: number, done: DiskDone): void {
    this.#closed = true
    let failure: DiskError | undefined
    const volumes = this.#online
    for (const volume of this.#volumes) if (volume.directory.offline) volume.directory.abandon()
    let open = volumes.length
    const closed: DiskDone = (error) => {
      failure ??= error
      open--
      if (open === 0) done(failure)
    }
    for (const { logs, directory } of volumes) {
      logs.closeClean((error) => (error === undefined ? directory.closeClean(brokerEpoch, closed) : closed(error)))
    }
  }

  /** Lets go of everything as it is. */
  abandon(): void {
    this.#closed = true
    for (const { logs, directory } of this.#volumes) {
      logs.close()
      directory.abandon()
    }
  }

  get #online(): Volume[] {
    return this.#volumes.filter(({ directory }) => !directory.offline)
  }

  get #usable(): Volume[] {
    return this.#online.filter(({ isForPartitions }) => isForPartitions)
  }

  #open(path: string, done: (error: DirectoryError | undefined) => void): void {
    const { nodeId, joins = false, reservedBytes, paths } = this.#options
    const isMetadata = this.#volumes.length === 0
    const clusterId = isMetadata ? undefined : this.metadata.clusterId
    const open = {
      path,
      nodeId,
      reservedBytes,
      joins,
      ...(clusterId === undefined ? {} : { clusterId }),
      onOffline: (error: DiskError) => this.#offline(path, error),
      onRoom: () => {
        this.#volumes.find(({ directory }) => directory.path === path)?.logs.repairFailed()
        this.#events.room()
      },
    }
    LogDirectory.open(this.#ports, open, (error, directory) => {
      if (this.#closed) return directory?.abandon()
      if (directory === undefined) {
        if (isMetadata || error?.failure === undefined) return done(error)
        this.#unusable.set(path, error.failure)
        this.#ports.logger.error({ directory: path, error: error.message }, 'directory is offline')
        return done(undefined)
      }
      try {
        const logs = new LogManager(this.#ports, directory, this.#options, this.resources)
        this.#volumes.push({ directory, logs, isForPartitions: paths.includes(path) })
        done(this.#found(this.#volumes.at(-1)!))
      } catch (cause) {
        directory.abandon()
        const { message } = asDiskError(cause)
        done(new DirectoryError(`${path} cannot be used: ${message}`))
      }
    })
  }

  /** Takes note of the logs in a directory; the error says which stand in two. Throws `DiskError`. */
  #found(volume: Volume): DirectoryError | undefined {
    const { disk } = this.#ports
    if (!volume.isForPartitions) return undefined
    const { path } = volume.directory
    for (const name of disk.list(path)) {
      if (parsePartitionDirectoryName(name) === undefined) continue
      const other = this.#homes.get(name)
      if (other === undefined) this.#homes.set(name, volume)
      else {
        const [here, there] = [path, other.directory.path].map((each) =>
          disk.readFile(`${each}/${name}/${PARTITION_METADATA}`),
        )
        // One of them is what is left of a topic of that name; or of a creation that did not come far.
        const sameTopic = here !== undefined && there !== undefined && Buffer.compare(here, there) === 0
        if (!sameTopic) continue
        return new DirectoryError(
          `${name} stands in both ${other.directory.path} and ${path}: move one of them away, the one that is older`,
        )
      }
    }
    return undefined
  }

  #whyNot(): string | undefined {
    if (this.#usable.length > 0) return undefined
    const [failure] = this.#unusable.values()
    return `none of log.dirs can be used: ${failure?.message}`
  }

  /** Where the log is, or shall be from now on. */
  #homeOf(
    { topic, partition, topicId }: LogId,
    { directoryId, isNew, isDispensable }: Placement,
  ): Volume | DiskError | LogDamagedError {
    const name = partitionDirectoryName(topic, partition)
    const known = this.#homes.get(name)
    // Where it stands goes before what stood there under its name when the node started, which may have been put aside since, or may be empty.
    const found = [known, ...this.#usable].find((volume) => volume !== undefined && this.#isOf(volume, name, topicId))
    if (found === undefined && known?.directory.offline === true) return known.directory.failure!
    const assigned = this.#usable.find(({ directory }) => directory.directoryId === directoryId)
    const home = found ?? known ?? assigned
    if (home !== undefined) {
      this.#homes.set(name, home)
      return home
    }
    if (directoryId !== ZERO_UUID && !isDispensable) {
      return new LogDamagedError(
        `${name} is in the directory with the id ${directoryId}, which cannot be used or is not in log.dirs`,
      )
    }
    const failed =
      this.#unusable.values().next().value ??
      this.#volumes.find(({ directory }) => directory.offline)?.directory.failure
    if (failed !== undefined && !isNew) return failed
    const chosen = this.#emptiest()
    if (chosen === undefined) return failed ?? new DiskError('EIO', 'open', name)
    this.#homes.set(name, chosen)
    return chosen
  }

  /** Whether the directory's log of that name says that it is one of this topic. */
  #isOf({ directory }: Volume, name: string, topicId: Uuid): boolean {
    if (directory.offline) return false
    try {
      return topicIdIn(this.#ports.disk, `${directory.path}/${name}`) === topicId
    } catch (error) {
      directory.report(asDiskError(error))
      return false
    }
  }

  #emptiest(): Volume | undefined {
    const counts = new Map<Volume, number>(this.#usable.map((volume) => [volume, 0]))
    for (const volume of this.#homes.values()) {
      const count = counts.get(volume)
      if (count !== undefined) counts.set(volume, count + 1)
    }
    let emptiest: Volume | undefined
    for (const [volume, count] of counts) if (emptiest === undefined || count < counts.get(emptiest)!) emptiest = volume
    return emptiest
  }

  #offline(path: string, error: DiskError): void {
    if (this.#closed) return
    const volume = this.#volumes.find(({ directory }) => directory.path === path)
    if (volume === undefined) return
    if (volume === this.#volumes[0] || this.#usable.length === 0) {
      const which = this.#options.paths.length === 1 ? 'the data directory' : path
      return this.#events.lost(`${which} cannot be used any more: ${error.message}`)
    }
    this.#events.offline(path)
    volume.logs.close()
  }
}
