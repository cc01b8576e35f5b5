/**
 * When a snapshot of the metadata is taken, when old ones go, and what becomes of one that the leader sends: it is durable before the core hears
 * of it.
 */
import type { Ports } from '../../io/ports.js'
import { UnknownRecordError } from '../../metadata/record-codec.js'
import type { OffsetAndEpoch } from '../../raft/epoch-chain.js'
import type { FetchSnapshotOrder } from '../../raft/raft-state.js'
import type { VoterSet } from '../../raft/voter-set.js'
import type { PartitionLog } from '../../storage/partition-log.js'
import type { QuorumImage } from './committed-image.js'
import type { QuorumOptions, QuorumSettings } from './options.js'
import type { PeerCall } from './peers.js'
import { SnapshotFetch } from './snapshot-fetch.js'
import { readSnapshot, type SnapshotContent, SnapshotError } from './snapshot-file.js'
import type { PieceError, QuorumSnapshots, SnapshotPiece } from './snapshots.js'
import { epochBefore, type StoredQuorum } from './stored-quorum.js'

/** How often it is looked whether something is too old. */
const CLEAN_EVERY_MS = 60_000
/** After one that could not be written. */
const TAKE_AGAIN_MS = 60_000

export interface SnapshotKeeperEvents {
  /** How to ask this member; undefined: nobody knows where it is. */
  readonly call: (nodeId: number) => PeerCall | undefined
  /** Who votes in a snapshot that ends there. */
  readonly votersBefore: (endOffset: number) => VoterSet | undefined
  readonly piece: () => void
  /** A snapshot of the leader is durable. Returns whether it is still wanted; what follows from it is done in `settled`. */
  readonly loaded: (id: OffsetAndEpoch, voters: VoterSet) => boolean
  readonly settled: () => void
  readonly failed: () => void
  /** One of this node is durable. */
  readonly taken: (endOffset: number) => void
  readonly startMoved: (startOffset: number) => void
  /** The node cannot go on. */
  readonly lost: (sentence: string) => void
}

export class SnapshotKeeper {
  readonly #ports: Ports
  readonly #options: QuorumOptions
  readonly #settings: QuorumSettings
  readonly #log: PartitionLog
  readonly #snapshots: QuorumSnapshots
  readonly #image: QuorumImage
  readonly #events: SnapshotKeeperEvents
  readonly #fetch: SnapshotFetch
  /** Is to take the place of the log. */
  #loaded: SnapshotContent | undefined
  #lastTakenMs: number
  #cleanedMs: number
  /** Not before then, because there was no room. */
  #restsUntilMs = 0
  #taking = false
  #stopped = false

  constructor(
    ports: Ports,
    options: QuorumOptions & { readonly settings: QuorumSettings },
    { log, snapshots, batches }: StoredQuorum,
    image: QuorumImage,
    events: SnapshotKeeperEvents,
  ) {
    this.#ports = ports
    this.#options = options
    this.#settings = options.settings
    this.#log = log
    this.#snapshots = snapshots
    this.#image = image
    this.#events = events
    this.#lastTakenMs = this.#cleanedMs = ports.clock.monotonicMs()
    const { clusterId, nodeId: id, directoryId } = options.directories.metadata.identity
    this.#fetch = new SnapshotFetch({
      clusterId,
      replica: { id, directoryId },
      maxBytes: options.settings.fetchSnapshotMaxBytes,
      call: events.call,
      piece: events.piece,
      fetched: (snapshotId, bytes) => this.#fetched(snapshotId, bytes),
      failed: (reason) => {
        ports.logger.warn({ reason }, 'a snapshot of the metadata could not be fetched')
        events.failed()
      },
    })
    ports.logger.info(
      {
        snapshot: snapshots.latest,
        startOffset: log.startOffset,
        endOffset: log.logEndOffset,
        batches: batches.length,
      },
      'metadata log read',
    )
  }

  stop(): void {
    this.#stopped = true
    this.#fetch.stop()
  }

  /** One that was fetched is durable, and the log has not begun anew behind it. */
  get hasLoaded(): boolean {
    return this.#loaded !== undefined
  }

  /** Takes a snapshot if it is time, and removes old ones. */
  look(): void {
    if (this.#stopped) return
    const nowMs = this.#ports.clock.monotonicMs()
    const { snapshotAfterBytes, snapshotAfterMs } = this.#settings
    const isLarge = this.#image.bytesSinceSnapshot >= snapshotAfterBytes
    const isOld = snapshotAfterMs > 0 && nowMs - this.#lastTakenMs >= snapshotAfterMs
    if ((isLarge || isOld) && nowMs >= this.#restsUntilMs) this.#take(nowMs)
    if (nowMs - this.#cleanedMs >= CLEAN_EVERY_MS) this.#clean(nowMs)
  }

  /** Asks the leader for one. */
  fetch(order: FetchSnapshotOrder): void {
    this.#ports.logger.info({ ...order }, 'fetches a snapshot of the metadata')
    this.#fetch.begin(order)
  }

  /** The log is to begin anew behind the snapshot that was loaded: what was to be appended before goes with it. */
  takesPlace({ offset }: OffsetAndEpoch): void {
    const { image, lastContainedTimestamp } = this.#loaded!
    this.#loaded = undefined
    this.#image.restart(image, offset, lastContainedTimestamp)
  }

  piece(
    id: OffsetAndEpoch,
    position: number,
    maxBytes: number,
    done: (error: PieceError | undefined, piece: SnapshotPiece | undefined) => void,
  ): void {
    this.#snapshots.piece(id, position, Math.min(maxBytes, this.#settings.fetchSnapshotMaxBytes), done)
  }

  #take(nowMs: number): void {
    const { committed: image, endOffset, lastTimestamp: lastContainedTimestamp } = this.#image
    if (image === undefined || this.#taking || this.#log.failed || this.#log.rebuild.busy) return
    this.#lastTakenMs = nowMs
    if (endOffset <= (this.#snapshots.latest?.offset ?? 0)) return
    const voters = this.#events.votersBefore(endOffset)
    if (voters === undefined) return
    const startEpoch = this.#snapshots.at(this.#log.startOffset)?.epoch ?? 0
    const id = { offset: endOffset, epoch: epochBefore(this.#log, startEpoch, endOffset) }
    this.#taking = true
    this.#image.bytesSinceSnapshot = 0
    this.#snapshots.take(id, { image, voters, lastContainedTimestamp }, (error) => {
      this.#taking = false
      if (this.#stopped) return
      if (error !== undefined) {
        this.#restsUntilMs = this.#ports.clock.monotonicMs() + TAKE_AGAIN_MS
        this.#image.bytesSinceSnapshot = this.#settings.snapshotAfterBytes
        return this.#options.directories.metadata.report(error)
      }
      this.#ports.logger.info({ snapshot: id }, 'snapshot of the metadata taken')
      this.#events.taken(endOffset)
      this.#clean(this.#ports.clock.monotonicMs())
    })
  }

  #clean(nowMs: number): void {
    this.#cleanedMs = nowMs
    if (this.#loaded !== undefined || this.#taking) return
    this.#snapshots.clean(this.#settings, (startOffset) => {
      if (!this.#stopped) this.#events.startMoved(startOffset)
    })
  }

  #fetched(id: OffsetAndEpoch, bytes: Uint8Array): void {
    let content: SnapshotContent
    try {
      content = readSnapshot(id, bytes, this.#options.release)
    } catch (error) {
      if (error instanceof UnknownRecordError) return this.#events.lost(error.message)
      if (!(error instanceof SnapshotError)) throw error
      this.#ports.logger.warn({ snapshot: id, error: error.message }, 'a snapshot that was fetched is damaged')
      return this.#events.failed()
    }
    const wasThere = this.#snapshots.has(id)
    this.#snapshots.write(id, bytes, content.lastContainedTimestamp, (error) => {
      if (this.#stopped) return
      if (error !== undefined) {
        this.#options.directories.metadata.report(error)
        return this.#events.failed()
      }
      if (this.#events.loaded(id, content.voters)) {
        this.#loaded = content
        this.#lastTakenMs = this.#ports.clock.monotonicMs()
        // It counts as committed from here on, also where the log has to wait for a save.
        this.#image.restart(content.image, id.offset, content.lastContainedTimestamp)
      } else if (!wasThere) this.#snapshots.discard(id)
      this.#events.settled()
    })
  }
}
