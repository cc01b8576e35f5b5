/** Clusters under a load of records: the same seed is the same run, and what is not promised is found to be lost by whoever asks for it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FaultScript } from '../../src/sim/fault-script.js'
import type { ReplicatedTopicPlan } from '../../src/sim/replicated-topics.js'
import { runReplicationSeed } from '../../src/sim/replication-scenario.js'

const TOPIC: ReplicatedTopicPlan = {
  name: 'records0',
  partitions: 2,
  replicationFactor: 3,
  minInsyncReplicas: 1,
  flushPolicy: 'commit',
  configs: {},
}

test('two runs of a seed are the same, and those of two seeds are not', () => {
  const run = (seed: number): string => runReplicationSeed(seed, { faultsMs: 3000 }).hash
  assert.equal(run(1), run(1))
  assert.notEqual(run(1), run(2))
})

test('without faults everything is acknowledged, everything is judged, and every replica has the same', () => {
  const { findings, acknowledged, unknown, checks, elections } = runReplicationSeed(1, {
    nodes: 3,
    topics: [TOPIC],
    acks: -1,
    script: [],
    faultsMs: 5000,
  })
  assert.deepEqual(findings, [])
  assert.ok(acknowledged > 50, `${acknowledged} records`)
  assert.equal(unknown, 0)
  assert.equal(elections, 0)
  assert.equal(checks['replicas have the same bytes'], 6)
  assert.equal(checks['what is promised is judged'], 2)
})

test('fronts of logs are deleted and brokers are given empty disks meanwhile, and nothing else is lost', () => {
  const { findings, checks, starts, nodes } = runReplicationSeed(1, {
    nodes: 4,
    topics: [TOPIC],
    acks: -1,
    faults: [],
    faultsMs: 20_000,
    deletionsMs: 500,
    brokerDisksMs: 1000,
  })
  assert.deepEqual(findings, [])
  for (const name of [
    'the front of a log is deleted',
    'a reader finds that the front is gone',
    'only what was to be deleted is',
    'a broker is given an empty disk',
  ]) {
    assert.ok(checks[name]! > 0, name)
  }
  assert.ok(starts > nodes)
})

test('power that all lose under os takes what was acknowledged, which is judged only where it is asked for', () => {
  const losses: FaultScript = [2000, 4000].map((atMs) => ({
    atMs,
    kind: 'power-loss-of-several',
    target: 0,
    others: 255,
    durationMs: 0,
    strength: 0,
  }))
  const options = { nodes: 3, topics: [{ ...TOPIC, flushPolicy: 'os' as const }], script: losses, faultsMs: 6000 }
  const lost = [1, 2, 3, 4].filter((seed) => {
    assert.deepEqual(runReplicationSeed(seed, options).findings, [])
    return runReplicationSeed(seed, { ...options, strict: true }).findings.some(
      ({ anomaly }) => anomaly === 'lost-write',
    )
  })
  assert.ok(lost.length > 0)
  const commit = { ...options, topics: [TOPIC], acks: -1 as const, strict: true }
  for (const seed of lost) assert.deepEqual(runReplicationSeed(seed, commit).findings, [])
})
