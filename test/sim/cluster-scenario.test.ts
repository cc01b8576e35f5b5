/** Runs of a cluster are the same for the same seed, and what must never be is seen where it is: in clusters that are several and say that they are one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClusterInvariants } from '../../src/sim/cluster-invariants.js'
import { runClusterSeed } from '../../src/sim/cluster-scenario.js'
import { type ClusterPlan, ClusterWorld } from '../../src/sim/cluster-world.js'
import { runSeeds } from '../../src/sim/run-seeds.js'
import { Simulation } from '../../src/sim/simulation.js'

test('two runs of a seed are the same, and those of two seeds are not', () => {
  const run = (seed: number): string => runClusterSeed(seed, { faultsMs: 3000 }).hash
  assert.equal(run(1), run(1))
  assert.notEqual(run(1), run(2))
})

test('clusters that are apart are found not to be one by their clients', () => {
  const findings = [1, 2, 3].flatMap(
    (seed) => runClusterSeed(seed, { nodes: 3, apart: true, faultsMs: 10_000 }).findings,
  )
  assert.ok(findings.length > 0)
  assert.match(findings[0]!.detail, /^after \d+ calls, in state .*, none can be next: /)
})

test('a disk can be struck again while its node, on an empty one, belongs to no cluster yet', () => {
  const script = [...new Array(300).keys()].map(
    (n) =>
      ({ atMs: 6000 + 20 * n, kind: 'disk-replaced', target: 2, others: 0, durationMs: 1, strength: 0.5 }) as const,
  )
  const { faults } = runClusterSeed(3, { nodes: 3, faultsMs: 13_000, script })
  assert.ok(faults['disk-replaced']! > 0)
})

test('a disk is spared as long as it is not committed that one replaced before is that of a voter', () => {
  let isUncommitted = false
  runClusterSeed(901, {
    probe: ({ simulation: { nowMs }, leader }) => {
      const quorum = leader?.node?.quorum
      if (nowMs < 41_000 || nowMs > 43_000 || quorum === undefined) return
      const voters = quorum.describe().voters.filter(({ isVoter }) => isVoter)
      isUncommitted ||= voters.length === 3 && quorum.highWatermark < quorum.endOffset
    },
  })
  assert.ok(isUncommitted, 'the seed does not show what it is here for')
})

test('a core is well whose only broker does not hear the leader, which is outside of it: nobody can acknowledge anything there', () => {
  let isCutOff = false
  const { checks } = runClusterSeed(927, {
    probe: ({ simulation, leader, brokers, network: { rules } }) => {
      const [broker, ...others] = brokers
      isCutOff ||= simulation.nowMs > 90_000 && others.length === 0 && rules.cuts(leader?.host ?? '', broker!.host)
    },
  })
  assert.ok(isCutOff, 'the seed does not show what it is here for')
  assert.ok((checks['histories are linearizable'] ?? 0) > 0)
})

/** Clusters of one that are judged as if they were one cluster. */
function judged(as: Partial<ClusterPlan>, after: (world: ClusterWorld, invariants: ClusterInvariants) => void): void {
  const simulation = new Simulation(1)
  const plan: ClusterPlan = {
    roles: ['combined', 'combined'],
    ports: 'one',
    naming: 'none',
    settings: {},
    longestDownMs: 100,
  }
  const world = new ClusterWorld(simulation, plan)
  const invariants = new ClusterInvariants(
    Object.create(world, { plan: { value: { ...plan, ...as } } }) as ClusterWorld,
  )
  world.start()
  after(world, invariants)
}

test('two clusters of one list, two leaders of one epoch and two logs are seen', () => {
  judged({ naming: 'voters' }, ({ simulation }, invariants) => {
    simulation.runUntil(() => false, 5000)
    assert.throws(() => invariants.check(), /says that \d leads in epoch \d, and it was \d|have .* committed/)
    assert.throws(() => invariants.checkAll(), /two clusters of one list|another \d+ to \d+ of epoch|committed/)
  })
})

test('and nothing is seen where they are what they say', () => {
  judged({}, ({ simulation }, invariants) => {
    simulation.runUntil(() => {
      invariants.check()
      return false
    }, 5000)
    invariants.checkAll()
    assert.ok((invariants.counts['a broker that serves is registered'] ?? 0) > 0)
  })
})

test('what many runs have shown adds up, and seeds that fail are named', () => {
  const outcomes: string[] = []
  let failsAt: number | undefined
  const result = runSeeds({
    profile: 'quorum',
    from: 5,
    seeds: 3,
    nowMs: () => 1000 * outcomes.length,
    ran: ({ seed, failure }) => outcomes.push(`${seed} ${failure === undefined ? 'well' : 'failed'}`),
    scenario: {
      nodes: 1,
      faultsMs: 1000,
      probe: ({ simulation }) => {
        failsAt ??= simulation.seed === '6' ? 500 : undefined
        assert.ok(simulation.seed !== '6' || simulation.nowMs < failsAt!, 'planted')
      },
    },
  })
  assert.deepEqual(outcomes, ['5 well', '6 failed', '7 well'])
  assert.deepEqual(result.failed, [6])
  assert.equal(result.seeds, 3)
  assert.equal(result.realSeconds, 3)
  assert.equal(result.hash, undefined)
  assert.ok(result.virtualSeconds > 2 && result.acknowledged > 0)
  assert.equal(result.seedsWithCheck['histories are linearizable'], 2)
})
