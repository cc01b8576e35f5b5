/**
 * Stories of replication (see `replication-stories.test.ts`) about what is lost with power, with a disk, or by an election that may lose: what must not be lost,
 * and, as a control, what is lost where nothing was promised.
 *
 * `Guard` says what the story needs to end well: with it deleted the story is red.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Partition } from '../../src/broker/partition.js'
import { inSomeWorlds, ReplicationStory } from './replication-rig.js'

/** A replica counts what is written: power that is lost takes of it. */
const OS = { 'flush.policy': 'os' }
const OS_MIN_TWO = { ...OS, 'min.insync.replicas': '2' }
const MORE_SEEDS = 6

function values(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${name}${n}`)
}

// Guard: a follower asks by the epoch of its last record, not by its offset alone.
test('R02: after a loss of power the log goes on at the same offsets, and who comes back with the old ones gives them up', () => {
  let parted = 0
  inSomeWorlds(
    { replicas: [1, 2], topic: OS },
    (story) => {
      story.writeForNow('kept by both')
      for (const value of values('old', 3)) story.writeForNow(value)
      story.crash(2)
      story.untilInSync(1)
      story.losePower(1)
      story.start(1)
      story.untilLeads(1)
      if (story.valuesOn(1).length < 4) parted++
      story.append(1, ...values('new', 8))
      story.start(2)
      story.untilInSync(1, 2)
      assert.deepEqual(story.batchesOn(2), story.batchesOn(1))
      assert.ok(story.valuesOn(2).includes('new7'))
    },
    MORE_SEEDS,
  )
  assert.ok(parted > 0, 'in some worlds something is lost')
})

// Guard: how far a replica is, is where it asks from now, in this epoch of the leader and in this start of its own.
test('R05: what a leader has known of a replica counts for nothing when that comes back empty, in a new epoch without a record', () => {
  inSomeWorlds(
    { settings: { 'broker.session.timeout.ms': '2000', 'broker.heartbeat.interval.ms': '200' } },
    (story) => {
      story.write(...values('r', 5))
      story.crash(3)
      story.untilInSync(1, 2)
      assert.equal(story.replica(1).leading!.positionOf(3), 5)
      const mute = story.hold(1, story.controller)
      story.untilLeads(2)
      const empty = [story.hold(1, 3), story.hold(2, 3)]
      story.node(3).replaceDisk()
      story.start(3)
      mute()
      story.soon('the first is back', () => story.state.isr.includes(1))
      story.electPreferred()
      assert.equal(story.replica(1).leading!.epochStartOffset, 5, 'nothing was written meanwhile')
      story.never('an empty replica is in sync', 3000, () => story.state.isr.includes(3))
      for (const release of empty) release()
      story.untilInSync(1, 2, 3)
    },
  )
})

// Guard: as above, also where the leader stays the same.
test('R05: nor does it count when the replica was taken away and given back, empty, by a leader that led all the while', () => {
  inSomeWorlds({}, (story) => {
    story.write(...values('r', 5))
    const { leaderEpoch } = story.state
    assert.equal(story.move([1, 2]), 'NONE')
    story.soon(
      'the third has it no more',
      () => story.node(3).node!.broker!.replicas.find(story.topicId, 0) === undefined,
    )
    assert.ok(story.state.leaderEpoch > leaderEpoch)
    const mute = story.hold(3, 1)
    assert.equal(story.move([1, 2, 3]), 'NONE')
    story.soon('it has it again', () => story.node(3).node!.broker!.replicas.find(story.topicId, 0) !== undefined)
    assert.equal(story.replica(1).leading!.epochStartOffset, 5, 'nothing was written meanwhile')
    story.never('an empty replica is in sync', 3000, () => story.state.isr.includes(3))
    mute()
    story.untilInSync(1, 2, 3)
  })
})

// Guard: a consumer that says which epoch it has read is told where that ends.
test('R11: a consumer hears that what it has read is gone, although the log is longer again', () => {
  inSomeWorlds({ replicas: [2, 1], topic: { 'unclean.leader.election.enable': 'true' } }, (story) => {
    story.write('common')
    story.soon('both know it', () => story.replica(1).highWatermark === 1)
    const apart = story.cut(2, 1)
    story.writeForNow(...values('lost', 3))
    assert.ok(story.inSync(2))
    assert.deepEqual(story.consume(2).values, ['common', ...values('lost', 3)])
    const lastFetchedEpoch = story.state.leaderEpoch
    story.crash(2)
    apart()
    story.untilLeads(1)
    story.write(...values('in their place', 6))
    const currentLeaderEpoch = story.state.leaderEpoch
    const answer = story.consume(1, 4, { currentLeaderEpoch, lastFetchedEpoch })
    assert.deepEqual(answer.divergingEpoch, { epoch: lastFetchedEpoch, endOffset: 1 })
    assert.deepEqual(answer.values, [])
    story.start(2)
    story.untilInSync(2, 1)
    assert.ok(
      ![...story.recordsOn(2).values()].includes('lost0'),
      'R25: an unclean election loses what was acknowledged',
    )
  })
})

/** Two leave the ISR, one after the other, and miss something each. Returns what heals it. */
function leaveAlone(story: ReplicationStory): () => void {
  const second = story.cut(1, 2)
  story.append(1, 'with the third')
  story.untilInSync(1, 3)
  story.soon('it is committed', () => story.replica(3).highWatermark === story.replica(3).log.nextOffset)
  assert.deepEqual(story.state.eligibleLeaderReplicas, [])
  const third = story.cut(1, 3)
  story.append(1, 'alone')
  story.untilInSync(1)
  return () => {
    second()
    third()
  }
}

// Guard: who left an ISR that became too small may lead (KIP-966).
test('R12: the last in sync loses power, and nothing is lost: who left it last leads', () => {
  inSomeWorlds(
    { elr: true, topic: OS_MIN_TWO },
    (story) => {
      story.write(...values('r', 5))
      const heal = leaveAlone(story)
      story.losePower(1)
      heal()
      story.untilLeads(3)
      assert.deepEqual(story.valuesOn(3), [...values('r', 5), 'with the third'])
      story.start(1)
      story.untilInSync(1, 2, 3)
    },
    MORE_SEEDS,
  )
})

test('R12: without eligible replicas the same loses what was acknowledged', () => {
  let lost = 0
  inSomeWorlds(
    { topic: OS_MIN_TWO },
    (story) => {
      story.writeForNow(...values('r', 5))
      story.writeForNow('s')
      const heal = leaveAlone(story)
      story.losePower(1)
      heal()
      story.soon('nobody leads', () => story.state.leader === -1)
      story.never('another leads', 3000, () => story.state.leader > 0)
      story.start(1)
      story.untilLeads(1)
      story.untilInSync(1, 2, 3)
      if (story.valuesOn(1).length < 7) lost++
    },
    MORE_SEEDS,
  )
  assert.ok(lost > 0, `${lost} of ${MORE_SEEDS}`)
})

// Guard: who was in an ISR that was large enough without it is not eligible; who may have lost something is no more.
test('R13: only who left an ISR that became too small is eligible, and not when it has lost power since', () => {
  for (const how of ['stops in order', 'crashes', 'loses power'] as const) {
    inSomeWorlds(
      { elr: true, topic: OS_MIN_TWO },
      (story) => {
        story.write(...values('r', 5))
        const heal = leaveAlone(story)
        assert.deepEqual(story.state.eligibleLeaderReplicas, [3])
        if (how === 'stops in order') story.node(3).stopOnce()
        else if (how === 'crashes') story.crash(3)
        else story.losePower(3)
        story.soon('it is down', () => story.node(3).node === undefined)
        story.start(3)
        const isEligible = how !== 'loses power'
        assert.deepEqual(story.state.eligibleLeaderReplicas, isEligible ? [3] : [], how)
        assert.deepEqual(story.state.lastKnownElr, isEligible ? [] : [3])
        if (isEligible) {
          story.losePower(1)
          story.untilLeads(3)
          assert.deepEqual(story.valuesOn(3), [...values('r', 5), 'with the third'])
          story.start(1)
        }
        heal()
        story.untilInSync(1, 2, 3)
      },
      1,
    )
  }
})

// Guard: what was committed once may be read, also where nothing new can be.
test('what a replica knows to be committed it knows again when it leads alone after a restart', () => {
  for (const [intervalMs, how] of [
    [500, 'crashes'],
    [500, 'loses power'],
    [3_600_000, 'crashes'],
    [3_600_000, 'stops in order'],
  ] as const) {
    inSomeWorlds(
      {
        elr: true,
        topic: { 'min.insync.replicas': '2' },
        settings: { 'replica.high.watermark.checkpoint.interval.ms': String(intervalMs) },
      },
      (story) => {
        story.write(...values('r', 5))
        story.pass(1500)
        story.crash(2, 3)
        story.soon('one is in sync', () => story.inSync(1))
        story.append(1, 'alone')
        if (how === 'stops in order') story.node(1).stopOnce()
        else if (how === 'crashes') story.crash(1)
        else story.losePower(1)
        story.soon('it is down', () => story.node(1).node === undefined)
        story.start(1)
        story.untilLeads(1)
        story.pass(1000)
        const knows = intervalMs === 500 || how === 'stops in order'
        assert.equal(story.replica(1).highWatermark, knows ? 5 : 0, `${intervalMs} ms, it ${how}`)
        if (knows) assert.deepEqual(story.consume(1).values, values('r', 5))
        // What is behind that was not committed, and nobody says that it is the end.
        assert.equal(story.consume(1, knows ? 5 : 0).error, 'OFFSET_NOT_AVAILABLE')
        assert.equal(story.latestOffset(1).error, 'OFFSET_NOT_AVAILABLE')
        story.start(2, 3)
      },
      1,
    )
  }
})

// Guard: a log that is cut, or another one, is not what was committed.
test('a high watermark that was written down holds for what has stayed of the log, and not for what comes in its place', () => {
  for (const how of ['crash', 'losePower'] as const) {
    inSomeWorlds(
      {
        replicas: [1, 2],
        topic: { 'unclean.leader.election.enable': 'true', 'min.insync.replicas': '1' },
        settings: { 'replica.high.watermark.checkpoint.interval.ms': '500' },
      },
      (story) => {
        story.append(1, 'both')
        story.soon('both have it', () => story.replica(2).log.logEndOffset === 1)
        const apart = story.cut(1, 2)
        story.soon('it is alone', () => story.inSync(1))
        for (const value of ['w', 'x', 'y', 'z']) story.append(1, value)
        story.soon('it is committed', () => story.replica(1).highWatermark === 5)
        story.pass(1500)
        story.crash(1)
        story.untilLeads(2)
        story.append(2, 'other')
        apart()
        // It is cut, and ends in the middle of that.
        story.start(1)
        story.soon('it has followed', () => story.replica(1).log.logEndOffset === 2)
        story[how](1)
        story.node(1).start()
        story.soon('it is back', () => story.node(1).node?.broker?.replicas.find(story.topicId, 0) instanceof Partition)
        assert.ok(story.replica(1).highWatermark <= 2)
        story.untilInSync(1, 2)
      },
      3,
    )
  }
})

// Guard: whose directory is another one has lost everything.
test('R13: nor is one eligible whose disk was replaced, whatever counts', () => {
  inSomeWorlds({ elr: true, topic: { 'min.insync.replicas': '2' } }, (story) => {
    story.write(...values('r', 5))
    const heal = leaveAlone(story)
    assert.deepEqual(story.state.eligibleLeaderReplicas, [3])
    story.node(3).replaceDisk()
    story.start(3)
    assert.deepEqual(story.state.eligibleLeaderReplicas, [])
    assert.deepEqual(story.state.lastKnownElr, [3])
    heal()
    // Only then nobody takes an empty replica for what is remembered, and one is made.
    story.untilInSync(1, 2, 3)
    assert.equal(story.node(3).starts, 2)
  })
})

// Guard: who may have lost something does not lead, were it the last one.
test('R14: the whole cluster loses power, and nobody leads who may have lost something', () => {
  for (let seed = 1; seed <= 3; seed++) {
    const story = new ReplicationStory(seed, { elr: true, topic: OS_MIN_TWO })
    story.write(...values('r', 5))
    story.losePower(1, 2, 3)
    story.soon('nobody is in sync', () => story.inSync())
    assert.ok(story.state.eligibleLeaderReplicas.length >= 2)
    story.start(1, 2, 3)
    story.never('somebody leads', 20_000, () => story.state.leader >= 0)
    assert.deepEqual(story.state.isr, [])
    assert.deepEqual(story.state.eligibleLeaderReplicas, [])
    assert.ok(story.state.lastKnownElr.length >= 2, 'they are remembered')
    story.invariants.checkAll()
  }
})

// Guard: a replica counts only what it has flushed.
test('R14: the same where only counts what is flushed: all come back, and nothing is lost', () => {
  inSomeWorlds({ elr: true, topic: { 'min.insync.replicas': '2' } }, (story) => {
    story.write(...values('r', 5))
    story.losePower(1, 2, 3)
    story.soon('nobody leads', () => story.state.leader === -1)
    story.start(1, 2, 3)
    story.untilInSync(1, 2, 3)
  })
})

// Guard: what was not flushed is not trusted after a flush that failed; the directory is given up.
test('R18: after an append or a flush that failed a leader acknowledges nothing more, and another one leads', () => {
  for (const fault of ['ioErrorChance', 'failedFlushChance'] as const) {
    inSomeWorlds({}, (story) => {
      story.write('a')
      const { faults } = story.node(1).device
      faults[fault] = 1
      const productions = values('x', 5).map((value) => story.produce(1, [value]))
      story.untilLeads(2)
      for (const production of productions) assert.notEqual(story.outcome(production), 'NONE', fault)
      story.soon('the node has ended: it was its only directory', () => story.node(1).node === undefined)
      story.write('b')
      faults[fault] = 0
      story.start(1)
      story.untilInSync(1, 2, 3)
    })
  }
})

// Guard: the marker of a clean stop goes before anything is read (KAFKA-10471).
test('R24: a start that loses power while it reads is no clean stop any more', () => {
  inSomeWorlds({ replicas: [1, 2], elr: true, topic: OS_MIN_TWO }, (story) => {
    story.write(...values('r', 3))
    story.node(2).stopOnce()
    story.soon('it has stopped', () => story.node(2).node === undefined)
    story.untilInSync(1)
    assert.deepEqual(story.state.eligibleLeaderReplicas, [2])
    story.node(2).start()
    story.soon('it has read the metadata', () => story.node(2).node?.quorum !== undefined)
    assert.ok((story.node(2).node!.broker?.brokerEpoch ?? -1) === -1, 'nobody has heard of it')
    story.losePower(2)
    const apart = story.cut(1, 2)
    story.start(2)
    assert.deepEqual(story.state.eligibleLeaderReplicas, [])
    apart()
    story.untilInSync(1, 2)
  })
})

test('R25: with acks=1 what was acknowledged is lost with the leader', () => {
  inSomeWorlds({}, (story) => {
    story.write('a')
    const holds = [story.hold(1, 2), story.hold(1, 3)]
    story.append(1, 'lost')
    story.crash(1)
    for (const release of holds) release()
    story.untilLeads(2)
    story.write('b')
    story.start(1)
    story.untilInSync(1, 2, 3)
    assert.deepEqual(story.valuesOn(1), ['a', 'b'])
  })
})
