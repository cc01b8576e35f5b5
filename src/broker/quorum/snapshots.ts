/**
 * The snapshots in the directory of the metadata log: which there are, taking one, giving and removing them. The log begins at 0 or behind one of
 * them, and never in front of the oldest that is kept.
 */
import { type DiskDone, DiskError, type DiskFile } from '../../io/disk.js'
import type { Ports } from '../../io/ports.js'
import type { Release } from '../../metadata/release.js'
import type { OffsetAndEpoch } from '../../raft/epoch-chain.js'
import { asDiskError } from '../../storage/atomic-file.js'
import type { LogDirectories } from '../../storage/log-directories.js'
import type { PartitionLog } from '../../storage/partition-log.js'
import type { QuorumSettings } from './options.js'
import {
  buildSnapshot,
  parseSnapshotFileName,
  readSnapshot,
  type SnapshotContent,
  SnapshotError,
  snapshotFileName,
  writeSnapshot,
} from './snapshot-file.js'

export interface KnownSnapshot {
  readonly id: OffsetAndEpoch
  readonly sizeBytes: number
  /** When the last batch in it was appended, or it was found; in ms since 1970. */
  readonly timestamp: number
}

/** A piece of a snapshot's file. */
export interface SnapshotPiece {
  readonly bytes: Uint8Array
  readonly position: number
  /** Of the whole. */
  readonly sizeBytes: number
}

export type PieceError = 'SNAPSHOT_NOT_FOUND' | 'POSITION_OUT_OF_RANGE' | 'KAFKA_STORAGE_ERROR'

export class QuorumSnapshots {
  readonly #ports: Ports
  readonly #log: PartitionLog
  readonly #directories: LogDirectories
  /** The oldest first. */
  #known: KnownSnapshot[] = []
  #cleaning = false

  /** Throws `DiskError`. */
  constructor(ports: Ports, log: PartitionLog, directories: LogDirectories) {
    this.#ports = ports
    this.#log = log
    this.#directories = directories
    const { disk, clock } = ports
    for (const name of disk.list(log.directory)) {
      const id = parseSnapshotFileName(name)
      if (id === undefined) continue
      const sizeBytes = disk.stat(this.#path(id))?.sizeBytes ?? 0
      this.#known.push({ id, sizeBytes, timestamp: clock.wallMs() })
    }
    this.#known.sort((a, b) => a.id.offset - b.id.offset || a.id.epoch - b.id.epoch)
  }

  get all(): readonly KnownSnapshot[] {
    return this.#known
  }

  get latest(): OffsetAndEpoch | undefined {
    return this.#known.at(-1)?.id
  }

  /** One that ends there. */
  at(offset: number): OffsetAndEpoch | undefined {
    return this.#known.find(({ id }) => id.offset === offset)?.id
  }

  /** Throws a sentence for the operator, `UnknownRecordError` or `DiskError`. */
  read(id: OffsetAndEpoch, release: Release): SnapshotContent {
    const path = this.#path(id)
    try {
      const bytes = this.#ports.disk.readFile(path)
      if (bytes === undefined) throw new DiskError('ENOENT', 'open', path)
      return readSnapshot(id, bytes, release)
    } catch (error) {
      if (!(error instanceof SnapshotError)) throw error
      throw new Error(`${path} is damaged (${error.message}): restore it, or the whole directory`)
    }
  }

  has(id: OffsetAndEpoch): boolean {
    return this.#known.some((each) => snapshotFileName(each.id) === snapshotFileName(id))
  }

  /** Takes one; done: it is durable. */
  take(id: OffsetAndEpoch, content: SnapshotContent, done: DiskDone): void {
    this.write(id, buildSnapshot(id, content, this.#ports.clock.wallMs()), content.lastContainedTimestamp, done)
  }

  /** Keeps one that is whole; done: it is durable. */
  write(id: OffsetAndEpoch, bytes: Uint8Array, timestamp: number, done: DiskDone): void {
    writeSnapshot(this.#ports, this.#log.directory, id, bytes, (error) => {
      if (error === undefined) {
        this.#known = this.#known.filter((each) => snapshotFileName(each.id) !== snapshotFileName(id))
        this.#known.push({ id, sizeBytes: bytes.length, timestamp })
        this.#known.sort((a, b) => a.id.offset - b.id.offset || a.id.epoch - b.id.epoch)
      }
      done(error)
    })
  }

  /** Reads a piece for another member. */
  piece(
    id: OffsetAndEpoch,
    position: number,
    maxBytes: number,
    done: (error: PieceError | undefined, piece: SnapshotPiece | undefined) => void,
  ): void {
    if (!this.has(id)) return done('SNAPSHOT_NOT_FOUND', undefined)
    let file: DiskFile
    try {
      file = this.#ports.disk.open(this.#path(id), { create: false })
    } catch (error) {
      return done(asDiskError(error).code === 'ENOENT' ? 'SNAPSHOT_NOT_FOUND' : 'KAFKA_STORAGE_ERROR', undefined)
    }
    const { sizeBytes } = file
    if (position < 0 || position >= sizeBytes) {
      file.close()
      return done('POSITION_OUT_OF_RANGE', undefined)
    }
    const target = Buffer.allocUnsafe(Math.max(1, Math.min(maxBytes, sizeBytes - position)))
    file.read(position, target, (error, bytesRead) => {
      file.close()
      if (error !== undefined || bytesRead < target.length) return done('KAFKA_STORAGE_ERROR', undefined)
      done(undefined, { bytes: target, position, sizeBytes })
    })
  }

  /**
   * Removes what is too much or too old: the log in front of a snapshot that is not the oldest, and the snapshots in front of that. `moved`: the log
   * starts there now.
   */
  clean({ retentionBytes, retentionMs }: QuorumSettings, moved: (startOffset: number) => void): void {
    const [oldest, next] = this.#known
    if (oldest === undefined || this.#cleaning || this.#log.failed || this.#log.rebuild.busy) return
    const sizeBytes = this.#known.reduce((sum, each) => sum + each.sizeBytes, this.#log.sizeBytes)
    const isTooMuch = retentionBytes >= 0 && sizeBytes > retentionBytes
    const isTooOld = retentionMs >= 0 && this.#ports.clock.wallMs() - oldest.timestamp > retentionMs
    if (next === undefined || !(isTooMuch || isTooOld)) return this.#removeFront()
    // The log may be about to begin anew behind a later one.
    if (next.id.offset > this.#log.logEndOffset) return
    this.#cleaning = true
    this.#log.advanceStart(next.id.offset, (error) => {
      this.#cleaning = false
      if (error !== undefined) return this.#directories.metadata.report(error)
      moved(this.#log.startOffset)
      this.#removeFront()
    })
  }

  /** Removes what lies in front of the log: snapshots and segments. */
  #removeFront(): void {
    const { startOffset, segments } = this.#log
    this.#remove(this.#known.filter(({ id }) => id.offset < startOffset))
    const second = segments[1]
    if (second !== undefined && second.baseOffset <= startOffset)
      this.#directories.metadataLogs.cuts.dropFront(this.#log)
  }

  /** Removes one that is of no use. */
  discard(id: OffsetAndEpoch): void {
    this.#remove(this.#known.filter((each) => snapshotFileName(each.id) === snapshotFileName(id)))
  }

  #remove(snapshots: readonly KnownSnapshot[]): void {
    if (snapshots.length === 0) return
    this.#known = this.#known.filter((each) => !snapshots.includes(each))
    try {
      for (const { id } of snapshots) this.#ports.disk.remove(this.#path(id))
    } catch (error) {
      this.#directories.metadata.report(asDiskError(error))
    }
  }

  #path(id: OffsetAndEpoch): string {
    return `${this.#log.directory}/${snapshotFileName(id)}`
  }
}
