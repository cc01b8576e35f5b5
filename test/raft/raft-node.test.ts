import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatElectionState, NO_ELECTION, parseElectionState } from '../../src/raft/election-state.js'
import { ANY_SERVER } from '../../src/raft/messages.js'
import { emptyLog, type LogContent } from '../../src/raft/raft-log.js'
import { RaftNode } from '../../src/raft/raft-node.js'
import type { Ready } from '../../src/raft/raft-state.js'
import { DEFAULT_TIMEOUTS } from '../../src/raft/raft-timeouts.js'
import { type Voter, VoterSet } from '../../src/raft/voter-set.js'
import { golden } from '../golden.js'

const directoryId = 'LO0FkwtIQy2Y_Fbo0dboxQ'
const alone = new VoterSet([{ id: 1, directoryId, endpoints: [] }])

const timeouts = { ...DEFAULT_TIMEOUTS, resignBackoffMs: 1000 }
/** Who is alone draws nothing. */
const random = {
  below: () => assert.fail('drawn'),
  bytes: () => assert.fail('drawn'),
}

function node(saved = NO_ELECTION, log: LogContent = emptyLog(alone)): RaftNode<string> {
  return new RaftNode({ nodeId: 1, directoryId, timeouts, random }, saved, log)
}

function leaderChange(isFirst: boolean): object {
  return { is: 'leaderChange', voters: alone, granting: alone.voters, isFirst }
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
  assert.deepEqual(won.log, [{ action: 'append', baseOffset: 0, epoch: 1, content: leaderChange(true) }])
  assert.equal(raft.endOffset, 3, 'leader change, version and voters begin the log')
  assert.equal(won.highWatermark, undefined)
})

test('nothing is committed before it is persisted, nor without a batch of the own epoch', () => {
  const raft = node(
    { ...NO_ELECTION, leaderEpoch: 4 },
    { ...emptyLog(alone), endOffset: 10, epochs: [{ epoch: 3, startOffset: 0 }] },
  )
  raft.tick(0)
  ready(raft)
  raft.stateSaved(5)
  ready(raft)
  assert.equal(raft.highWatermark, -1)
  raft.persisted(10)
  assert.equal(raft.takeReady(), undefined, 'the batches of epoch 3 alone are not committed')
  raft.persisted(11)
  assert.equal(ready(raft).highWatermark, 11)
  assert.deepEqual(raft.propose('x', 3), { baseOffset: 11, epoch: 5 })
  const content = { is: 'proposed', batch: 'x' }
  assert.deepEqual(ready(raft).log, [{ action: 'append', baseOffset: 11, epoch: 5, content }])
  raft.persisted(11)
  assert.equal(raft.takeReady(), undefined)
  raft.persisted(14)
  assert.equal(ready(raft).highWatermark, 14)
})

test('another directory under the same id has no vote', () => {
  const raft = new RaftNode<string>(
    { nodeId: 1, directoryId: 'dDSbtSATTPSwRiEHkm4hSw', timeouts, random },
    NO_ELECTION,
    emptyLog(alone),
  )
  raft.tick(0)
  const { save, log, requests } = ready(raft)
  assert.deepEqual({ save, log }, { save: undefined, log: [] })
  assert.deepEqual(
    requests.map(({ to, request: { kind } }) => ({ to, kind })),
    [{ to: ANY_SERVER, kind: 'fetch' }],
    'it looks for the others',
  )
  raft.tick(100_000)
  assert.equal(raft.role, 'unattached')
})

test('a leader whose log refuses an append resigns, and stands again in a new epoch', () => {
  const raft = node()
  raft.tick(0)
  ready(raft)
  raft.stateSaved(1)
  raft.persisted(3)
  raft.takeReady()
  raft.propose('lost', 2)
  raft.appendFailed({ endOffset: 3 }, 50)
  const resigned = ready(raft)
  assert.equal(resigned.role, 'resigned')
  assert.deepEqual(resigned.log, [], 'what was not written yet will not be')
  raft.tick(1049)
  assert.equal(raft.takeReady(), undefined)
  raft.tick(1050)
  assert.equal(ready(raft).save?.leaderEpoch, 2)
  raft.stateSaved(2)
  assert.deepEqual(ready(raft).log, [{ action: 'append', baseOffset: 3, epoch: 2, content: leaderChange(false) }])
  assert.equal(raft.endOffset, 4)
})

test('a vote saved for an epoch that has passed counts for nothing', () => {
  const raft = node()
  raft.tick(0)
  ready(raft)
  raft.stateSaved(7)
  assert.equal(raft.role, 'candidate')
})

test('a majority position is one that a majority has reached', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 100 }), { minLength: 1, maxLength: 7 }), (positions) => {
      const voters = new VoterSet(positions.map((_, id) => ({ id, directoryId, endpoints: [] })))
      const reached = voters.majorityValue(({ id }: Voter) => positions[id]!)
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
