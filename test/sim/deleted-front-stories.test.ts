/**
 * Stories of replication (see `replication-stories.test.ts`) about logs whose front was deleted: records of one batch may be gone and others not, and who comes
 * later has to begin there.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Partition } from '../../src/broker/partition.js'
import { inSomeWorlds, type ReplicationStory } from './replication-rig.js'

const VALUES = ['a', 'b', 'c', 'd', 'e']

/** One batch from 2 to 7 in all logs, and so many more behind it; what is deleted ends in the middle of it. */
function deletedInto(story: ReplicationStory, startOffset: number, behind: readonly string[] = ['f', 'g']): void {
  story.write('first', 'second')
  story.write(...VALUES)
  if (behind.length > 0) story.write(...behind)
  story.deleteBefore(1, startOffset)
  story.soon('all have deleted it', () =>
    story.replicas.every((id) => story.replica(id).log.startOffset === startOffset),
  )
}

// Guard: a log that begins in the middle of a batch has that batch.
for (const behind of [['f', 'g'], []]) {
  const what = behind.length === 0 ? 'the last batch' : 'a batch'
  test(`a replica on an empty disk begins in the middle of ${what}, where its leader does`, () => {
    inSomeWorlds({}, (story) => {
      deletedInto(story, 4, behind)
      story.crash(3)
      story.untilInSync(1, 2)
      story.node(3).replaceDisk()
      story.start(3)
      story.untilInSync(1, 2, 3)
      const { log } = story.replica(3)
      assert.equal(log.startOffset, 4)
      assert.deepEqual(story.valuesOn(3), [...VALUES, ...behind])
      story.write('h')
      for (const id of [1, 2]) story.crash(id)
      story.node(3).losePower()
      story.start(3)
      assert.equal(story.replica(3).log.startOffset, 4)
      assert.deepEqual(story.valuesOn(3), [...VALUES, ...behind, 'h'])
    })
  })
}

test('a replica that is added begins in the middle of a batch, whatever crash comes between, and leads from there', () => {
  inSomeWorlds(
    { replicas: [1, 2], brokers: 3 },
    (story) => {
      deletedInto(story, 5)
      const random = story.simulation.random('test')
      const { machine } = story.node(3)
      const strike = (): void => (random.chance(0.6) ? machine.losePower() : machine.crash())
      machine.crashPoint = { operationsLeft: random.between(1, 60), strike }
      assert.equal(story.move([1, 2, 3]), 'NONE')
      story.pass(random.between(50, 3000))
      machine.crashPoint = undefined
      if (story.node(3).node === undefined) story.start(3)
      story.untilInSync(1, 2, 3)
      story.write('h')
      story.crash(1)
      story.crash(2)
      story.untilLeads(3)
      assert.deepEqual(story.consume(3, 5).values, [...VALUES, 'f', 'g', 'h'])
      assert.equal(story.consume(3, 4).error, 'OFFSET_OUT_OF_RANGE')
      story.start(1, 2)
      story.untilInSync(1, 2, 3)
      assert.equal(story.move([1, 2]), 'NONE')
      story.soon('it has moved back', () => story.state.replicas.join() === '1,2')
    },
    12,
  )
})

test('a replica that comes back to find all that it has deleted begins in the middle of a batch', () => {
  inSomeWorlds({}, (story) => {
    story.write('first', 'second')
    story.crash(3)
    story.untilInSync(1, 2)
    story.write(...VALUES)
    story.write('f')
    story.deleteBefore(1, 6)
    story.start(3)
    story.untilInSync(1, 2, 3)
    assert.equal(story.replica(3).log.startOffset, 6)
    assert.deepEqual(story.valuesOn(3), [...VALUES, 'f'])
  })
})

/** Where the logs of these start. */
function startsOf(story: ReplicationStory, ...ids: readonly number[]): number[] {
  return ids.map((id) => story.replica(id).log.startOffset)
}

// Guard: KIP-107, DeleteRecords is answered when all who are there have followed.
test('what was deleted, as its client was told, is with nobody any more, and nobody waits for the next fetch', () => {
  inSomeWorlds({}, (story) => {
    story.write(...VALUES)
    story.pass(1000)
    const { error, lowWatermark, tookMs } = story.deletion(1, 3)
    assert.deepEqual([error, lowWatermark, ...startsOf(story, 1, 2, 3)], ['NONE', 3, 3, 3, 3])
    assert.ok(tookMs < 200, `${tookMs} ms`)
    // Under a load, and behind what all have by now.
    const production = story.produce(1, ['f', 'g'])
    assert.deepEqual([story.deletion(1, 5).error, ...startsOf(story, 1, 2, 3)], ['NONE', 5, 5, 5])
    story.soon('it is acknowledged', () => story.outcome(production) === 'NONE')
  })
})

test('a deletion waits for a follower that is there and does not fetch, for as long as its client does', () => {
  inSomeWorlds({ settings: { 'replica.lag.time.max.ms': '60000' } }, (story) => {
    story.write(...VALUES)
    story.deleteBefore(1, 1)
    const on = story.cut(3, 1)
    story.pass(1000)
    const { error, lowWatermark, tookMs } = story.deletion(1, 4, 3000)
    assert.deepEqual([error, lowWatermark, startsOf(story, 1, 2)], ['REQUEST_TIMED_OUT', 1, [4, 4]])
    assert.ok(tookMs >= 3000, `${tookMs} ms`)
    on()
    const again = story.deletion(1, 4, 30_000)
    assert.deepEqual([again.error, again.lowWatermark, startsOf(story, 3)], ['NONE', 4, [4]])
  })
})

test('a deletion does not wait for who is away, who is not in sync again before it has followed', () => {
  inSomeWorlds({}, (story) => {
    story.write(...VALUES)
    story.crash(3)
    story.untilInSync(1, 2)
    story.deleteBefore(1, 3)
    story.node(3).start()
    const { device } = story.node(3).machine
    story.never('it is in sync with what was deleted', 4000, () => {
      const hosted = story.node(3).node?.broker?.replicas.find(story.topicId, 0)
      const isAgreed = hosted instanceof Partition && hosted.following?.core.isAgreed === true
      // What it has to write down takes its time.
      if (isAgreed && device.faults.stuckUntilMs === 0) device.faults.stuckUntilMs = story.simulation.nowMs + 500
      return story.inSync(1, 2, 3) && !(startsOf(story, 3)[0]! >= 3)
    })
    story.untilInSync(1, 2, 3)
    story.crash(1)
    story.crash(2)
    story.untilLeads(3)
    assert.equal(story.consume(3, 2).error, 'OFFSET_OUT_OF_RANGE')
    story.start(1, 2)
  })
})

test('a deletion waits for who is away and may lead all the same', () => {
  inSomeWorlds({ replicas: [1, 2], topic: { 'min.insync.replicas': '2' }, elr: true }, (story) => {
    story.write(...VALUES)
    story.crash(2)
    story.soon('it is eligible', () => story.inSync(1) && story.state.eligibleLeaderReplicas.join() === '2')
    story.pass(500)
    assert.equal(story.deletion(1, 3, 2000).error, 'REQUEST_TIMED_OUT')
    story.start(2)
    assert.deepEqual([story.deletion(1, 3).error, ...startsOf(story, 1, 2)], ['NONE', 3, 3])
  })
})

// Guard: where the leader's log starts its epochs do, and the records there need not be those that stand there elsewhere.
test('a replica whose log parts from one that starts in the middle of a batch has none of its own records left', () => {
  inSomeWorlds({ replicas: [1, 2], topic: { 'unclean.leader.election.enable': 'true' } }, (story) => {
    story.append(1, 'one of both')
    story.soon('both have it', () => story.replica(2).log.logEndOffset === 1)
    const apart = story.cut(1, 2)
    for (const value of ['w', 'x', 'y', 'z']) story.append(1, value)
    story.crash(1)
    apart()
    story.untilLeads(2)
    story.append(2, ...VALUES)
    story.append(2, 'f')
    story.deleteBefore(2, 3)
    story.start(1)
    story.untilInSync(1, 2)
    assert.equal(story.replica(1).log.startOffset, 3)
    assert.deepEqual(story.valuesOn(1), [...VALUES, 'f'])
    story.crash(2)
    story.untilLeads(1)
    assert.deepEqual(story.consume(1, 3).values, [...VALUES, 'f'])
    story.start(2)
  })
})
