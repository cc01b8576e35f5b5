/** Clusters with groups of consumers: the same seed is the same run, and without faults groups go through everything that befalls them without a finding. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runGroupSeed } from '../../src/sim/group-scenario.js'

test('two runs of a seed are the same, and those of two seeds are not', () => {
  const run = (seed: number): string => runGroupSeed(seed, { nodes: 3, faultsMs: 1000, kinds: ['next', 'both'] }).hash
  assert.equal(run(1), run(1))
  assert.notEqual(run(1), run(2))
})

test('members come and go while nothing fails: everything is read, committed and judged', () => {
  const sums: Record<string, number> = {}
  for (const seed of [1, 2]) {
    const { findings, checks } = runGroupSeed(seed, { nodes: 3, script: [], faultsMs: 8000 })
    assert.deepEqual(findings, [])
    for (const [name, count] of Object.entries(checks)) sums[name] = (sums[name] ?? 0) + count
  }
  for (const name of [
    'commits of offsets are acknowledged',
    'committed offsets are fetched',
    'who has a partition is judged',
    'a member begins behind what was read',
    'records are to be read by a group',
    'a loaded shard is as its log says',
    'a static member has what it had',
    'a member is killed',
    'groups are described',
    'a group is deleted',
  ]) {
    assert.ok((sums[name] ?? 0) > 0, name)
  }
})

test('so do the members that users are given, of both protocols, and groups that go over from the one to the other', () => {
  const sums: Record<string, number> = {}
  for (const seed of [1, 2]) {
    const options = { nodes: 3, script: [], faultsMs: 12_000, kinds: ['next', 'both', 'classic'] } as const
    const { findings, checks } = runGroupSeed(seed, options)
    assert.deepEqual(findings, [])
    for (const [name, count] of Object.entries(checks)) sums[name] = (sums[name] ?? 0) + count
  }
  for (const name of [
    'a core speaks the next protocol',
    'a core speaks the classic protocol',
    'a member wants what an expression matches',
    'groups of the next protocol are described',
    'a group is upgraded',
    'a group is downgraded',
    'a commit comes late',
    'a commit of an old member epoch is refused',
    'a static member has what it had',
    'a loaded shard is as its log says',
    'what holds of a group of KIP-848 is looked at',
  ]) {
    assert.ok((sums[name] ?? 0) > 0, name)
  }
})
