/**
 * Fault scripts: generated ones leave a cluster well, and one that shows a bug shrinks to the faults that it takes. The bug is planted from outside: a
 * probe that does not bear two things at once.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Prng } from '../../src/base/prng.js'
import { runClusterSeed } from '../../src/sim/cluster-scenario.js'
import type { ClusterWorld } from '../../src/sim/cluster-world.js'
import { CLUSTER_FAULTS, drawScript, type FaultScript } from '../../src/sim/fault-script.js'
import { SimulationError } from '../../src/sim/simulation.js'
import { faultScripts } from './fault-arbitrary.js'

const LENGTH_MS = 2000

test('a script that is drawn is within its bounds, and the same for one seed', () => {
  const options = {
    kinds: CLUSTER_FAULTS,
    lengthMs: 60_000,
    meanPauseMs: 100,
    longestFaultMs: 5000,
    leaderChance: 0.5,
    leaderLosses: 2,
  }
  const script = drawScript(new Prng('x'), options)
  assert.deepEqual(script, drawScript(new Prng('x'), options))
  assert.ok(script.length > 400 && script.length < 800, `${script.length} faults`)
  assert.deepEqual(new Set(script.map(({ kind }) => kind)), new Set(CLUSTER_FAULTS))
  assert.ok(script.every(({ atMs, durationMs }) => atMs < 60_000 && durationMs <= 6000))
  assert.ok(script.every(({ atMs }, n) => n === 0 || atMs >= script[n - 1]!.atMs))
  const ofLeader = script.filter(({ target }) => target === 'leader').length / script.length
  assert.ok(ofLeader > 0.3 && ofLeader < 0.7)
  assert.deepEqual(drawScript(new Prng('x'), { ...options, kinds: [] }), [])
})

test('clusters bear any script', () => {
  fc.assert(
    fc.property(faultScripts({ lengthMs: LENGTH_MS, maxFaults: 12 }), fc.nat(), (script, seed) => {
      const { findings, acknowledged } = runClusterSeed(seed, { script, faultsMs: LENGTH_MS })
      assert.deepEqual(findings, [])
      assert.ok(acknowledged > 0)
    }),
    { numRuns: 15 },
  )
})

/** The planted bug: the second node is cut off while the first is down. */
function bearsNotBoth({ nodes: [first, second], network: { rules } }: ClusterWorld): void {
  const isDown = first!.starts > 0 && first!.node === undefined
  assert.ok(!(isDown && rules.cuts(second!.host, first!.host)), 'both at once')
}

const TWO: FaultScript = [
  { atMs: 500, kind: 'isolate', target: 1, others: 0, durationMs: 1500, strength: 0 },
  { atMs: 800, kind: 'crash', target: 0, others: 0, durationMs: 0, strength: 0 },
]

function failureOf(seed: number, script: FaultScript): string | undefined {
  try {
    runClusterSeed(seed, { nodes: 2, apart: true, script, faultsMs: LENGTH_MS, probe: bearsNotBoth })
    return undefined
  } catch (error) {
    if (error instanceof SimulationError) return error.message
    throw error
  }
}

test('a script that shows a bug shrinks to the faults that it takes', () => {
  // In some worlds a node is up again too soon, or down too long before.
  const seed = Array.from({ length: 30 }, (_, n) => n).find(
    (n) => failureOf(n, TWO) !== undefined && failureOf(n, []) === undefined,
  )
  assert.ok(seed !== undefined)
  const run = (script: FaultScript): string | undefined => failureOf(seed, script)
  const kinds = ['crash', 'power-loss', 'isolate', 'slow-links', 'wall-jump', 'reset'] as const
  const scripts = faultScripts({ lengthMs: LENGTH_MS, maxFaults: 10, kinds }).filter((script) => script.length > 5)
  const details = fc.check(
    fc.property(scripts, (script) => run(script) === undefined),
    { seed: 7, numRuns: 100 },
  )
  assert.equal(details.failed, true)
  const [smallest] = details.counterexample!
  assert.match(run(smallest)!, /both at once/)
  const needed = smallest.filter((_, n) => run(smallest.toSpliced(n, 1)) === undefined)
  assert.equal(needed.length, 2, JSON.stringify(smallest))
  const [cut, down] = [...needed].sort((a, b) => (a.kind < b.kind ? 1 : -1)).map(({ kind }) => kind)
  assert.ok(details.numShrinks > 0)
  assert.ok(['crash', 'power-loss', 'isolate'].includes(cut!) && ['crash', 'power-loss', 'isolate'].includes(down!))
})
