/**
 * What a quorum has to get right in the cases that went wrong elsewhere, each told by hand: changes of voters, lost majorities, lost disks,
 * sleepers and snapshots.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_ELECTION } from '../../src/raft/election-state.js'
import { LOG_BEGINNING } from '../../src/raft/epoch-chain.js'
import type { FetchRequest, RaftReply, RemoveRaftVoterRequest } from '../../src/raft/messages.js'
import { emptyLog, RaftLog } from '../../src/raft/raft-log.js'
import { RaftNode } from '../../src/raft/raft-node.js'
import { DEFAULT_TIMEOUTS } from '../../src/raft/raft-timeouts.js'
import { type Voter, VoterSet } from '../../src/raft/voter-set.js'
import { QuorumRig } from './quorum-rig.js'

const ELECTED_MS = 4000
/** Check quorum is half as long again as the fetch timeout. */
const LONELY_MS = DEFAULT_TIMEOUTS.fetchTimeoutMs * 1.5 + 200

function elected(voters: number, observers = 0): QuorumRig {
  const rig = new QuorumRig(voters, observers)
  rig.run(ELECTED_MS)
  assert.ok(rig.leader.raft.highWatermark > 0)
  return rig
}

function remove(voter: Voter): RemoveRaftVoterRequest {
  return { kind: 'removeRaftVoter', voter }
}

function errorOf(replies: readonly RaftReply[]): string | undefined {
  return replies[0]?.error
}

function ids(rig: QuorumRig, id: number): number[] | undefined {
  return rig
    .raft(id)
    .voters?.voters.map((voter) => voter.id)
    .sort()
}

/** Three voters, of which the first leads and has committed nothing in its epoch. */
class LonelyLeader {
  readonly voters = ['a', 'b', 'c'].map((directoryId, at): Voter => ({ id: at + 1, directoryId, endpoints: [] }))
  readonly raft: RaftNode<string>
  readonly #replies: RaftReply[] = []
  #tickets = 0

  constructor() {
    const options = {
      nodeId: 1,
      directoryId: 'a',
      timeouts: DEFAULT_TIMEOUTS,
      random: { below: () => 0, bytes: never },
    }
    const log = { ...emptyLog(new VoterSet(this.voters)), endOffset: 10, epochs: [{ epoch: 3, startOffset: 0 }] }
    this.raft = new RaftNode<string>(options, { ...NO_ELECTION, leaderEpoch: 3 }, log)
    this.raft.tick(0)
    this.raft.tick(1000)
    for (const stage of ['prospective', 'candidate']) {
      assert.equal(this.raft.role, stage)
      const request = this.#take().find(({ to, request }) => to === 2 && request.kind === 'vote')!
      const answer = { kind: 'vote', error: 'NONE', leaderEpoch: this.raft.epoch, leaderId: -1 } as const
      this.raft.answered(request.id, { ...answer, voteGranted: true }, 1000)
    }
    assert.equal(this.raft.role, 'leader')
    this.#take()
    this.raft.persisted(this.raft.endOffset)
  }

  ask(request: Parameters<RaftNode<string>['step']>[0]): RaftReply | undefined {
    this.#replies.length = 0
    this.raft.step(request, ++this.#tickets, 1000)
    this.#take()
    return this.#replies.at(-1)
  }

  fetch(replica: Voter, fetchOffset: number, lastFetchedEpoch: number): RaftReply | undefined {
    const position = { currentLeaderEpoch: this.raft.epoch, fetchOffset, lastFetchedEpoch, highWatermark: -1 }
    const request: FetchRequest = { kind: 'fetch', replica, ...position, maxWaitMs: 0 }
    return this.ask(request)
  }

  #take() {
    const requests = []
    for (let ready = this.raft.takeReady(); ready !== undefined; ready = this.raft.takeReady()) {
      if (ready.save !== undefined) this.raft.stateSaved(ready.save.leaderEpoch)
      requests.push(...ready.requests)
      this.#replies.push(...ready.replies.map(({ reply }) => reply))
    }
    return requests
  }
}

function never(): never {
  throw new Error('drawn')
}

test('Q01: voters change only after something of the own epoch is committed, and one change at a time', () => {
  const leader = new LonelyLeader()
  const [, second, third] = leader.voters
  assert.equal(leader.ask(remove(third!))?.error, 'REQUEST_TIMED_OUT')
  leader.fetch(second!, 10, 3)
  assert.equal(leader.raft.highWatermark, -1, 'a majority has what an earlier leader left: that alone is not committed')
  assert.equal(leader.ask(remove(third!))?.error, 'REQUEST_TIMED_OUT')
  leader.fetch(second!, 11, 4)
  assert.equal(leader.raft.highWatermark, 11)
  assert.equal(leader.ask(remove(third!)), undefined, 'it is under way')
  assert.equal(leader.raft.voters?.size, 2, 'and counts already')
  assert.equal(leader.ask(remove(second!))?.error, 'REQUEST_TIMED_OUT')
})

test('Q02: a leader that is cut off from its majority resigns, and cannot be written to', () => {
  const rig = elected(3)
  const old = rig.leader
  const { epoch } = old.raft
  rig.isolate(old.id)
  const lost = rig.propose(old)
  assert.ok(lost !== undefined)
  rig.run(LONELY_MS)
  assert.notEqual(old.raft.role, 'leader')
  assert.equal(old.raft.epoch, epoch, 'it asks before it begins an epoch')
  assert.equal(rig.propose(old), undefined)
  rig.run(ELECTED_MS)
  const { leader } = rig
  assert.notEqual(leader, old)
  rig.propose(leader, 2)
  rig.heal()
  rig.run(ELECTED_MS)
  assert.equal(rig.leader, leader)
  assert.equal(old.raft.leaderId, leader.id)
  assert.equal(old.raft.highWatermark, leader.raft.endOffset, 'what only it had has given way')
  assert.equal(old.disk.batches.find(({ endOffset }) => endOffset > lost)?.epoch, leader.raft.epoch)
})

test('Q03: a leader that removes itself leads on without counting itself until that is committed', () => {
  const rig = elected(3)
  const old = rig.leader
  const [near, far] = rig.others(old)
  rig.cut(far!.id, old.id)
  const replies = rig.ask(old, remove(rig.voter(old.id)))
  const offset = rig.propose(old)!
  rig.run(200)
  assert.equal(near!.raft.endOffset, old.raft.endOffset, 'who is left follows')
  assert.equal(old.raft.role, 'leader')
  assert.ok(old.raft.highWatermark < offset, 'of the two that count one has it')
  assert.deepEqual(replies, [])
  rig.heal()
  rig.run(100)
  assert.equal(errorOf(replies), 'NONE')
  assert.equal(old.raft.role, 'resigned')
  rig.run(ELECTED_MS)
  assert.notEqual(rig.leader, old)
  assert.equal(old.raft.role, 'follower')
  assert.deepEqual(ids(rig, old.id), [near!.id, far!.id].sort())
  rig.crash(near!.id)
  rig.run(2 * ELECTED_MS)
  assert.ok(old.raft.role === 'unattached' || old.raft.role === 'follower', 'it does not stand any more')
})

test('Q03: the removed leader stands again where only its log is long enough for its removal to come about', () => {
  const rig = elected(2)
  const old = rig.leader
  const [other] = rig.others(old)
  rig.isolate(old.id)
  rig.ask(old, remove(rig.voter(old.id)))
  assert.deepEqual(ids(rig, old.id), [other!.id])
  for (const { id } of [old, other!]) {
    rig.crash(id)
    rig.start(id)
  }
  rig.heal()
  rig.run(3 * ELECTED_MS)
  assert.equal(rig.leader, other, 'it has led once more, to say that it goes')
  assert.deepEqual(ids(rig, other!.id), [other!.id])
  assert.equal(old.raft.role, 'follower')
})

test('Q04: who is not in the voters of the leader is served: so a voter learns that it was removed', () => {
  const rig = elected(3)
  const { leader } = rig
  const [kept, removed] = rig.others(leader)
  rig.cut(leader.id, removed!.id)
  rig.cut(removed!.id, leader.id)
  assert.equal(errorOf(rig.ask(leader, remove(rig.voter(removed!.id)))), 'NONE')
  assert.deepEqual(ids(rig, removed!.id), [1, 2, 3], 'it does not know yet')
  rig.heal()
  rig.run(ELECTED_MS)
  assert.equal(rig.leader, leader)
  assert.deepEqual(ids(rig, removed!.id), [leader.id, kept!.id].sort())
  assert.equal(removed!.raft.role, 'follower')
  assert.equal(removed!.raft.highWatermark, leader.raft.highWatermark)
})

test('Q05: voters count from the append on, and no more when they are cut off again', () => {
  const rig = elected(3, 1)
  const old = rig.leader
  for (const { id } of rig.others(old)) {
    if (id === 4) continue
    rig.cut(id, old.id)
    rig.cut(old.id, id)
  }
  const voter = rig.voter(4)
  const replies = rig.ask(old, { kind: 'addRaftVoter', voter, timeoutMs: 1000, ackWhenCommitted: true })
  rig.run(100)
  assert.deepEqual(
    [ids(rig, old.id), ids(rig, 4)],
    [
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ],
  )
  rig.isolate(old.id)
  rig.isolate(4)
  rig.run(2 * ELECTED_MS)
  assert.equal(errorOf(replies), 'NOT_LEADER_OR_FOLLOWER', 'whether it comes about is open')
  rig.propose(rig.leader)
  rig.heal()
  rig.run(ELECTED_MS)
  for (const id of [1, 2, 3, 4]) assert.deepEqual(ids(rig, id), [1, 2, 3])
  rig.crash(rig.leader.id)
  rig.run(2 * ELECTED_MS)
  assert.notEqual(rig.leader.id, 4)
  assert.equal(rig.raft(4).role, 'follower')
})

test('Q06: a server with a new disk is another one: it has no vote until it is added', () => {
  const rig = elected(3)
  const { leader } = rig
  const [kept, replaced] = rig.others(leader)
  const old = rig.voter(replaced!.id)
  rig.replaceDisk(replaced!.id)
  const { epoch: replicaEpoch } = leader.raft
  const position = { replicaEpoch: replicaEpoch + 1, lastOffset: 1000, lastOffsetEpoch: replicaEpoch }
  const asked = { kind: 'vote', replica: rig.voter(kept!.id), voter: old, ...position, preVote: false } as const
  assert.equal(errorOf(rig.ask(replaced!, asked)), 'INVALID_VOTER_KEY')
  rig.run(ELECTED_MS)
  assert.equal(replaced!.raft.highWatermark, leader.raft.highWatermark, 'it follows')
  rig.isolate(kept!.id)
  const offset = rig.propose(leader)!
  rig.run(500)
  assert.ok(leader.raft.highWatermark <= offset, 'and is not counted')
  rig.heal()
  rig.run(ELECTED_MS)
  const again = rig.voter(replaced!.id)
  const add = { kind: 'addRaftVoter', voter: again, timeoutMs: 1000, ackWhenCommitted: true } as const
  assert.equal(errorOf(rig.ask(rig.leader, add)), 'DUPLICATE_VOTER')
  assert.equal(errorOf(rig.ask(rig.leader, remove(again))), 'VOTER_NOT_FOUND')
  assert.equal(errorOf(rig.ask(rig.leader, remove(old))), 'NONE')
  assert.equal(errorOf(rig.ask(rig.leader, add)), 'NONE')
  assert.deepEqual(ids(rig, 1), [1, 2, 3])
})

test('Q06: the fetch offset of a follower may go back', () => {
  const leader = new LonelyLeader()
  leader.fetch(leader.voters[1]!, 11, 4)
  assert.equal(leader.raft.highWatermark, 11)
  assert.equal(leader.fetch(leader.voters[1]!, 0, 0)?.error, 'NONE')
  assert.equal(leader.raft.highWatermark, 11)
  assert.equal(leader.raft.progress()[1]?.endOffset, 0)
})

test('Q07: a voter that is cut off raises no epoch, and disturbs nobody when it is back', () => {
  const rig = elected(3)
  const { leader } = rig
  const { epoch } = leader.raft
  const [lonely] = rig.others(leader)
  rig.isolate(lonely!.id)
  rig.run(10_000)
  assert.equal(lonely!.raft.epoch, epoch)
  assert.notEqual(lonely!.raft.role, 'candidate')
  rig.heal()
  rig.run(ELECTED_MS)
  assert.equal(rig.leader, leader)
  assert.equal(leader.raft.epoch, epoch)
  assert.equal(lonely!.raft.leaderId, leader.id)
})

test('Q07: who cannot reach the leader is refused by those who can, and finds its way back', () => {
  const rig = elected(3)
  const { leader } = rig
  const { epoch } = leader.raft
  const [half] = rig.others(leader)
  rig.cut(half!.id, leader.id)
  const before = rig.asked.length
  rig.run(10_000)
  const preVotes = rig.asked.slice(before).filter(({ request }) => request.kind === 'vote')
  assert.ok(preVotes.length > 0)
  assert.ok(preVotes.every(({ request }) => request.kind === 'vote' && request.preVote))
  assert.equal(leader.raft.epoch, epoch)
  rig.heal()
  rig.run(500)
  assert.equal(half!.raft.role, 'follower')
  assert.equal(rig.leader, leader)
})

test('a closed session to the leader is reason for a pre-vote at once; a new leader is there without waiting for timeouts', () => {
  const rig = elected(3)
  const old = rig.leader
  rig.crash(old.id)
  const others = rig.others(old).map(({ id }) => id)
  rig.inputs(others, (raft) => raft.disconnected(old.id, rig.nowMs()))
  rig.run(50)
  assert.notEqual(rig.leader, old)
  assert.equal(rig.leader.raft.epoch, old.disk.saved.leaderEpoch + 1, 'the first election is won: one gives way')
})

test('a closed session to a leader that lives costs nothing', () => {
  const rig = elected(3)
  const { leader } = rig
  const [first] = rig.others(leader)
  rig.input(first!.id, (raft) => raft.disconnected(leader.id, rig.nowMs()))
  rig.run(500)
  assert.equal(rig.leader, leader)
  assert.equal(first!.raft.role, 'follower')
})

test('a leader that gives up tells the others, and the one with the longest log is first', () => {
  const rig = elected(3)
  const old = rig.leader
  const [behind, ahead] = rig.others(old)
  rig.cut(behind!.id, old.id)
  rig.propose(old)
  rig.run(100)
  const before = rig.asked.length
  rig.input(old.id, (raft) => raft.resign(rig.nowMs()))
  const ends = rig.asked.slice(before).filter(({ request }) => request.kind === 'endQuorumEpoch')
  assert.equal(ends.length, 2)
  for (const { request } of ends) {
    assert.ok(request.kind === 'endQuorumEpoch')
    assert.deepEqual(
      request.preferredCandidates.map(({ id }) => id),
      [ahead!.id, behind!.id],
    )
  }
  rig.heal()
  rig.run(100)
  assert.equal(rig.leader, ahead)
})

test('Q11: a snapshot is loaded where it was asked for, and no stale one, and by no leader', () => {
  const rig = elected(3)
  const { leader } = rig
  const [kept, behind] = rig.others(leader)
  rig.crash(behind!.id)
  const snapshot = (): { offset: number; epoch: number } => {
    rig.propose(leader, 3)
    rig.run(100)
    const { highWatermark } = leader.raft
    const voters = leader.raft.votersBefore(highWatermark)!
    const id = { offset: highWatermark, epoch: leader.raft.epoch }
    leader.disk.snapshot = { id, voters }
    leader.raft.snapshotTaken(highWatermark)
    leader.disk.trim(highWatermark, id.epoch, voters)
    leader.raft.logStartMoved(highWatermark)
    return id
  }
  const first = snapshot()
  rig.start(behind!.id)
  rig.run(ELECTED_MS)
  assert.deepEqual(rig.snapshotsWanted.at(-1)?.snapshotId, first)
  const second = snapshot()
  const { voters } = leader.disk.snapshot!
  rig.input(behind!.id, (raft) => raft.snapshotFailed(rig.nowMs()))
  rig.run(500)
  assert.deepEqual(rig.snapshotsWanted.at(-1)?.snapshotId, second, 'the first is gone: there is a later one')
  rig.input(behind!.id, (raft) => assert.equal(raft.snapshotLoaded(first, voters, rig.nowMs()), false))
  assert.equal(behind!.raft.highWatermark, -1)
  rig.input(behind!.id, (raft) => {
    behind!.disk.snapshot = { id: second, voters }
    behind!.disk.restarting = raft.snapshotLoaded(second, voters, rig.nowMs())
    assert.ok(behind!.disk.restarting)
  })
  rig.input(behind!.id, (raft) => assert.equal(raft.snapshotLoaded(second, voters, rig.nowMs()), false, 'once'))
  rig.input(leader.id, (raft) => assert.equal(raft.snapshotLoaded(second, voters, rig.nowMs()), false))
  rig.propose(leader)
  rig.run(100)
  assert.equal(behind!.raft.highWatermark, leader.raft.endOffset, 'from there on it follows')
  assert.deepEqual(ids(rig, behind!.id), [1, 2, 3], 'the voters stood in the snapshot')
  assert.equal(kept!.raft.highWatermark, leader.raft.endOffset)
})

test('Q16: who slept judges nobody before it has read what came', () => {
  const rig = elected(3)
  const { leader } = rig
  const { epoch } = leader.raft
  const [sleeper] = rig.others(leader)
  rig.sleep(sleeper!.id)
  rig.run(3000)
  rig.wake(sleeper!.id, 3000)
  assert.equal(sleeper!.raft.role, 'follower')
  rig.run(ELECTED_MS)
  assert.equal(leader.raft.epoch, epoch)
  assert.equal(rig.leader, leader)
})

test('a leader that slept gives a new voter its time', () => {
  const rig = elected(1, 1)
  rig.crash(2)
  const request = { kind: 'addRaftVoter', voter: rig.voter(2), timeoutMs: 1000, ackWhenCommitted: true } as const
  const replies = rig.ask(rig.leader, request)
  rig.sleep(1)
  rig.run(3000)
  rig.wake(1, 3000)
  rig.run(900)
  assert.deepEqual(replies, [])
  rig.run(200)
  assert.equal(errorOf(replies), 'REQUEST_TIMED_OUT')
})

test('nothing that hangs on a vote leaves before it is saved', () => {
  const rig = elected(3)
  const { leader } = rig
  const [one, other] = rig.others(leader)
  rig.holdDisk(one!.id)
  const { epoch, endOffset: lastOffset } = leader.raft
  const position = { replicaEpoch: epoch + 1, lastOffset, lastOffsetEpoch: epoch, preVote: false }
  const request = { kind: 'vote', replica: rig.voter(other!.id), voter: rig.voter(one!.id), ...position } as const
  const replies = rig.ask(one!, request)
  assert.deepEqual(replies, [])
  assert.equal(one!.raft.epoch, epoch + 1)
  rig.releaseDisk(one!.id)
  assert.deepEqual(replies, [{ kind: 'vote', error: 'NONE', leaderEpoch: epoch + 1, leaderId: -1, voteGranted: true }])
  assert.deepEqual(rig.ask(one!, request), replies, 'who asks again gets the same answer')
  const rival = { ...request, replica: rig.voter(leader.id) }
  assert.equal((rig.ask(one!, rival)[0] as { voteGranted: boolean }).voteGranted, false)
})

test('a flush that was under way when the log was cut counts for nothing that came after', () => {
  const voters = new VoterSet([{ id: 1, directoryId: 'd1', endpoints: [] }])
  const start = { start: LOG_BEGINNING, voters, voterChanges: [], snapshotId: undefined }
  const log = new RaftLog<string>({ ...start, endOffset: 5, epochs: [{ epoch: 1, startOffset: 0 }] })
  assert.equal(log.truncateTo({ offset: 2, epoch: 1 }), undefined)
  log.append(2, 1, { is: 'proposed', batch: 'it leads meanwhile' })
  log.persisted(5)
  log.truncated()
  assert.equal(log.isSettled, false, 'only a flush after the cut speaks of what stands there now')
  log.persisted(3)
  assert.equal(log.isSettled, true)
})

test('a new voter first catches up; one that does not is not added', () => {
  const rig = elected(1, 1)
  const { leader } = rig
  const voter = rig.voter(2)
  rig.crash(2)
  rig.propose(leader, 4)
  const request = { kind: 'addRaftVoter', voter, timeoutMs: 1000, ackWhenCommitted: true } as const
  const replies = rig.ask(leader, request)
  rig.run(900)
  assert.deepEqual(replies, [])
  assert.deepEqual(ids(rig, 1), [1])
  rig.run(200)
  assert.equal(errorOf(replies), 'REQUEST_TIMED_OUT')
  rig.start(2)
  rig.run(ELECTED_MS)
  assert.equal(errorOf(rig.ask(leader, request)), 'NONE')
  assert.deepEqual(ids(rig, 2), [1, 2])
  assert.equal(errorOf(rig.ask(leader, remove(voter))), 'NONE')
  assert.equal(errorOf(rig.ask(leader, remove(rig.voter(1)))), 'VOTER_NOT_FOUND', 'the last one stays')
})

test('a quorum has at most seven voters', () => {
  const rig = elected(7, 1)
  const request = { kind: 'addRaftVoter', voter: rig.voter(8), timeoutMs: 1000, ackWhenCommitted: true } as const
  assert.equal(errorOf(rig.ask(rig.leader, request)), 'INVALID_REQUEST')
})

test('a server with a higher epoch than the leader comes to follow: the leader begins a new one', () => {
  const rig = elected(3, 1)
  const replicaEpoch = rig.leader.raft.epoch + 5
  const position = { replicaEpoch, lastOffset: 0, lastOffsetEpoch: 0, preVote: true }
  // Of a candidate that nobody will hear of again.
  rig.ask(rig.member(4), { kind: 'vote', replica: { id: 9, directoryId: 'gone' }, voter: rig.voter(4), ...position })
  assert.equal(rig.raft(4).epoch, replicaEpoch)
  rig.run(2 * ELECTED_MS)
  assert.ok(rig.leader.raft.epoch > replicaEpoch)
  assert.equal(rig.raft(4).leaderId, rig.leader.id)
})

test('what cannot be is refused', () => {
  const rig = elected(3)
  const { leader } = rig
  const [one, other] = rig.others(leader)
  const { epoch } = leader.raft
  const begin = {
    kind: 'beginQuorumEpoch',
    voter: rig.voter(one!.id),
    leaderId: other!.id,
    leaderEpoch: epoch,
  } as const
  assert.equal(errorOf(rig.ask(one!, begin)), 'INVALID_REQUEST', 'a second leader of one epoch')
  assert.equal(errorOf(rig.ask(one!, { ...begin, leaderEpoch: epoch - 1 })), 'FENCED_LEADER_EPOCH')
  assert.equal(errorOf(rig.ask(one!, { ...begin, leaderId: one!.id, leaderEpoch: epoch + 1 })), 'INVALID_REQUEST')
  assert.equal(errorOf(rig.ask(one!, { ...begin, voter: rig.voter(other!.id) })), 'INVALID_VOTER_KEY')
  const end = { kind: 'endQuorumEpoch', leaderId: other!.id, leaderEpoch: epoch, preferredCandidates: [] } as const
  assert.equal(errorOf(rig.ask(one!, end)), 'INVALID_REQUEST', 'it does not lead')
  const position = { replicaEpoch: epoch, lastOffset: 0, lastOffsetEpoch: 0, preVote: false }
  const vote = { kind: 'vote', replica: rig.voter(one!.id), voter: rig.voter(one!.id), ...position } as const
  assert.equal(errorOf(rig.ask(one!, vote)), 'INVALID_REQUEST', 'two servers with one id')
  const at = { fetchOffset: 0, lastFetchedEpoch: 0, highWatermark: -1, maxWaitMs: 0 }
  const fetch = { kind: 'fetch', replica: rig.voter(other!.id), currentLeaderEpoch: epoch, ...at } as const
  assert.equal(errorOf(rig.ask(one!, fetch)), 'NOT_LEADER_OR_FOLLOWER')
  assert.equal(errorOf(rig.ask(leader, { ...fetch, currentLeaderEpoch: epoch - 1 })), 'FENCED_LEADER_EPOCH')
  assert.equal(errorOf(rig.ask(leader, { ...fetch, fetchOffset: -1 })), 'INVALID_REQUEST')
  const rival = { ...vote, replica: rig.voter(other!.id), replicaEpoch: epoch + 1, lastOffsetEpoch: epoch + 1 }
  assert.equal(errorOf(rig.ask(one!, rival)), 'INVALID_REQUEST', 'a candidate has nothing of its own epoch yet')
  assert.equal(errorOf(rig.ask(one!, { ...rival, lastOffset: -1, lastOffsetEpoch: 0 })), 'INVALID_REQUEST')
  const update = { kind: 'updateRaftVoter', currentLeaderEpoch: epoch, voter: rig.voter(one!.id) } as const
  assert.equal(errorOf(rig.ask(leader, { ...update, currentLeaderEpoch: epoch - 1 })), 'FENCED_LEADER_EPOCH')
  assert.equal(errorOf(rig.ask(leader, { ...update, currentLeaderEpoch: epoch + 1 })), 'UNKNOWN_LEADER_EPOCH')
  assert.equal(errorOf(rig.ask(leader, update)), 'NONE')
  assert.equal(errorOf(rig.ask(one!, update)), 'NOT_LEADER_OR_FOLLOWER')
  assert.equal(rig.leader, leader)
})

test('a follower refuses batches that do not follow, and goes on with those that do', () => {
  const voters = new VoterSet(['a', 'b'].map((directoryId, at): Voter => ({ id: at + 1, directoryId, endpoints: [] })))
  const options = { nodeId: 1, directoryId: 'a', timeouts: DEFAULT_TIMEOUTS, random: { below: () => 0, bytes: never } }
  const raft = new RaftNode<string>(options, NO_ELECTION, emptyLog(voters))
  const take = () => {
    const taken = { requests: 0, complaints: 0, appends: 0, last: -1 }
    for (let ready = raft.takeReady(); ready !== undefined; ready = raft.takeReady()) {
      if (ready.save !== undefined) raft.stateSaved(ready.save.leaderEpoch)
      taken.appends += ready.log.length
      taken.complaints += ready.complaints.length
      taken.requests += ready.requests.length
      taken.last = ready.requests.find(({ request }) => request.kind === 'fetch')?.id ?? taken.last
    }
    return taken
  }
  raft.step({ kind: 'beginQuorumEpoch', voter: voters.voters[0]!, leaderId: 2, leaderEpoch: 3 }, 1, 0)
  let { last } = take()
  const answer = (...records: { baseOffset: number; endOffset: number; epoch: number }[]) => {
    const batches = records.map((each) => ({ ...each, batch: '', voters: undefined }))
    const outcome = { is: 'records', records: batches } as const
    raft.answered(last, { kind: 'fetch', error: 'NONE', leaderEpoch: 3, leaderId: 2, highWatermark: 0, outcome }, 10)
    const taken = take()
    raft.persisted(raft.endOffset)
    raft.tick(100)
    ;({ last } = take())
    return taken
  }
  assert.equal(answer({ baseOffset: 0, endOffset: 2, epoch: 1 }).appends, 1)
  for (const wrong of [
    { baseOffset: 3, endOffset: 4, epoch: 1 },
    { baseOffset: 2, endOffset: 2, epoch: 1 },
    { baseOffset: 2, endOffset: 3, epoch: 0 },
    { baseOffset: 2, endOffset: 3, epoch: 4 },
  ]) {
    const { appends, complaints } = answer(wrong)
    assert.deepEqual({ appends, complaints }, { appends: 0, complaints: 1 })
    assert.ok(last !== -1, 'it asks again')
  }
  assert.equal(answer({ baseOffset: 2, endOffset: 3, epoch: 3 }, { baseOffset: 3, endOffset: 5, epoch: 3 }).appends, 2)
  assert.equal(raft.endOffset, 5)
})
