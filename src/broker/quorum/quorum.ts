/**
 * Quorum: the shell around RaftNode. It keeps the election state, the log of the quorum and its snapshots on disk, asks the other members what the
 * core wants to know and answers them what it says, in the order in which it says it, and hands out what is committed.
 *
 * Guarantees: a vote counts when it is durable; a batch counts when it is durable; `committed` is called in order of offset, with an image that can
 * no longer be undone. Where a snapshot took the place of a part of the log, an image comes without a delta.
 */
import { assert } from '../../base/assert.js'
import type { FlightTrack } from '../../base/flight-recorder.js'
import type { Timer } from '../../io/clock.js'
import type { DiskError } from '../../io/disk.js'
import type { Address } from '../../io/network.js'
import type { Ports } from '../../io/ports.js'
import type { MetadataImage } from '../../metadata/image.js'
import { UnknownRecordError } from '../../metadata/record-codec.js'
import type { MetadataRecord } from '../../metadata/records.js'
import { unsupportedLevel } from '../../metadata/release.js'
import { type ElectionState, formatElectionState } from '../../raft/election-state.js'
import type { OffsetRange, OutgoingRequest, PeerResponse, RaftReply, RaftRequest } from '../../raft/messages.js'
import { RaftNode } from '../../raft/raft-node.js'
import type { RaftRole } from '../../raft/raft-state.js'
import { recordedResponse } from '../../raft/recorded-response.js'
import type { ReplicaKey, VoterSet } from '../../raft/voter-set.js'
import { writeAtomically } from '../../storage/atomic-file.js'
import type { LogRead } from '../../storage/log-reader.js'
import type { LogObserver, PartitionLog } from '../../storage/partition-log.js'
import { recordedRandom } from '../recorded-random.js'
import { QuorumActions, type QuorumAppend } from './actions.js'
import { QuorumAddresses } from './addresses.js'
import { QuorumImage } from './committed-image.js'
import {
  describeQuorum,
  isSameLeader,
  type QuorumDescription,
  type QuorumLeader,
  type QuorumObserver,
  type RaftInputs,
} from './observer.js'
import { DEFAULT_QUORUM_SETTINGS, type QuorumOptions, type QuorumSettings } from './options.js'
import { QuorumPeers } from './peers.js'
import { SnapshotKeeper } from './snapshot-keeper.js'
import type { PieceError, SnapshotPiece } from './snapshots.js'
import { ELECTION_STATE_FILE, openQuorumStorage, type StoredQuorum } from './stored-quorum.js'
import { type Answer, askPeer, BAD_FETCH, BadAnswerError, refused } from './wire.js'

export type { QuorumDescription, QuorumLeader, QuorumObserver } from './observer.js'
export type { QuorumOptions } from './options.js'

/** Without room the vote is not saved yet; then it is tried again. */
const SAVE_AGAIN_MS = 500
const TICK_MS = 100
/** A tick that is so late found a process that stood still. */
const STALLED_MS = TICK_MS
/** Requests of others that wait for their answer; beyond that they are refused. */
const MAX_TICKETS = 20_000
/** What one member does wrong again and again is said no more often. */
const COMPLAIN_EVERY_MS = 5000

type Proposal = readonly MetadataRecord[]

export class Quorum implements LogObserver {
  readonly #ports: Ports
  readonly #options: QuorumOptions
  readonly #settings: QuorumSettings
  readonly #log: PartitionLog
  readonly #raft: RaftNode<QuorumAppend>
  readonly #track: FlightTrack
  readonly #actions: QuorumActions
  readonly #image: QuorumImage
  readonly #peers: QuorumPeers
  readonly #addresses: QuorumAddresses
  readonly #snapshots: SnapshotKeeper
  readonly #observers: QuorumObserver[] = []
  readonly #tickets = new Map<number, (reply: RaftReply) => void>()
  #nextTicket = 1
  /** Answers to members who have all that is written: they wait for the rest. */
  #unwritten: (() => void)[] = []
  #leads = false
  /** As it was last said: a pre-vote that fails ends with the same leader, several times a second while that is away. */
  #followed = { epoch: 0, leaderId: -1 }
  #toldLeader: QuorumLeader
  #complainedMs = Number.NEGATIVE_INFINITY
  #advancing = false
  #timer: Timer | undefined
  #stopped = false

  private constructor(ports: Ports, options: QuorumOptions, stored: StoredQuorum) {
    const { directories, endpoints, recorder, named = [], settings = DEFAULT_QUORUM_SETTINGS } = options
    const { nodeId, directoryId } = directories.metadata.identity
    const { log, content, image, timestamp, batches } = stored
    const { clock, network } = ports
    this.#ports = ports
    this.#options = options
    this.#settings = settings
    this.#log = log
    this.#image = new QuorumImage(image, content.snapshotId?.offset ?? 0, timestamp, batches)
    this.#track = recorder.track('quorum', 'raft', () => this.#raft.capture())
    const random = recordedRandom(ports.random, this.#track)
    this.#raft = new RaftNode({ nodeId, directoryId, timeouts: settings.timeouts, random }, stored.saved, content)
    const { requestTimeoutMs } = settings.timeouts
    const disconnected = (peer: number): void => this.#input('disconnected', [peer, this.#nowMs])
    this.#peers = new QuorumPeers({ clock, network, clientId: `quorum-${nodeId}`, requestTimeoutMs, disconnected })
    this.#addresses = new QuorumAddresses({ nodeId, endpoints, named }, () => this.#raft)
    this.#actions = new QuorumActions(ports, directories, log, this.#image, {
      truncated: () => this.#input('truncated', []),
      persisted: () => this.flushed(),
      appendFailed: () => this.#appendFailed(),
      lost: (sentence) => this.#lost(sentence),
    })
    this.#snapshots = new SnapshotKeeper(ports, { ...options, settings }, stored, this.#image, {
      call: (to) => {
        const address = this.#addresses.of(to)
        return address && this.#peers.to(to, address, 'fetch')
      },
      votersBefore: (endOffset) => this.#raft.votersBefore(endOffset),
      piece: () => this.#input('snapshotPiece', [this.#nowMs]),
      loaded: (id, voters) => {
        const nowMs = this.#nowMs
        this.#track('snapshotLoaded', id, voters.voters, nowMs)
        return this.#raft.snapshotLoaded(id, voters, nowMs)
      },
      settled: () => this.#advance(),
      failed: () => this.#input('snapshotFailed', [this.#nowMs]),
      taken: (endOffset) => this.#input('snapshotTaken', [endOffset]),
      startMoved: (startOffset) => this.#input('logStartMoved', [startOffset]),
      lost: (sentence) => this.#lost(sentence),
    })
    this.#toldLeader = this.leader()
    log.observer = this
  }

  /** Opens the log, reads what is in it, and is ready to start. The error is a sentence for the operator. */
  static open(
    ports: Ports,
    options: QuorumOptions,
    done: (error: Error | undefined, quorum: Quorum | undefined) => void,
  ): void {
    openQuorumStorage(ports, options, (error, stored) => done(error, stored && new Quorum(ports, options, stored)))
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
    this.#peers.stop()
    this.#snapshots.stop()
    this.#actions.stop()
    this.#tickets.clear()
    this.#unwritten = []
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
    return this.#image.committed
  }

  /** This server: its id, and the directory of its log. */
  get self(): ReplicaKey {
    const { nodeId: id, directoryId } = this.#options.directories.metadata.identity
    return { id, directoryId }
  }

  /** Those that count, as far as this node knows. */
  get voters(): VoterSet | undefined {
    return this.#raft.voters
  }

  /** Something is being cut off the log, or a snapshot is to take its place: its files hold more than counts. */
  get isCutting(): boolean {
    return this.#actions.cutting || this.#snapshots.hasLoaded
  }

  get role(): RaftRole {
    return this.#raft.role
  }

  leader(): QuorumLeader {
    const { leaderId: nodeId, epoch } = this.#raft
    return { nodeId, epoch, address: nodeId < 0 ? undefined : this.#addresses.of(nodeId) }
  }

  /** Appends the records as one batch. Returns the offset of the first; undefined: this node does not lead. */
  propose(records: Proposal): number | undefined {
    this.#track('propose', records.length)
    const place = this.#raft.propose({ is: 'own', records }, records.length)
    if (place === undefined) return undefined
    this.#advance()
    // A log that refuses the batch at once ends the lead.
    return this.#raft.role === 'leader' && this.#raft.epoch === place.epoch ? place.baseOffset : undefined
  }

  /** A request of another server, or of who changes the voters. Returns what takes back the wish for the answer. */
  step(request: RaftRequest, done: (reply: RaftReply) => void): () => void {
    if (this.#stopped) return () => {}
    if (this.#tickets.size >= MAX_TICKETS) {
      done(refused(request))
      return () => {}
    }
    const ticket = this.#nextTicket++
    this.#tickets.set(ticket, done)
    this.#input('step', [request, ticket, this.#nowMs])
    return () => void this.#tickets.delete(ticket)
  }

  /** A server has said where it, or another, can be reached. */
  told(nodeId: number, address: Address): void {
    this.#addresses.learn(nodeId, address)
  }

  /** Somebody leads this epoch, and says where it is. */
  begun(leaderId: number, epoch: number, address: Address): void {
    this.#addresses.learnLeader(leaderId, epoch, address)
  }

  /**
   * Reads what an answer of Fetch names, or less. Undefined: this node does not lead in that epoch any more, or cannot read; then what it has in
   * these places may be something else.
   */
  readRange(
    { fromOffset, upToOffset }: OffsetRange,
    leaderEpoch: number,
    maxBytes: number,
    done: (read: LogRead | undefined) => void,
  ): void {
    const mayRead = (): boolean => !this.#stopped && this.#leads && this.#raft.epoch === leaderEpoch
    if (!mayRead() || this.#log.failed || fromOffset < this.#log.startOffset) return done(undefined)
    if (fromOffset < upToOffset && fromOffset >= this.#log.logEndOffset) {
      this.#unwritten.push(() => this.readRange({ fromOffset, upToOffset }, leaderEpoch, maxBytes, done))
      return
    }
    const limit = Math.min(maxBytes, this.#settings.fetchMaxBytes)
    this.#log.read({ offset: fromOffset, upToOffset, maxBytes: limit, wholeFirstBatch: true }, (_, read) => {
      if (read === undefined || mayRead()) return done(read)
      read.release()
      done(undefined)
    })
  }

  /** Reads a piece of a snapshot for another server. */
  readSnapshot(
    id: { readonly offset: number; readonly epoch: number },
    position: number,
    maxBytes: number,
    done: (error: PieceError | undefined, piece: SnapshotPiece | undefined) => void,
  ): void {
    this.#snapshots.piece(id, position, maxBytes, done)
  }

  describe(): QuorumDescription {
    return describeQuorum(this.#raft)
  }

  written(): void {
    for (const each of this.#unwritten.splice(0)) each()
  }

  startMoved(): void {}

  flushed(): void {
    this.#input('persisted', [this.#log.flushedEndOffset])
  }

  failed(): void {
    if (this.#actions.cutting) return
    this.#actions.logFailed()
    this.#appendFailed()
  }

  repaired(): void {
    this.#actions.logRepaired()
    this.#ports.logger.info({ endOffset: this.#log.logEndOffset }, 'metadata log repaired')
  }

  get #nowMs(): number {
    return this.#ports.clock.monotonicMs()
  }

  /** Gives the core an input, and does what follows from it. */
  #input<Name extends keyof RaftInputs>(name: Name, args: RaftInputs[Name]): void {
    if (this.#stopped) return
    this.#track(name, ...args)
    const raft = this.#raft as unknown as Record<Name, (...args: RaftInputs[Name]) => unknown>
    raft[name](...args)
    this.#advance()
  }

  #tick(stalledMs = 0): void {
    // A log that takes no appends cannot be led from.
    if (!this.#log.failed) this.#input('tick', [this.#nowMs, stalledMs])
    this.#snapshots.look()
    this.#timer = this.#ports.clock.timer(TICK_MS, (lateMs) => {
      if (!this.#stopped) this.#tick(lateMs < STALLED_MS ? 0 : lateMs)
    })
  }

  #appendFailed(): void {
    const { logEndOffset: endOffset } = this.#log
    this.#image.truncateTo(endOffset)
    this.#input('appendFailed', [{ endOffset }, this.#nowMs])
    this.written()
  }

  /** Does what the core says until it says nothing more. */
  #advance(): void {
    if (this.#advancing) return
    this.#advancing = true
    while (!this.#stopped) {
      const ready = this.#raft.takeReady()
      if (ready === undefined) break
      for (const complaint of ready.complaints) this.#complain(-1, complaint)
      if (ready.save !== undefined) this.#save(ready.save)
      for (const action of ready.log) {
        if (action.action === 'restart') this.#snapshots.takesPlace(action.snapshotId)
        this.#actions.add(action)
      }
      this.#actions.work()
      if (ready.role !== undefined) this.#changeRole(ready.role)
      if (ready.highWatermark !== undefined) this.#publish(ready.highWatermark)
      for (const request of ready.requests) this.#ask(request)
      for (const { ticket, reply } of ready.replies) {
        const done = this.#tickets.get(ticket)
        this.#tickets.delete(ticket)
        done?.(reply)
      }
      if (ready.fetchSnapshot !== undefined) this.#snapshots.fetch(ready.fetchSnapshot)
    }
    this.#advancing = false
    if (!this.#stopped) this.#tellLeader()
  }

  #save(state: ElectionState): void {
    const { disk } = this.#ports
    const bytes = Buffer.from(formatElectionState(state))
    writeAtomically(disk, this.#log.directory, ELECTION_STATE_FILE, bytes, (error) => {
      if (error !== undefined) return this.#saveFailed(state, error)
      this.#input('stateSaved', [state.leaderEpoch])
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

  #changeRole(role: RaftRole): void {
    const { logger } = this.#ports
    const { epoch, endOffset, leaderId } = this.#raft
    if (role === 'leader') {
      this.#leads = true
      logger.info({ epoch, endOffset }, 'leads the quorum')
      for (const observer of this.#observers) observer.leads(epoch, this.#image.tip())
      return
    }
    if (role === 'follower' && (epoch !== this.#followed.epoch || leaderId !== this.#followed.leaderId)) {
      this.#followed = { epoch, leaderId }
      logger.info(this.#followed, 'follows the leader of the quorum')
    }
    if (!this.#leads) return
    this.#leads = false
    logger.warn({ epoch }, 'gave up the lead of the quorum')
    for (const observer of this.#observers) observer.resigned()
    this.written()
  }

  #publish(highWatermark: number): void {
    const { image, delta } = this.#image.apply(highWatermark)
    const unsupported = unsupportedLevel(image, this.#options.release)
    if (unsupported !== undefined) return this.#lost(unsupported)
    for (const observer of this.#observers) observer.committed(image, delta)
    this.#snapshots.look()
  }

  #tellLeader(): void {
    const leader = this.leader()
    if (isSameLeader(leader, this.#toldLeader)) return
    this.#toldLeader = leader
    for (const observer of this.#observers) observer.leaderChanged?.(leader)
  }

  #ask({ id, to, request }: OutgoingRequest): void {
    const address = this.#addresses.of(to)
    if (address === undefined) return this.#input('failed', [id, this.#nowMs])
    const { clusterId } = this.#options.directories.metadata.identity
    const call = this.#peers.to(to, address, request.kind === 'fetch' ? 'fetch' : 'other')
    const { fetchMaxBytes } = this.#settings
    const { endpoints, release } = this.#options
    const asker = { clusterId, endpoints, fetchMaxBytes, release }
    askPeer(call, asker, request, (answer) => this.#answered(id, to, request.kind, answer))
  }

  #answered(
    id: number,
    to: number,
    kind: OutgoingRequest['request']['kind'],
    answer: Answer | BadAnswerError | UnknownRecordError | undefined,
  ): void {
    if (this.#stopped) return
    if (answer instanceof UnknownRecordError) return this.#lost(answer.message)
    if (answer instanceof BadAnswerError) this.#complain(to, answer.message)
    if (answer instanceof BadAnswerError && kind === 'fetch') return this.#takeAnswer(id, BAD_FETCH)
    if (answer === undefined || answer instanceof BadAnswerError) return this.#input('failed', [id, this.#nowMs])
    for (const { nodeId, host, port } of answer.endpoints) this.told(nodeId, { host, port })
    this.#takeAnswer(id, answer.response)
  }

  #takeAnswer(id: number, response: PeerResponse<QuorumAppend>): void {
    const nowMs = this.#nowMs
    this.#track('answered', id, recordedResponse(response), nowMs)
    this.#raft.answered(id, response, nowMs)
    this.#advance()
  }

  #complain(nodeId: number, complaint: string): void {
    const nowMs = this.#nowMs
    if (nowMs < this.#complainedMs + COMPLAIN_EVERY_MS) return
    this.#complainedMs = nowMs
    this.#ports.logger.warn({ nodeId, complaint }, 'another member of the quorum says what cannot be')
  }

  #lost(sentence: string): void {
    if (this.#stopped) return
    this.stop()
    const { lost } = this.#options
    assert(lost !== undefined, sentence)
    lost(sentence)
  }
}
