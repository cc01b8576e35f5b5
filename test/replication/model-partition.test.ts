import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../../src/base/assert.js'
import { type ModelOptions, ModelPartition } from './model-partition.js'

const SEEDS = 100
/** With many replicas each has its turn less often. */
const EVENTS = 8000
const EVENTS_OF_EACH = 2700

const COMMIT: ModelOptions = {
  replicas: 3,
  minInsyncReplicas: 1,
  flushPolicy: 'commit',
  losesPower: true,
  uncleanElection: false,
}

const WELL: readonly (readonly [string, ModelOptions])[] = [
  ['three replicas, flushed before they count, and power lost', COMMIT],
  ['two of them at least in sync', { ...COMMIT, minInsyncReplicas: 2 }],
  ['processes that crash, and nothing is flushed', { ...COMMIT, flushPolicy: 'os', losesPower: false }],
  ['two replicas', { ...COMMIT, replicas: 2 }],
  ['five', { ...COMMIT, replicas: 5, minInsyncReplicas: 3 }],
]

function run(seed: string, options: ModelOptions): ModelPartition {
  const world = new ModelPartition(seed, options)
  try {
    world.run(Math.max(EVENTS, EVENTS_OF_EACH * options.replicas))
  } catch (error) {
    if (error instanceof AssertionError) error.message = `seed ${seed}: ${error.message}`
    throw error
  }
  return world
}

for (const [name, options] of WELL) {
  test(`nothing that is committed is lost or changed, and all come to rest: ${name}`, (t) => {
    let acknowledged = 0
    let truncated = 0
    let elections = 0
    let deletions = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = run(String(seed), options)
      acknowledged += world.invariants.acknowledgedCount
      truncated += world.counts['truncate'] ?? 0
      deletions += world.invariants.deletions
      elections += world.controller.view.leaderEpoch
    }
    t.diagnostic(
      `${SEEDS} seeds: ${acknowledged} acknowledged, ${elections} elections, ${truncated} truncations, ${deletions} deletions`,
    )
    assert.ok(acknowledged > 20 * SEEDS && 2 * truncated > SEEDS && elections > 5 * SEEDS && deletions > SEEDS)
  })
}

test('the same where replicas are found to be wrong, are out of sync, and are fetched again; a leader hands over for that', (t) => {
  const counts: Record<string, number> = {}
  for (const minInsyncReplicas of [1, 2]) {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = run(`rebuilds ${seed}`, { ...COMMIT, minInsyncReplicas, rebuilds: true })
      for (const kind of ['keep-out', 'hand-over', 'rebuild']) {
        counts[kind] = (counts[kind] ?? 0) + (world.counts[kind] ?? 0)
      }
    }
  }
  t.diagnostic(JSON.stringify(counts))
  for (const kind of ['keep-out', 'hand-over', 'rebuild']) assert.ok(counts[kind]! > SEEDS, kind)
})

for (const [name, options] of [
  ['an unclean election', { ...COMMIT, uncleanElection: true }],
  ['power that is lost and nothing is flushed', { ...COMMIT, flushPolicy: 'os' }],
] as const) {
  test(`the same world finds what is lost by ${name}`, () => {
    const failed = Array.from({ length: SEEDS }, (_, n) => String(n + 1)).filter((seed) => {
      try {
        run(seed, options)
        return false
      } catch (error) {
        assert.ok(error instanceof AssertionError)
        return true
      }
    })
    assert.ok(failed.length > 10, `${failed.length} of ${SEEDS}`)
  })
}
