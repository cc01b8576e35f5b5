/**
 * Quorum: the shell around RaftNode. It keeps the election state and the log of the quorum on disk, does what the core says in the order in
 * which it says it, and hands out what is committed.
 *
 * Guarantees: a vote counts when it is durable; a batch counts when it is durable; `committed` is called in order of offset, without gaps,
 * with an image that can no longer be undone.
 */
import { assert } from '../base/assert.js'
import type { FlightRecorder, FlightTrack } from '../base/flight-recorder.js'
import type { Timer } from '../io/clock.js'
import { DiskError } from '../io/disk.js'
import type { Ports } from '../io/ports.js'
import { MetadataDelta } from '../metadata/delta.js'
import type { MetadataImage } from '../metadata/image.js'
import type { MetadataRecord } from '../metadata/records.js'
import { type ElectionState, formatElectionState, NO_ELECTION, parseElectionState } from '../raft/election-state.js'
import { LOG_BEGINNING } from '../raft/epoch-chain.js'
import type { LogAction, LogContent } from '../raft/raft-log.js'
import { RaftNode } from '../raft/raft-node.js'
import type { RaftRole, VoterProgress } from '../raft/raft-state.js'
import { DEFAULT_TIMEOUTS } from '../raft/raft-timeouts.js'
import type { VotersAt } from '../raft/voter-history.js'
import { type VoterEndpoint, VoterSet } from '../raft/voter-set.js'
import { BatchView } from '../records/batch.js'
import { writeAtomically } from '../storage/atomic-file.js'
import type { LogDirectories } from '../storage/log-directories.js'
import { METADATA_TOPIC } from '../storage/log-files.js'
import { type LogObserver, type LogOptions, OWN_MEMORY, type PartitionLog } from '../storage/partition-log.js'
import { leaderChangeBatch, METADATA_TOPIC_ID, metadataBatch, readQuorumLog, votersBatch } from './quorum-log.js'
import { recordedRandom } from './recorded-random.js'

const ELECTION_STATE_FILE = 'quorum-state'
/** Without room the vote is not saved yet; then it is tried again. */
const SAVE_AGAIN_MS = 500
const TICK_MS = 100
/** A tick that is so late found a process that stood still. */
const STALLED_MS = TICK_MS

export interface QuorumOptions {
  readonly directories: LogDirectories
  readonly log: LogOptions
  /** Where this node's controller can be reached. */
  readonly endpoints: readonly VoterEndpoint[]
  readonly recorder: FlightRecorder
}

export interface QuorumObserver {
  /** This node leads now; the image is that of the whole log. */
  leads(epoch: number, image: MetadataImage): void
  /** It does not lead any more. */
  resigned(): void
  /** The image moved on; `delta` is undefined with the first one, of which everything is new. */
  committed(image: MetadataImage, delta: MetadataDelta | undefined): void
}

/** How the quorum stands, for DescribeQuorum. */
export interface QuorumDescription {
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly highWatermark: number
  readonly voters: readonly VoterProgress[]
  readonly endpoints: ReadonlyMap<number, readonly VoterEndpoint[]>
}

/** Undefined records: a control batch. */
interface Appended {
  readonly endOffset: number
  readonly baseOffset: number
  readonly records: readonly MetadataRecord[] | undefined
}

type Proposal = readonly MetadataRecord[]

export class Quorum implements LogObserver {
  readonly #ports: Ports
  readonly #options: QuorumOptions
  readonly #log: PartitionLog
  readonly #raft: RaftNode<Proposal>
  readonly #track: FlightTrack
  readonly #observers: QuorumObserver[] = []
  /** What was handed out as committed last; before the first time, what stood in the log when the node started. */
  #image: MetadataImage
  #published = false
  /** Up to here the log was read when the node started. */
  readonly #readUpTo: number
  /** In the log, and not committed yet as far as is known. */
  #uncommitted: Appended[] = []
  #advancing = false
  #timer: Timer | undefined
  #stopped = false

  private constructor(
    ports: Ports,
    quorumOptions: QuorumOptions,
    log: PartitionLog,
    saved: ElectionState,
    content: { readonly image: MetadataImage; readonly voterChanges: readonly VotersAt[] },
  ) {
    const { directories, endpoints, recorder } = quorumOptions
    const { nodeId, directoryId } = directories.metadata.identity
    this.#ports = ports
    this.#options = quorumOptions
    this.#log = log
    this.#image = content.image
    this.#readUpTo = log.logEndOffset
    const alone = new VoterSet([{ id: nodeId, directoryId, endpoints }])
    this.#track = recorder.track('quorum', 'raft', () => this.#raft.capture())
    const random = recordedRandom(ports.random, this.#track)
    const options = { nodeId, directoryId, timeouts: DEFAULT_TIMEOUTS, random }
    this.#raft = new RaftNode(options, saved, logContent(log, alone, content.voterChanges))
    log.observer = this
  }

  /** Opens the log, reads what is in it, and is ready to start. The error is a sentence for the operator. */
  static open(
    ports: Ports,
    options: QuorumOptions,
    done: (error: Error | undefined, quorum: Quorum | undefined) => void,
  ): void {
    const id = { topic: METADATA_TOPIC, partition: 0, topicId: METADATA_TOPIC_ID }
    options.directories.openMetadata(id, options.log, (openError, log) => {
      if (log === undefined) return done(openError, undefined)
      let saved: ElectionState
      try {
        saved = readElectionState(ports, log)
      } catch (error) {
        return done(error as Error, undefined)
      }
      readQuorumLog(log, (readError, content) => {
        if (content === undefined) return done(readError, undefined)
        const { nodeId, directoryId } = options.directories.metadata.identity
        if (content.voterChanges.at(-1)?.voters.has(nodeId, directoryId) === false) {
          const sentence = `node ${nodeId} with the directory id ${directoryId} is no voter of this quorum: meta.properties was changed, or the log is another node's`
          return done(new Error(sentence), undefined)
        }
        done(undefined, new Quorum(ports, options, log, saved, content))
      })
    })
  }

  observe(observer: QuorumObserver): void {
    this.#observers.push(observer)
  }

  start(): void {
    this.#tick()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** The offset that the next record gets. */
  get endOffset(): number {
    return this.#raft.endOffset
  }

  /** The end (exclusive) of what is committed; -1: not known yet. */
  get highWatermark(): number {
    return this.#raft.highWatermark
  }

  /** What is committed, or undefined before that is known. */
  get image(): MetadataImage | undefined {
    return this.#published ? this.#image : undefined
  }

  /** Appends the records as one batch. Returns the offset of the first; undefined: this node does not lead. */
  propose(records: Proposal): number | undefined {
    this.#track('propose', records.length)
    const place = this.#raft.propose(records, records.length)
    if (place === undefined) return undefined
    this.#advance()
    return place.baseOffset
  }

  describe(): QuorumDescription {
    const raft = this.#raft
    return {
      leaderId: raft.leaderId,
      leaderEpoch: raft.epoch,
      highWatermark: raft.highWatermark,
      voters: raft.progress(),
      endpoints: new Map(raft.voters?.voters.map(({ id, endpoints }) => [id, endpoints])),
    }
  }

  written(): void {}

  startMoved(): void {}

  flushed(): void {
    const { flushedEndOffset } = this.#log
    this.#track('persisted', flushedEndOffset)
    this.#raft.persisted(flushedEndOffset)
    this.#advance()
  }

  failed(): void {
    const end = { endOffset: this.#log.logEndOffset }
    const nowMs = this.#ports.clock.monotonicMs()
    this.#track('appendFailed', end, nowMs)
    this.#raft.appendFailed(end, nowMs)
    this.#uncommitted = this.#uncommitted.filter(({ endOffset }) => endOffset <= end.endOffset)
    this.#advance()
  }

  repaired(): void {
    this.#ports.logger.info({ endOffset: this.#log.logEndOffset }, 'metadata log repaired')
  }

  #tick(stalledMs = 0): void {
    // A log that takes no appends cannot be led from.
    if (!this.#log.failed) {
      const nowMs = this.#ports.clock.monotonicMs()
      this.#track('tick', nowMs, stalledMs)
      this.#raft.tick(nowMs, stalledMs)
      this.#advance()
    }
    this.#timer = this.#ports.clock.timer(TICK_MS, (lateMs) => {
      if (!this.#stopped) this.#tick(lateMs < STALLED_MS ? 0 : lateMs)
    })
  }

  /** Does what the core says until it says nothing more. */
  #advance(): void {
    if (this.#advancing) return
    this.#advancing = true
    while (!this.#stopped) {
      const ready = this.#raft.takeReady()
      if (ready === undefined) break
      if (ready.save !== undefined) this.#save(ready.save)
      for (const action of ready.log) this.#change(action)
      if (ready.role !== undefined) this.#changeRole(ready.role)
      if (ready.highWatermark !== undefined) this.#publish(ready.highWatermark)
    }
    this.#advancing = false
  }

  #save(state: ElectionState): void {
    const { disk } = this.#ports
    const bytes = Buffer.from(formatElectionState(state))
    writeAtomically(disk, this.#log.directory, ELECTION_STATE_FILE, bytes, (error) => {
      if (error !== undefined) return this.#saveFailed(state, error)
      this.#track('stateSaved', state.leaderEpoch)
      this.#raft.stateSaved(state.leaderEpoch)
      this.#advance()
    })
  }

  /** It is tried again as long as there is somebody to vote. */
  #saveFailed(state: ElectionState, error: DiskError): void {
    const { metadata } = this.#options.directories
    metadata.report(error)
    if (metadata.offline || this.#stopped) return
    this.#ports.clock.timer(SAVE_AGAIN_MS, () => {
      if (!this.#stopped) this.#save(state)
    })
  }

  #change(action: LogAction<Proposal>): void {
    assert(action.action === 'append', () => `a quorum of one is asked to ${action.action} its log`)
    const { baseOffset, epoch, content } = action
    const timestamp = this.#ports.clock.wallMs()
    let bytes: Buffer
    let records: Proposal | undefined
    if (content.is === 'leaderChange') {
      bytes = leaderChangeBatch(this.#options.directories.metadata.identity.nodeId, content, timestamp)
    } else if (content.is === 'voters') {
      bytes = votersBatch(content.voters, timestamp)
    } else {
      records = content.batch
      bytes = metadataBatch(records, timestamp)
    }
    const view = new BatchView().reset(bytes, 0)
    let given: number
    try {
      given = this.#log.append(view, epoch, OWN_MEMORY)
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      // The log says so itself when it has settled what had been written before.
      return
    }
    assert(given === baseOffset, () => `the log gave offset ${given}, the quorum ${baseOffset}`)
    this.#uncommitted.push({ baseOffset, endOffset: view.nextOffset, records })
  }

  #changeRole(role: RaftRole): void {
    const { logger } = this.#ports
    if (role === 'leader') {
      logger.info({ epoch: this.#raft.epoch, endOffset: this.#raft.endOffset }, 'leads the quorum')
      for (const observer of this.#observers) observer.leads(this.#raft.epoch, this.#tip())
    } else if (role === 'resigned') {
      logger.warn({ epoch: this.#raft.epoch }, 'gave up the lead of the quorum')
      for (const observer of this.#observers) observer.resigned()
    }
  }

  #publish(highWatermark: number): void {
    if (highWatermark < this.#readUpTo) return
    const delta = new MetadataDelta(this.#image)
    while (this.#uncommitted.length > 0 && this.#uncommitted[0]!.endOffset <= highWatermark) {
      replay(delta, this.#uncommitted.shift()!)
    }
    const isFirst = !this.#published
    this.#published = true
    this.#image = delta.image()
    for (const observer of this.#observers) observer.committed(this.#image, isFirst ? undefined : delta)
  }

  /** With everything that stands in the log, committed or not. */
  #tip(): MetadataImage {
    const delta = new MetadataDelta(this.#image)
    for (const appended of this.#uncommitted) replay(delta, appended)
    return delta.image()
  }
}

function replay(delta: MetadataDelta, { baseOffset, endOffset, records }: Appended): void {
  for (const [index, record] of (records ?? []).entries()) delta.replay(record, baseOffset + index)
  delta.advanceTo(endOffset - 1)
}

/** Throws an error that is a sentence for the operator, or a `DiskError`. */
function readElectionState({ disk }: Ports, log: PartitionLog): ElectionState {
  const path = `${log.directory}/${ELECTION_STATE_FILE}`
  const bytes = disk.readFile(path)
  if (bytes === undefined) {
    if (log.logEndOffset === 0) return NO_ELECTION
    throw new Error(
      `${path} is gone: without it this node could vote twice in one epoch. Restore it, or the whole directory`,
    )
  }
  const state = parseElectionState(Buffer.from(bytes).toString('utf8'))
  if (state === undefined) throw new Error(`${path} is damaged: restore it, or the whole directory`)
  return state
}

/** `alone`: who votes as long as the log says nothing of it. */
function logContent(log: PartitionLog, alone: VoterSet, voterChanges: readonly VotersAt[]): LogContent {
  const epochs = log.state.epochs.entries().filter(({ startOffset }) => startOffset < log.logEndOffset)
  return {
    start: LOG_BEGINNING,
    endOffset: log.logEndOffset,
    epochs: epochs.map(({ leaderEpoch: epoch, startOffset }) => ({ epoch, startOffset })),
    voters: alone,
    voterChanges,
    snapshotId: undefined,
  }
}
