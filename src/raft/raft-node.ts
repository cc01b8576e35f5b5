/**
 * RaftNode: one member of the metadata quorum, voter or observer (Ongaro's Raft, pulled, in KRaft's terms: KIP-595, KIP-630, KIP-853,
 * KIP-996). It decides about epochs, votes and positions and holds no bytes, no clock and no randomness of its own.
 *
 * Shape: feed it (`tick`, `step`, `answered`, `failed`, `propose`, `persisted` ...), then `takeReady` until that is undefined, and do what
 * it says, in its order. While a state is being saved it hands out nothing that depends on it: no reply, no request, no change of the log.
 * Invariants: at most one vote per epoch, counted and answered only when it is saved; a leader counts its own log only up to what
 * is persisted; a member fetches only from a log that is durable to its end.
 *
 *   role         becomes                          when
 *   unattached   prospective, follower            election timeout; it hears of the leader
 *   follower     prospective (an observer:        the leader has been silent for the fetch timeout, or its session is closed
 *                unattached)
 *   prospective  candidate, follower              a majority would vote for it; it hears of the leader
 *   candidate    leader, prospective              a majority has voted for it, its own vote counted when saved; nobody won
 *   leader       resigned                         no majority fetches, its log refused an append, it has removed itself, shutdown
 *   resigned     prospective, unattached          after the back-off
 *   any          unattached, follower             a higher epoch
 *
 * A late process judges nobody: after a pause the shell calls `tick` with its length, lets the sockets deliver, and ticks again; only the
 * second one looks at timeouts.
 */
import { assert } from '../base/assert.js'
import type { Uuid } from '../base/uuid.js'
import type { Random } from '../io/random.js'
import { Conversation } from './conversation.js'
import type { ElectionState } from './election-state.js'
import type { OffsetAndEpoch } from './epoch-chain.js'
import type { LeaderContext } from './leader.js'
import type { OutgoingReply, PeerResponse, RaftRequest } from './messages.js'
import { type LogContent, RaftLog } from './raft-log.js'
import { electionState, type RaftRole, type RaftState, type Ready, type VoterProgress } from './raft-state.js'
import type { RaftTimeouts } from './raft-timeouts.js'
import { Requests } from './requests.js'
import { Roles } from './roles.js'
import { isSameReplica, type ReplicaKey, type VoterSet } from './voter-set.js'

export interface RaftOptions {
  readonly nodeId: number
  readonly directoryId: Uuid
  readonly timeouts: RaftTimeouts
  /** For timeouts that must not run out together. */
  readonly random: Random
}

export class RaftNode<Batch> {
  readonly #self: ReplicaKey
  readonly #timeouts: RaftTimeouts
  readonly #log: RaftLog<Batch>
  readonly #requests: Requests
  readonly #roles: Roles<Batch>
  /** The log refused an append: no Fetch before then. */
  #appendsRestUntilMs = 0
  #saving: ElectionState | undefined
  readonly #conversation: Conversation<Batch>
  #replies: OutgoingReply[] = []
  #shownRole: RaftRole = 'unattached'
  #shownHighWatermark: number

  constructor(
    { nodeId, directoryId, timeouts, random }: RaftOptions,
    saved: ElectionState,
    content: LogContent | RaftLog<Batch>,
    requests = new Requests(),
  ) {
    this.#self = { id: nodeId, directoryId }
    this.#timeouts = timeouts
    const log = content instanceof RaftLog ? content : new RaftLog<Batch>(content)
    assert(
      log.lastEpoch <= saved.leaderEpoch,
      () => `the log ends in epoch ${log.lastEpoch}, the saved election state in ${saved.leaderEpoch}`,
    )
    this.#log = log
    this.#requests = requests
    const reply = (each: OutgoingReply): number => this.#replies.push(each)
    const context: LeaderContext<Batch> = { self: this.#self, timeouts, log, requests, reply }
    this.#roles = new Roles(context, random, saved)
    this.#conversation = new Conversation(context, this.#roles)
    this.#shownHighWatermark = log.highWatermark
  }

  /** All there is, but for what is to be handed out, as plain data: `restore` makes a node of it that goes on in the same way. */
  capture(): RaftState {
    return {
      self: this.#self,
      timeouts: this.#timeouts,
      log: this.#log.capture(),
      requests: this.#requests.capture(),
      roles: this.#roles.capture(),
      appendsRestUntilMs: this.#appendsRestUntilMs,
      saving: this.#saving,
    }
  }

  static restore<Batch>({ self, timeouts, roles, ...state }: RaftState, random: Random): RaftNode<Batch> {
    const options = { nodeId: self.id, directoryId: self.directoryId, timeouts, random }
    const saved = electionState(roles.epoch, roles.leaderId, roles.voted)
    const log = RaftLog.restore<Batch>(state.log)
    const node = new RaftNode<Batch>(options, saved, log, Requests.restore(state.requests))
    node.#roles.restore(roles)
    node.#shownRole = roles.role
    node.#appendsRestUntilMs = state.appendsRestUntilMs
    node.#saving = state.saving
    return node
  }

  get role(): RaftRole {
    return this.#roles.role
  }

  get epoch(): number {
    return this.#roles.epoch
  }

  /** -1: none known. */
  get leaderId(): number {
    return this.#roles.leaderId
  }

  get endOffset(): number {
    return this.#log.endOffset
  }

  /** The end (exclusive) of what is committed and durable here; -1: not known yet. */
  get highWatermark(): number {
    return this.#log.highWatermark
  }

  /** Those that count: of the latest voters record in the log, committed or not. Undefined: not known yet. */
  get voters(): VoterSet | undefined {
    return this.#log.voters
  }

  /** Those that stand in a snapshot that ends at this offset. */
  votersBefore(endOffset: number): VoterSet | undefined {
    return this.#log.votersBefore(endOffset)
  }

  /** What the leader knows of the members' logs, voters first; empty for others. */
  progress(): VoterProgress[] {
    const { leader } = this.#roles
    if (leader === undefined) return []
    const voters = this.#log.voters!
    const of = (replica: ReplicaKey, isVoter: boolean): VoterProgress => {
      const { id, directoryId } = replica
      const known = leader.progress.of(replica)
      const isSelf = isSameReplica(replica, this.#self)
      const endOffset = isSelf ? this.#log.endOffset : (known?.endOffset ?? 0)
      const { lastFetchMs = -1, lastCaughtUpMs = -1 } = known ?? {}
      return { id, directoryId, isVoter, endOffset, lastFetchMs, lastCaughtUpMs }
    }
    const observers = leader.progress.all().filter(({ replica: { id, directoryId } }) => !voters.has(id, directoryId))
    return [...voters.voters.map((voter) => of(voter, true)), ...observers.map(({ replica }) => of(replica, false))]
  }

  /** Lets time pass. `stalledMs`: so long the process stood still just now, and has not read its sockets since. */
  tick(nowMs: number, stalledMs = 0): void {
    this.#at(nowMs, () => {
      if (stalledMs > 0) {
        this.#requests.forgive(stalledMs, nowMs)
        this.#roles.forgive(stalledMs)
        return
      }
      for (const asked of this.#requests.takeOverdue(nowMs, this.#timeouts.requestTimeoutMs)) {
        this.#conversation.failed(asked)
      }
      this.#roles.expire()
    })
  }

  /** A request has come; its reply goes under the same ticket. */
  step(request: RaftRequest, ticket: number, nowMs: number): void {
    this.#at(nowMs, () => this.#conversation.receive(request, ticket))
  }

  /** The request with this id has been answered. */
  answered(id: number, response: PeerResponse<Batch>, nowMs: number): void {
    this.#at(nowMs, () => {
      const asked = this.#requests.finish(id)
      if (asked !== undefined) this.#conversation.take(asked, response)
    })
  }

  /** The request with this id will not be answered: the connection was refused or has ended. */
  failed(id: number, nowMs: number): void {
    this.#at(nowMs, () => {
      const asked = this.#requests.finish(id)
      if (asked === undefined) return
      this.#conversation.failed(asked)
      if (asked.request.kind === 'vote') {
        this.#roles.tally.failed(asked.request.voter)
        this.#roles.count()
      }
      if (asked.request.kind === 'fetch' && asked.to === this.#roles.follower?.leaderId) this.#roles.leaderGone()
    })
  }

  /** The session to this member has ended: if it leads, a pre-vote asks the others what they think of that. */
  disconnected(nodeId: number, nowMs: number): void {
    this.#at(nowMs, () => {
      if (this.#roles.follower?.leaderId !== nodeId) return
      this.#requests.rest('fetch', nodeId, nowMs + this.#timeouts.retryBackoffMs)
      this.#roles.leaderGone()
    })
  }

  /** Asks for a batch of `recordCount` records to be appended and committed. Undefined: this node does not lead. */
  propose(batch: Batch, recordCount: number): { readonly baseOffset: number; readonly epoch: number } | undefined {
    assert(recordCount > 0, 'an empty batch cannot be proposed')
    if (this.#roles.role !== 'leader') return undefined
    const place = this.#log.append(this.#roles.epoch, recordCount, { is: 'proposed', batch })
    this.#settle()
    return place
  }

  /** The state that was handed out to be saved is durable: now the vote in it counts. */
  stateSaved(epoch: number): void {
    if (this.#saving?.leaderEpoch !== epoch) return
    this.#saving = undefined
    // A candidate has voted for itself.
    if (this.#roles.role === 'candidate' && epoch === this.#roles.epoch) {
      this.#roles.tally.answered(this.#self, true)
      this.#roles.count()
    }
    this.#settle()
  }

  /** The log is durable up to `endOffset` (exclusive). */
  persisted(endOffset: number): void {
    this.#log.persisted(endOffset)
    this.#settle()
  }

  /** The truncation or the restart of the log that was asked for has happened. */
  truncated(): void {
    this.#log.truncated()
    this.#settle()
  }

  /** The log refused an append and ends at `endOffset` now. A leader that cannot write is none. */
  appendFailed({ endOffset }: { readonly endOffset: number }, nowMs: number): void {
    this.#at(nowMs, () => {
      this.#log.cutBack(endOffset)
      this.#appendsRestUntilMs = nowMs + this.#timeouts.resignBackoffMs
      if (this.#roles.role === 'leader') this.#roles.resign()
    })
  }

  /** A snapshot of what is below this offset, which is committed, is durable here. */
  snapshotTaken(endOffset: number): void {
    this.#log.snapshotTaken(endOffset)
  }

  /** What is below this offset is not in the log any more, but in the latest snapshot. */
  logStartMoved(startOffset: number): void {
    this.#log.startMoved(startOffset)
  }

  /** A piece of the snapshot that is on its way has come: the leader lives. */
  snapshotPiece(nowMs: number): void {
    this.#at(nowMs, () => {
      if (this.#roles.follower?.loading !== undefined) this.#roles.extendFollowing()
    })
  }

  /** The snapshot that was asked for is durable here. False: it is not wanted any more, and the log stays as it is. */
  snapshotLoaded({ offset, epoch }: OffsetAndEpoch, voters: VoterSet, nowMs: number): boolean {
    const { follower } = this.#roles
    const isWanted = follower?.loading?.offset === offset && follower.loading.epoch === epoch
    this.#at(nowMs, () => {
      if (!isWanted) return
      follower.loaded()
      this.#log.restartFrom({ offset, epoch }, voters)
      this.#roles.extendFollowing()
    })
    return isWanted
  }

  /** The snapshot cannot be had there: the leader is asked again what to do. */
  snapshotFailed(nowMs: number): void {
    this.#at(nowMs, () => {
      const { follower } = this.#roles
      if (follower?.loading === undefined) return
      follower.loaded()
      this.#requests.rest('fetch', follower.leaderId, nowMs + this.#timeouts.retryBackoffMs)
    })
  }

  /** Gives the lead to another, as before a shutdown. */
  resign(nowMs: number): void {
    this.#at(nowMs, () => {
      if (this.#roles.role === 'leader') this.#roles.resign()
    })
  }

  /** What is to be done since the last call; undefined: nothing. */
  takeReady(): Ready<Batch> | undefined {
    const role = this.#roles.role === this.#shownRole ? undefined : this.#roles.role
    const highWatermark = this.#log.highWatermark > this.#shownHighWatermark ? this.#log.highWatermark : undefined
    const isSilent = role === undefined && highWatermark === undefined && !this.#conversation.hasNews
    const isIdle = !this.#log.hasActions && !this.#requests.hasOutgoing && this.#replies.length === 0
    const isSaving = this.#saving !== undefined
    if (isSilent && (isSaving || (isIdle && !this.#roles.wantsSave))) return undefined
    this.#shownRole = this.#roles.role
    this.#shownHighWatermark = Math.max(this.#shownHighWatermark, this.#log.highWatermark)
    const { complaints, fetchSnapshot } = this.#conversation.takeNews()
    let save: ElectionState | undefined
    if (!isSaving && this.#roles.wantsSave) {
      const { epoch, leaderId, voted } = this.#roles
      this.#roles.wantsSave = false
      save = this.#saving = electionState(epoch, leaderId, voted)
    }
    if (isSaving || save !== undefined) {
      return { save, log: [], role, highWatermark, requests: [], replies: [], fetchSnapshot, complaints }
    }
    const replies = this.#replies
    this.#replies = []
    const log = this.#log.takeActions()
    const requests = this.#requests.takeOutgoing()
    return { save, log, role, highWatermark, requests, replies, fetchSnapshot, complaints }
  }

  #at(nowMs: number, action: () => void): void {
    this.#roles.nowMs = nowMs
    action()
    this.#settle()
  }

  /** Brings what has changed to its end: what is committed, and what is asked for next. */
  #settle(): void {
    const roles = this.#roles
    const { leader, follower, nowMs } = roles
    leader?.settle(nowMs)
    if (leader?.isRemoved === true) roles.resign()
    if (follower !== undefined) this.#log.advanceHighWatermark(follower.leaderHighWatermark)
    if (roles.wantsSave || this.#saving !== undefined) return
    this.#conversation.ask(nowMs >= this.#appendsRestUntilMs)
  }
}
