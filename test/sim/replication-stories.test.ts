/**
 * Stories of replication that the field has learned the hard way (the names R01 and so on are those of the list of regressions), told with whole nodes, each
 * in a few worlds. Invariants are looked at after every event, and at the end all replicas are equal and have what was acknowledged.
 *
 * `Guard` says what the story needs to end well: with it deleted the story is red.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inSomeWorlds } from './replication-rig.js'

// Guard: a follower cuts where the logs part, never at its own high watermark.
test('R01: a follower that restarts before it knows what is committed leads, and has it', () => {
  inSomeWorlds({ replicas: [2, 1], elr: true, topic: { 'min.insync.replicas': '2' } }, (story) => {
    story.write('m1')
    const produced = story.produce(2, ['m2'])
    story.soon('the follower has it', () => story.replica(1).log.logEndOffset === 2)
    const release = story.hold(2, 1)
    story.soon('it is acknowledged', () => story.outcome(produced) === 'NONE')
    assert.ok(story.replica(1).highWatermark < 2, 'the follower does not know it')
    story.crash(1)
    story.start(1)
    assert.deepEqual(story.valuesOn(1), ['m1', 'm2'])
    story.crash(2)
    release()
    story.untilLeads(1)
    assert.deepEqual(story.valuesOn(1), ['m1', 'm2'])
  })
})
