/** What a follower makes of an answer of its leader, where the model does not say it shorter. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LeaderEpochCache } from '../../src/log/leader-epoch-cache.js'
import { type FollowedLog, PartitionFollower } from '../../src/replication/partition-follower.js'

function logUpTo(nextOffset: number): FollowedLog {
  const epochs = new LeaderEpochCache()
  epochs.assign(0, 0)
  return { startOffset: 0, nextOffset, settledEndOffset: nextOffset, flushedEndOffset: 0, epochs }
}

test('a follower whose disk did not take what it was given does not count it as committed', () => {
  const follower = new PartitionFollower({ leaderId: 2, leaderEpoch: 0, flushPolicy: 'os', highWatermark: 20 })
  const fetch = follower.next(logUpTo(27))!
  const answer = { error: 'none', highWatermark: 39, logStartOffset: 0, divergingEpoch: undefined } as const
  assert.deepEqual(follower.answered(fetch, answer, logUpTo(27)), { action: 'append' })
  follower.changed(logUpTo(39))
  assert.equal(follower.highWatermark, 39)
  follower.fellBack(logUpTo(27))
  assert.equal(follower.highWatermark, 27)
  follower.changed(logUpTo(39))
  assert.equal(follower.highWatermark, 39)
})

test('a follower that has nothing in common with its leader begins anew where its log starts, and what is deleted stays so', () => {
  const follower = new PartitionFollower({ leaderId: 2, leaderEpoch: 3, flushPolicy: 'os', highWatermark: 27 })
  const epochs = new LeaderEpochCache()
  epochs.assign(2, 10)
  const log = { startOffset: 10, nextOffset: 27, settledEndOffset: 27, flushedEndOffset: 27, epochs }
  const answer = {
    error: 'none',
    highWatermark: 5,
    logStartOffset: 0,
    divergingEpoch: { epoch: 1, endOffset: 5 },
  } as const
  assert.deepEqual(follower.answered(follower.next(log)!, answer, log), { action: 'restart', startOffset: 10 })
  assert.equal(follower.highWatermark, 10)
  const anew = { ...log, nextOffset: 10, settledEndOffset: 10, flushedEndOffset: 10, epochs: new LeaderEpochCache() }
  assert.equal(follower.next(anew), undefined)
  follower.changed(anew)
  assert.equal(follower.highWatermark, 10)
  assert.deepEqual(follower.next(anew), { leaderEpoch: 3, fetchOffset: 10, lastFetchedEpoch: -1, logStartOffset: 10 })
})

test('a follower with nothing in its log begins where its leader does, who has lost what was deleted here', () => {
  const follower = new PartitionFollower({ leaderId: 2, leaderEpoch: 3, flushPolicy: 'os', highWatermark: 27 })
  const answer = { error: 'out of range', highWatermark: 2, logStartOffset: 1, divergingEpoch: undefined } as const
  const epochs = new LeaderEpochCache()
  epochs.assign(2, 10)
  const log = { startOffset: 10, nextOffset: 27, settledEndOffset: 27, flushedEndOffset: 27, epochs }
  assert.deepEqual(follower.answered(follower.next(log)!, answer, log), { action: 'again' })
  const empty = { ...log, nextOffset: 10, settledEndOffset: 10, flushedEndOffset: 10, epochs: new LeaderEpochCache() }
  assert.deepEqual(follower.answered(follower.next(empty)!, answer, empty), { action: 'restart', startOffset: 1 })
  assert.equal(follower.highWatermark, 1)
})

test('a follower whose log parts from what the leader has deleted begins anew where the leader does', () => {
  for (const endOffset of [12, 20]) {
    const follower = new PartitionFollower({ leaderId: 2, leaderEpoch: 3, flushPolicy: 'os', highWatermark: 5 })
    const divergingEpoch = { epoch: 0, endOffset }
    const answer = { error: 'none', highWatermark: 30, logStartOffset: 20, divergingEpoch } as const
    const action = follower.answered(follower.next(logUpTo(27))!, answer, logUpTo(27))
    assert.deepEqual(action, { action: 'restart', startOffset: 20 })
    assert.equal(follower.highWatermark, 20)
  }
  const follower = new PartitionFollower({ leaderId: 2, leaderEpoch: 3, flushPolicy: 'os', highWatermark: 5 })
  const divergingEpoch = { epoch: 0, endOffset: 21 }
  const answer = { error: 'none', highWatermark: 30, logStartOffset: 20, divergingEpoch } as const
  const action = follower.answered(follower.next(logUpTo(27))!, answer, logUpTo(27))
  assert.deepEqual(action, { action: 'truncate', endOffset: 21 })
  assert.equal(follower.highWatermark, 5)
})

test('an answer to an older question is ignored: from another place in the log, or in another leader epoch', () => {
  const follower = new PartitionFollower({ leaderId: 2, leaderEpoch: 3, flushPolicy: 'os', highWatermark: 5 })
  const fetch = follower.next(logUpTo(27))!
  const divergingEpoch = { epoch: 0, endOffset: 20 }
  const answer = { error: 'none', highWatermark: 39, logStartOffset: 0, divergingEpoch } as const
  for (const older of [{ fetchOffset: 26 }, { leaderEpoch: 2 }]) {
    const action = follower.answered({ ...fetch, ...older }, answer, logUpTo(27))
    assert.deepEqual(action, { action: 'ignore' }, JSON.stringify(older))
  }
  assert.deepEqual(follower.answered(fetch, answer, logUpTo(27)), { action: 'truncate', endOffset: 20 })
})
