/**
 * Many worlds of the model. More of them: `node dist/test/raft/soak.js --worlds N`, or LOGRAFT_RAFT_WORLDS=N with this file. What each guard is
 * there for is shown by `test/raft/mutants`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FlightRecorder } from '../../src/base/flight-recorder.js'
import { replayFlight } from '../../src/sim/replay-flight.js'
import { ModelQuorum } from './model-quorum.js'
import { RECORDED_INPUTS } from './recorded-raft.js'

const WORLDS = Number(process.env['LOGRAFT_RAFT_WORLDS'] ?? 2000)

/** What must have happened, or the worlds show nothing of it. */
const TRIED = [
  'addRaftVoter NONE',
  'append failed',
  'asked to resign',
  'became candidate',
  'became follower',
  'became leader',
  'became prospective',
  'became resigned',
  'became unattached',
  'crash',
  'disk replaced',
  'fetch FENCED_LEADER_EPOCH',
  'fetch UNKNOWN_LEADER_EPOCH',
  'fetch diverging',
  'fetch snapshot',
  'follower isolated',
  'log truncated',
  'one-way partition',
  'partition',
  'pause',
  'pre-vote granted',
  'pre-vote refused',
  'removeRaftVoter NONE',
  'removed leader resigned',
  'session closed',
  'snapshot loaded',
  'snapshot not wanted any more',
  'snapshot taken',
  'updateRaftVoter NONE',
  'vote INVALID_VOTER_KEY',
  'vote granted',
  'vote refused',
  'voters appended',
  'voters reverted',
]

test('the invariants hold in every world, and each comes to rest once it is healed', () => {
  const counts = new Map<string, number>()
  let [events, longestMs] = [0, 0]
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const report = new ModelQuorum(seed).run()
      events += report.events
      longestMs = Math.max(longestMs, report.convergedMs)
      for (const [what, count] of report.counts) counts.set(what, (counts.get(what) ?? 0) + count)
    }),
    // A smaller seed is not a smaller world.
    { numRuns: WORLDS, endOnFailure: true },
  )
  for (const what of TRIED) assert.ok((counts.get(what) ?? 0) > 0, `in ${WORLDS} worlds never: ${what}`)
  assert.ok(events > WORLDS * 100)
  assert.ok(longestMs > 0)
})

test('a world follows from its seed', () => {
  const lines: [string[], string[]] = [[], []]
  for (const each of lines) for (const seed of [1, 2, 3]) new ModelQuorum(seed, (line) => each.push(line)).run()
  assert.ok(lines[0].length > 100)
  assert.deepEqual(lines[0], lines[1])
})

test('the flight record of each process replays to the states that it had', () => {
  const inputs = new Set<string>()
  let states = 0
  for (let seed = 1; seed <= 100; seed++) {
    const recorders: FlightRecorder[] = []
    new ModelQuorum(seed, undefined, { stormMs: 3000, snapshotEveryMs: 200, lossChance: 0.1 }, recorders).run()
    for (const recorder of recorders) {
      const report = replayFlight(recorder.dump())
      assert.deepEqual(report.mismatches, [], `seed ${seed}`)
      assert.deepEqual(report.thrown, [], `seed ${seed}`)
      states += report.states
      for (const { input } of recorder.entries()) if (input !== undefined) inputs.add(input)
    }
  }
  assert.ok(states > 0)
  assert.deepEqual([...inputs].sort(), [...RECORDED_INPUTS, 'drawn'].sort())
})
