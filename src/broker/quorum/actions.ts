/**
 * What the core wants done to the log of the quorum, in its order: a cut takes its time, and what follows waits for it.
 */
import { assert } from '../../base/assert.js'
import { DiskError } from '../../io/disk.js'
import type { Ports } from '../../io/ports.js'
import type { MetadataRecord } from '../../metadata/records.js'
import { type AppendAction, controlRecordCount, type LogAction } from '../../raft/raft-log.js'
import { BatchView } from '../../records/batch.js'
import type { LogDirectories } from '../../storage/log-directories.js'
import { OWN_MEMORY, type PartitionLog } from '../../storage/partition-log.js'
import { leaderChangeBatch, metadataBatch, votersBatch } from './batches.js'
import type { QuorumImage } from './committed-image.js'
import type { ReceivedBatch } from './wire.js'

/** A batch to append: of this node, or as it came from the leader. */
export type QuorumAppend = { readonly is: 'own'; readonly records: readonly MetadataRecord[] } | ReceivedBatch

export interface QuorumActionEvents {
  /** A cut is done, and durable. */
  readonly truncated: () => void
  /** The log is durable to another end. */
  readonly persisted: () => void
  /** The log ends where it does, and what was to follow will not. */
  readonly appendFailed: () => void
  /** The node cannot go on. */
  readonly lost: (sentence: string) => void
}

type Cut = Exclude<LogAction<never>, { action: 'append' }>

interface Append {
  readonly action: 'append'
  readonly baseOffset: number
  readonly epoch: number
  readonly bytes: Buffer
}

/** After a cut for which there was no room. */
const CUT_AGAIN_MS = 500

export class QuorumActions {
  readonly #ports: Ports
  readonly #directories: LogDirectories
  readonly #log: PartitionLog
  readonly #image: QuorumImage
  readonly #events: QuorumActionEvents
  #queue: (Append | Cut)[] = []
  #cutting = false
  /** It was said that the log has failed, and not that it was repaired. */
  #failureTold = false
  #stopped = false

  constructor(
    ports: Ports,
    directories: LogDirectories,
    log: PartitionLog,
    image: QuorumImage,
    events: QuorumActionEvents,
  ) {
    this.#ports = ports
    this.#directories = directories
    this.#log = log
    this.#image = image
    this.#events = events
  }

  stop(): void {
    this.#stopped = true
    this.#queue = []
  }

  /** What the log says of appends does not count meanwhile: where it ends is said when the cut is done. */
  get cutting(): boolean {
    return this.#cutting
  }

  logFailed(): void {
    this.#failureTold = true
    this.#dropAppends()
  }

  logRepaired(): void {
    this.#failureTold = false
  }

  /** To be done after what was added before. The image follows at once. */
  add(action: LogAction<QuorumAppend>): void {
    if (action.action !== 'append') {
      if (action.action === 'truncate') this.#image.truncateTo(action.endOffset)
      this.#queue.push(action)
      return
    }
    const { baseOffset, epoch } = action
    this.#queue.push({ action: 'append', baseOffset, epoch, bytes: this.#bytesOf(action) })
  }

  /** Does what can be done now. */
  work(): void {
    while (this.#queue.length > 0 && !this.#cutting && !this.#stopped) {
      const next = this.#queue[0]!
      if (next.action !== 'append') return this.#cut(next)
      this.#queue.shift()
      if (this.#append(next)) continue
      this.#dropAppends()
      // The log itself says so the first time, when it has settled what had been written before.
      if (this.#failureTold) this.#events.appendFailed()
    }
  }

  #bytesOf({ baseOffset, content }: AppendAction<QuorumAppend>): Buffer {
    const timestamp = this.#ports.clock.wallMs()
    let bytes: Buffer
    let records: readonly MetadataRecord[] | undefined
    let count = 1
    if (content.is === 'leaderChange') {
      bytes = leaderChangeBatch(this.#directories.metadata.identity.nodeId, content, timestamp)
      count = controlRecordCount(baseOffset)
    } else if (content.is === 'voters') {
      bytes = votersBatch(content.voters, timestamp)
    } else if (content.batch.is === 'received') {
      this.#image.append(content.batch.content)
      return content.batch.bytes
    } else {
      records = content.batch.records
      count = records.length
      bytes = metadataBatch(records, timestamp)
    }
    this.#image.append({ baseOffset, endOffset: baseOffset + count, sizeBytes: bytes.length, timestamp, records })
    return bytes
  }

  #append({ baseOffset, epoch, bytes }: Append): boolean {
    let given: number
    try {
      given = this.#log.append(new BatchView().reset(bytes, 0), epoch, OWN_MEMORY)
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      return false
    }
    assert(given === baseOffset, () => `the log gave offset ${given}, the quorum ${baseOffset}`)
    return true
  }

  #cut(action: Cut): void {
    this.#cutting = true
    const { cuts } = this.#directories.metadataLogs
    const done = (error: Error | undefined): void => {
      if (this.#stopped) return
      if (error !== undefined) return this.#cutFailed(action, error)
      // Where no batch ends at the place that was named, all of it went, and nothing can follow there.
      const wantedEnd = action.action === 'truncate' ? action.endOffset : action.snapshotId.offset
      if (this.#log.logEndOffset < wantedEnd) {
        this.#dropAppends()
        this.#events.appendFailed()
      }
      this.#cutting = false
      this.#failureTold = false
      this.#queue.shift()
      this.#events.truncated()
      this.#events.persisted()
      this.work()
    }
    const { logger } = this.#ports
    if (action.action === 'truncate') {
      logger.info({ endOffset: action.endOffset, logEndOffset: this.#log.logEndOffset }, 'metadata log is cut back')
      cuts.truncate(this.#log, action.endOffset, done)
    } else {
      logger.info({ snapshot: action.snapshotId }, 'metadata log begins anew behind a snapshot')
      cuts.restart(this.#log, action.snapshotId.offset, done)
    }
  }

  #cutFailed(action: Cut, error: Error): void {
    const { metadata } = this.#directories
    if (metadata.offline) return
    if (!(error instanceof DiskError)) return this.#events.lost(error.message)
    this.#ports.clock.timer(CUT_AGAIN_MS, () => {
      if (!this.#stopped) this.#cut(action)
    })
  }

  #dropAppends(): void {
    this.#queue = this.#queue.filter(({ action }) => action !== 'append')
  }
}
