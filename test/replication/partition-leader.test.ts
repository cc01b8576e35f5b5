import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../../src/base/assert.js'
import { PartitionLeader } from '../../src/replication/partition-leader.js'
import type { PartitionLeaderOptions } from '../../src/replication/partition-leader-state.js'

const alone: PartitionLeaderOptions = {
  nodeId: 1,
  leaderEpoch: 4,
  partitionEpoch: 7,
  replicas: [1],
  isr: [1],
  eligible: [],
  flushPolicy: 'commit',
  minInsyncReplicas: 1,
  longestLagMs: 1000,
  highWatermark: 0,
  startOffset: 0,
  logEndOffset: 10,
  flushedEndOffset: 10,
  nowMs: 0,
}
/** Epochs of the brokers' incarnations. */
const USABLE = new Map([
  [1, 10],
  [2, 20],
  [3, 30],
])

function leaderOf(options: Partial<PartitionLeaderOptions>): PartitionLeader {
  const leader = new PartitionLeader({ ...alone, replicas: [1, 2, 3], isr: [1, 2, 3], ...options })
  leader.setUsable(USABLE)
  return leader
}

test('under commit the high watermark follows what is flushed', () => {
  const leader = new PartitionLeader(alone)
  assert.equal(leader.highWatermark, 10)
  assert.equal(leader.appended(15), false)
  assert.equal(leader.highWatermark, 10)
  assert.equal(leader.flushed(12), true)
  assert.equal(leader.highWatermark, 12)
})

test('under os it follows what is appended', () => {
  const leader = new PartitionLeader({ ...alone, flushPolicy: 'os' })
  assert.equal(leader.appended(15), true)
  assert.equal(leader.highWatermark, 15)
  assert.equal(leader.flushed(12), false)
})

test('a replica in sync of which nothing is known holds the high watermark back, and it is not known until it has fetched', () => {
  const leader = leaderOf({ replicas: [1, 2], isr: [1, 2], highWatermark: 7 })
  leader.appended(20)
  leader.flushed(20)
  assert.deepEqual([leader.highWatermark, leader.knowsHighWatermark, leader.positionOf(2)], [7, false, -1])
  assert.equal(leader.fetched(2, 9, 20, 5, 0), true)
  assert.deepEqual([leader.highWatermark, leader.knowsHighWatermark], [9, false])
  assert.equal(leader.fetched(2, 10, 20, 6, 0), true)
  assert.deepEqual([leader.highWatermark, leader.knowsHighWatermark, leader.positionOf(2)], [10, true, 10])
})

test('below min.insync.replicas nothing is committed, and a topic of fewer replicas than that wants all of them', () => {
  const leader = leaderOf({ replicas: [1, 2], isr: [1], minInsyncReplicas: 2, highWatermark: 3 })
  assert.deepEqual([leader.hasEnoughInSync, leader.highWatermark], [false, 3])
  assert.equal(leader.configure('commit', 1, 1000), true)
  assert.deepEqual([leader.hasEnoughInSync, leader.highWatermark], [true, 10])
  const single = new PartitionLeader({ ...alone, minInsyncReplicas: 3 })
  assert.deepEqual([single.hasEnoughInSync, single.highWatermark], [true, 10])
})

test('who does not catch up for too long is proposed to be out of sync, and waited for until the controller agrees', () => {
  const leader = leaderOf({ replicas: [1, 2], isr: [1, 2] })
  leader.fetched(2, 10, 20, 500, 0)
  leader.appended(20)
  leader.flushed(20)
  leader.tick(1500, 0)
  assert.equal(leader.hasProposal, false)
  leader.tick(1501, 0)
  assert.equal(leader.hasProposal, true)
  const proposal = leader.takeProposal()!
  assert.deepEqual(proposal, { number: 1, leaderEpoch: 4, partitionEpoch: 7, isr: [{ brokerId: 1, brokerEpoch: -1 }] })
  assert.deepEqual([leader.hasProposal, leader.takeProposal(), leader.highWatermark], [false, undefined, 10])
  assert.equal(leader.answered(1, { kind: 'accepted', isr: [1], partitionEpoch: 8 }), true)
  assert.deepEqual([leader.highWatermark, leader.isr], [20, [1]])
})

test('time in which the process stood still counts against nobody', () => {
  const leader = leaderOf({ replicas: [1, 2], isr: [1, 2] })
  leader.fetched(2, 10, 20, 500, 0)
  leader.appended(20)
  leader.tick(5000, 4000)
  assert.equal(leader.hasProposal, false)
})

test('who has caught up is proposed with the epoch of its incarnation, and counts from that moment on', () => {
  const leader = leaderOf({ isr: [1, 2], replicas: [1, 2, 3] })
  leader.fetched(2, 10, 20, 0, 0)
  assert.equal(leader.fetched(3, 9, 30, 0, 0), true, 'where its log starts is news')
  assert.equal(leader.fetched(3, 9, 30, 0, 0), false)
  assert.equal(leader.hasProposal, false)
  leader.fetched(3, 10, 30, 1, 0)
  const proposal = leader.takeProposal()!
  assert.deepEqual(proposal.isr.at(-1), { brokerId: 3, brokerEpoch: 30 })
  leader.appended(12)
  leader.flushed(12)
  assert.equal(leader.fetched(2, 12, 20, 2, 0), false)
  assert.equal(leader.fetched(3, 12, 30, 3, 0), true)
  assert.equal(leader.answered(proposal.number, { kind: 'unanswered' }), false)
  assert.equal(leader.takeProposal()?.number, proposal.number)
})

test('an incarnation that is not the one in use is not proposed', () => {
  const leader = leaderOf({ isr: [1], replicas: [1, 3] })
  leader.fetched(3, 10, 29, 1, 0)
  assert.equal(leader.hasProposal, false)
  leader.fetched(3, 10, 30, 2, 0)
  assert.equal(leader.hasProposal, true)
})

test('what the metadata says of an older partition epoch changes nothing', () => {
  const leader = leaderOf({ isr: [1, 2], replicas: [1, 2] })
  assert.equal(leader.changed(7, [1, 2], [1]), false)
  assert.deepEqual(leader.isr, [1, 2])
  assert.equal(leader.changed(8, [1, 2], [1]), true)
  assert.deepEqual([leader.isr, leader.highWatermark], [[1], 10])
})

test('another flush policy counts from now on, and takes back nothing', () => {
  const leader = new PartitionLeader(alone)
  leader.appended(15)
  assert.equal(leader.configure('os', 1, 1000), true)
  assert.equal(leader.highWatermark, 15)
  assert.equal(leader.configure('commit', 1, 1000), false)
  leader.appended(20)
  assert.equal(leader.flushed(12), false)
  assert.equal(leader.highWatermark, 15)
  assert.equal(leader.flushed(20), true)
  assert.equal(leader.highWatermark, 20)
  assert.equal(leader.capture().flushPolicy, 'commit')
})

test('who was elected without being in sync says that it has recovered, with the ISR as it is, until that is accepted', () => {
  const leader = leaderOf({ isr: [1], isRecovering: true })
  const unchanged = { leaderEpoch: 4, partitionEpoch: 7, isr: [{ brokerId: 1, brokerEpoch: -1 }] }
  assert.deepEqual(leader.takeProposal(), { number: 1, ...unchanged })
  leader.answered(1, { kind: 'refused' })
  assert.equal(leader.hasProposal, false)
  leader.tick(500, 0)
  assert.deepEqual(leader.takeProposal(), { number: 2, ...unchanged })
  leader.changed(8, [1, 2, 3], [1], true)
  assert.deepEqual(leader.takeProposal(), { ...unchanged, number: 3, partitionEpoch: 8 })
  leader.answered(3, { kind: 'accepted', isr: [1], partitionEpoch: 9 })
  leader.tick(1000, 0)
  assert.deepEqual([leader.isRecovering, leader.hasProposal], [false, false])
})

test('what was captured is the same leader', () => {
  const leader = leaderOf({ isr: [1, 2] })
  leader.appended(30)
  leader.fetched(3, 30, 30, 4, 0)
  leader.takeProposal()
  const copy = new PartitionLeader(leader.capture())
  assert.deepEqual(copy.capture(), leader.capture())
})

test('a log end that goes back is a bug', () => {
  const leader = new PartitionLeader(alone)
  assert.throws(() => leader.appended(9), AssertionError)
  assert.throws(() => leader.flushed(11), AssertionError)
  assert.throws(() => new PartitionLeader({ ...alone, isr: [2] }), AssertionError)
})

test('what is in front of the low watermark is with nobody who is there or may lead', () => {
  const leader = leaderOf({ replicas: [1, 2, 3, 4], isr: [1, 2], eligible: [3], startOffset: 2 })
  assert.equal(leader.lowWatermark, -1)
  leader.fetched(2, 10, 20, 1, 2)
  assert.equal(leader.lowWatermark, -1, 'the third has not said')
  assert.equal(leader.fetched(3, 10, 30, 1, 0), true)
  assert.equal(leader.lowWatermark, 0, 'the fourth is not there')
  leader.startMoved(7)
  leader.fetched(3, 10, 30, 2, 7)
  assert.equal(leader.lowWatermark, 2)
  assert.equal(leader.fetched(2, 10, 20, 3, 5), true)
  assert.equal(leader.lowWatermark, 5)
  assert.equal(leader.fetched(2, 10, 20, 3, 8), true)
  assert.equal(leader.lowWatermark, 7)
  assert.equal(new PartitionLeader(leader.capture()).lowWatermark, 7)
  // Whether they are there or not: those in sync and eligible may lead.
  const unseen = leaderOf({ replicas: [1, 2], isr: [1, 2] })
  unseen.setUsable(new Map([[1, 10]]))
  assert.equal(unseen.lowWatermark, -1)
  unseen.changed(8, [1, 2], [1], false, [2])
  assert.equal(unseen.lowWatermark, -1)
  unseen.changed(9, [1, 2], [1])
  assert.equal(unseen.lowWatermark, 0)
  assert.throws(() => leader.startMoved(6), AssertionError)
})

test('who still has what was deleted is not proposed to be in sync, and who is proposed counts', () => {
  const leader = leaderOf({ replicas: [1, 2], isr: [1], startOffset: 4 })
  leader.fetched(2, 10, 20, 1, 3)
  assert.equal(leader.hasProposal, false)
  leader.fetched(2, 10, 20, 2, 4)
  assert.equal(leader.hasProposal, true)
  leader.setUsable(new Map([[1, 10]]))
  leader.startMoved(6)
  assert.equal(leader.lowWatermark, 4)
})

test('who is kept out for what is deleted by now comes back with nothing', () => {
  const leader = leaderOf({ replicas: [1, 2], isr: [1] })
  leader.fetched(2, 9, 20, 1, 0)
  assert.equal(leader.keepOut(2, 5), true)
  leader.startMoved(8)
  leader.fetched(2, 9, 20, 2, 8)
  assert.equal(leader.keptOutFrom(2), 5)
  leader.fetched(2, 8, 20, 3, 8)
  assert.equal(leader.keptOutFrom(2), undefined)
})

test('whose log is not what was committed is proposed to be out of sync, and comes back when it has asked for that again', () => {
  const leader = leaderOf({ minInsyncReplicas: 2 })
  for (const id of [2, 3]) leader.fetched(id, 10, 10 * id, 1, 0)
  assert.equal(leader.keepOut(3, 4), true)
  const proposal = leader.takeProposal()!
  assert.deepEqual(
    proposal.isr.map(({ brokerId }) => brokerId),
    [1, 2],
  )
  assert.equal(leader.mayRebuild(3), false)
  leader.appended(12)
  leader.flushed(12)
  assert.equal(leader.fetched(2, 12, 20, 2, 0), false, 'it is waited for until the controller agrees')
  assert.equal(leader.answered(proposal.number, { kind: 'accepted', isr: [1, 2], partitionEpoch: 8 }), true)
  assert.equal(leader.highWatermark, 12)
  assert.deepEqual([leader.mayRebuild(3), leader.mayRebuild(2)], [true, false])
  leader.fetched(3, 12, 30, 3, 0)
  leader.fetched(3, 5, 30, 4, 0)
  leader.fetched(3, 12, 30, 5, 0)
  leader.tick(6, 0)
  assert.deepEqual([leader.hasProposal, leader.keptOutFrom(3)], [false, 4])
  assert.deepEqual(new PartitionLeader(leader.capture()).keptOutFrom(3), 4)
  leader.appended(14)
  leader.flushed(14)
  assert.equal(leader.fetched(2, 14, 20, 7, 0), true, 'it is not waited for, however close it seems')
  leader.fetched(3, 4, 30, 8, 0)
  assert.deepEqual([leader.hasProposal, leader.keptOutFrom(3)], [false, undefined])
  leader.fetched(3, 14, 30, 9, 0)
  assert.equal(leader.hasProposal, true)
})

test('who has to be kept out is proposed to be as soon as what was asked for before is decided', () => {
  const leader = leaderOf({ isr: [1, 2] })
  for (const id of [2, 3]) leader.fetched(id, 10, 10 * id, 1, 0)
  const expansion = leader.takeProposal()!
  assert.equal(leader.keepOut(3, 0), true)
  assert.equal(leader.hasProposal, false)
  leader.answered(expansion.number, { kind: 'accepted', isr: [1, 2, 3], partitionEpoch: 8 })
  leader.tick(2, 0)
  assert.deepEqual(
    leader.takeProposal()!.isr.map(({ brokerId }) => brokerId),
    [1, 2],
  )
})

test('nobody is kept out where too few would be left in sync, nor who is no replica, nor the leader', () => {
  const leader = leaderOf({ isr: [1, 2], minInsyncReplicas: 2 })
  assert.deepEqual([leader.keepOut(2, 4), leader.keepOut(1, 4), leader.keepOut(7, 4)], [false, false, false])
  assert.deepEqual([leader.hasProposal, leader.keptOutFrom(2)], [false, undefined])
  assert.equal(leader.keepOut(3, 4), true, 'it is not in sync as it is')
  assert.equal(leader.hasProposal, false)
})

test('a leader whose own log is not what was committed proposes that one of those leads whose logs are, and goes on until it is told', () => {
  const leader = leaderOf({ minInsyncReplicas: 2 })
  assert.equal(leader.handOver([2]), false, 'too few would be in sync')
  assert.equal(leader.handOver([2, 3, 4]), true)
  assert.equal(leader.handOver([2, 3]), false, 'it is asked for')
  const { number, leaderEpoch, isr, handsOver } = leader.takeProposal()!
  assert.deepEqual([number, leaderEpoch, handsOver, isr.map(({ brokerId }) => brokerId)], [1, 4, true, [2, 3]])
  leader.answered(1, { kind: 'unanswered' })
  assert.equal(leader.takeProposal()?.handsOver, true)
  leader.answered(1, { kind: 'refused' })
  assert.equal(leader.handOver([2, 3]), true)
  const outOfSync = leaderOf({ isr: [1], minInsyncReplicas: 1 })
  assert.equal(outOfSync.handOver([2, 3]), false)
})

test('it led by then when all who may be elected have asked on after a later answer, in the incarnation that is known', () => {
  const leader = leaderOf({ isr: [1, 2], eligible: [3] })
  // The one that is eligible has not caught up, and is not proposed.
  const fetched = (id: number, brokerEpoch: number, answer: number): unknown =>
    leader.fetched(id, id === 3 ? 9 : 10, brokerEpoch, 1, 0, answer)
  assert.equal(leader.ledAt(5), 'open')
  fetched(2, 20, 6)
  fetched(3, 30, 5)
  assert.equal(leader.ledAt(5), 'open', 'an answer from before says nothing')
  fetched(3, 30, 8)
  assert.deepEqual([leader.ledAt(5), leader.ledAt(6)], ['yes', 'open'])
  fetched(2, 20, 3)
  assert.equal(leader.ledAt(5), 'yes', 'what was sent before and comes late takes nothing back')
  fetched(3, 31, 9)
  assert.equal(leader.ledAt(5), 'open', 'another incarnation may not know yet what this one knew')
  leader.setUsable(new Map([...USABLE].filter(([id]) => id !== 3)))
  assert.equal(leader.ledAt(5), 'unknown')
  leader.changed(8, [1, 2, 3], [1, 2], false, [])
  assert.equal(leader.ledAt(5), 'yes', 'who is neither in sync nor eligible is not elected')
  leader.changed(9, [1, 2, 3], [1])
  assert.equal(leader.ledAt(1000), 'yes')
})

test('who is proposed to be in sync may be elected', () => {
  const leader = leaderOf({ isr: [1], replicas: [1, 3] })
  assert.equal(leader.ledAt(0), 'yes')
  leader.fetched(3, 10, 30, 1, 0, 1)
  assert.equal(leader.hasProposal, true)
  assert.deepEqual([leader.ledAt(0), leader.ledAt(1)], ['yes', 'open'])
})
