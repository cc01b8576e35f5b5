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
