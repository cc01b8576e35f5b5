/**
 * A member that leads: it counts how far the voters' logs are durable, commits what a majority has, answers Fetch, makes itself known until
 * every voter fetches, and gives up when a majority does not (KIP-595, KAFKA-15489).
 *
 * Its own log counts only as far as it is persisted; nothing of an earlier epoch is committed but together with something of its own
 * (Raft 5.4.2); and when it has removed itself from the voters it leads on without counting itself (KIP-853).
 */
import type { FetchRequest, FetchSnapshotRequest, OutgoingReply, VoterChangeRequest } from './messages.js'
import { controlRecordCount, type RaftLog } from './raft-log.js'
import { CHECK_QUORUM_FACTOR, type RaftTimeouts } from './raft-timeouts.js'
import { Progress, type ProgressState } from './replica-progress.js'
import type { Requests } from './requests.js'
import { type PendingChange, VoterChanges } from './voter-changes.js'
import { isSameReplica, type ReplicaKey, replicaName, type Voter } from './voter-set.js'

export interface LeaderContext<Batch> {
  readonly self: ReplicaKey
  readonly timeouts: RaftTimeouts
  readonly log: RaftLog<Batch>
  readonly requests: Requests
  readonly reply: (reply: OutgoingReply) => void
}

/** A Fetch that is held back until there is something new. */
interface WaitingFetch {
  readonly ticket: number
  readonly request: FetchRequest
  readonly deadlineMs: number
}

export interface LeaderState {
  readonly epoch: number
  readonly epochStartOffset: number
  readonly progress: ProgressState
  readonly waiting: readonly WaitingFetch[]
  readonly change: PendingChange | undefined
}

/** Beyond that a Fetch is answered at once. */
const MAX_WAITING = 10_000

export class Leader<Batch> {
  readonly #context: LeaderContext<Batch>
  readonly #epoch: number
  readonly #epochStartOffset: number
  readonly #progress: Progress
  /** By replica: each has one. */
  readonly #waiting = new Map<string, WaitingFetch>()
  readonly #changes: VoterChanges<Batch>

  constructor(context: LeaderContext<Batch>, state: LeaderState) {
    this.#context = context
    this.#epoch = state.epoch
    this.#epochStartOffset = state.epochStartOffset
    this.#progress = new Progress(state.progress)
    for (const waiting of state.waiting) this.#waiting.set(replicaName(waiting.request.replica), waiting)
    this.#changes = new VoterChanges(
      context.log,
      this.#progress,
      state,
      ({ ticket, kind, error, message: errorMessage }) => {
        const leads = error !== 'NOT_LEADER_OR_FOLLOWER'
        const leaderId = leads ? context.self.id : -1
        context.reply({ ticket, reply: { kind, error, errorMessage, leaderEpoch: this.#epoch, leaderId } })
      },
      state.change,
    )
  }

  /** Begins an epoch: with a batch of its own, so that there is something to commit. */
  static begin<Batch>(
    context: LeaderContext<Batch>,
    epoch: number,
    granting: readonly ReplicaKey[],
    nowMs: number,
  ): Leader<Batch> {
    const { log } = context
    const epochStartOffset = log.endOffset
    const voters = log.voters!
    const isFirst = epochStartOffset === 0
    const content = { is: 'leaderChange', voters, granting, isFirst } as const
    log.append(epoch, controlRecordCount(epochStartOffset), content, isFirst ? voters : undefined)
    const progress = { sinceMs: nowMs, replicas: [] }
    return new Leader(context, { epoch, epochStartOffset, progress, waiting: [], change: undefined })
  }

  capture(): LeaderState {
    return {
      epoch: this.#epoch,
      epochStartOffset: this.#epochStartOffset,
      progress: this.#progress.capture(),
      waiting: [...this.#waiting.values()],
      change: this.#changes.pending,
    }
  }

  get progress(): Progress {
    return this.#progress
  }

  get pendingChange(): PendingChange | undefined {
    return this.#changes.pending
  }

  /** It has removed itself, and that is committed. */
  get isRemoved(): boolean {
    const { log, self } = this.#context
    return !log.voters!.has(self.id, self.directoryId) && !log.hasUncommittedVoters
  }

  fetch(request: FetchRequest, ticket: number, nowMs: number): void {
    const { log, timeouts } = this.#context
    const { replica, fetchOffset, lastFetchedEpoch } = request
    const name = replicaName(replica)
    const earlier = this.#waiting.get(name)
    if (earlier !== undefined) this.#answer(earlier)
    if (log.outcomeOf(fetchOffset, lastFetchedEpoch).is === 'records') {
      this.#progress.fetched(replica, fetchOffset, log.endOffset, nowMs)
      this.#changes.fetched(replica)
    } else {
      this.#progress.heard(replica, nowMs)
    }
    this.#progress.prune(log.voters!, nowMs)
    const waitMs = this.#waiting.size < MAX_WAITING ? Math.min(request.maxWaitMs, timeouts.fetchMaxWaitMs) : 0
    this.#waiting.set(name, { ticket, request, deadlineMs: nowMs + waitMs })
    this.#changes.advance()
  }

  fetchSnapshot({ replica, snapshotId }: FetchSnapshotRequest, ticket: number, nowMs: number): void {
    this.#progress.heard(replica, nowMs)
    const kind = 'fetchSnapshot'
    this.#context.reply({
      ticket,
      reply: { kind, error: 'NONE', leaderEpoch: this.#epoch, leaderId: this.#context.self.id, snapshotId },
    })
  }

  change(request: VoterChangeRequest, ticket: number, nowMs: number): void {
    this.#changes.ask(request, ticket, nowMs)
    // A new voter shows that it is there by its next Fetch: it may send that now.
    const waiting = this.#waiting.get(replicaName(request.voter))
    if (waiting !== undefined) this.#answer(waiting)
  }

  /** Commits and answers what can be; asks those who do not fetch to do so. */
  settle(nowMs: number): void {
    const { log, self, requests, timeouts } = this.#context
    const reached = log.voters!.majorityValue((voter) =>
      isSameReplica(voter, self) ? log.persistedOffset : (this.#progress.of(voter)?.endOffset ?? 0),
    )
    // What an earlier leader left is only committed together with something of this epoch.
    if (reached > this.#epochStartOffset) log.advanceHighWatermark(reached)
    this.#changes.advance()
    for (const waiting of this.#waiting.values()) if (this.#isDue(waiting, nowMs)) this.#answer(waiting)
    for (const voter of this.#others()) {
      const { id, directoryId } = voter
      const silentMs = nowMs - this.#progress.lastHeardMs(voter)
      if (this.#progress.hasFetched(voter) && silentMs < timeouts.fetchTimeoutMs / 2) continue
      if (!requests.mayAsk('beginQuorumEpoch', id, nowMs)) continue
      const leader = { leaderId: self.id, leaderEpoch: this.#epoch }
      requests.send(id, { kind: 'beginQuorumEpoch', voter: { id, directoryId }, ...leader }, nowMs)
    }
  }

  /** Looks who has let its time go by. */
  expire(nowMs: number): void {
    this.#changes.expire(nowMs)
  }

  /** This process stood still for so long: nobody else was late. */
  forgive(stalledMs: number, nowMs: number): void {
    this.#changes.forgive(stalledMs)
    this.#progress.forgive(stalledMs, nowMs)
  }

  /** Whether a majority of the voters still follows. */
  hasQuorum(nowMs: number): boolean {
    const { log, self, timeouts } = this.#context
    const heardMs = log.voters!.majorityValue((voter) =>
      isSameReplica(voter, self) ? nowMs : this.#progress.lastHeardMs(voter),
    )
    return nowMs - heardMs <= timeouts.fetchTimeoutMs * CHECK_QUORUM_FACTOR
  }

  /** The other voters, those first whose logs are longest. */
  successors(): ReplicaKey[] {
    const position = (voter: Voter): number => this.#progress.of(voter)?.endOffset ?? -1
    return this.#others()
      .sort((a, b) => position(b) - position(a))
      .map(({ id, directoryId }) => ({ id, directoryId }))
  }

  /** It does not lead any more: who waits is told so. */
  close(): void {
    this.#changes.close()
    for (const { ticket } of this.#waiting.values()) {
      this.#context.reply({
        ticket,
        reply: {
          kind: 'fetch',
          error: 'NOT_LEADER_OR_FOLLOWER',
          leaderEpoch: this.#epoch,
          leaderId: -1,
          highWatermark: this.#context.log.highWatermark,
          outcome: { is: 'refused' },
        },
      })
    }
    this.#waiting.clear()
  }

  #others(): Voter[] {
    const { log, self } = this.#context
    return log.voters!.voters.filter((voter) => !isSameReplica(voter, self))
  }

  #isDue({ request, deadlineMs }: WaitingFetch, nowMs: number): boolean {
    const { log } = this.#context
    if (nowMs >= deadlineMs || log.highWatermark > request.highWatermark) return true
    const outcome = log.outcomeOf(request.fetchOffset, request.lastFetchedEpoch)
    return outcome.is !== 'records' || outcome.records.upToOffset > outcome.records.fromOffset
  }

  #answer({ ticket, request }: WaitingFetch): void {
    const { log, self, reply } = this.#context
    this.#waiting.delete(replicaName(request.replica))
    reply({
      ticket,
      reply: {
        kind: 'fetch',
        error: 'NONE',
        leaderEpoch: this.#epoch,
        leaderId: self.id,
        highWatermark: log.highWatermark,
        outcome: log.outcomeOf(request.fetchOffset, request.lastFetchedEpoch),
      },
    })
  }
}
