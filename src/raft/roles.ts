/**
 * The roles of a member and how they follow each other: epoch, vote, leader, and the time at which a role ends by itself. What a role does
 * stands in `leader.ts`, `follower.ts` and `election.ts`.
 *
 * Invariants: the epoch never goes back; the vote is given once in it; only a majority of votes, the own one saved, makes a leader.
 */
import { assert } from '../base/assert.js'
import type { Random } from '../io/random.js'
import { ElectionTally } from './election.js'
import type { ElectionState } from './election-state.js'
import { Follower } from './follower.js'
import { Leader, type LeaderContext } from './leader.js'
import type { RaftRole, RolesState } from './raft-state.js'
import { isSameReplica, type ReplicaKey, type VoterSet } from './voter-set.js'

export class Roles<Batch> {
  readonly #context: LeaderContext<Batch>
  readonly #random: Random
  #role: RaftRole = 'unattached'
  #epoch: number
  /** In this epoch. */
  #voted: ReplicaKey | undefined
  /** -1: none known; while prospective, the one that may be gone. */
  #leaderId = -1
  /** The leader of this epoch has resigned: nobody is followed in it any more. */
  #epochOver = false
  #deadlineMs: number | undefined
  #failedElections = 0
  /** The election cannot be won any more, and the time until the next is drawn. */
  #conceded = false
  /** It gave way to another since there was a leader: once, or one that cannot win would keep it from standing. */
  #gaveWay = false
  #tally = new ElectionTally()
  #follower: Follower<Batch> | undefined
  #leader: Leader<Batch> | undefined
  /** The time of the latest input. */
  nowMs = 0
  /** Epoch or vote are other than those saved last. */
  wantsSave = false

  constructor(context: LeaderContext<Batch>, random: Random, saved: ElectionState) {
    this.#context = context
    this.#random = random
    this.#epoch = saved.leaderEpoch
    if (saved.votedId !== -1) this.#voted = { id: saved.votedId, directoryId: saved.votedDirectoryId }
  }

  capture(): RolesState {
    return {
      role: this.#role,
      epoch: this.#epoch,
      voted: this.#voted,
      leaderId: this.#leaderId,
      epochOver: this.#epochOver,
      deadlineMs: this.#deadlineMs,
      failedElections: this.#failedElections,
      conceded: this.#conceded,
      gaveWay: this.#gaveWay,
      tally: this.#tally.capture(),
      follower: this.#follower?.capture(),
      leader: this.#leader?.capture(),
      nowMs: this.nowMs,
      wantsSave: this.wantsSave,
    }
  }

  /** Puts the state of another in this one's place. */
  restore(state: RolesState): void {
    this.#role = state.role
    this.#epoch = state.epoch
    this.#voted = state.voted
    this.#leaderId = state.leaderId
    this.#epochOver = state.epochOver
    this.#deadlineMs = state.deadlineMs
    this.#failedElections = state.failedElections
    this.#conceded = state.conceded
    this.#gaveWay = state.gaveWay
    this.#tally = new ElectionTally(state.tally)
    this.#follower = state.follower && new Follower(state.follower)
    this.#leader = state.leader && new Leader(this.#context, state.leader)
    this.nowMs = state.nowMs
    this.wantsSave = state.wantsSave
  }

  get role(): RaftRole {
    return this.#role
  }

  get epoch(): number {
    return this.#epoch
  }

  get voted(): ReplicaKey | undefined {
    return this.#voted
  }

  get leaderId(): number {
    return this.#leaderId
  }

  get follower(): Follower<Batch> | undefined {
    return this.#follower
  }

  get leader(): Leader<Batch> | undefined {
    return this.#leader
  }

  get tally(): ElectionTally {
    return this.#tally
  }

  get isStanding(): boolean {
    return this.#role === 'prospective' || this.#role === 'candidate'
  }

  get voters(): VoterSet | undefined {
    return this.#context.log.voters
  }

  /** A voter, or one whose removal may yet need it. */
  get mayStand(): boolean {
    return this.#context.log.mayStand(this.#context.self)
  }

  /** It is the only voter: nobody else can lead or decide. */
  get isAlone(): boolean {
    const { id, directoryId } = this.#context.self
    return this.voters?.size === 1 && this.voters.has(id, directoryId)
  }

  /** Nobody has ever stood, as far as it knows, and of those who could do so at once one is chosen: the lowest id, which writes a founding. */
  get #isFounder(): boolean {
    const { self, timeouts } = this.#context
    if (timeouts.founderStandsAtOnce !== true) return false
    return this.#epoch === 0 && this.voters?.voters.every(({ id }) => id >= self.id) === true
  }

  /** Whether a pre-vote would disturb a leader that is there (KIP-996). */
  get hasLiveLeader(): boolean {
    return this.#role === 'leader' || this.#follower?.hasFetched === true
  }

  /** Looks whether the time of the role is up. */
  expire(): void {
    if (this.#role === 'leader') {
      this.#leader!.expire(this.nowMs)
      if (!this.#leader!.hasQuorum(this.nowMs)) this.resign()
      return
    }
    if (this.#role === 'unattached' && !this.mayStand) return
    if (this.#role === 'unattached' && this.#deadlineMs === undefined) {
      // Who is alone waits for nobody, nor who founded a quorum that nobody has led yet.
      if (this.isAlone || this.#isFounder) this.becomeProspective()
      else this.#deadlineMs = this.#electionDeadline()
    }
    if (this.#deadlineMs === undefined || this.nowMs < this.#deadlineMs) return
    if (!this.mayStand) return this.becomeUnattached(this.#epoch)
    switch (this.#role) {
      case 'follower':
        return this.leaderGone()
      case 'prospective':
        // Perhaps it is only the others who cannot be reached.
        return this.#mayFollow(this.#leaderId) ? this.becomeFollower(this.#leaderId) : this.becomeProspective()
      case 'candidate':
        this.#failedElections++
        return this.becomeProspective()
      default:
        return this.becomeProspective()
    }
  }

  /** This process stood still: what it waits for from others may be there already. */
  forgive(stalledMs: number): void {
    const { electionTimeoutMs, fetchTimeoutMs } = this.#context.timeouts
    if (this.#deadlineMs !== undefined) {
      // What was begun after the pause needs no more than it was given.
      const latest = Math.max(this.#deadlineMs, this.nowMs + Math.max(2 * electionTimeoutMs, fetchTimeoutMs))
      this.#deadlineMs = Math.min(this.#deadlineMs + stalledMs, latest)
    }
    this.#leader?.forgive(stalledMs, this.nowMs)
  }

  /** Somebody knows this epoch, and perhaps (else -1) who leads in it. Returns what cannot be about that. */
  learn(epoch: number, leaderId: number): string | undefined {
    if (epoch < this.#epoch) return undefined
    if (epoch > this.#epoch) {
      this.becomeUnattached(epoch)
      if (this.#mayFollow(leaderId)) this.becomeFollower(leaderId)
      return undefined
    }
    if (leaderId === -1 || this.#epochOver || this.#role === 'resigned') return undefined
    if (this.#leaderId !== -1 && this.#leaderId !== leaderId) {
      return `node ${leaderId} as the leader of epoch ${epoch}, which is ${this.#leaderId}`
    }
    if ((this.isStanding || this.#role === 'unattached') && this.#mayFollow(leaderId)) this.becomeFollower(leaderId)
    return undefined
  }

  /** Without a leader, in this epoch or a higher one. */
  becomeUnattached(epoch: number): void {
    this.#leave()
    if (epoch > this.#epoch) {
      this.#epoch = epoch
      this.#voted = undefined
      this.#epochOver = false
      this.wantsSave = true
    }
    this.#leaderId = -1
    this.#become('unattached', this.#electionDeadline())
  }

  becomeFollower(leaderId: number): void {
    this.#leave()
    this.#leaderId = leaderId
    this.#failedElections = 0
    this.#gaveWay = false
    this.#follower = Follower.of(leaderId)
    this.#become('follower', this.nowMs + this.#context.timeouts.fetchTimeoutMs)
  }

  /** Asks whether it would be elected, without an epoch of its own (KIP-996). */
  becomeProspective(): void {
    const leaderId = this.#leaderId
    this.#leave()
    if (!this.#epochOver) this.#leaderId = leaderId
    this.#become('prospective', this.#electionDeadline())
    this.#tally = new ElectionTally()
    this.#tally.answered(this.#context.self, true)
    this.count()
  }

  /** The leader has answered. */
  extendFollowing(): void {
    this.#deadlineMs = this.nowMs + this.#context.timeouts.fetchTimeoutMs
  }

  /** The leader does not answer, or its session has ended. */
  leaderGone(): void {
    if (this.mayStand) this.becomeProspective()
    else this.becomeUnattached(this.#epoch)
  }

  /** The leader of this epoch has resigned. `rank`: the place of this member among the successors, -1: it is none of them. */
  leaderResigned(rank: number): void {
    this.#epochOver = true
    this.#leaderId = -1
    if (this.#role !== 'follower' && this.#role !== 'unattached') return
    if (rank === 0 && this.mayStand) return this.becomeProspective()
    this.becomeUnattached(this.#epoch)
    // The later its turn, the longer it leaves the others alone.
    if (rank > 0) this.#deadlineMs = this.nowMs + this.#backoffMs(rank)
  }

  /** Another that has a better right to it stands at the same moment: as candidates they would only take votes from each other. */
  giveWay(): void {
    if (this.#role !== 'prospective' || this.#gaveWay) return
    this.becomeUnattached(this.#epoch)
    this.#gaveWay = true
    const { electionTimeoutMs } = this.#context.timeouts
    this.#deadlineMs = this.nowMs + electionTimeoutMs / 4 + this.#random.below(electionTimeoutMs / 4)
  }

  /** The vote of this epoch goes to this candidate. */
  vote(candidate: ReplicaKey): void {
    assert(this.#voted === undefined, () => `a second vote in epoch ${this.#epoch}`)
    this.#voted = candidate
    this.wantsSave = true
    if (this.#role === 'prospective' || this.#role === 'unattached') this.becomeUnattached(this.#epoch)
  }

  /** Looks whether the election is decided. */
  count(): void {
    const { voters } = this
    if (voters === undefined || !this.isStanding) return
    if (this.#tally.isWon(voters)) {
      if (this.#role === 'prospective') this.#becomeCandidate()
      else this.#becomeLeader(voters)
    } else if (!this.#conceded && this.#tally.isLost(voters)) {
      this.#conceded = true
      // Who stands again at the same moment as the others would lose again.
      const pauseMs = this.#backoffMs(this.#failedElections + 1)
      this.#deadlineMs = Math.min(this.#deadlineMs!, this.nowMs + pauseMs)
    }
  }

  /** Gives up the lead, and says who should have it next. */
  resign(): void {
    const { self, requests, timeouts } = this.#context
    const leaderEpoch = this.#epoch
    const preferredCandidates = this.#leader!.successors()
    this.#leave()
    this.#leaderId = -1
    this.#epochOver = true
    // The others first; who is alone waits only for its disk.
    const others = preferredCandidates.length > 0
    const pauseMs = timeouts.resignBackoffMs + (others ? this.#random.below(timeouts.electionTimeoutMs) : 0)
    this.#become('resigned', this.nowMs + pauseMs)
    for (const { id } of preferredCandidates) {
      requests.send(id, { kind: 'endQuorumEpoch', leaderId: self.id, leaderEpoch, preferredCandidates }, this.nowMs)
    }
  }

  #becomeCandidate(): void {
    this.#leave()
    this.#epoch += 1
    this.#voted = this.#context.self
    this.#leaderId = -1
    this.#epochOver = false
    this.wantsSave = true
    this.#tally = new ElectionTally()
    this.#become('candidate', this.#electionDeadline())
  }

  #becomeLeader(voters: VoterSet): void {
    const { self } = this.#context
    assert(
      this.#voted !== undefined && isSameReplica(this.#voted, self) && !this.wantsSave,
      () => `leader of epoch ${this.#epoch} without a saved vote in it`,
    )
    this.#leave()
    this.#leaderId = self.id
    this.#failedElections = 0
    const granting = voters.voters.filter((voter) => this.#tally.hasGranted(voter))
    this.#leader = Leader.begin(this.#context, this.#epoch, granting, this.nowMs)
    this.#become('leader', undefined)
  }

  #become(role: RaftRole, deadlineMs: number | undefined): void {
    this.#role = role
    this.#conceded = false
    this.#deadlineMs = deadlineMs
  }

  /** Answers to what was asked in the old role are of no use in the new one. */
  #leave(): void {
    this.#leader?.close()
    this.#leader = undefined
    this.#follower = undefined
    this.#context.requests.forget()
  }

  #mayFollow(leaderId: number): boolean {
    // Who led under this id may have been another directory, which is gone.
    return leaderId !== -1 && leaderId !== this.#context.self.id && !this.#epochOver
  }

  /** Undefined: it waits for nobody. */
  #electionDeadline(): number | undefined {
    if (!this.mayStand || this.isAlone) return undefined
    const { electionTimeoutMs } = this.#context.timeouts
    return this.nowMs + electionTimeoutMs + this.#random.below(electionTimeoutMs)
  }

  #backoffMs(failures: number): number {
    const { retryBackoffMs, electionBackoffMaxMs } = this.#context.timeouts
    return 1 + this.#random.below(Math.min(electionBackoffMaxMs, retryBackoffMs * 2 ** Math.min(failures, 16)))
  }
}
