/**
 * What a member says to others and makes of what they say: each request is checked and answered, each answer is taken to the role that
 * waits for it, and from the role follows what is asked next.
 *
 * What a peer sends is never trusted to be possible: what cannot be is refused with Kafka's error, or left with a complaint.
 */
import { unreachable } from '../base/assert.js'
import type { ErrorName } from '../protocol/errors.js'
import { grantsVote, isOutrankedBy } from './election.js'
import { fetchRequest } from './follower.js'
import type { LeaderContext } from './leader.js'
import {
  ANY_SERVER,
  type BeginQuorumEpochRequest,
  type EndQuorumEpochRequest,
  type FetchedBatch,
  type FetchRequest,
  type FetchResponse,
  type FetchSnapshotRequest,
  type PeerResponse,
  type RaftReply,
  type RaftRequest,
  type VoteRequest,
  type VoterChangeRequest,
} from './messages.js'
import type { FetchSnapshotOrder } from './raft-state.js'
import type { InFlight } from './requests.js'
import type { Roles } from './roles.js'
import { isSameReplica } from './voter-set.js'

type Complaint = string | undefined

/** Also a peer that means no harm may send them, of another release. */
const MAX_COMPLAINTS = 100

export class Conversation<Batch> {
  readonly #context: LeaderContext<Batch>
  readonly #roles: Roles<Batch>
  #complaints: string[] = []
  #fetchSnapshot: FetchSnapshotOrder | undefined

  constructor(context: LeaderContext<Batch>, roles: Roles<Batch>) {
    this.#context = context
    this.#roles = roles
  }

  receive(request: RaftRequest, ticket: number): void {
    switch (request.kind) {
      case 'vote':
        return this.#receiveVote(request, ticket)
      case 'beginQuorumEpoch':
        return this.#receiveBegin(request, ticket)
      case 'endQuorumEpoch':
        return this.#receiveEnd(request, ticket)
      case 'fetch':
      case 'fetchSnapshot':
        return this.#receiveFetch(request, ticket)
      default:
        return this.#receiveChange(request, ticket)
    }
  }

  #receiveVote(request: VoteRequest, ticket: number): void {
    const roles = this.#roles
    const { replica, voter, replicaEpoch, lastOffset, lastOffsetEpoch, preVote } = request
    // Who stands begins an epoch that has nothing yet.
    const latestPossible = preVote ? replicaEpoch : replicaEpoch - 1
    const isPossible = lastOffset >= 0 && lastOffsetEpoch >= 0 && lastOffsetEpoch <= latestPossible
    let error: ErrorName = 'NONE'
    let voteGranted = false
    if (!isSameReplica(voter, this.#context.self)) error = 'INVALID_VOTER_KEY'
    else if (replica.id === this.#context.self.id || !isPossible) error = 'INVALID_REQUEST'
    else if (replicaEpoch < roles.epoch) error = 'FENCED_LEADER_EPOCH'
    else {
      this.#complain(roles.learn(replicaEpoch, -1))
      const { voted, leaderId, hasLiveLeader } = roles
      const { lastEpoch, endOffset } = this.#context.log
      const state = { id: this.#context.self.id, voted, leaderId, hasLiveLeader, lastEpoch, endOffset }
      voteGranted = grantsVote(request, state)
      if (voteGranted && preVote && isOutrankedBy(request, state)) roles.giveWay()
      if (voteGranted && !preVote && voted === undefined) roles.vote(replica)
    }
    this.#reply(ticket, { kind: 'vote', error, ...this.#leadership(), voteGranted })
  }

  #receiveBegin({ voter, leaderId, leaderEpoch }: BeginQuorumEpochRequest, ticket: number): void {
    let error: ErrorName = 'NONE'
    if (!isSameReplica(voter, this.#context.self)) error = 'INVALID_VOTER_KEY'
    else if (leaderId < 0 || leaderId === this.#context.self.id) error = 'INVALID_REQUEST'
    else if (leaderEpoch < this.#roles.epoch) error = 'FENCED_LEADER_EPOCH'
    else if (this.#complain(this.#roles.learn(leaderEpoch, leaderId))) error = 'INVALID_REQUEST'
    this.#reply(ticket, { kind: 'beginQuorumEpoch', error, ...this.#leadership() })
  }

  #receiveEnd({ leaderId, leaderEpoch, preferredCandidates }: EndQuorumEpochRequest, ticket: number): void {
    const roles = this.#roles
    let error: ErrorName = 'NONE'
    if (leaderId < 0 || leaderId === this.#context.self.id) error = 'INVALID_REQUEST'
    else if (leaderEpoch < roles.epoch) error = 'FENCED_LEADER_EPOCH'
    else if (this.#complain(roles.learn(leaderEpoch, leaderId))) error = 'INVALID_REQUEST'
    else roles.leaderResigned(preferredCandidates.findIndex((each) => isSameReplica(each, this.#context.self)))
    this.#reply(ticket, { kind: 'endQuorumEpoch', error, ...this.#leadership() })
  }

  #receiveFetch(request: FetchRequest | FetchSnapshotRequest, ticket: number): void {
    const { epoch, leader } = this.#roles
    const { currentLeaderEpoch } = request
    let error: ErrorName = 'NOT_LEADER_OR_FOLLOWER'
    if (request.kind === 'fetch' && (request.fetchOffset < 0 || request.lastFetchedEpoch < 0)) error = 'INVALID_REQUEST'
    else if (currentLeaderEpoch < epoch) error = 'FENCED_LEADER_EPOCH'
    else if (currentLeaderEpoch > epoch) {
      error = 'UNKNOWN_LEADER_EPOCH'
      // It can never follow this leader; only a new epoch brings them together.
      if (leader !== undefined) this.#complain(this.#roles.learn(currentLeaderEpoch, -1))
    } else if (leader !== undefined) {
      const { nowMs } = this.#roles
      return request.kind === 'fetch'
        ? leader.fetch(request, ticket, nowMs)
        : leader.fetchSnapshot(request, ticket, nowMs)
    }
    const common = { error, ...this.#leadership() }
    if (request.kind === 'fetch') {
      const { highWatermark } = this.#context.log
      const reply = { kind: request.kind, ...common, highWatermark, outcome: { is: 'refused' } } as const
      this.#reply(ticket, reply)
    } else {
      this.#reply(ticket, { kind: request.kind, ...common, snapshotId: request.snapshotId })
    }
  }

  #receiveChange(request: VoterChangeRequest, ticket: number): void {
    const { leader, epoch, nowMs } = this.#roles
    const { kind } = request
    let error: ErrorName = 'NOT_LEADER_OR_FOLLOWER'
    if (kind === 'updateRaftVoter' && request.currentLeaderEpoch !== epoch) {
      error = request.currentLeaderEpoch < epoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH'
    } else if (leader !== undefined) return leader.change(request, ticket, nowMs)
    this.#reply(ticket, { kind, error, errorMessage: undefined, ...this.#leadership() })
  }

  /** What was asked has been answered. */
  take(asked: InFlight, response: PeerResponse<Batch>): void {
    this.#complain(this.#take(asked, response))
  }

  /** Returns what is wrong with the answer. */
  #take(asked: InFlight, response: PeerResponse<Batch>): Complaint {
    const roles = this.#roles
    const { request, to } = asked
    const { kind, leaderEpoch, leaderId } = response
    if (kind !== request.kind) return `an answer to ${kind} where ${request.kind} was asked`
    const isOfLeader = kind === 'fetch' && to === roles.follower?.leaderId
    const { epoch } = roles
    const isGrant = kind === 'vote' && response.voteGranted
    // Who grants a vote doubts the leader that it names.
    const complaint = roles.learn(leaderEpoch, isGrant ? -1 : leaderId)
    if (kind === 'fetch' && !(isOfLeader && response.error === 'NONE')) this.failed(asked)
    if (complaint !== undefined || epoch !== roles.epoch) return complaint
    switch (kind) {
      case 'vote': {
        if (!roles.isStanding || request.kind !== 'vote') return undefined
        roles.tally.answered(request.voter, response.error === 'NONE' && response.voteGranted)
        roles.count()
        return undefined
      }
      case 'fetch':
        return isOfLeader ? this.#takeFetch(to, response) : undefined
      case 'beginQuorumEpoch':
        // It knows; if it does not fetch, it is told again.
        this.#context.requests.rest(kind, to, roles.nowMs + this.#context.timeouts.fetchTimeoutMs / 2)
        return undefined
      case 'endQuorumEpoch':
        return undefined
      default:
        return unreachable(kind)
    }
  }

  #takeFetch(leaderId: number, response: FetchResponse<readonly FetchedBatch<Batch>[]>): Complaint {
    const roles = this.#roles
    if (response.error !== 'NONE') {
      // A leader that knows this epoch and does not lead in it has resigned, or was started anew.
      const isOver = response.error === 'NOT_LEADER_OR_FOLLOWER' && response.leaderEpoch === roles.epoch
      if (isOver) roles.leaderResigned(0)
      return undefined
    }
    if (response.leaderEpoch !== roles.epoch) return `an answer of epoch ${response.leaderEpoch} in ${roles.epoch}`
    const { complaint, snapshotId } = roles.follower!.answered(this.#context.log, response)
    if (complaint !== undefined) {
      this.#context.requests.rest('fetch', leaderId, roles.nowMs + this.#context.timeouts.retryBackoffMs)
      return complaint
    }
    roles.extendFollowing()
    if (snapshotId !== undefined) this.#fetchSnapshot = { leaderId, leaderEpoch: roles.epoch, snapshotId }
    return undefined
  }

  /** Asks what the role has to ask now. `mayAppend`: the log takes what a Fetch would bring. */
  ask(mayAppend: boolean): void {
    const { role, isStanding, isAlone, follower, leaderId } = this.#roles
    if (isStanding) this.#askForVotes()
    if (!mayAppend) return
    if (follower !== undefined && follower.loading === undefined) {
      this.#fetch(follower.leaderId, this.#context.timeouts.fetchMaxWaitMs)
    } else if (!isAlone && leaderId === -1 && (role === 'unattached' || role === 'prospective')) {
      // Somebody may know who leads.
      this.#fetch(ANY_SERVER, 0)
    }
  }

  get hasNews(): boolean {
    return this.#complaints.length > 0 || this.#fetchSnapshot !== undefined
  }

  /** What is new for the shell. */
  takeNews(): { readonly complaints: readonly string[]; readonly fetchSnapshot: FetchSnapshotOrder | undefined } {
    const news = { complaints: this.#complaints, fetchSnapshot: this.#fetchSnapshot }
    this.#complaints = []
    this.#fetchSnapshot = undefined
    return news
  }

  #askForVotes(): void {
    const { role, epoch, tally, nowMs, voters } = this.#roles
    for (const { id, directoryId } of voters!.voters) {
      const voter = { id, directoryId }
      if (tally.hasAnswered(voter) || isSameReplica(voter, this.#context.self)) continue
      if (!this.#context.requests.mayAsk('vote', id, nowMs)) continue
      const { lastEpoch: lastOffsetEpoch, endOffset: lastOffset } = this.#context.log
      const position = { replicaEpoch: epoch, lastOffsetEpoch, lastOffset, preVote: role === 'prospective' }
      this.#context.requests.send(id, { kind: 'vote', replica: this.#context.self, voter, ...position }, nowMs)
    }
  }

  #fetch(to: number, maxWaitMs: number): void {
    const { nowMs, epoch } = this.#roles
    if (!this.#context.log.isSettled || !this.#context.requests.mayAsk('fetch', to, nowMs)) return
    this.#context.requests.send(to, fetchRequest(this.#context.self, epoch, this.#context.log, maxWaitMs), nowMs)
  }

  /** Whom it went to is left alone for a moment. */
  failed({ request, to }: InFlight): void {
    this.#context.requests.rest(request.kind, to, this.#roles.nowMs + this.#context.timeouts.retryBackoffMs)
  }

  #leadership(): { readonly leaderEpoch: number; readonly leaderId: number } {
    const { role, epoch: leaderEpoch, leaderId } = this.#roles
    // Who stands for election doubts that the leader it knew is there.
    return { leaderEpoch, leaderId: role === 'prospective' ? -1 : leaderId }
  }

  /** Returns whether there is something to complain about. */
  #complain(complaint: Complaint): boolean {
    if (complaint !== undefined && this.#complaints.length < MAX_COMPLAINTS) this.#complaints.push(complaint)
    return complaint !== undefined
  }

  #reply(ticket: number, reply: RaftReply): void {
    this.#context.reply({ ticket, reply })
  }
}
