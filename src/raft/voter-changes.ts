/**
 * The change of the voter set that a leader has under way; one at a time (KIP-853). A new voter first catches up as an observer, then the set
 * with it is appended, and counts from there; the answer comes when it is committed.
 *
 * A change begins only after an entry of the leader's own epoch is committed: before that, an earlier leader's change may still be
 * undone, and two majorities need not meet (the bug of single-server changes in Raft's first description).
 */
import type { ErrorName } from '../protocol/errors.js'
import type { AddRaftVoterRequest, VoterChangeRequest } from './messages.js'
import type { RaftLog } from './raft-log.js'
import type { Progress } from './replica-progress.js'
import { isSameReplica, MAX_VOTERS, type ReplicaKey, type VoterSet } from './voter-set.js'

export type PendingChange =
  | {
      readonly stage: 'catching up'
      readonly ticket: number
      readonly request: AddRaftVoterRequest
      /** It has fetched since: what it had before says nothing of whether it is there. */
      readonly isThere: boolean
      /** Where the leader's log ended when it was asked. */
      readonly targetOffset: number
      readonly deadlineMs: number
    }
  | {
      readonly stage: 'committing'
      readonly kind: VoterChangeRequest['kind']
      /** Undefined: it has been answered. */
      readonly ticket: number | undefined
      readonly offset: number
    }

export interface VoterChangeAnswer {
  readonly ticket: number
  readonly kind: VoterChangeRequest['kind']
  readonly error: ErrorName
  readonly message: string | undefined
}

export class VoterChanges<Batch> {
  readonly #log: RaftLog<Batch>
  readonly #progress: Progress
  readonly #epoch: number
  readonly #epochStartOffset: number
  readonly #answer: (answer: VoterChangeAnswer) => void
  #pending: PendingChange | undefined

  constructor(
    log: RaftLog<Batch>,
    progress: Progress,
    leadership: { readonly epoch: number; readonly epochStartOffset: number },
    answer: (answer: VoterChangeAnswer) => void,
    pending?: PendingChange,
  ) {
    this.#log = log
    this.#progress = progress
    this.#epoch = leadership.epoch
    this.#epochStartOffset = leadership.epochStartOffset
    this.#answer = answer
    this.#pending = pending
  }

  get pending(): PendingChange | undefined {
    return this.#pending
  }

  ask(request: VoterChangeRequest, ticket: number, nowMs: number): void {
    const refuse = (error: ErrorName, message: string): void =>
      this.#answer({ ticket, kind: request.kind, error, message })
    const { voters } = this.#log
    const { id, directoryId } = request.voter
    if (voters === undefined || this.#log.highWatermark <= this.#epochStartOffset) {
      return refuse('REQUEST_TIMED_OUT', 'the new leader has not committed anything in its epoch yet')
    }
    if (this.#pending !== undefined || this.#log.hasUncommittedVoters) {
      return refuse('REQUEST_TIMED_OUT', 'another change of the voters is under way')
    }
    if (request.kind === 'addRaftVoter') {
      if (voters.hasId(id)) return refuse('DUPLICATE_VOTER', `a voter has the id ${id} already`)
      if (voters.size >= MAX_VOTERS) return refuse('INVALID_REQUEST', `a quorum has at most ${MAX_VOTERS} voters`)
      const { endOffset: targetOffset } = this.#log
      const deadlineMs = nowMs + request.timeoutMs
      this.#pending = { stage: 'catching up', ticket, request, isThere: false, targetOffset, deadlineMs }
      return
    }
    if (!voters.has(id, directoryId)) {
      return refuse('VOTER_NOT_FOUND', `there is no voter ${id} with the directory id ${directoryId}`)
    }
    if (request.kind === 'updateRaftVoter') {
      return this.#commit(request.kind, voters.updated(request.voter), ticket)
    }
    if (voters.size === 1) return refuse('VOTER_NOT_FOUND', `the last voter, ${id}, cannot be removed`)
    this.#commit(request.kind, voters.without(request.voter), ticket)
  }

  fetched(replica: ReplicaKey): void {
    const pending = this.#pending
    if (pending?.stage !== 'catching up' || !isSameReplica(pending.request.voter, replica)) return
    this.#pending = { ...pending, isThere: true }
  }

  /** Time has passed, and this process has heard what was said meanwhile. */
  expire(nowMs: number): void {
    const pending = this.#pending
    if (pending?.stage !== 'catching up' || nowMs < pending.deadlineMs) return
    const { kind, voter } = pending.request
    const reached = this.#reached(pending)
    this.#pending = undefined
    const how = reached < 0 ? 'has not fetched' : `has come to ${reached} of ${pending.targetOffset}`
    this.#answer({
      ticket: pending.ticket,
      kind,
      error: 'REQUEST_TIMED_OUT',
      message: `the new voter ${voter.id} ${how}`,
    })
  }

  /** This process stood still for so long. */
  forgive(stalledMs: number): void {
    const pending = this.#pending
    if (pending?.stage === 'catching up') this.#pending = { ...pending, deadlineMs: pending.deadlineMs + stalledMs }
  }

  /** Something has been fetched or committed. */
  advance(): void {
    const pending = this.#pending
    if (pending?.stage === 'catching up') {
      if (this.#reached(pending) < pending.targetOffset) return
      const { request, ticket } = pending
      const { kind, voter, ackWhenCommitted } = request
      this.#commit(kind, this.#log.voters!.with(voter), ackWhenCommitted ? ticket : undefined)
      if (!ackWhenCommitted) this.#answer({ ticket, kind, error: 'NONE', message: undefined })
    } else if (pending !== undefined && this.#log.highWatermark > pending.offset) {
      this.#pending = undefined
      this.#finish(pending, 'NONE')
    }
  }

  /** Somebody else leads: whether the change comes about is open. */
  close(): void {
    const pending = this.#pending
    this.#pending = undefined
    if (pending?.stage === 'catching up')
      this.#finish({ ...pending, kind: pending.request.kind }, 'NOT_LEADER_OR_FOLLOWER')
    else if (pending !== undefined) this.#finish(pending, 'NOT_LEADER_OR_FOLLOWER')
  }

  #reached({ isThere, request }: Extract<PendingChange, { stage: 'catching up' }>): number {
    return isThere ? (this.#progress.of(request.voter)?.endOffset ?? -1) : -1
  }

  #commit(kind: VoterChangeRequest['kind'], voters: VoterSet, ticket: number | undefined): void {
    const { baseOffset: offset } = this.#log.append(this.#epoch, 1, { is: 'voters', voters }, voters)
    this.#pending = { stage: 'committing', kind, ticket, offset }
  }

  #finish(
    { ticket, kind }: { readonly ticket: number | undefined; readonly kind: VoterChangeRequest['kind'] },
    error: ErrorName,
  ): void {
    if (ticket !== undefined) this.#answer({ ticket, kind, error, message: undefined })
  }
}
