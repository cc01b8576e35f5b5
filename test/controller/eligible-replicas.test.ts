/** Eligible leader replicas (KIP-966): who has left the ISR and may lead all the same, and who may not any more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { configsOf } from '../../src/metadata/image.js'
import { Cluster, diskOf, nameOf } from './cluster.js'

const FEATURE = 'eligible.leader.replicas.version'
const MIN_INSYNC = 'min.insync.replicas'
const UNCLEAN = 'unclean.leader.election.enable'

let incarnations = 0
/** Each start of a process has another. */
function incarnation(): string {
  return `DDDDDDDDDDDDDDDDDD${1000 + (incarnations++ % 9000)}`
}

/** One partition on 1, 2 and 3, all in sync, with `min.insync.replicas` 2, of which a crash can take what was not flushed. */
function threeOf(configs: Readonly<Record<string, string>> = {}, level = 1): Cluster {
  const cluster = new Cluster([1, 2, 3])
  if (level > 0) assert.equal(cluster.raise(FEATURE, level), 'NONE')
  cluster.topics([[1, 2, 3]], { [MIN_INSYNC]: '2', 'flush.policy': 'os', ...configs })
  return cluster
}

function lose(cluster: Cluster, brokerId: number): void {
  cluster.closed(brokerId)
  cluster.refused(brokerId)
}

function comeBack(cluster: Cluster, brokerId: number, stop: 'clean' | 'unclean'): void {
  const previousBrokerEpoch = stop === 'clean' ? cluster.epochs.get(brokerId)! : -1
  cluster.join(brokerId, { incarnationId: incarnation(), previousBrokerEpoch })
}

function state(cluster: Cluster) {
  const { leader, isr, eligibleLeaderReplicas: elr, lastKnownElr } = cluster.partition()
  return { leader, isr, elr, lastKnownElr }
}

test('a new cluster begins without; it is raised when all brokers know it', () => {
  const cluster = new Cluster([1, 2])
  assert.equal(cluster.core.image.features.has(FEATURE), false)
  const lograft = [{ name: 'lograft.version', minSupportedVersion: 1, maxSupportedVersion: 3 }]
  cluster.join(3, { features: lograft })
  assert.equal(cluster.raise(FEATURE, 1), 'INVALID_UPDATE_VERSION')
  comeBack(cluster, 3, 'clean')
  assert.equal(cluster.raise(FEATURE, 0), 'NONE')
  assert.equal(cluster.raise(FEATURE, 1), 'NONE')
  assert.equal(cluster.core.image.features.get(FEATURE), 1)
  assert.equal(nameOf(cluster.register(4, { features: lograft })), 'UNSUPPORTED_VERSION')
})

test('at level 0 nobody is eligible, and the last who was in sync stays in the ISR', () => {
  const cluster = threeOf({}, 0)
  assert.equal(cluster.propose([1]), 'NONE')
  assert.deepEqual(state(cluster), { leader: 1, isr: [1], elr: [], lastKnownElr: [] })
  lose(cluster, 1)
  assert.deepEqual(state(cluster), { leader: -1, isr: [1], elr: [], lastKnownElr: [] })
})

test('R13: who leaves an ISR that stays large enough is not eligible, who leaves one that becomes too small is; and it leads without a loss', () => {
  const cluster = threeOf()
  assert.equal(cluster.propose([1, 3]), 'NONE')
  assert.deepEqual(state(cluster), { leader: 1, isr: [1, 3], elr: [], lastKnownElr: [] })
  assert.equal(cluster.propose([1]), 'NONE')
  assert.deepEqual(state(cluster), { leader: 1, isr: [1], elr: [3], lastKnownElr: [] })
  // 1 dies uncleanly: 2 comes earlier in the assignment, and is not the one.
  lose(cluster, 1)
  assert.deepEqual(state(cluster), { leader: 3, isr: [3], elr: [1], lastKnownElr: [] })
  assert.equal(cluster.partition().leaderRecoveryState, 0)
  comeBack(cluster, 1, 'unclean')
  assert.deepEqual(state(cluster), { leader: 3, isr: [3], elr: [], lastKnownElr: [1] })
  assert.equal(cluster.propose([1, 3]), 'NONE')
  assert.deepEqual(state(cluster), { leader: 3, isr: [1, 3], elr: [], lastKnownElr: [] })
})

test('R13: who is eligible and comes back after an unclean stop is eligible no more; after a clean one it is', () => {
  for (const stop of ['clean', 'unclean'] as const) {
    const cluster = threeOf()
    cluster.propose([1, 3])
    cluster.propose([1])
    lose(cluster, 3)
    comeBack(cluster, 3, stop)
    lose(cluster, 1)
    const expected =
      stop === 'clean'
        ? { leader: 3, isr: [3], elr: [1], lastKnownElr: [] }
        : { leader: -1, isr: [], elr: [1], lastKnownElr: [3] }
    assert.deepEqual(state(cluster), expected)
  }
})

test('R12: the last replica standing falls uncleanly, and those before it lead, not it', () => {
  const cluster = threeOf()
  // A partition of the network drops 1 and then 2, both of which still have everything that was committed when they left.
  lose(cluster, 1)
  assert.deepEqual(state(cluster), { leader: 2, isr: [2, 3], elr: [], lastKnownElr: [] })
  lose(cluster, 2)
  assert.deepEqual(state(cluster), { leader: 3, isr: [3], elr: [2], lastKnownElr: [] })
  lose(cluster, 3)
  assert.deepEqual(state(cluster), { leader: -1, isr: [], elr: [2, 3], lastKnownElr: [] })
  // 3 has lost a suffix in which something was committed, and is back first.
  comeBack(cluster, 3, 'unclean')
  assert.deepEqual(state(cluster), { leader: -1, isr: [], elr: [2], lastKnownElr: [3] })
  // 1 may lack what was committed after it had left.
  cluster.join(1, { incarnationId: incarnation(), previousBrokerEpoch: cluster.epochs.get(1)! })
  assert.equal(cluster.partition().leader, -1)
  cluster.heartbeat(2)
  assert.deepEqual(state(cluster), { leader: 2, isr: [2], elr: [], lastKnownElr: [3] })
})

test('R12, without eligible replicas: the last replica standing leads with what it has left', () => {
  const cluster = threeOf({}, 0)
  for (const brokerId of [1, 2, 3]) lose(cluster, brokerId)
  comeBack(cluster, 3, 'unclean')
  assert.deepEqual(cluster.leaderAndIsr(), [3, 3])
})

test('R14: after a power loss of all nobody leads, and who is asked knows who had it all; nobody is elected in silence', () => {
  const cluster = threeOf()
  for (const brokerId of [1, 2, 3]) lose(cluster, brokerId)
  assert.deepEqual(state(cluster), { leader: -1, isr: [], elr: [2, 3], lastKnownElr: [] })
  for (const brokerId of [1, 2, 3]) comeBack(cluster, brokerId, 'unclean')
  // As many as min.insync.replicas: one of them at least has what was committed, if fewer than that lost something.
  assert.deepEqual(state(cluster), { leader: -1, isr: [], elr: [], lastKnownElr: [2, 3] })
  cluster.pass(60_000)
  assert.equal(cluster.partition().leader, -1)
  // Whoever asks for it takes one of those.
  cluster.ask('ElectLeaders', { electionType: 1, topicPartitions: null, timeoutMs: 1000 })
  assert.deepEqual(state(cluster), { leader: 2, isr: [2], elr: [], lastKnownElr: [3] })
  assert.equal(cluster.partition().leaderRecoveryState, 1)
})

test('R14: where all flush before they count, a power loss of all takes nothing, and the first that is back leads', () => {
  const cluster = threeOf({ 'flush.policy': 'commit' })
  for (const brokerId of [1, 2, 3]) lose(cluster, brokerId)
  comeBack(cluster, 1, 'unclean')
  assert.deepEqual(state(cluster), { leader: -1, isr: [], elr: [2, 3], lastKnownElr: [] })
  comeBack(cluster, 2, 'unclean')
  assert.deepEqual(state(cluster), { leader: 2, isr: [2], elr: [3], lastKnownElr: [] })
})

test('a replaced disk has lost everything, however its broker stopped and whatever was flushed', () => {
  const cluster = threeOf({ 'flush.policy': 'commit' })
  cluster.propose([1, 3])
  cluster.propose([1])
  lose(cluster, 3)
  cluster.join(3, {
    incarnationId: incarnation(),
    logDirs: [diskOf(3, true)],
    previousBrokerEpoch: cluster.epochs.get(3)!,
  })
  assert.deepEqual(state(cluster), { leader: 1, isr: [1], elr: [], lastKnownElr: [3] })
})

/** Broker 3 has two directories, and is eligible. */
function withTwoDirectories(): Cluster {
  const cluster = new Cluster([1, 2])
  cluster.join(3, { logDirs: [diskOf(3), diskOf(3, true)] })
  cluster.raise(FEATURE, 1)
  cluster.topics([[1, 2, 3]], { [MIN_INSYNC]: '2', 'flush.policy': 'commit' })
  cluster.propose([1, 3])
  cluster.propose([1])
  assert.deepEqual(state(cluster).elr, [3])
  return cluster
}

test('who goes on without the directory of a replica is not eligible with it', () => {
  const cluster = withTwoDirectories()
  const topics = [{ topicId: cluster.topicId(), partitions: [{ partitionIndex: 0 }] }]
  const brokerEpoch = cluster.epochs.get(3)!
  cluster.ask('AssignReplicasToDirs', { brokerId: 3, brokerEpoch, directories: [{ id: diskOf(3), topics }] })
  assert.equal(nameOf(cluster.register(3, { logDirs: [diskOf(3), diskOf(1, true)] })), 'NONE')
  assert.deepEqual(state(cluster).elr, [3])
  assert.equal(nameOf(cluster.register(3, { logDirs: [diskOf(3, true)] })), 'NONE')
  assert.deepEqual(state(cluster), { leader: 1, isr: [1], elr: [], lastKnownElr: [3] })
})

test('who starts without one of its directories is not eligible with what it never said to be in another', () => {
  for (const [logDirs, elr] of [
    [[diskOf(3), diskOf(3, true)], [3]],
    [[diskOf(3)], []],
  ] as const) {
    const cluster = withTwoDirectories()
    cluster.join(3, { incarnationId: incarnation(), logDirs: [...logDirs] })
    assert.deepEqual(state(cluster).elr, elr)
  }
})

test('a leader that restarts uncleanly before it was missed is neither in sync nor eligible', () => {
  const cluster = threeOf()
  cluster.propose([1, 2])
  cluster.register(1, { incarnationId: incarnation() })
  assert.deepEqual(state(cluster), { leader: 2, isr: [2], elr: [], lastKnownElr: [1] })
  const clean = threeOf()
  clean.propose([1, 2])
  clean.register(1, { incarnationId: incarnation(), previousBrokerEpoch: clean.epochs.get(1)! })
  assert.deepEqual(state(clean), { leader: 2, isr: [2], elr: [1], lastKnownElr: [] })
})

test('who stops in order is eligible, and an ISR becomes empty with the last one', () => {
  const cluster = threeOf()
  for (const brokerId of [1, 2, 3]) {
    cluster.heartbeat(brokerId, { wantShutDown: true })
    assert.equal(cluster.heartbeat(brokerId, { wantShutDown: true }).shouldShutDown, true)
  }
  assert.deepEqual(state(cluster), { leader: -1, isr: [], elr: [2, 3], lastKnownElr: [] })
  comeBack(cluster, 3, 'clean')
  assert.deepEqual(state(cluster), { leader: 3, isr: [3], elr: [2], lastKnownElr: [] })
})

test('with fewer replicas than min.insync.replicas as many as there are suffice', () => {
  const cluster = new Cluster([1])
  cluster.raise(FEATURE, 1)
  cluster.topics([[1]], { [MIN_INSYNC]: '2', 'flush.policy': 'os' })
  lose(cluster, 1)
  assert.deepEqual(state(cluster), { leader: -1, isr: [], elr: [1], lastKnownElr: [] })
  comeBack(cluster, 1, 'clean')
  assert.deepEqual(state(cluster), { leader: 1, isr: [1], elr: [], lastKnownElr: [] })
})

test('where another may lead, one that had everything once goes before others', () => {
  const cluster = threeOf({ [UNCLEAN]: 'true' })
  cluster.propose([1, 3])
  cluster.propose([1])
  lose(cluster, 3)
  comeBack(cluster, 3, 'unclean')
  lose(cluster, 1)
  assert.deepEqual(state(cluster), { leader: 3, isr: [3], elr: [1], lastKnownElr: [] })
  assert.equal(cluster.partition().leaderRecoveryState, 1)
})

test('where fewer have to be in sync from now on, only those are eligible who are: in the same decision', () => {
  for (const [resourceType, resourceName] of [
    [2, 't0'],
    [4, ''],
  ] as const) {
    const cluster = new Cluster([1, 2, 3])
    cluster.raise(FEATURE, 1)
    cluster.configure(4, '', { [MIN_INSYNC]: '2' })
    cluster.topics([[1, 2, 3]], { 'flush.policy': 'os' })
    cluster.propose([1, 3])
    cluster.propose([1])
    assert.deepEqual(state(cluster).elr, [3])
    cluster.configure(resourceType, resourceName, { [MIN_INSYNC]: '1' })
    assert.deepEqual(state(cluster), { leader: 1, isr: [1], elr: [], lastKnownElr: [] })
    assert.equal(cluster.causes.at(-1)!.reason, 'SETTINGS_CHANGED')
  }
})

test('while it is on, all leaders count by one min.insync.replicas', () => {
  const cluster = new Cluster([1, 2, 3], 3, { [MIN_INSYNC]: '2' })
  cluster.configure(4, '3', { [MIN_INSYNC]: '1' })
  cluster.raise(FEATURE, 1)
  const { image } = cluster.core
  assert.equal(configsOf(image, 4, '').get(MIN_INSYNC), '2')
  assert.equal(configsOf(image, 4, '3').get(MIN_INSYNC), undefined)
  const alter = (resourceName: string, configOperation: number, value: string | null) => {
    const resources = [{ resourceType: 4, resourceName, configs: [{ name: MIN_INSYNC, configOperation, value }] }]
    return cluster.ask('IncrementalAlterConfigs', { resources, validateOnly: false }).responses[0]!
  }
  assert.equal(nameOf(alter('', 1, null)), 'INVALID_CONFIG')
  assert.equal(nameOf(alter('3', 0, '1')), 'INVALID_CONFIG')
  assert.match(alter('3', 0, '1').errorMessage!, /is set for all brokers or for a topic/)
  assert.equal(nameOf(alter('', 0, '3')), 'NONE')
})

/**
 * Runs arbitrary lives of a cluster, and says of the first state in which somebody could lead who may lack what was committed. What is committed
 * may be all that the ISR has, whenever as many are in it as have to be.
 */
function firstIncomplete(steps: readonly Step[], level: number, minInsync: number): string | undefined {
  const cluster = new Cluster([1, 2, 3])
  if (level > 0) cluster.raise(FEATURE, level)
  cluster.topics([[1, 2, 3]], { [MIN_INSYNC]: String(minInsync), 'flush.policy': 'os' })
  let complete = new Set([1, 2, 3])
  for (const { what, brokerId, isr } of steps) {
    const before = cluster.partition()
    let lost = 0
    if (what === 'lose') lose(cluster, brokerId)
    else if (what === 'stop') cluster.heartbeat(brokerId, { wantShutDown: true })
    else if (what === 'propose' && before.leader !== -1) {
      const wanted = before.replicas.filter((id) => id === before.leader || isr.includes(id))
      if (cluster.propose(wanted) === 'NONE') for (const id of wanted) complete.add(id)
    } else if (what === 'clean' || what === 'unclean') {
      if (what === 'unclean') lost = brokerId
      comeBack(cluster, brokerId, what)
    } else cluster.heartbeat(brokerId)
    const now = cluster.partition()
    complete.delete(lost)
    if (now.isr.length >= minInsync) complete = new Set(now.isr.filter((id) => complete.has(id)))
    assertWellFormed(cluster, level, minInsync)
    const candidates = [...now.isr, ...now.eligibleLeaderReplicas]
    const lacking = candidates.find((id) => !complete.has(id))
    if (lacking !== undefined) return `${lacking} could lead: ${JSON.stringify(now)}`
  }
  return undefined
}

function assertWellFormed(cluster: Cluster, level: number, minInsync: number): void {
  const { replicas, leader, isr, eligibleLeaderReplicas: elr, lastKnownElr } = cluster.partition()
  const all = [...isr, ...elr, ...lastKnownElr]
  assert.equal(new Set(all).size, all.length, 'nobody is two of these')
  assert.ok(all.every((id) => replicas.includes(id)))
  if (isr.length >= minInsync) assert.deepEqual([elr, lastKnownElr], [[], []])
  if (level === 0) return assert.ok(isr.length > 0 && elr.length === 0)
  assert.ok(isr.every((id) => !cluster.isFenced(id)))
  assert.ok(all.length >= minInsync, `${all.length} are known`)
  assert.ok(leader === -1 ? isr.length === 0 : isr.includes(leader))
  const couldLead = (id: number): boolean =>
    !cluster.isFenced(id) && !cluster.core.image.brokers.get(id)!.inControlledShutdown
  if (leader === -1) assert.ok(!elr.some(couldLead), 'who is eligible and there leads')
}

const STEPS = ['lose', 'stop', 'propose', 'clean', 'unclean', 'back'] as const
interface Step {
  readonly what: (typeof STEPS)[number]
  readonly brokerId: number
  readonly isr: readonly number[]
}

const steps = fc.array(
  fc.record({
    what: fc.constantFrom(...STEPS),
    brokerId: fc.integer({ min: 1, max: 3 }),
    isr: fc.subarray([1, 2, 3]),
  }),
  { maxLength: 60 },
)

test('whatever happens: who is in sync or eligible has all that was committed, and what is kept of them is well formed', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 3 }), (life, minInsync) => {
      assert.equal(firstIncomplete(life, 1, minInsync), undefined)
    }),
    { numRuns: 300 },
  )
})

test('the same lives show a loss at level 0', () => {
  const lives = fc.sample(steps, { numRuns: 300, seed: 7 })
  const lossy = lives.filter((life) => firstIncomplete(life, 0, 2) !== undefined)
  assert.ok(lossy.length > 0, 'none of them')
})
