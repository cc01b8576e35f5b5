/**
 * Flight records of whole nodes under faults replay to the same states; a record that was changed does not; and what fails in a node fails
 * in the replay.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../../src/base/assert.js'
import { type FlightEntry, FlightRecorder } from '../../src/base/flight-recorder.js'
import { nodeConfig } from '../../src/config/node-config.js'
import { ControllerCore } from '../../src/controller/controller-core.js'
import { EMPTY_IMAGE } from '../../src/metadata/image.js'
import { THIS_RELEASE } from '../../src/metadata/release.js'
import { NO_ELECTION } from '../../src/raft/election-state.js'
import { emptyLog } from '../../src/raft/raft-log.js'
import { RaftNode } from '../../src/raft/raft-node.js'
import { DEFAULT_TIMEOUTS } from '../../src/raft/raft-timeouts.js'
import { VoterSet } from '../../src/raft/voter-set.js'
import { PartitionLeader } from '../../src/replication/partition-leader.js'
import type { PartitionLeaderOptions } from '../../src/replication/partition-leader-state.js'
import { FlightRecordError, replayFlight } from '../../src/sim/replay-flight.js'
import { withTraps } from '../../src/sim/traps.js'
import { FlightWorld } from './flight-world.js'

const SEEDS = 20
const KINDS = ['controller', 'partition-leader', 'raft']
/** Everything that a shell records. */
const INPUTS = [
  'controller: apply',
  'controller: begin',
  'controller: decide',
  'controller: drawn',
  'controller: expire',
  'controller: heard',
  'controller: leads',
  'controller: resigned',
  'controller: stalled',
  'partition-leader: appended',
  'partition-leader: changed',
  'partition-leader: flushed',
  'partition-leader: leads',
  'partition-leader: resigned',
  'partition-leader: setUsable',
  'raft: appendFailed',
  'raft: persisted',
  'raft: propose',
  'raft: stateSaved',
  'raft: tick',
]

function flightRecords(seed: number): readonly string[] {
  return withTraps(() => {
    const world = new FlightWorld(seed)
    world.run()
    return world.records
  })
}

function entriesOf(record: string): FlightEntry[] {
  return record
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as FlightEntry)
}

function recordOf(entries: readonly FlightEntry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')
}

test('nodes under faults are replayed to the states that they had', { timeout: 120_000 }, (t) => {
  const seen = new Set<string>()
  const total = { records: 0, inputs: 0, states: 0 }
  for (let seed = 1; seed <= SEEDS; seed++) {
    const states = new Map<string, number>(KINDS.map((kind) => [kind, 0]))
    for (const record of flightRecords(seed)) {
      const report = replayFlight(record)
      assert.deepEqual(report.mismatches, [], `seed ${seed}`)
      assert.deepEqual(report.thrown, [], `seed ${seed}`)
      for (const [kind, counts] of report.byKind) states.set(kind, states.get(kind)! + counts.states)
      total.records++
      total.inputs += report.inputs
      total.states += report.states
      const kinds = new Map<string, string>()
      for (const { core, kind, input } of entriesOf(record)) {
        if (kind !== undefined) kinds.set(core, kind)
        if (input !== undefined) seen.add(`${kinds.get(core)}: ${input}`)
      }
    }
    for (const [kind, count] of states) assert.ok(count > 0, `seed ${seed} compares states of ${kind}`)
  }
  t.diagnostic(
    `${total.records} records of ${SEEDS} seeds: ${total.inputs} inputs fed, ${total.states} states compared`,
  )
  assert.deepEqual([...seen].sort(), INPUTS)
})

type Alteration = (entries: FlightEntry[], at: number) => void

/** Changes the latest entry of this kind and input. */
const ALTERATIONS: readonly (readonly [kind: string, input: string, what: string, alter: Alteration])[] = [
  [
    'raft',
    'propose',
    'one record more',
    (entries, at) => setArgs(entries, at, [(argsOf(entries, at)[0] as number) + 1]),
  ],
  ['raft', 'persisted', 'left out', remove],
  ['raft', 'stateSaved', 'left out', remove],
  [
    'partition-leader',
    'appended',
    'one record more',
    (entries, at) => setArgs(entries, at, [(argsOf(entries, at)[0] as number) + 1]),
  ],
  ['partition-leader', 'flushed', 'left out', remove],
  [
    'controller',
    'heard',
    'a millisecond later',
    (entries, at) => {
      const [brokerId, epoch, nowMs] = argsOf(entries, at)
      setArgs(entries, at, [brokerId, epoch, (nowMs as number) + 1])
    },
  ],
  [
    'controller',
    'drawn',
    'something else',
    (entries, at) => setArgs(entries, at, ['0123456789abcdef0123456789abcdef']),
  ],
  ['controller', 'drawn', 'left out', remove],
  ['controller', 'apply', 'left out', remove],
  ['controller', 'decide', 'another request', renameTopic],
]

function argsOf(entries: readonly FlightEntry[], at: number): readonly unknown[] {
  return entries[at]!.args!
}

function setArgs(entries: FlightEntry[], at: number, args: readonly unknown[]): void {
  entries[at] = { ...entries[at]!, args }
}

function remove(entries: FlightEntry[], at: number): void {
  entries.splice(at, 1)
}

/** In the latest request that names a topic. */
function renameTopic(entries: FlightEntry[]): void {
  const at = entries.findLastIndex(({ input, args }) => input === 'decide' && args?.[0] === 'CreateTopics')
  const text = JSON.stringify(argsOf(entries, at))
  setArgs(entries, at, JSON.parse(text.replaceAll('"flight"', '"another"')) as unknown[])
}

/** Of a node that has a topic and leads its partition, with everything since its start. */
function recordOfServingNode(): string {
  return withTraps(() => {
    const world = new FlightWorld('serving', 100_000)
    world.untilPartition()
    return world.node!.flightRecord()
  })
}

test('a record with another input than the node had leads to another state', async (t) => {
  const record = recordOfServingNode()
  assert.deepEqual(replayFlight(record).mismatches, [])
  for (const [kind, input, what, alter] of ALTERATIONS) {
    await t.test(`${kind}, ${input}: ${what}`, () => {
      const entries = entriesOf(record)
      const cores = new Set(entries.filter((entry) => entry.kind === kind).map(({ core }) => core))
      const at = entries.findLastIndex((entry) => cores.has(entry.core) && entry.input === input)
      alter(entries, at)
      const { mismatches, thrown } = replayFlight(recordOf(entries))
      const found = [...mismatches, ...thrown]
      assert.ok(found.length > 0)
      assert.ok(found.every(({ core }) => cores.has(core)))
    })
  }
})

test('after a mismatch the replay goes on from the recorded state', () => {
  const entries = entriesOf(recordOfServingNode())
  const leader = entries.find(({ kind }) => kind === 'partition-leader')!
  const last = entries.findLastIndex(({ core, state }) => core === leader.core && state !== undefined)
  const wrong = { ...entries[last]!, state: { ...(entries[last]!.state as object), highWatermark: 3 } }
  const more = { core: leader.core, input: 'flushed', args: [(wrong.state as { logEndOffset?: number }).logEndOffset] }
  const report = replayFlight(recordOf([...entries.slice(0, last), wrong, more, ...entries.slice(last + 1)]))
  assert.equal(report.mismatches.length, 1)
  assert.equal(report.mismatches[0]!.line, last + 1)
  assert.match(report.mismatches[0]!.detail, /^highWatermark: 3 and \d+$/)
})

test('an assertion that fails in a node leaves a record in which it fails again', () => {
  const { record, failure } = withTraps(() => {
    const world = new FlightWorld('failure')
    const partition = world.untilPartition()
    let failure: unknown
    const record = world.failWith(() => {
      Object.defineProperty(partition.log, 'logEndOffset', { value: 0 })
      try {
        partition.written()
      } catch (error) {
        failure = error
        throw error
      }
    })
    return { record, failure }
  })
  assert.ok(failure instanceof AssertionError)
  const { thrown, mismatches, states } = replayFlight(record!)
  assert.deepEqual(
    thrown.map(({ input, error }) => [input, error.name, error.message]),
    [['appended', 'AssertionError', failure.message]],
  )
  assert.match(thrown[0]!.core, /^flight-0 /)
  assert.deepEqual(mismatches, [])
  assert.ok(states > 0, 'the other cores are compared as ever')
})

test('the same for the quorum and for the controller', () => {
  const recorder = new FlightRecorder()
  const voters = new VoterSet([{ id: 1, directoryId: 'd', endpoints: [] }])
  const random = { below: () => 0, bytes: (length: number) => new Uint8Array(length) }
  const options = { nodeId: 1, directoryId: 'd', timeouts: DEFAULT_TIMEOUTS, random }
  const raft = new RaftNode<undefined>(options, NO_ELECTION, emptyLog(voters))
  const trackRaft = recorder.track('quorum', 'raft', () => raft.capture())
  trackRaft('tick', 5)
  raft.tick(5)
  trackRaft('persisted', 1)
  assert.throws(() => raft.persisted(1), AssertionError)

  const { settings } = nodeConfig({})
  const core = new ControllerCore({ clusterId: 'c', settings, release: THIS_RELEASE, random }, EMPTY_IMAGE, 0)
  const trackController = recorder.track('controller', 'controller', () => core.capture())
  const records = [
    { type: 'partitionChange', topicId: 't', partitionId: 0, cause: { reason: 'BROKER_ASKED', evidence: {} } },
  ]
  trackController('apply', records, 0)
  assert.throws(() => core.apply(records as Parameters<ControllerCore['apply']>[0], 0), AssertionError)

  const { thrown } = replayFlight(recorder.dump())
  assert.deepEqual(
    thrown.map(({ core, input, line, error }) => [core, input, line, error.name]),
    [
      ['quorum', 'persisted', 3, 'AssertionError'],
      ['controller', 'apply', 5, 'AssertionError'],
    ],
  )
})

test('everything that a leader hears of its followers and of the controller is replayed', () => {
  const recorder = new FlightRecorder()
  const options: PartitionLeaderOptions = {
    ...{ nodeId: 1, leaderEpoch: 3, partitionEpoch: 5, replicas: [1, 2, 3], isr: [1, 2], eligible: [3] },
    ...{ flushPolicy: 'commit', minInsyncReplicas: 1, longestLagMs: 100, highWatermark: 0 },
    ...{ startOffset: 0, logEndOffset: 4, flushedEndOffset: 4, nowMs: 7 },
  }
  const leader = new PartitionLeader(options)
  const track = recorder.track('a-0', 'partition-leader', () => leader.capture())
  const give = <Input extends keyof PartitionLeader>(input: Input, ...args: readonly unknown[]): void => {
    track(input, ...args)
    ;(leader[input] as (...args: readonly unknown[]) => unknown).apply(leader, args as unknown[])
  }
  give('setUsable', new Map(Array.from([1, 2, 3], (id) => [id, 10 * id] as const)))
  give('fetched', 2, 4, 20, 8, 1)
  give('fetched', 3, 4, 30, 9, 2)
  give('startMoved', 2)
  assert.equal(leader.lowWatermark, 1)
  give('takeProposal')
  give('answered', 1, { kind: 'accepted', isr: [1, 2, 3], partitionEpoch: 6 })
  give('appended', 9)
  give('flushed', 9)
  give('tick', 120, 5)
  give('changed', 7, [1, 2, 3], [1, 2])
  give('configure', 'os', 2, 50)
  assert.equal(leader.highWatermark, 4)
  give('fetched', 2, 9, 20, 130, 2)
  assert.equal(leader.highWatermark, 9)
  const { mismatches, thrown, states } = replayFlight(recorder.dump())
  assert.deepEqual([mismatches, thrown, states], [[], [], 1])
})

test('a state that no core can have is a failure', () => {
  const state = { nodeId: 1, leaderEpoch: 0, isr: [2], flushPolicy: 'os', highWatermark: 0, logEndOffset: 0 }
  const { thrown } = replayFlight(recordOf([{ core: 'a-0', kind: 'partition-leader', state }]))
  assert.deepEqual(
    thrown.map(({ input, error }) => [input, error.name]),
    [['its state', 'AssertionError']],
  )
})

test('what is not a flight record is said to be none', () => {
  const state: FlightEntry = { core: 'a-0', kind: 'partition-leader', state: null }
  const refused = (text: string, sentence: RegExp): void => {
    assert.throws(
      () => replayFlight(text),
      (error) => error instanceof FlightRecordError && sentence.test(error.message),
    )
  }
  assert.deepEqual(replayFlight('').cores, 0)
  assert.equal(replayFlight(recordOf([state, state])).states, 1)
  refused('{"core":', /^line 1 is not JSON$/)
  refused('7', /^line 1 is not an entry/)
  refused('{"core":"a-0","input":"flushed"}', /^line 1 is not an entry/)
  refused(recordOf([{ core: 'a-0', input: 'flushed', args: [1] }]), /^line 1 has an input of a-0 before any state/)
  refused(recordOf([{ core: 'a-0', kind: 'toString', state: {} }]), /^line 1 has a core of the kind toString/)
  refused(recordOf([state, { ...state, kind: 'raft' }]), /^line 2 has a-0 as raft/)
  refused(recordOf([state, { core: 'a-0', input: 'fly', args: [] }]), /^line 2: .* has no input fly$/)
})
