/** Each fault of a script does to the cluster what it says, ends when it should, and goes when all is healed; a core is spared, the rest is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClusterFaults } from '../../src/sim/cluster-faults.js'
import { type ClusterNode, ClusterWorld } from '../../src/sim/cluster-world.js'
import type { ClusterFaultKind, TimedFault } from '../../src/sim/fault-script.js'
import { Simulation } from '../../src/sim/simulation.js'

const LAST_MS = 1000

interface Bench {
  readonly world: ClusterWorld
  readonly faults: ClusterFaults
  readonly nodes: readonly ClusterNode[]
  strike(kind: ClusterFaultKind, more?: Partial<TimedFault>): void
  pass(durationMs: number): void
}

/** Three nodes, each a cluster of its own, that run. */
function bench(seed = 1, mayReplace = true): Bench {
  const simulation = new Simulation(seed)
  const world = new ClusterWorld(simulation, {
    roles: ['combined', 'combined', 'combined'],
    ports: 'one',
    naming: 'none',
    settings: {},
    longestDownMs: 100,
  })
  const pass = (durationMs: number): void => {
    simulation.runUntil(() => false, simulation.nowMs + durationMs)
  }
  world.start()
  pass(5000)
  assert.ok(world.nodes.every(({ serving }) => serving))
  const faults = new ClusterFaults(world, () => mayReplace)
  const strike = (kind: ClusterFaultKind, more: Partial<TimedFault> = {}): void => {
    faults.play([{ atMs: 0, kind, target: 1, others: 0, durationMs: LAST_MS, strength: 0.9, ...more }])
    pass(1)
  }
  return { world, faults, nodes: world.nodes, strike, pass }
}

/** Which links are cut, as "from>to". */
function cuts({ network, nodes }: ClusterWorld): string[] {
  const hosts = [...nodes.map(({ host }) => host), 'client']
  return hosts.flatMap((from) => hosts.filter((to) => network.rules.cuts(from, to)).map((to) => `${from[4]}>${to[4]}`))
}

test('what ends a process: it is started again', () => {
  for (const kind of ['crash', 'restart', 'power-loss', 'disk-replaced'] as const) {
    const { nodes, strike, pass, faults } = bench()
    const { clusterId, machine } = nodes[1]!
    const { bootId } = machine
    strike(kind)
    pass(5000)
    assert.deepEqual(
      nodes.map(({ starts }) => starts),
      [1, 2, 1],
      kind,
    )
    assert.equal(nodes[1]!.clusterId === clusterId, kind !== 'disk-replaced', kind)
    assert.equal(machine.bootId === bootId, kind === 'crash' || kind === 'restart', kind)
    assert.deepEqual(faults.counts, { [kind]: 1 })
  }
})

test('several lose power at once; a disk that cannot be done without is not replaced', () => {
  const { nodes, strike, faults } = bench(2, false)
  strike('power-loss-of-several', { others: 0b100 })
  assert.deepEqual(
    nodes.map(({ node }) => node !== undefined),
    [true, false, false],
  )
  strike('disk-replaced', { target: 0 })
  assert.deepEqual(faults.counts, { 'power-loss-of-several': 1 })
  assert.equal(nodes[0]!.replaced, 0)
})

test('in the middle of an operation', () => {
  for (const kind of ['crash-at-operation', 'power-loss-at-operation'] as const) {
    const { nodes, strike, pass } = bench()
    strike(kind, { strength: 0 })
    nodes[1]!.stopOnce()
    pass(5000)
    assert.equal(nodes[1]!.machine.crashPoint, undefined)
    assert.equal(nodes[1]!.starts, 2, kind)
  }
})

test('links that are cut, and for how long', () => {
  const told: readonly (readonly [ClusterFaultKind, Partial<TimedFault>, string[]])[] = [
    ['isolate', {}, ['1>2', '2>1', '2>3', '2>n', '3>2', 'n>2']],
    ['isolate-one-way', { strength: 0 }, ['2>1', '2>3', '2>n']],
    ['isolate-one-way', { strength: 1 }, ['1>2', '3>2', 'n>2']],
    ['partition', { others: 0b1 }, ['1>3', '2>3', '3>1', '3>2']],
    ['partition-one-way', { others: 0b1 }, ['1>3', '2>3']],
    ['flapping', { others: 0b1, strength: 0 }, ['1>2', '2>1']],
  ]
  for (const [kind, more, expected] of told) {
    const { world, strike, pass } = bench()
    strike(kind, more)
    assert.deepEqual(cuts(world).sort(), expected, kind)
    pass(500)
    assert.deepEqual(cuts(world).sort(), kind === 'flapping' ? [] : expected, `${kind}, later`)
    pass(LAST_MS)
    assert.deepEqual(cuts(world), [], `${kind} is over`)
  }
})

test('slow links, and a node that refuses', () => {
  const { world, strike, pass } = bench()
  const { rules } = world.network
  strike('slow-links', { strength: 1 })
  assert.equal(rules.extraDelayMs('node1', 'node2'), 1500)
  assert.equal(rules.extraDelayMs('node1', 'node3'), 0)
  strike('refuse')
  assert.ok(rules.refuses('client', 'node2') && !rules.refuses('node2', 'client'))
  pass(LAST_MS)
  assert.ok(rules.extraDelayMs('node1', 'node2') === 0 && !rules.refuses('client', 'node2'))
})

test('clocks, pauses and disks', () => {
  const { nodes, strike, pass, world } = bench()
  const { machine, device } = nodes[1]!
  strike('wall-jump', { strength: 0 })
  assert.equal(machine.wallOffsetMs, -3_600_000)
  strike('drift', { strength: 1 })
  assert.equal(machine.time.rate, 1.1)
  strike('disk-full', { strength: 0 })
  assert.equal(device.freeBytes, 0)
  strike('failed-flush')
  strike('io-error')
  assert.ok(device.faults.failedFlushChance > 0 && device.faults.ioErrorChance > 0)
  pass(LAST_MS)
  assert.equal(machine.time.rate, 1)
  assert.equal(device.freeBytes, Number.POSITIVE_INFINITY)
  assert.equal(device.faults.failedFlushChance + device.faults.ioErrorChance, 0)
  const before = world.simulation.events
  strike('pause')
  strike('stuck-disk')
  assert.ok(device.faults.stuckUntilMs > world.simulation.nowMs)
  assert.equal(device.counts.get('process-paused')?.total, 1)
  assert.ok(world.simulation.events > before)
})

test('the core is well, nothing begins any more, and the rest stays as it is until all is healed', () => {
  const { world, nodes, faults, strike, pass } = bench()
  const [first, second, third] = nodes
  strike('isolate', { target: 0, durationMs: 2000 })
  strike('isolate', { target: 2, durationMs: 2000 })
  strike('drift', { target: 0 })
  second!.crash()
  third!.crash()
  faults.play([{ atMs: 10, kind: 'crash', target: 0, others: 0, durationMs: 0, strength: 0 }])
  faults.freezeBut([first!, second!], ['client'])
  assert.equal(first!.machine.time.rate, 1)
  pass(10_000)
  assert.ok(first!.serving && second!.serving && third!.node === undefined)
  assert.equal(first!.starts, 1, 'the crash did not come')
  assert.deepEqual(cuts(world).sort(), ['1>3', '2>3', '3>1', '3>2', '3>n', 'n>3'])
  faults.healAll()
  pass(5000)
  assert.deepEqual(cuts(world), [])
  assert.ok(third!.serving)
})
