/** The invariants of replicas are not blind: each holds in a cluster that is well, and fires when something was tampered with. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../../src/base/assert.js'
import type { BrokerImage } from '../../src/metadata/image.js'
import { type PartitionState, RECOVERED } from '../../src/metadata/records.js'
import { CommittedLog, type CommittedView } from '../../src/sim/committed-log.js'
import { SimulatedDirectory } from '../../src/sim/disk-directory.js'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { checkBroker, checkFenced, checkState, checkSuccession } from '../../src/sim/partition-state-rules.js'
import { ReplicaInvariants } from '../../src/sim/replica-invariants.js'
import {
  checkAdvance,
  checkComplete,
  checkFetcher,
  checkQuorumSuperset,
  checkReplica,
  type LeadingView,
  type ReplicaView,
} from '../../src/sim/replica-rules.js'
import { ReplicationStory } from './replication-rig.js'

const STATE: PartitionState = {
  replicas: [1, 2, 3],
  directories: [],
  isr: [1, 2],
  removingReplicas: [],
  addingReplicas: [],
  eligibleLeaderReplicas: [],
  lastKnownElr: [],
  leader: 1,
  leaderRecoveryState: RECOVERED,
  leaderEpoch: 4,
  partitionEpoch: 7,
}
const POSITIONS = new Map([
  [2, 10],
  [3, 8],
])
const LEADING: LeadingView = {
  partitionEpoch: 7,
  isr: [1, 2],
  maximalIsr: [1, 2],
  hasEnoughInSync: true,
  positionOf: (id) => POSITIONS.get(id) ?? -1,
}
const OFFSETS = {
  ...{ startOffset: 2, flushedEndOffset: 10, settledEndOffset: 12, logEndOffset: 12, nextOffset: 14, highWatermark: 9 },
}
const LEADER: ReplicaView = {
  ...{ nodeId: 1, leaderId: 1, leaderEpoch: 4, isLeader: true, followed: undefined, sources: [] },
  ...OFFSETS,
}
const FOLLOWER: ReplicaView = {
  ...LEADER,
  ...{ nodeId: 2, isLeader: false, followed: { leaderId: 1, leaderEpoch: 4 }, sources: [1] },
}

function fires(name: string, holds: () => void, wrong: readonly (() => void)[]): void {
  test(name, () => {
    holds()
    for (const each of wrong) assert.throws(each, AssertionError, String(each))
  })
}

const replica = (view: Partial<ReplicaView>, of = LEADER) => checkReplica({ ...of, ...view }, 'a')
fires('replica well-formed: it leads or follows as the metadata says, and its offsets hang together', () => {
  checkReplica(LEADER, 'a')
  checkReplica(FOLLOWER, 'a')
}, [
  () => replica({ leaderId: 2 }),
  () => replica({ followed: { leaderId: 3, leaderEpoch: 4 } }, FOLLOWER),
  () => replica({ followed: { leaderId: 1, leaderEpoch: 3 } }, FOLLOWER),
  () => replica({ nodeId: 1 }, FOLLOWER),
  () => replica({ isLeader: true, leaderId: 1, followed: { leaderId: 1, leaderEpoch: 4 } }),
  () => replica({ startOffset: 13 }),
  () => replica({ flushedEndOffset: 13 }),
  () => replica({ settledEndOffset: 13 }),
  () => replica({ highWatermark: 13 }),
])

const fetcher = (view: Partial<ReplicaView>, of = FOLLOWER) => checkFetcher({ ...of, ...view }, 'a')
fires('fetcher well-formed: a follower fetches from its leader alone, a leader from nobody', () => {
  checkFetcher(LEADER, 'a')
  checkFetcher(FOLLOWER, 'a')
  fetcher({ followed: undefined, sources: [] })
}, [
  () => fetcher({ sources: [1] }, LEADER),
  () => fetcher({ sources: [] }),
  () => fetcher({ sources: [3] }),
  () => fetcher({ sources: [1, 3] }),
  () => fetcher({ followed: undefined }),
])

const superset = (leading: Partial<LeadingView>, state: Partial<PartitionState> = {}) =>
  checkQuorumSuperset({ ...LEADING, ...leading }, { ...STATE, ...state }, 'a')
fires('replication quorum superset: the leader counts all whom the controller may make leader', () => {
  superset({})
  superset({ maximalIsr: [1, 2, 3] })
  superset({ maximalIsr: [1, 2, 3], isr: [1, 2, 3], partitionEpoch: 6 })
  superset({ isr: [1], maximalIsr: [1], hasEnoughInSync: false }, { isr: [1], eligibleLeaderReplicas: [2] })
}, [
  () => superset({ isr: [1], maximalIsr: [1] }),
  () => superset({}, { isr: [1, 2, 3], partitionEpoch: 8 }),
  () => superset({ isr: [1], maximalIsr: [1] }, { isr: [1], eligibleLeaderReplicas: [2] }),
  () => superset({ isr: [1, 2, 3], maximalIsr: [1, 2, 3] }),
])

const advance = (leading: Partial<LeadingView>, highWatermark: number) =>
  checkAdvance({ ...LEADING, ...leading }, 1, highWatermark, 'a')
fires('the high watermark moves when enough are in sync and all that count have it', () => {
  advance({}, 10)
  advance({ maximalIsr: [1, 2, 3] }, 8)
}, [
  () => advance({}, 11),
  () => advance({ maximalIsr: [1, 2, 3] }, 9),
  () => advance({ maximalIsr: [1, 4] }, 1),
  () => advance({ hasEnoughInSync: false }, 10),
])

fires(
  'leader and candidate completeness: who may lead has all that is committed',
  () => checkComplete({ startOffset: 5, endOffset: 10 }, 10, 'a'),
  [
    () => checkComplete({ startOffset: 5, endOffset: 9 }, 10, 'a'),
    () => checkComplete({ startOffset: 11, endOffset: 12 }, 10, 'a'),
  ],
)

const RULES = { keepsEligible: true, largestMin: 2, remembered: 0 }
const state = (some: Partial<PartitionState>, rules: Partial<typeof RULES> = {}) =>
  checkState({ ...STATE, ...some }, { ...RULES, ...rules }, 'a')
fires('ISR and ELR are well-formed, and a recovery quorum is remembered', () => {
  state({})
  state({ isr: [1], eligibleLeaderReplicas: [2], lastKnownElr: [3] }, { remembered: 2 })
  state({ isr: [], eligibleLeaderReplicas: [], lastKnownElr: [2, 3], leader: -1 }, { remembered: 2 })
}, [
  () => state({ isr: [1, 4] }),
  () => state({ isr: [1, 1] }),
  () => state({ isr: [], leader: -1 }, { keepsEligible: false }),
  () => state({ isr: [] }),
  () => state({ isr: [1], eligibleLeaderReplicas: [4] }),
  () => state({ isr: [1], eligibleLeaderReplicas: [1] }),
  () => state({ isr: [1], eligibleLeaderReplicas: [2], lastKnownElr: [2] }),
  () => state({ eligibleLeaderReplicas: [3] }),
  () => state({ isr: [], lastKnownElr: [2], leader: -1 }, { remembered: 2 }),
  () => state({ leader: 3 }),
])

const fenced = (id: number, some: Partial<PartitionState> = {}, keepsEligible = false) =>
  checkFenced({ ...STATE, ...some }, (each) => each === id, keepsEligible, 'a')
fires('controller well-formed: who is fenced leads nothing, and is in sync with nobody else', () => {
  fenced(3)
  fenced(2, { isr: [2], leader: -1 })
}, [() => fenced(2), () => fenced(1, { isr: [1] }), () => fenced(2, { isr: [2], leader: -1 }, true)])

const succeeds = (some: Partial<PartitionState>) => checkSuccession(STATE, { ...STATE, ...some }, 'a')
fires('epochs of a partition rise with what they count', () => {
  succeeds({ isr: [1], partitionEpoch: 8 })
  succeeds({ leader: 2, leaderEpoch: 5, partitionEpoch: 8 })
}, [
  () => succeeds({ isr: [1] }),
  () => succeeds({ isr: [1], partitionEpoch: 6 }),
  () => succeeds({ leader: 2, partitionEpoch: 8 }),
  () => succeeds({ leaderEpoch: 3, partitionEpoch: 8 }),
])

const BROKER: BrokerImage = {
  ...{ brokerId: 1, incarnationId: 'first', brokerEpoch: 20, endpoints: [], features: [], rack: undefined },
  ...{ logDirs: [], fenced: false, inControlledShutdown: false },
}
fires('epochs of brokers rise, one for each incarnation', () => {
  checkBroker(BROKER, { ...BROKER, fenced: true })
  checkBroker(BROKER, { ...BROKER, incarnationId: 'second', brokerEpoch: 30 })
}, [
  () => checkBroker(BROKER, { ...BROKER, brokerEpoch: 19 }),
  () => checkBroker(BROKER, { ...BROKER, incarnationId: 'second' }),
])

const batch = (baseOffset: number, nextOffset: number, crc: number, epoch = 0): CommittedView => ({
  ...{ baseOffset, nextOffset, crc, partitionLeaderEpoch: epoch },
})
const committed = (): CommittedLog => {
  const log = new CommittedLog('a')
  log.take(batch(0, 5, 1), 'leader', true)
  log.take(batch(5, 6, 2), 'leader', true)
  return log
}
fires('log matching: what is committed is the same everywhere and for ever, and a leader was the first to count it', () => {
  const log = committed()
  assert.equal(log.take(batch(5, 6, 2), 'follower', false), false)
  assert.equal(log.take(batch(6, 7, 3, 2), 'leader', true), true)
  assert.equal(log.endOffset, 7)
}, [
  () => committed().take(batch(5, 6, 3), 'leader', true),
  () => committed().take(batch(5, 6, 2, 1), 'leader', true),
  () => committed().take(batch(5, 7, 2), 'follower', false),
  () => committed().take(batch(6, 7, 3), 'follower', false),
  () => committed().take(batch(7, 8, 3), 'leader', true),
  () => committed().match(batch(1, 2, 1), 'leader'),
])

/** Three replicas that have some records. */
function written(seed: number): ReplicationStory {
  const story = new ReplicationStory(seed)
  story.write('a', 'b')
  story.write('c')
  story.soon('all know it', () => story.replicas.every((id) => story.replica(id).highWatermark === 3))
  return story
}

function segment(story: ReplicationStory, id: number): SimulatedFile {
  const node = story.node(id)
  const folder = node.machine.find(node.directoryOf('story-0'))
  assert.ok(folder instanceof SimulatedDirectory)
  const file = folder.get('00000000000000000000.log')
  assert.ok(file instanceof SimulatedFile)
  return file
}

test('in a cluster that is well each invariant is tried in earnest', () => {
  const story = written(1)
  story.crash(1)
  story.untilLeads(2)
  story.write('d')
  story.start(1)
  story.heal()
  for (const name of [
    'acknowledged is committed',
    'a follower is well-formed',
    'a leader is well-formed',
    'a new leader has what is committed of a partition',
    'committed records are equal',
    'committed records are read again',
    'epochs of brokers rise',
    'epochs of partitions rise',
    'no committed record is lost',
    'no fenced broker is in sync with others',
    'the high watermark moves with all that count',
    'the leader counts all who may lead',
    'who may lead has all that is committed',
  ]) {
    assert.ok((story.invariants.counts[name] ?? 0) > 0, name)
  }
})

test('a replica whose log was cut behind the back of its node is noticed when it is read again', () => {
  const story = written(2)
  segment(story, 2).truncate(80)
  assert.throws(
    () => story.invariants.checkAll(),
    /node2: story-0 can be read up to 2?-?\d+, and 3 is committed|on \d disks/,
  )
})

test('a byte that is another one than was committed is noticed when the batch is', () => {
  const story = written(3)
  // In the checksum of the first batch.
  segment(story, 3).write(18, Buffer.from([1, 2]))
  assert.throws(() => story.invariants.checkAll(), /node3 has 0 to 2 of epoch 0, and committed is 0 to 2 of epoch 0/)
})

test('a replica in sync that has lost its log is noticed at once', () => {
  const story = written(1)
  const { log } = story.replica(2)
  Object.defineProperty(log, 'flushedEndOffset', { get: () => 2 })
  assert.throws(() => story.write('d'), /node2: story-0, in sync or eligible ends at 2, and \d is committed/)
})

test('a log whose front is gone that nobody wanted to be deleted is noticed', () => {
  const story = written(2)
  story.deleteBefore(1, 1)
  story.soon('all begin there', () => story.replicas.every((id) => story.replica(id).log.startOffset === 1))
  const { log } = story.replica(3)
  Object.defineProperty(log, 'startOffset', { get: () => 2 })
  assert.throws(() => story.write('d'), /node3: story-0 starts at 2, and nobody wanted more .* in front of 1/)
})

test('an acknowledgement of what no leader has committed is noticed', () => {
  const story = written(2)
  story.invariants.replicas.acknowledged(story.topicId, 0, 3)
  assert.throws(
    () => story.invariants.replicas.acknowledged(story.topicId, 0, 4),
    /acknowledged up to 4, and committed up to 3/,
  )
})

test('a follower that leads by itself is noticed', () => {
  const story = written(3)
  const invariants = new ReplicaInvariants(story.world)
  const { image } = story.controller.node!.quorum!
  invariants.committed(image!)
  for (const node of story.brokers) invariants.look(node)
  invariants.settle()
  const follower = story.replica(2)
  Object.defineProperty(follower, 'leading', { get: () => story.replica(1).leading })
  assert.throws(() => invariants.look(story.node(2)), /node2 leads story-0 in 0, and 1 did/)
})
