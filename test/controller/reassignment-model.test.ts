/**
 * Arbitrary lives of a partition whose replicas move: who could lead has all that was committed, whoever was added, removed, lost or taken back meanwhile. What is
 * committed may be all that the ISR has, whenever as many are in it as have to be; who is removed has nothing any more.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PartitionState } from '../../src/metadata/records.js'
import { Cluster, FIRST, nameOf } from './cluster.js'

const BROKERS = [1, 2, 3, 4, 5]

type Step =
  | { readonly is: 'move'; readonly to: readonly number[] }
  | { readonly is: 'propose'; readonly isr: readonly number[] }
  | { readonly is: 'minInsync'; readonly count: number }
  | { readonly is: 'takeBack' | 'takeOver' }
  | { readonly is: 'stop' | 'fence' | 'start' | 'startUncleanly'; readonly brokerId: number }

const broker = fc.constantFrom(...BROKERS)
const brokers = (minLength: number) => fc.uniqueArray(broker, { minLength, maxLength: 4 })

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ is: fc.constant('move' as const), to: brokers(1) }) },
  {
    weight: 8,
    arbitrary: fc.record({ is: fc.constant('propose' as const), isr: fc.oneof(brokers(0), fc.constant(BROKERS)) }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('minInsync' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.constant({ is: 'takeOver' as const }) },
  // One in forty is refused: there have to be many for some to be.
  { weight: 5, arbitrary: fc.constant({ is: 'takeBack' as const }) },
  {
    weight: 6,
    arbitrary: fc.record({ is: fc.constantFrom('stop', 'fence', 'start', 'startUncleanly'), brokerId: broker }),
  },
)

const lives = fc.record({
  steps: fc.array(anyStep, { minLength: 10, maxLength: 60, size: 'max' }),
  replicas: brokers(1),
  minInsync: fc.integer({ min: 1, max: 4 }),
  keepsEligible: fc.boolean(),
})

interface Seen {
  readonly ended: number
  readonly takenBack: number
  readonly refused: number
}

class Life {
  readonly #cluster = new Cluster(BROKERS)
  readonly #keepsEligible: boolean
  #minInsync: number
  /** Who has all that was committed. */
  #complete: Set<number>
  #incarnations = 0
  seen: Seen = { ended: 0, takenBack: 0, refused: 0 }

  constructor({
    replicas,
    minInsync,
    keepsEligible,
  }: { replicas: number[]; minInsync: number; keepsEligible: boolean }) {
    this.#keepsEligible = keepsEligible
    this.#minInsync = minInsync
    this.#complete = new Set(replicas)
    if (keepsEligible) assert.equal(this.#cluster.raise('eligible.leader.replicas.version', 1), 'NONE')
    // Without eligible replicas a crash of the last one in sync is a hole that is known, where it takes something.
    const flushPolicy = keepsEligible ? 'os' : 'commit'
    this.#cluster.topics([replicas], { 'min.insync.replicas': String(minInsync), 'flush.policy': flushPolicy })
  }

  go(step: Step): void {
    const before = this.#cluster.partition()
    const lost = this.#do(step, before)
    const now = this.#cluster.partition()
    if (lost !== undefined) this.#complete.delete(lost)
    for (const id of before.replicas) if (!now.replicas.includes(id)) this.#complete.delete(id)
    this.#commit(now)
    this.#check(before, now)
  }

  #do(step: Step, before: PartitionState): number | undefined {
    const cluster = this.#cluster
    switch (step.is) {
      case 'move':
        assert.equal(this.#ask(step.to), 'NONE')
        return undefined
      case 'takeBack':
        return this.#takeBack(before)
      case 'takeOver':
        cluster.takeOver()
        return undefined
      case 'minInsync':
        // What the leader has committed by the number before it has told all that are in sync.
        this.#minInsync = step.count
        cluster.configure(2, 't0', { 'min.insync.replicas': String(step.count) })
        return undefined
      case 'propose':
        return this.#propose(step.isr, before)
      case 'stop':
        cluster.heartbeat(step.brokerId, { wantShutDown: true })
        return undefined
      case 'fence':
        cluster.heartbeat(step.brokerId, { wantFence: true })
        return undefined
      case 'start':
        this.#start(step.brokerId, cluster.epochs.get(step.brokerId)!)
        return undefined
      case 'startUncleanly':
        this.#start(step.brokerId, -1)
        return this.#keepsEligible ? step.brokerId : undefined
    }
  }

  #ask(replicas: readonly number[] | null): string {
    const topics = [{ name: 't0', partitions: [{ partitionIndex: 0, replicas: replicas && [...replicas] }] }]
    const request = { timeoutMs: 1000, allowReplicationFactorChange: true, topics }
    return nameOf(this.#cluster.ask('AlterPartitionReassignments', request).responses[0]!.partitions[0]!)
  }

  #takeBack(before: PartitionState): undefined {
    const isMoving = before.addingReplicas.length + before.removingReplicas.length > 0
    const origin = before.replicas.filter((id) => !before.addingReplicas.includes(id))
    const became = this.#ask(null)
    const now = this.#cluster.partition()
    if (!isMoving) assert.equal(became, 'NO_REASSIGNMENT_IN_PROGRESS')
    else if (became === 'NONE') {
      assert.deepEqual([now.replicas, now.addingReplicas, now.removingReplicas], [origin, [], []])
      const isFewer = now.isr.length < before.isr.length
      assert.ok(!isFewer || now.isr.length >= Math.min(this.#minInsync, origin.length), 'too few are in sync')
      this.seen = { ...this.seen, takenBack: this.seen.takenBack + 1 }
    } else {
      assert.equal(became, 'INVALID_REPLICA_ASSIGNMENT')
      assert.deepEqual(now, before)
      this.seen = { ...this.seen, refused: this.seen.refused + 1 }
    }
    return undefined
  }

  /** Who catches up gets what the leader has. */
  #propose(wanted: readonly number[], { replicas, leader, addingReplicas }: PartitionState): undefined {
    if (leader === -1) return undefined
    const isr = replicas.filter((id) => id === leader || wanted.includes(id))
    const became = this.#cluster.propose(isr)
    if (became !== 'NONE' && became !== 'NEW_LEADER_ELECTED') return undefined
    for (const id of isr) this.#complete.add(id)
    if (became === 'NONE') return undefined
    assert.ok(addingReplicas.every((id) => isr.includes(id)))
    const now = this.#cluster.partition()
    assert.ok(now.isr.length >= Math.min(this.#minInsync, now.replicas.length), 'it has ended with too few')
    this.seen = { ...this.seen, ended: this.seen.ended + 1 }
    return undefined
  }

  #start(brokerId: number, previousBrokerEpoch: number): void {
    const incarnationId = `${FIRST.slice(0, -4)}${String(this.#incarnations++).padStart(3, '0')}A`
    this.#cluster.join(brokerId, { incarnationId, previousBrokerEpoch })
  }

  #commit({ leader, isr, replicas }: PartitionState): void {
    if (leader === -1 || isr.length < Math.min(this.#minInsync, replicas.length)) return
    this.#complete = new Set(isr.filter((id) => this.#complete.has(id)))
  }

  #check(before: PartitionState, now: PartitionState): void {
    const { replicas, isr, leader, addingReplicas, removingReplicas, eligibleLeaderReplicas, directories } = now
    const text = JSON.stringify(now)
    assert.ok(replicas.length > 0 && new Set(replicas).size === replicas.length, text)
    assert.equal(directories.length, replicas.length)
    for (const list of [isr, addingReplicas, removingReplicas, eligibleLeaderReplicas, now.lastKnownElr]) {
      assert.ok(list.every((id) => replicas.includes(id)) && new Set(list).size === list.length, text)
    }
    assert.ok(!addingReplicas.some((id) => removingReplicas.includes(id)), text)
    assert.ok(!isr.some((id) => eligibleLeaderReplicas.includes(id)), text)
    assert.ok(leader === -1 || isr.includes(leader), text)
    const lacking = [...isr, ...eligibleLeaderReplicas].filter((id) => !this.#complete.has(id))
    assert.deepEqual(lacking, [], `they may lead and lack something: ${text} after ${JSON.stringify(before)}`)
    const isOther = JSON.stringify(before) !== text
    assert.equal(now.partitionEpoch > before.partitionEpoch, isOther)
    const isGone = before.replicas.some((id) => !replicas.includes(id))
    if (leader !== before.leader || isGone) assert.ok(now.leaderEpoch > before.leaderEpoch, text)
    const isEnd = (list: 'addingReplicas' | 'removingReplicas'): boolean =>
      before[list].length > 0 && now[list].length === 0
    if (isEnd('addingReplicas') && now.removingReplicas.length === 0) {
      assert.ok(now.leaderEpoch > before.leaderEpoch, text)
    }
  }
}

test('who could lead a partition that moves has all that was committed', () => {
  const totals = { ended: 0, takenBack: 0, refused: 0 }
  fc.assert(
    fc.property(lives, ({ steps, ...begins }) => {
      const life = new Life(begins)
      for (const step of steps) life.go(step)
      for (const key of ['ended', 'takenBack', 'refused'] as const) totals[key] += life.seen[key]
    }),
    { numRuns: 600 },
  )
  // The lives are about what they are meant to be about.
  assert.ok(totals.ended > 20 && totals.takenBack > 20 && totals.refused > 0, JSON.stringify(totals))
})
