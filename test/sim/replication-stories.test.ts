/**
 * Stories of replication that the field has learned the hard way (the names R01 and so on are those of the list of regressions), told with whole nodes, each
 * in a few worlds: what becomes of logs that part. Invariants are looked at after every event, and at the end all replicas are equal and have what was
 * acknowledged.
 *
 * `Guard` says what the story needs to end well: with it deleted the story is red.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inSomeWorlds, type ReplicationStory } from './replication-rig.js'

const MIN_TWO = { 'min.insync.replicas': '2' }

function values(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${name}${n}`)
}

// Guard: a follower cuts where the logs part, never at its own high watermark.
test('R01: a follower that restarts before it knows what is committed leads, and has it', () => {
  inSomeWorlds({ replicas: [2, 1], elr: true, topic: MIN_TWO }, (story) => {
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

// Guard: what a follower keeps ends where the epoch that both have ends in its own log, also where the leader's goes on.
test('R03: after two leaders in a row a follower goes back to the last epoch that both have', () => {
  inSomeWorlds({ replicas: [2, 1], elr: true, topic: MIN_TWO }, (story) => {
    story.write(...values('both', 10))
    const release = story.hold(2, 1)
    story.append(2, ...values('only the first leader', 5))
    story.crash(2)
    release()
    story.untilLeads(1)
    // Each in a batch of its own: no batch stands where the logs part.
    for (const value of values('only the second leader', 10)) story.append(1, value)
    story.crash(1)
    story.start(2)
    story.untilLeads(2)
    story.append(2, ...values('the third leader', 6))
    assert.equal(story.valuesOn(1).length, 20)
    story.start(1)
    story.soon('it has gone back', () => story.inSync(2, 1))
    assert.deepEqual(story.valuesOn(1), [
      ...values('both', 10),
      ...values('only the first leader', 5),
      ...values('the third leader', 6),
    ])
  })
})

// Guard: as above; the follower's epochs are those of its records.
test('R03: logs do not part for good when two replicas lead in turn, each without the other', () => {
  inSomeWorlds({ replicas: [1, 2], topic: { 'unclean.leader.election.enable': 'true' } }, (story) => {
    const alone = (id: number, other: number, ...written: string[]): void => {
      story.start(id)
      story.untilLeads(id)
      story.append(id, ...written)
      story.crash(id)
      assert.ok(story.node(other).node === undefined)
    }
    story.append(1, 'one of both')
    story.soon('both have it', () => story.replica(2).log.logEndOffset === 1)
    story.crash(1)
    story.untilLeads(2)
    story.append(2, 'second alone')
    story.crash(2)
    alone(1, 2, ...values('three of the first', 3))
    alone(2, 1, 'second again')
    story.start(1)
    story.untilLeads(1)
    story.append(1, ...values('two of the first', 2))
    story.start(2)
    story.untilInSync(1, 2)
    assert.deepEqual(story.batchesOn(2), story.batchesOn(1))
  })
})

// Guard: nobody joins who has not come to where the leader's epoch starts.
test('R04: a replica joins only when it has all that was there when the leader began, whatever that knows to be committed', () => {
  // Alone, the second knows of nothing more to be committed.
  inSomeWorlds({ topic: MIN_TWO }, (story) => {
    story.write(...values('early', 5))
    story.soon('all know it', () => story.replicas.every((id) => story.replica(id).highWatermark === 5))
    const third = story.hold(1, 3)
    story.pass(100)
    story.append(1, 'between')
    third()
    story.soon('the third has one more', () => story.replica(3).log.logEndOffset === 6)
    const away = story.cut(1, 3)
    story.untilInSync(1, 2)
    const late = story.produce(1, values('late', 4))
    story.soon('the second has it', () => story.replica(2).log.logEndOffset === 10)
    const second = story.hold(1, 2)
    story.soon('it is acknowledged', () => story.outcome(late) === 'NONE')
    const answers = story.hold(2, 3)
    story.crash(1)
    story.untilLeads(2)
    assert.ok(story.replica(2).highWatermark <= 6)
    story.never('the third joins without the rest', 3000, () => story.state.isr.includes(3))
    assert.equal(story.replica(3).log.logEndOffset, 6)
    story.crash(2)
    second()
    away()
    answers()
    story.never('the third leads', 3000, () => story.state.leader === 3)
  })
})

// Guard: nor who has not come to what is committed.
test('R04: nor does one join that has less than what is committed, although it has all that the leader began with', () => {
  // One batch with each answer.
  inSomeWorlds({ settings: { 'replica.fetch.max.bytes': '1' } }, (story) => {
    story.write('a')
    const late = story.hold(1, 3)
    story.append(1, 'b')
    story.untilInSync(1, 2)
    for (const value of ['c', 'd', 'e']) story.write(value)
    late()
    story.soon('it has one more', () => story.replica(1).leading!.positionOf(3) > 1)
    const lateAgain = story.hold(1, 3)
    assert.equal(story.replica(1).leading!.positionOf(3), 2)
    story.never('it joins', 2000, () => story.state.isr.includes(3))
    lateAgain()
  })
})

// Guard: where logs part a follower does nothing but cut.
test('R15: who has led and lost shows nothing of what it has to throw away', () => {
  inSomeWorlds({}, (story) => {
    story.write('common')
    const holds = [story.hold(1, 2), story.hold(1, 3)]
    story.append(1, 'x', 'y', 'z')
    story.crash(1)
    for (const release of holds) release()
    story.untilLeads(2)
    story.write('b')
    story.write('c', 'd', 'e')
    story.node(1).start()
    let looked = 0
    story.soon('it is in sync again', () => {
      const hosted = story.node(1).node?.broker?.replicas.find(story.topicId, 0)
      if (hosted instanceof Object && story.valuesOn(1).includes('x')) {
        looked++
        assert.ok(hosted.highWatermark <= 1, `up to ${hosted.highWatermark} is shown`)
      }
      return story.inSync(1, 2, 3)
    })
    assert.ok(looked > 0)
    assert.deepEqual(story.valuesOn(1), ['common', 'b', 'c', 'd', 'e'])
  })
})

// Guard: where a follower asks from says nothing of what it has, as long as its log parts from the leader's.
test('R15: nor does one count for what it has to throw away', () => {
  inSomeWorlds({ settings: { 'replica.lag.time.max.ms': '10000' } }, (story) => {
    story.write('common')
    const silent = story.hold(1, 2)
    story.append(1, 'x')
    story.soon('the third has it', () => story.replica(3).log.logEndOffset === 2)
    story.crash(1)
    const late = story.hold(3, 2)
    silent()
    story.untilLeads(2)
    const produced = story.produce(2, ['b'])
    story.soon('the second has written it', () => story.replica(2).log.flushedEndOffset === 2)
    late()
    story.soon('it is acknowledged', () => story.outcome(produced) === 'NONE')
    assert.deepEqual(story.valuesOn(3), ['common', 'b'])
  })
})

// Guard: a follower that has fallen out of its leader's log begins anew where that starts.
test('R16: a follower whose place in the log was deleted begins anew, and nobody dies of it', () => {
  inSomeWorlds({}, (story) => {
    story.write('a', 'b')
    story.crash(3)
    story.untilInSync(1, 2)
    for (const value of values('later', 8)) story.write(value)
    story.deleteBefore(1, 6)
    const { starts } = story.node(3)
    story.start(3)
    story.untilInSync(1, 2, 3)
    assert.equal(story.node(3).starts, starts + 1)
    assert.equal(story.replica(3).log.startOffset, 6)
    assert.deepEqual(story.valuesOn(3), values('later', 8).slice(4))
  })
})

// Guard: a leader says where its epoch starts, also if it writes nothing.
test('R17: a leader that has written nothing can tell a follower where their logs part', () => {
  inSomeWorlds({}, (story) => {
    story.write('a')
    story.crash(1)
    story.untilLeads(2)
    story.start(1)
    story.untilInSync(1, 2, 3)
    story.electPreferred()
    assert.equal(story.state.leaderEpoch, 2)
    const holds = [story.hold(1, 2), story.hold(1, 3)]
    story.append(1, 'of an epoch that the others have not seen')
    story.crash(1)
    for (const release of holds) release()
    story.untilLeads(2)
    story.start(1)
    story.untilInSync(1, 2, 3)
    assert.deepEqual(story.valuesOn(1), ['a'])
  })
})

// Guard: an epoch without a record is none of a follower's log.
test('R17: who has led and written nothing follows the next leader', () => {
  inSomeWorlds({}, (story) => {
    story.write('a')
    story.crash(1)
    story.untilLeads(2)
    story.start(1)
    story.untilInSync(1, 2, 3)
    story.electPreferred()
    story.write('b')
    story.untilInSync(1, 2, 3)
  })
})

/** One that writes and is told how it went. */
function answerOf(story: ReplicationStory, id: number, value: string): string {
  const production = story.produce(id, [value])
  story.soon('an answer', () => story.outcome(production) !== 'nothing')
  return story.outcome(production)
}

// Guard: fetches name the leader epoch, and another one is refused.
test('R10: a follower that hears nothing of the metadata does not come back into the ISR by what it fetches', () => {
  inSomeWorlds({}, (story) => {
    story.write('a')
    const deaf = story.hold(story.controller, 3)
    story.crash(1)
    story.untilLeads(2)
    story.start(1)
    story.soon('the first is in sync', () => story.state.isr.includes(1))
    story.electPreferred()
    assert.equal(story.replica(3).leaderEpoch, 0, 'it still follows in the first epoch')
    story.soon('it is out of sync', () => story.inSync(1, 2))
    story.never('it counts', 3000, () => story.inSync(1, 2, 3) || story.replica(1).leading!.positionOf(3) >= 0)
    const currentLeaderEpoch = story.state.leaderEpoch + 1
    assert.equal(story.consume(1, 0, { currentLeaderEpoch }).error, 'UNKNOWN_LEADER_EPOCH')
    assert.equal(answerOf(story, 1, 'b'), 'NONE')
    deaf()
  })
})
