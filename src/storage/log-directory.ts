/**
 * One data directory: whose it is (`meta.properties`), that nobody else uses it (the lock), how the last user left it (the markers),
 * and whether it can be written to.
 *
 * A directory that met EIO or a failed flush is offline for good: what is on it can no longer be known. One that is full refuses appends
 * and takes them again when there is room.
 */
import { assert } from '../base/assert.js'
import { randomUuid, type Uuid } from '../base/uuid.js'
import { parseProperties } from '../config/properties.js'
import type { Timer } from '../io/clock.js'
import { type Disk, type DiskDone, DiskError, type DiskLock } from '../io/disk.js'
import type { Ports } from '../io/ports.js'
import { asDiskError, writeAtomically } from './atomic-file.js'
import { flushPath } from './durable-directory.js'
import { isSnapshotName, METADATA_LOG, parsePartitionDirectoryName } from './log-files.js'
import {
  type LastStop,
  type Markers,
  markClean,
  markRunning,
  readMarkers,
  unmark,
  writeRunning,
} from './stop-markers.js'

const META_PROPERTIES = 'meta.properties'
/** There is too little of something, and there may be enough of it again. */
const SHORTAGES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'ENOMEM'])

const FREE_SPACE_CHECK_MS = 1000

export interface DirectoryIdentity {
  readonly clusterId: string
  readonly nodeId: number
  readonly directoryId: Uuid
}

/** The directory cannot be used; the message is a sentence for the operator. */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError'
  /** What the disk said, if that is why. */
  readonly failure: DiskError | undefined

  constructor(sentence: string, failure?: DiskError) {
    super(sentence)
    this.failure = failure
  }
}

export interface LogDirectoryOptions {
  readonly path: string
  readonly nodeId: number
  /** Of the node, where it is known already. */
  readonly clusterId?: string
  /** A directory without a cluster's id gets one with `join`, and not a new one now. */
  readonly joins?: boolean
  /** Below this many free bytes appends are refused. */
  readonly reservedBytes: number
  /** Called once: nothing can be written here any more, and nothing that was not flushed can be trusted. */
  readonly onOffline: (error: DiskError) => void
  /** Called when there is room again after the directory had been full. */
  readonly onRoom: () => void
}

type OpenDone = (error: DirectoryError | undefined, directory: LogDirectory | undefined) => void

export class LogDirectory {
  readonly path: string
  readonly nodeId: number
  readonly directoryId: Uuid
  readonly lastStop: LastStop
  /** Of the broker's last registration, if of all that it has reported nothing is missing here; else -1. */
  readonly previousBrokerEpoch: number
  #clusterId: string | undefined
  readonly #ports: Ports
  readonly #options: LogDirectoryOptions
  readonly #lock: DiskLock
  #state: 'online' | 'full' | 'offline' = 'online'
  #failure: DiskError | undefined
  #timer: Timer | undefined
  /** A marker is being written, and what comes after it. */
  #marking: { next: (() => void) | undefined } | undefined

  private constructor(
    ports: Ports,
    options: LogDirectoryOptions,
    lock: DiskLock,
    { clusterId, nodeId, directoryId }: StoredIdentity,
    { lastStop, brokerEpoch }: Markers,
  ) {
    this.path = options.path
    this.#ports = ports
    this.#options = options
    this.#lock = lock
    this.nodeId = nodeId
    this.directoryId = directoryId
    this.#clusterId = clusterId
    this.lastStop = lastStop
    this.previousBrokerEpoch = brokerEpoch
    this.#watchFreeSpace()
  }

  /** Takes the directory: locks it, reads or writes its identity, and marks it as in use. Nothing may be appended before. */
  static open(ports: Ports, options: LogDirectoryOptions, done: OpenDone): void {
    const { disk } = ports
    const { path } = options
    const fail = (error: DiskError): void =>
      done(new DirectoryError(`${path} cannot be used: ${error.message}`, error), undefined)
    try {
      disk.makeDirectory(path)
    } catch (error) {
      return fail(asDiskError(error))
    }
    disk.lock(path, (lockError, lock) => {
      if (lock !== undefined) return LogDirectory.#openLocked(ports, options, lock, done)
      if (lockError?.code !== 'EBUSY') return fail(lockError ?? new DiskError('EIO', 'lock', path))
      const message = `${path} is in use by another node that is running: stop it, or name another directory`
      done(new DirectoryError(message), undefined)
    })
  }

  static #openLocked(ports: Ports, options: LogDirectoryOptions, lock: DiskLock, done: OpenDone): void {
    const { path } = options
    const abandon = (error: DirectoryError): void => {
      lock.release()
      done(error, undefined)
    }
    let opened: Opened
    try {
      opened = inspect(ports, options)
    } catch (error) {
      if (error instanceof DirectoryError) return abandon(error)
      const failure = asDiskError(error)
      return abandon(new DirectoryError(`${path} cannot be used: ${failure.message}`, failure))
    }
    takeOver(ports, path, opened, (error) => {
      if (error !== undefined) return abandon(new DirectoryError(`${path} cannot be used: ${error.message}`, error))
      done(undefined, new LogDirectory(ports, options, lock, opened.identity, opened.markers))
    })
  }

  /** Undefined: it belongs to no cluster yet. */
  get clusterId(): string | undefined {
    return this.#clusterId
  }

  /** Of a directory that belongs to a cluster. */
  get identity(): DirectoryIdentity {
    const { nodeId, directoryId } = this
    const clusterId = this.#clusterId
    assert(clusterId !== undefined, () => `${this.path} belongs to no cluster yet`)
    return { clusterId, nodeId, directoryId }
  }

  /** From now on, and after every restart, it belongs to this cluster. */
  join(clusterId: string, done: DiskDone): void {
    const { nodeId, directoryId } = this
    writeMeta(this.#ports.disk, this.path, { clusterId, nodeId, directoryId }, (error) => {
      if (error !== undefined) return done(error)
      this.#clusterId = clusterId
      done(undefined)
    })
  }

  /** Whether appends of clients are taken now. */
  get takesAppends(): boolean {
    return this.#state === 'online'
  }

  get offline(): boolean {
    return this.#state === 'offline'
  }

  /** Of the volume that it is on; -1 where that cannot be known. */
  get totalBytes(): number {
    return this.#ports.host.totalBytes(this.path)
  }

  /** How many more bytes it can take. */
  get usableBytes(): number {
    return this.#ports.host.freeBytes(this.path)
  }

  /** Why it is offline; undefined while it is not. */
  get failure(): DiskError | undefined {
    return this.#failure
  }

  /**
   * What a failed operation means for the directory: where there was no room, on it or in a table of the system, it is full for a while; any
   * other failure ends it, and so does every failed flush, because what the directory holds is not known any more.
   */
  report(error: DiskError): void {
    if (SHORTAGES.has(error.code) && error.operation !== 'flush') {
      if (this.#state === 'online') {
        this.#ports.logger.error({ directory: this.path, error: error.message }, 'no room: appends are refused')
      }
      if (this.#state !== 'offline') this.#state = 'full'
      return
    }
    if (this.#state === 'offline') return
    this.#state = 'offline'
    this.#failure = error
    this.#timer?.cancel()
    unmark(this.#ports.disk, this.path)
    this.#ports.logger.error({ directory: this.path, error: error.message }, 'directory is offline')
    this.#options.onOffline(error)
  }

  /** The broker has this registration now: after a crash of the process the next start knows that nothing of it is missing. */
  registered(brokerEpoch: number): void {
    const { disk, host } = this.#ports
    this.#mark((done) => {
      if (this.offline) return done()
      writeRunning(disk, this.path, { bootId: host.bootId, brokerEpoch }, (error) => {
        if (error !== undefined) this.report(error)
        done()
      })
    })
  }

  /** Everything is flushed and written down: leaves the marker that says so, and the directory. */
  closeClean(brokerEpoch: number, done: DiskDone): void {
    this.#mark(() =>
      markClean(this.#ports.disk, this.path, brokerEpoch, (error) => {
        this.abandon()
        done(error)
      }),
    )
  }

  /** One after the other; of those that have to wait only the last is written. */
  #mark(write: (done: () => void) => void): void {
    if (this.#marking !== undefined) {
      this.#marking.next = () => this.#mark(write)
      return
    }
    const marking: { next: (() => void) | undefined } = { next: undefined }
    this.#marking = marking
    write(() => {
      this.#marking = undefined
      marking.next?.()
    })
  }

  /** Leaves the directory as after a crash. */
  abandon(): void {
    this.#timer?.cancel()
    this.#lock.release()
  }

  #watchFreeSpace(): void {
    this.#timer = this.#ports.clock.timer(FREE_SPACE_CHECK_MS, () => {
      this.#checkFreeSpace()
      if (this.#state !== 'offline') this.#watchFreeSpace()
    })
  }

  /** Twice the reserve must be free before a full directory takes appends again, so that it does not flutter. */
  #checkFreeSpace(): void {
    const { reservedBytes } = this.#options
    const freeBytes = this.#ports.host.freeBytes(this.path)
    if (this.#state === 'online' && freeBytes < reservedBytes) {
      this.#state = 'full'
      this.#ports.logger.error(
        { directory: this.path, freeBytes, reservedBytes },
        'little space left: appends are refused',
      )
    } else if (this.#state === 'full' && freeBytes >= 2 * reservedBytes && freeBytes > 0) {
      this.#state = 'online'
      this.#ports.logger.info({ directory: this.path, freeBytes }, 'there is room again')
      this.#options.onRoom()
    }
  }
}

/** As it stands in `meta.properties`. */
interface StoredIdentity {
  /** Undefined: the directory belongs to no cluster yet. */
  readonly clusterId: string | undefined
  readonly nodeId: number
  readonly directoryId: Uuid
}

interface Opened {
  readonly identity: StoredIdentity
  readonly markers: Markers
  /** What stands in `meta.properties` is not this. */
  readonly isNew: boolean
  /** It belonged to no cluster, and may hold what is left of a founding that did not come to its end. */
  readonly isUnfounded: boolean
}

const NEW: Markers = { lastStop: 'new', brokerEpoch: -1 }

function inspect(ports: Ports, options: LogDirectoryOptions): Opened {
  const { disk, host, random } = ports
  const { path, nodeId, clusterId, joins = false } = options
  const beginning = clusterId ?? (joins ? undefined : randomUuid(random))
  const meta = disk.readFile(`${path}/${META_PROPERTIES}`)
  if (meta === undefined) {
    const leftover = disk.list(path).find((name) => /-\d+$/.test(name))
    if (leftover !== undefined) {
      throw new DirectoryError(
        `${path} holds ${leftover} but no ${META_PROPERTIES}: it is not known whose data this is`,
      )
    }
    const identity = { clusterId: beginning, nodeId, directoryId: randomUuid(random) }
    return { identity, markers: NEW, isNew: true, isUnfounded: false }
  }
  const identity = parseIdentity(path, Buffer.from(meta).toString('utf8'))
  if (identity.nodeId !== nodeId) {
    throw new DirectoryError(
      `${path} belongs to node ${identity.nodeId}, this is node ${nodeId}: set node.id or log.dirs`,
    )
  }
  if (identity.clusterId === undefined) {
    const used = traceOfCluster(disk, path)
    if (used !== undefined) {
      const sentence = `${path}/${META_PROPERTIES} is damaged: it has no cluster.id, and there is ${used}`
      throw new DirectoryError(sentence)
    }
    const isNew = beginning !== undefined
    return { identity: { ...identity, clusterId: beginning }, markers: NEW, isNew, isUnfounded: true }
  }
  if (clusterId !== undefined && identity.clusterId !== clusterId) {
    throw new DirectoryError(
      `${path} belongs to the cluster ${identity.clusterId}, this is ${clusterId}: all of log.dirs must be of one cluster`,
    )
  }
  return { identity, markers: readMarkers(disk, path, host.bootId), isNew: false, isUnfounded: false }
}

/** The cluster that the directory belongs to; undefined if it belongs to none yet, or that cannot be told. */
export function storedClusterId(disk: Disk, path: string): string | undefined {
  try {
    const meta = disk.readFile(`${path}/${META_PROPERTIES}`)
    return meta === undefined ? undefined : parseIdentity(path, Buffer.from(meta).toString('utf8')).clusterId
  } catch (error) {
    // Whoever takes the directory finds the same, and says so.
    if (error instanceof DirectoryError || error instanceof DiskError) return undefined
    throw error
  }
}

/** Writes what must be durable before the first append: identity and running marker; the clean marker goes. */
function takeOver(ports: Ports, path: string, opened: Opened, done: DiskDone): void {
  const { disk, host } = ports
  // What is known of the stop before holds on, until there is another registration.
  const { brokerEpoch } = opened.markers
  const run = (): void => markRunning(disk, path, { bootId: host.bootId, brokerEpoch }, done)
  if (opened.isUnfounded) {
    return removeFounding(disk, path, (error) =>
      error === undefined ? takeOver(ports, path, { ...opened, isUnfounded: false }, done) : done(error),
    )
  }
  if (!opened.isNew) return run()
  flushPath(disk, path, (pathError) => {
    if (pathError !== undefined) return done(pathError)
    writeMeta(disk, path, opened.identity, (error) => (error === undefined ? run() : done(error)))
  })
}

/** What a founding wrote before it gave the directory its cluster, which it never did. */
function removeFounding(disk: Disk, path: string, done: DiskDone): void {
  const log = `${path}/${METADATA_LOG}`
  try {
    if (disk.stat(log)?.kind !== 'directory') return done(undefined)
    for (const name of disk.list(log).filter(isSnapshotName)) disk.remove(`${log}/${name}`)
  } catch (error) {
    return done(asDiskError(error))
  }
  disk.flushDirectory(log, done)
}

function writeMeta(disk: Disk, path: string, identity: StoredIdentity, done: DiskDone): void {
  const { clusterId, nodeId, directoryId } = identity
  const cluster = clusterId === undefined ? '' : `cluster.id=${clusterId}\n`
  const meta = `#\nnode.id=${nodeId}\ndirectory.id=${directoryId}\nversion=1\n${cluster}`
  writeAtomically(disk, path, META_PROPERTIES, Buffer.from(meta), done)
}

/** What stands only in the directory of a member of a cluster. Throws `DiskError`. */
function traceOfCluster(disk: Disk, path: string): string | undefined {
  const names = disk.list(path)
  if (hasMetadataLog(disk, path)) return METADATA_LOG
  return names.find((name) => name !== METADATA_LOG && parsePartitionDirectoryName(name) !== undefined)
}

/** Whether there is anything in the metadata log of the directory. Throws `DiskError`. */
export function hasMetadataLog(disk: Disk, path: string): boolean {
  const log = `${path}/${METADATA_LOG}`
  if (disk.stat(log)?.kind !== 'directory') return false
  return disk.list(log).some((name) => name.endsWith('.log') && (disk.stat(`${log}/${name}`)?.sizeBytes ?? 0) > 0)
}

function parseIdentity(path: string, text: string): StoredIdentity {
  const entries = new Map(parseProperties(text).map(({ key, value }) => [key, value]))
  const clusterId = entries.get('cluster.id')
  const directoryId = entries.get('directory.id')
  const nodeId = Number(entries.get('node.id') ?? Number.NaN)
  if (entries.get('version') !== '1' || clusterId === '' || !directoryId || !Number.isInteger(nodeId)) {
    throw new DirectoryError(`${path}/${META_PROPERTIES} is damaged, or of a version that this release does not know`)
  }
  return { clusterId, directoryId, nodeId }
}
