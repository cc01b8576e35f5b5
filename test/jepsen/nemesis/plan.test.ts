/** When faults begin and end, for any faults, times and seeds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PLAN_KINDS, type PlannedStep, planFaults } from '../../../jepsen/nemesis/plan.js'
import { Prng } from '../../../src/base/prng.js'

const arbitraryPlan = fc.record({
  faults: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), { minLength: 1 }),
  kind: fc.constantFrom(...PLAN_KINDS),
  durationMs: fc.integer({ min: 0, max: 600_000 }),
  intervalMs: fc.integer({ min: 2_000, max: 30_000 }),
  mixtureMs: fc.integer({ min: 5_000, max: 60_000 }),
  most: fc.integer({ min: 1, max: 5 }),
  seed: fc.string(),
})

test('each fault begins and ends by turns, in order of time, within the time, and has ended at the end', () => {
  fc.assert(
    fc.property(arbitraryPlan, ({ seed, ...options }) => {
      const steps = planFaults(options, new Prng(seed))
      const on = new Set<string>()
      let lastMs = 0
      for (const { atMs, fault, does } of steps) {
        assert.ok(atMs >= lastMs && atMs <= options.durationMs)
        lastMs = atMs
        assert.equal(on.has(fault), does === 'end')
        if (does === 'end') on.delete(fault)
        else on.add(fault)
        assert.ok(on.size <= (options.kind === 'mixtures' ? options.most : 1), 'more at once than there may be')
      }
      assert.equal(on.size, 0)
    }),
  )
})

test('the same seed gives the same plan, another one another', () => {
  const options = { faults: ['a', 'b', 'c'], kind: 'mixtures', durationMs: 120_000 } as const
  const plan = (seed: string): readonly PlannedStep[] => planFaults(options, new Prng(seed))
  assert.deepEqual(plan('one'), plan('one'))
  assert.notDeepEqual(plan('one'), plan('two'))
})

test('one fault alone comes every 10 to 15 seconds on the average, and never lasts until the next', () => {
  const durationMs = 3_600_000
  const steps = planFaults({ faults: ['kill'], kind: 'alone', durationMs }, new Prng('alone'))
  const meanMs = durationMs / (steps.length / 2)
  assert.ok(meanMs >= 10_000 && meanMs <= 15_000, `${meanMs} ms`)
})

test('by turns each is alone, in the order in which they were named, again from the first', () => {
  const faults = ['c', 'a', 'b']
  const steps = planFaults({ faults, kind: 'turns', durationMs: 120_000, intervalMs: 8_000 }, new Prng('turns'))
  const begun = steps.filter(({ does }) => does === 'begin').map(({ fault }) => fault)
  assert.ok(begun.length >= 10, `${begun.length} turns`)
  assert.deepEqual(
    begun,
    begun.map((_, turn) => faults[turn % faults.length]),
  )
})

test('mixtures are quiet for about a quarter of the time, each fault takes part, and several go on at once', () => {
  const durationMs = 10 * 3_600_000
  const faults = ['a', 'b', 'c', 'd', 'e']
  const steps = planFaults({ faults, kind: 'mixtures', durationMs, intervalMs: 4_000 }, new Prng('mixtures'))
  const begins = steps.filter(({ does }) => does === 'begin')
  assert.deepEqual([...new Set(begins.map(({ fault }) => fault))].sort(), faults)
  let quietMs = 0
  let endMs = 0
  let most = 0
  let on = 0
  for (const { atMs, does } of steps) {
    // Between two turns of a fault it is quieter than that for a moment only.
    if (on === 0 && atMs - endMs > 15_000) quietMs += atMs - endMs
    on += does === 'begin' ? 1 : -1
    most = Math.max(most, on)
    endMs = atMs
  }
  const share = quietMs / durationMs
  assert.ok(share > 0.15 && share < 0.35, `${share}`)
  assert.ok(most >= 3)
})
