/**
 * Stories of replication (see `replication-stories.test.ts`) about who is in sync, and who says so.
 *
 * `Guard` says what the story needs to end well: with it deleted the story is red.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorByCode } from '../../src/protocol/errors.js'
import { inSomeWorlds, LAG_MS, type ReplicationStory } from './replication-rig.js'

/** A request to the controller that has not been answered by then is made again. */
const GIVEN_UP_MS = 12_000

/** The leader has proposed that this one is in sync, and does not know what became of it. */
function isProposed(story: ReplicationStory, leader: number, id: number): boolean {
  const { leading } = story.replica(leader)
  return leading?.maximalIsr.includes(id) === true && !leading.isr.includes(id)
}

// Guard: who is proposed to be in sync counts from the moment on in which the proposal leaves.
test('R06: what is written while a replica is about to join is not acknowledged without it', () => {
  inSomeWorlds({}, (story) => {
    story.write('a')
    story.crash(3)
    story.untilInSync(1, 2)
    story.node(3).start()
    story.soon('the third is proposed', () => isProposed(story, 1, 3))
    const deaf = story.hold(story.controller, 1)
    const apart = story.cut(1, 3)
    story.soon('the controller has taken it in', () => story.inSync(1, 2, 3))
    const produced = story.produce(1, ['b', 'c'])
    story.never('it is acknowledged without the third', 3 * LAG_MS, () => story.outcome(produced) !== 'nothing')
    story.crash(1, 2)
    story.untilLeads(3)
    deaf()
    apart()
    assert.equal(story.outcome(produced), 'lost')
  })
})

// Guard: a proposal of which nobody knows what became of it counts until somebody does.
test('R06: nor is it while nobody knows what became of the proposal, however long that takes', () => {
  inSomeWorlds({ settings: { 'broker.session.timeout.ms': '60000' } }, (story) => {
    story.write('a')
    story.crash(3)
    story.untilInSync(1, 2)
    story.node(3).start()
    story.soon('the third is proposed', () => isProposed(story, 1, 3))
    const deaf = story.hold(story.controller, 1)
    const apart = story.cut(1, 3)
    story.soon('the controller has taken it in', () => story.inSync(1, 2, 3))
    const produced = story.produce(1, ['b'])
    story.never('it is acknowledged without the third', GIVEN_UP_MS, () => story.outcome(produced) !== 'nothing')
    deaf()
    apart()
    story.soon('now it is', () => story.outcome(produced) === 'NONE')
  })
})

// Guard: who is to leave the ISR counts until the controller has agreed.
test('R06: nor is what a leader writes alone, as long as the controller has not taken the others out', () => {
  inSomeWorlds({}, (story) => {
    story.write('a')
    const mute = story.hold(1, story.controller)
    const silent = [story.hold(1, 2), story.hold(1, 3)]
    const produced = story.produce(1, ['b'])
    story.never('it is acknowledged', 3 * LAG_MS, () => story.outcome(produced) !== 'nothing')
    story.crash(1)
    story.untilLeads(2)
    for (const release of [mute, ...silent]) release()
    story.write('c')
  })
})

// Guard: with fewer in sync than `min.insync.replicas` nothing is committed.
test('R07: a leader that is alone commits nothing while one that will join is on its way, as others may still be eligible', () => {
  inSomeWorlds({ elr: true, topic: { 'min.insync.replicas': '2' } }, (story) => {
    story.write('a')
    story.crash(3)
    story.untilInSync(1, 2)
    story.crash(2)
    story.untilInSync(1)
    assert.deepEqual(story.state.eligibleLeaderReplicas, [2])
    story.node(3).start()
    story.untilUsable(3, 1)
    const mute = story.hold(1, story.controller)
    story.soon('the third is proposed', () => isProposed(story, 1, 3))
    story.append(1, 'b')
    story.never('it is committed by two that are not in sync', 2000, () => story.replica(1).highWatermark > 1)
    assert.equal(story.replica(3).log.logEndOffset, 2, 'although both have it')
    mute()
    story.untilInSync(1, 3)
    story.soon('now it is', () => story.replica(1).highWatermark === 2)
  })
})

// Guard: who is taken in is the incarnation that the leader has heard.
test('R08: a proposal that arrives late does not take in a replica that has lost its log meanwhile', () => {
  for (const how of ['replaceDisk', 'losePower'] as const) {
    inSomeWorlds({ replicas: [1, 2], topic: { 'flush.policy': 'os' } }, (story) => {
      story.write('a', 'b')
      story.crash(2)
      story.untilInSync(1)
      story.write('c')
      story.node(2).start()
      story.untilUsable(2, 1)
      const mute = story.hold(1, story.controller)
      story.soon('the second is proposed', () => isProposed(story, 1, 2))
      const apart = story.cut(1, 2)
      story.node(2)[how]()
      story.start(2)
      mute()
      story.never(`it is in sync after ${how}`, 3000, () => story.state.isr.includes(2))
      story.crash(1)
      story.never('it leads', 3000, () => story.state.leader === 2)
      apart()
    })
  }
})

// Guard: a broker's epoch is that of one start; what an earlier one has sent is refused.
test('R09: a broker that is back before anybody has missed it is another one, and nothing of the one before counts', () => {
  inSomeWorlds({}, (story) => {
    story.write('a')
    const before = story.node(1).node!.broker!.brokerEpoch
    const { leaderEpoch, partitionEpoch } = story.state
    // Nobody sees the end of its connections.
    story.node(1).machine.goesSilently = true
    story.losePower(1)
    story.start(1)
    const after = story.node(1).node!.broker!.brokerEpoch
    assert.ok(after > before)
    const newIsrWithEpochs = [{ brokerId: 1, brokerEpoch: before }]
    const partition = { partitionIndex: 0, leaderEpoch, newIsr: [], leaderRecoveryState: 0, partitionEpoch }
    const topics = [{ topicId: story.topicId, partitions: [{ ...partition, newIsrWithEpochs, handsOver: false }] }]
    const reply = story.ask('AlterPartition', { brokerId: 1, brokerEpoch: before, topics })
    assert.equal(errorByCode(reply.errorCode!).name, 'STALE_BROKER_EPOCH')
    story.untilInSync(1, 2, 3)
    assert.ok(story.state.leaderEpoch > leaderEpoch, 'it does not lead on in the epoch of the one before')
    story.write('b')
  })
})

// Guard: a controller that knows less than the leader says that it is none.
test('R19: a leader that knows more than the controller is told that it asks the wrong one', () => {
  inSomeWorlds({ controllers: 3 }, (story) => {
    const { leaderEpoch, partitionEpoch } = story.state
    const { brokerEpoch } = story.node(1).node!.broker!
    const newIsrWithEpochs = story.state.isr.map((brokerId) => ({ brokerId, brokerEpoch: -1 }))
    const ask = (later: { readonly leaderEpoch?: number; readonly partitionEpoch?: number }): string => {
      const known = { leaderEpoch, partitionEpoch, ...later }
      const partition = {
        partitionIndex: 0,
        newIsr: [],
        newIsrWithEpochs,
        leaderRecoveryState: 0,
        handsOver: false,
        ...known,
      }
      const topics = [{ topicId: story.topicId, partitions: [partition] }]
      const reply = story.ask('AlterPartition', { brokerId: 1, brokerEpoch, topics }, story.node(1))
      return errorByCode(reply.topics[0]!.partitions![0]!.errorCode!).name
    }
    assert.equal(ask({}), 'NONE')
    assert.equal(ask({ partitionEpoch: partitionEpoch + 1 }), 'NOT_CONTROLLER')
    assert.equal(ask({ leaderEpoch: leaderEpoch + 1 }), 'NOT_CONTROLLER')

    story.crash(3)
    story.untilInSync(1, 2)
    story.node(3).start()
    story.soon('the third is proposed', () => isProposed(story, 1, 3))
    story.controller.crash()
    story.soon('another controller', () => story.world.leader !== undefined)
    story.untilInSync(1, 2, 3)
  })
})

// Guard: a proposal holds for the state that its leader has seen, and no leader's for what came after it.
test('R19: nor is one heard that knows less: what was proposed before somebody left does not bring it back', () => {
  inSomeWorlds({}, (story) => {
    story.write('a')
    const brokerEpochs = story.replicas.map((id) => story.node(id).node!.broker!.brokerEpoch)
    const propose = (
      brokerId: number,
      known: { readonly leaderEpoch: number; readonly partitionEpoch: number },
    ): string => {
      const newIsrWithEpochs = story.replicas.map((id, n) => ({ brokerId: id, brokerEpoch: brokerEpochs[n]! }))
      const without = { partitionIndex: 0, newIsr: [], leaderRecoveryState: 0, handsOver: false }
      const partition = { ...without, newIsrWithEpochs, ...known }
      const topics = [{ topicId: story.topicId, partitions: [partition] }]
      const brokerEpoch = brokerEpochs[brokerId - 1]!
      const reply = story.ask('AlterPartition', { brokerId, brokerEpoch, topics }, story.node(2))
      return errorByCode(reply.topics[0]!.partitions![0]!.errorCode!).name
    }
    const { leaderEpoch, partitionEpoch } = story.state
    const apart = [story.cut(1, 3), story.cut(2, 3)]
    story.append(1, 'b')
    story.untilInSync(1, 2)
    assert.equal(propose(1, { leaderEpoch, partitionEpoch }), 'INVALID_UPDATE_VERSION')

    story.crash(1)
    story.untilLeads(2)
    story.start(1)
    story.untilInSync(1, 2)
    brokerEpochs[0] = story.node(1).node!.broker!.brokerEpoch
    assert.equal(propose(1, { leaderEpoch, partitionEpoch: story.state.partitionEpoch }), 'FENCED_LEADER_EPOCH')
    assert.ok(story.inSync(1, 2))
    for (const heal of apart) heal()
  })
})

// Guard: who cannot be in sync is not waited for.
test('R20: a replica that is about to stop holds up nobody, although it has caught up', () => {
  inSomeWorlds({ settings: { 'replica.lag.time.max.ms': '20000' } }, (story) => {
    story.write('a')
    const deaf = story.hold(story.controller, 3)
    story.node(3).stopOnce()
    story.soon('it is out of sync', () => story.replica(1).leading!.isr.length === 2)
    const mute = story.hold(3, 1)
    const beganMs = story.simulation.nowMs
    story.write('b')
    assert.ok(story.simulation.nowMs - beganMs < 1000, `${story.simulation.nowMs - beganMs} ms`)
    deaf()
    mute()
    story.soon('it has stopped', () => story.node(3).node === undefined)
  })
})

// Guard: a role begins anew only with a leader epoch.
test('R21: another ISR begins no epoch: the leader keeps what it knows of the others, and they go on fetching', () => {
  inSomeWorlds({}, (story) => {
    story.write('a')
    const { leading } = story.replica(1)
    const { following } = story.replica(2)
    const { leaderEpoch, partitionEpoch } = story.state
    story.crash(3)
    story.untilInSync(1, 2)
    story.write('b')
    story.start(3)
    story.untilInSync(1, 2, 3)
    assert.ok(story.state.partitionEpoch > partitionEpoch)
    assert.equal(story.state.leaderEpoch, leaderEpoch)
    assert.equal(story.replica(1).leading, leading)
    assert.equal(leading!.epochStartOffset, 0)
    assert.equal(story.replica(2).following, following)
  })
})

// Guard: what stands in the log already is not appended again.
test('R22: what was refused after it was appended is committed later, and a retry makes one copy of it', () => {
  inSomeWorlds({ topic: { 'min.insync.replicas': '2' } }, (story) => {
    story.write('a')
    const holds = [story.hold(2, 1), story.hold(3, 1)]
    const producer = { producerId: 1, producerEpoch: 0, baseSequence: 0 }
    const first = story.produce(1, ['b', 'c'], producer)
    story.soon('it is refused', () => story.outcome(first) !== 'nothing')
    assert.equal(story.outcome(first), 'NOT_ENOUGH_REPLICAS_AFTER_APPEND')
    const refused = story.produce(1, ['d'])
    story.soon('another is refused at once', () => story.outcome(refused) !== 'nothing')
    assert.equal(story.outcome(refused), 'NOT_ENOUGH_REPLICAS')
    for (const release of holds) release()
    story.untilInSync(1, 2, 3)
    story.soon('it is committed all the same', () => story.replica(1).highWatermark === 3)
    const again = story.produce(1, ['b', 'c'], producer)
    story.soon('it is acknowledged', () => story.outcome(again) === 'NONE')
    assert.equal(again.sent.response!.responses[0]!.partitionResponses[0]!.baseOffset, 1)
    assert.deepEqual(story.valuesOn(1), ['a', 'b', 'c'])
  })
})

// Guard: what waits to be committed waits for the leadership in which it was appended, and for no other.
test('R22: what another leader has written in its place does not acknowledge it', () => {
  inSomeWorlds({}, (story) => {
    story.write('a')
    const silent = [story.hold(1, 2), story.hold(1, 3)]
    const produced = story.produce(1, ['lost'])
    story.soon('the leader has it', () => story.replica(1).log.logEndOffset === 2)
    const apart = story.cut(1, story.controller)
    story.untilLeads(2)
    story.write('in its place')
    for (const heal of [apart, ...silent]) heal()
    story.untilInSync(1, 2, 3)
    story.electPreferred()
    story.soon('it is answered', () => story.outcome(produced) !== 'nothing')
    assert.equal(story.outcome(produced), 'NOT_LEADER_OR_FOLLOWER')
    assert.deepEqual(story.valuesOn(1), ['a', 'in its place'])
  })
})

// Guard: before a leader has come to where its epoch starts it tells nobody what is committed.
test('R23: a new leader that does not know yet what is committed says so, and tells of nothing earlier', () => {
  inSomeWorlds({ settings: { 'replica.lag.time.max.ms': '10000' } }, (story) => {
    story.write('a', 'b')
    story.soon('all know it', () => story.replicas.every((id) => story.replica(id).highWatermark === 2))
    const produced = story.produce(1, ['c', 'd'])
    story.soon('the second has it', () => story.replica(2).log.logEndOffset === 4)
    const release = story.hold(1, 2)
    story.soon('it is acknowledged', () => story.outcome(produced) === 'NONE')
    assert.deepEqual(story.latestOffset(1), { error: 'NONE', offset: 4 })
    const mute = story.hold(3, 2)
    story.crash(1)
    release()
    story.untilLeads(2)
    assert.equal(story.latestOffset(2).error, 'OFFSET_NOT_AVAILABLE')
    assert.deepEqual(story.consume(2, 2).values, [])
    mute()
    story.soon('it knows', () => story.replica(2).knowsHighWatermark)
    assert.deepEqual(story.latestOffset(2), { error: 'NONE', offset: 4 })
    assert.deepEqual(story.consume(2, 2).values, ['c', 'd'])
  })
})

// Guard: an ISR has the leader in it, each member once, and nobody who is no replica.
test('R27: no leader talks the controller into an ISR that is not one of its replicas', () => {
  inSomeWorlds({ replicas: [1, 2], brokers: 3 }, (story) => {
    const { leaderEpoch, partitionEpoch } = story.state
    const { brokerEpoch } = story.node(1).node!.broker!
    const propose = (...isr: readonly number[]): string => {
      const newIsrWithEpochs = isr.map((brokerId) => ({ brokerId, brokerEpoch: -1 }))
      const known = { partitionIndex: 0, leaderEpoch, partitionEpoch, leaderRecoveryState: 0 }
      const topics = [
        { topicId: story.topicId, partitions: [{ ...known, newIsr: [], newIsrWithEpochs, handsOver: false }] },
      ]
      const reply = story.ask('AlterPartition', { brokerId: 1, brokerEpoch, topics }, story.node(1))
      return errorByCode(reply.topics[0]!.partitions![0]!.errorCode!).name
    }
    for (const isr of [[1, 2, 3], [1, 3], [2], [], [1, 1]]) assert.equal(propose(...isr), 'INVALID_REQUEST', `${isr}`)
    assert.equal(propose(2, 1), 'NONE')
    assert.ok(story.inSync(1, 2))
  })
})

// Guard: a move ends when all that were added are in sync; it is not taken back to fewer in sync than are wanted.
test('R26: a partition moves when who comes has all, and stays on its way where it could only go back to too few', () => {
  inSomeWorlds({ replicas: [1, 2], brokers: 4, topic: { 'min.insync.replicas': '2' } }, (story) => {
    for (const value of ['a', 'b', 'c']) story.write(value)
    const { leaderEpoch } = story.state
    const slow = story.hold(1, 4)
    assert.equal(story.move([3, 4]), 'NONE')
    story.soon('the third is in sync', () => story.inSync(1, 2, 3))
    story.never('it has moved without the fourth', 2000, () => story.state.addingReplicas.length === 0)
    slow()
    story.soon('it has moved', () => story.state.replicas.join() === '3,4')
    assert.ok(story.state.leaderEpoch > leaderEpoch)
    story.write('d')
    assert.deepEqual(story.valuesOn(4), ['a', 'b', 'c', 'd'])

    const leader = story.state.leader
    const other = leader === 3 ? 4 : 3
    const late = [story.hold(3, 2), story.hold(4, 2)]
    assert.equal(story.move([1, 2]), 'NONE')
    story.soon('the first is in sync again', () => story.inSync(1, 3, 4))
    story.crash(other)
    story.soon('one of those that were there is left', () => story.inSync(1, leader))
    assert.equal(story.move(null), 'INVALID_REPLICA_ASSIGNMENT')
    for (const release of late) release()
    story.soon('it has moved back', () => story.state.replicas.join() === '1,2')
    story.write('e')
  })
})
