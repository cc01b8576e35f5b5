import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatElectionState, NO_ELECTION, parseElectionState } from '../../src/raft/election-state.js'
import { type LogEnd, RaftNode, type Ready } from '../../src/raft/raft-node.js'
import { VoterSet } from '../../src/raft/voter-set.js'
import { golden } from '../golden.js'

const directoryId = 'LO0FkwtIQy2Y_Fbo0dboxQ'
const alone = new VoterSet([{ id: 1, directoryId, endpoints: [] }])

function node(saved = NO_ELECTION, log: LogEnd = { endOffset: 0, epoch: 0 }): RaftNode<string> {
  return new RaftNode({ nodeId: 1, directoryId, voters: alone, resignBackoffMs: 1000 }, saved, log)
}

function ready(raft: RaftNode<string>): Ready<string> {
  const work = raft.takeReady()
  assert.ok(work !== undefined)
  return work
}

test('a quorum of one elects itself, and not before its vote is saved', () => {
  const raft = node()
  raft.tick(0)
  const vote = ready(raft)
  assert.deepEqual(vote.save, { leaderEpoch: 1, leaderId: -1, votedId: 1, votedDirectoryId: directoryId })
  assert.equal(raft.role, 'candidate')
  assert.equal(raft.propose('early', 1), undefined)
  raft.stateSaved(1)
  const won = ready(raft)
  assert.equal(won.role, 'leader')
  assert.deepEqual(won.appends, [{ baseOffset: 0, epoch: 1, batch: undefined }])
  assert.equal(raft.endOffset, 3, 'leader change, version and voters begin the log')
  assert.equal(won.highWatermark, undefined)
})

test('nothing is committed before it is persisted, nor without a batch of the own epoch', () => {
  const raft = node({ ...NO_ELECTION, leaderEpoch: 4 }, { endOffset: 10, epoch: 3 })
  raft.tick(0)
  raft.stateSaved(5)
  ready(raft)
  assert.equal(raft.highWatermark, -1)
  raft.persisted(10)
  assert.equal(raft.takeReady(), undefined, 'the batches of epoch 3 alone are not committed')
  raft.persisted(11)
  assert.equal(ready(raft).highWatermark, 11)
  assert.deepEqual(raft.propose('x', 3), { baseOffset: 11, epoch: 5 })
  assert.deepEqual(ready(raft).appends, [{ baseOffset: 11, epoch: 5, batch: 'x' }])
  raft.persisted(11)
  assert.equal(raft.takeReady(), undefined)
  raft.persisted(14)
  assert.equal(ready(raft).highWatermark, 14)
})

test('another directory under the same id has no vote', () => {
  const raft = new RaftNode(
    { nodeId: 1, directoryId: 'dDSbtSATTPSwRiEHkm4hSw', voters: alone, resignBackoffMs: 1000 },
    NO_ELECTION,
    { endOffset: 0, epoch: 0 },
  )
  raft.tick(0)
  assert.equal(raft.takeReady(), undefined)
  assert.equal(raft.role, 'unattached')
})

test('a leader whose log refuses an append resigns, and stands again in a new epoch', () => {
  const raft = node()
  raft.tick(0)
  raft.stateSaved(1)
  raft.persisted(3)
  raft.takeReady()
  raft.propose('lost', 2)
  raft.appendFailed({ endOffset: 3, epoch: 1 }, 50)
  const resigned = ready(raft)
  assert.equal(resigned.role, 'resigned')
  assert.deepEqual(resigned.appends, [], 'what was not written yet will not be')
  raft.tick(1049)
  assert.equal(raft.takeReady(), undefined)
  raft.tick(1050)
  assert.equal(ready(raft).save?.leaderEpoch, 2)
  raft.stateSaved(2)
  assert.deepEqual(ready(raft).appends, [{ baseOffset: 3, epoch: 2, batch: undefined }])
  assert.equal(raft.endOffset, 4)
})

test('a vote saved for an epoch that has passed counts for nothing', () => {
  const raft = node()
  raft.tick(0)
  raft.stateSaved(7)
  assert.equal(raft.role, 'candidate')
})

test('a majority position is one that a majority has reached', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 100 }), { minLength: 1, maxLength: 7 }), (positions) => {
      const voters = new VoterSet(positions.map((_, id) => ({ id, directoryId, endpoints: [] })))
      const reached = voters.majorityPosition(new Map(positions.map((position, id) => [id, position])))
      assert.ok(positions.filter((position) => position >= reached).length >= voters.majority)
      assert.ok(positions.filter((position) => position > reached).length < voters.majority)
    }),
  )
})

test('the election state is written as Kafka writes it', () => {
  const vectors = golden<{ kind: string; text: string }>('files.jsonl').filter(({ kind }) => kind === 'quorum-state')
  assert.ok(vectors.length > 0)
  for (const { text } of vectors) {
    const state = parseElectionState(text)
    assert.ok(state !== undefined)
    assert.equal(formatElectionState(state), text)
  }
  for (const bad of [
    '',
    '{',
    '[]',
    '{"data_version":2}',
    '{"leaderId":"1","leaderEpoch":1,"votedId":-1,"data_version":1}',
  ]) {
    assert.equal(parseElectionState(bad), undefined)
  }
})
