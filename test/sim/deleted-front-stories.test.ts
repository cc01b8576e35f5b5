/**
 * Stories of replication (see `replication-stories.test.ts`) about logs whose front was deleted: records of one batch may be gone and others not, and who comes
 * later has to begin there.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
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
