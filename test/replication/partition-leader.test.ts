import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../../src/base/assert.js'
import { PartitionLeader, type PartitionLeaderOptions } from '../../src/replication/partition-leader.js'

const alone: PartitionLeaderOptions = {
  nodeId: 1,
  leaderEpoch: 4,
  replicas: [1],
  isr: [1],
  flushPolicy: 'commit',
  highWatermark: 0,
  logEndOffset: 10,
  flushedEndOffset: 10,
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

test('a replica in sync of which nothing is known holds the high watermark back', () => {
  const leader = new PartitionLeader({ ...alone, replicas: [1, 2], isr: [1, 2], highWatermark: 7 })
  assert.equal(leader.highWatermark, 7)
  leader.appended(20)
  leader.flushed(20)
  assert.equal(leader.highWatermark, 7)
  assert.equal(leader.hasInSync(2), true)
  assert.equal(leader.hasInSync(3), false)
})

test('another flush policy counts from now on, and takes back nothing', () => {
  const leader = new PartitionLeader(alone)
  leader.appended(15)
  assert.equal(leader.setFlushPolicy('os'), true)
  assert.equal(leader.highWatermark, 15)
  assert.equal(leader.setFlushPolicy('commit'), false)
  leader.appended(20)
  assert.equal(leader.flushed(12), false)
  assert.equal(leader.highWatermark, 15)
  assert.equal(leader.flushed(20), true)
  assert.equal(leader.highWatermark, 20)
  assert.equal(leader.capture().flushPolicy, 'commit')
})

test('what was captured is the same leader', () => {
  const leader = new PartitionLeader({ ...alone, replicas: [1, 2], isr: [1, 2] })
  leader.appended(30)
  const copy = new PartitionLeader(leader.capture())
  assert.deepEqual(copy.capture(), leader.capture())
})

test('a log end that goes back is a bug', () => {
  const leader = new PartitionLeader(alone)
  assert.throws(() => leader.appended(9), AssertionError)
  assert.throws(() => leader.flushed(11), AssertionError)
  assert.throws(() => new PartitionLeader({ ...alone, isr: [2] }), AssertionError)
})
