import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DescribeQuorum } from '../../src/protocol/messages/describe-quorum.js'
import type { RaftRequest } from '../../src/raft/messages.js'
import type { ReplicaKey } from '../../src/raft/voter-set.js'
import { QuorumRig, type RigMember } from './quorum-rig.js'

/** After a kill, as the others see it by the closed sessions. */
const LONGEST_TAKEOVER_MS = 1000
const FOLLOWS = 'follows the leader of the quorum'

test('three elect one, and all get the same images', () => {
  const rig = new QuorumRig('elect').startAll()
  rig.until(() => rig.leader !== undefined, 'somebody leads')
  for (let n = 0; n < 20; n++) {
    rig.propose()
    rig.pass(5)
  }
  rig.converge()
  assert.equal(rig.acknowledged.size, 20)
})

test('an observer that knows nothing but addresses follows', () => {
  const rig = new QuorumRig('observer', { observers: 2 }).startAll()
  rig.until(() => rig.leader !== undefined, 'somebody leads')
  for (let n = 0; n < 5; n++) rig.propose()
  rig.converge()
  assert.ok(rig.leader!.id <= 3)
  const { voters, observers } = rig.leader!.quorum!.describe()
  assert.deepEqual(
    voters.map(({ id }) => id),
    [1, 2, 3],
  )
  assert.deepEqual(observers.map(({ id }) => id).sort(), [4, 5])
})

test('a leader that is killed is replaced within a second, and nothing committed is lost', () => {
  for (let seed = 0; seed < 10; seed++) {
    const rig = new QuorumRig(`takeover ${seed}`).startAll()
    rig.until(() => rig.isAtRest, 'at rest')
    for (let n = 0; n < 10; n++) {
      rig.propose()
      rig.pass(2)
    }
    rig.until(() => rig.acknowledged.size > 0, 'something is committed')
    const killed = rig.leader!
    rig.crash(killed, 'losePower')
    rig.until(() => rig.leader !== undefined, 'another leads', LONGEST_TAKEOVER_MS)
    const { size } = rig.acknowledged
    assert.ok(rig.propose())
    rig.until(() => rig.acknowledged.size > size, 'it commits', LONGEST_TAKEOVER_MS)
    rig.start(killed)
    rig.converge()
  }
})

test('a voter that is left alone says once whom it followed, however often it finds nobody', () => {
  const rig = new QuorumRig('alone').startAll()
  rig.until(() => rig.isAtRest, 'at rest')
  const [last, other] = rig.members.filter((member) => member !== rig.leader)
  for (const member of [rig.leader!, other!]) rig.crash(member, 'losePower')
  const said = rig.counts.get(FOLLOWS)
  rig.pass(60_000)
  assert.deepEqual([rig.running, rig.counts.get(FOLLOWS)], [[last], said])
})

test('all are started again, and go on where they were', () => {
  const rig = new QuorumRig('restart').startAll()
  rig.until(() => rig.isAtRest, 'at rest')
  for (let n = 0; n < 10; n++) rig.propose()
  rig.converge()
  for (const member of rig.members) rig.crash(member, 'losePower')
  rig.startAll()
  rig.converge()
  assert.equal(rig.acknowledged.size, 10)
})

test('a follower that is behind the front of the log gets a snapshot, in pieces, and goes on from there', () => {
  const settings = { snapshotAfterBytes: 500, retentionBytes: 0, fetchSnapshotMaxBytes: 200 }
  const rig = new QuorumRig('behind', { settings }).startAll()
  rig.until(() => rig.isAtRest, 'at rest')
  const behind = rig.members.find((member) => member !== rig.leader)!
  rig.crash(behind)
  for (let n = 0; n < 60; n++) {
    rig.propose()
    rig.pass(20)
  }
  const others = rig.members.filter((member) => member !== behind)
  // The front goes with the next snapshot but one.
  rig.until(() => others.every((member) => rig.files(member, '.checkpoint').length <= 2), 'old snapshots are gone')
  assert.ok(
    others.every((member) => !rig.files(member, '.checkpoint').includes('00000000000000000000-0000000000.checkpoint')),
  )
  rig.start(behind)
  rig.converge()
  assert.equal(rig.acknowledged.size, 60)
  assert.equal(rig.counts.get('metadata log begins anew behind a snapshot'), 1)
  const pieces = behind.recorder.entries().filter(({ input }) => input === 'snapshotPiece').length
  assert.ok(pieces >= 3, `${pieces} pieces`)
  // Also after a crash that is what it has.
  const { wholeImages } = behind
  rig.crash(behind, 'losePower')
  rig.start(behind)
  rig.converge()
  assert.equal(behind.wholeImages, wholeImages + 1)
  assert.equal(rig.counts.get('metadata log begins anew behind a snapshot'), 1)
})

for (const how of ['crash', 'losePower'] as const) {
  test(`${how} at every disk operation of loading a snapshot: it is there, or it is fetched again`, () => {
    let struck = 0
    for (let operation = 1; operation <= 30; operation++) {
      const settings = { snapshotAfterBytes: 500, retentionBytes: 0 }
      const rig = new QuorumRig(`loading ${operation}`, { settings }).startAll()
      rig.until(() => rig.isAtRest, 'at rest')
      const behind = rig.members.find((member) => member !== rig.leader)!
      rig.propose()
      rig.converge()
      rig.crash(behind)
      for (let n = 0; n < 20; n++) {
        rig.propose()
        rig.pass(20)
      }
      rig.start(behind)
      rig.until(() => rig.counts.has('fetches a snapshot of the metadata'), 'a snapshot is on its way')
      const strike = (): void => {
        struck++
        rig.crash(behind, how)
      }
      behind.machine.crashPoint = { operationsLeft: operation, strike }
      rig.pass(1000)
      behind.machine.crashPoint = undefined
      rig.start(behind)
      rig.converge()
      assert.ok(rig.propose())
      rig.converge()
    }
    assert.ok(struck > 15, `${struck} strikes`)
  })
}

test('what a leader could not commit is cut off when it comes back', () => {
  const rig = new QuorumRig('diverged').startAll()
  rig.until(() => rig.isAtRest, 'at rest')
  const old = rig.leader!
  const others = rig.members.filter((member) => member !== old)
  rig.split(
    [old.id],
    others.map(({ id }) => id),
  )
  for (let n = 0; n < 5; n++) rig.propose(old)
  rig.until(() => others.some(({ leads }) => leads), 'another leads')
  for (let n = 0; n < 3; n++) rig.propose(others.find(({ leads }) => leads))
  rig.pass(500)
  rig.heal()
  rig.converge()
  assert.equal(rig.counts.get('metadata log is cut back'), 1)
  assert.equal(rig.acknowledged.size, 3)
  assert.equal(rig.members[0]!.image!.configs.size, 3)
})

test('a batch that is damaged on its way is refused, and who can send no other leads no longer', () => {
  const rig = new QuorumRig('damaged', { segmentBytes: 1e6 }).startAll()
  rig.until(() => rig.isAtRest, 'at rest')
  const old = rig.leader!
  rig.split(
    [old.id],
    rig.members.filter((member) => member !== old).map(({ id }) => id),
  )
  // What the others have asked is answered, and the answers are on their way.
  rig.pass(700)
  rig.propose(old)
  rig.pass(50)
  rig.damageEnd(old)
  rig.heal()
  rig.until(() => rig.counts.has('another member of the quorum says what cannot be'), 'it is refused')
  rig.until(() => rig.leader !== undefined && rig.leader !== old && rig.isAtRest, 'another leads')
  assert.ok(rig.members.every(({ image }) => !image!.configs.has('2/t0')))
  assert.ok(rig.propose())
  rig.converge()
})

test('voters come and go', () => {
  const rig = new QuorumRig('voters', { observers: 1 }).startAll()
  rig.until(() => rig.isAtRest, 'at rest')
  const [, , third, fourth] = rig.members
  const ask = (request: RaftRequest): string => {
    let error: string | undefined
    rig.turn(rig.leader!, (quorum) => quorum.step(request, (reply) => (error = reply.error)))
    rig.until(() => error !== undefined, request.kind)
    return error!
  }
  const key = ({ id, directoryId }: RigMember): ReplicaKey => ({ id, directoryId })
  const endpoints = [{ name: 'CONTROLLER', host: fourth!.machine.host, port: 9093 }]
  const voter = { ...key(fourth!), endpoints }
  assert.equal(ask({ kind: 'addRaftVoter', voter, timeoutMs: 5000, ackWhenCommitted: true }), 'NONE')
  assert.equal(ask({ kind: 'removeRaftVoter', voter: key(third!) }), 'NONE')
  rig.converge()
  const leader = rig.leader!
  const { voters, observers, endpoints: known } = leader.quorum!.describe()
  assert.deepEqual([voters.map(({ id }) => id), observers.map(({ id }) => id)], [[1, 2, 4].sort(), [3]])
  assert.deepEqual(known.get(4), endpoints)
  // Two of the three that vote now are enough, and the one that was removed does not count.
  rig.crash(rig.leader!)
  rig.until(() => rig.leader !== undefined, 'another leads')
  assert.notEqual(rig.leader, third)
  rig.startAll()
  assert.ok(rig.propose())
  rig.converge()
})

test('the leader is told of, with its address', () => {
  const rig = new QuorumRig('told').startAll()
  rig.until(() => rig.isAtRest, 'at rest')
  for (const { leaders } of rig.members) {
    const { id, machine, quorum } = rig.leader!
    assert.deepEqual(leaders.at(-1), {
      nodeId: id,
      epoch: quorum!.leader().epoch,
      address: { host: machine.host, port: 9093 },
    })
  }
})

test('DescribeQuorum tells who has what, and when it was heard of', () => {
  const rig = new QuorumRig('describe', { observers: 1 }).startAll()
  rig.until(() => rig.isAtRest, 'at rest')
  const silent = rig.members.find((member) => member !== rig.leader && member.id !== 4)!
  rig.crash(silent)
  const crashedMs = rig.leader!.machine.wallMsAt(rig.simulation.nowMs)
  rig.propose()
  rig.pass(3000)
  const leader = rig.leader!
  const nowMs = leader.machine.wallMsAt(rig.simulation.nowMs)
  const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
  const { topics: answered, nodes } = rig.ask(leader, DescribeQuorum, 2, { topics })
  const { currentVoters, observers, ...partition } = answered[0]!.partitions[0]!
  const { endOffset } = leader.quorum!
  assert.deepEqual([partition.errorCode, partition.leaderId, partition.highWatermark], [0, leader.id, endOffset])
  assert.deepEqual(
    nodes.map(({ nodeId }) => nodeId),
    [1, 2, 3],
  )
  assert.deepEqual(
    observers.map(({ replicaId }) => replicaId),
    [4],
  )
  for (const replica of [...currentVoters, ...observers]) {
    const { replicaId, replicaDirectoryId, logEndOffset, lastFetchTimestamp, lastCaughtUpTimestamp } = replica
    assert.equal(replicaDirectoryId, rig.member(replicaId).directoryId)
    const isSilent = replicaId === silent.id
    assert.equal(logEndOffset, isSilent ? endOffset - 1 : endOffset)
    for (const timestamp of [lastFetchTimestamp, lastCaughtUpTimestamp]) {
      const sinceMs = (isSilent ? crashedMs : nowMs) - timestamp
      assert.ok(sinceMs >= -50 && sinceMs < 1000, `${replicaId} ${sinceMs} ms ago`)
    }
  }
  const follower = rig.running.find((member) => member !== leader)!
  const [refused] = rig.ask(follower, DescribeQuorum, 2, { topics }).topics[0]!.partitions
  assert.equal(refused!.errorCode, 6)
})
