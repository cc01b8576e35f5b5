/** Partitions that move between the brokers of a cluster while they are written to. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Prng } from '../../src/base/prng.js'
import { errorByCode } from '../../src/protocol/errors.js'
import { AlterPartitionReassignments } from '../../src/protocol/messages/alter-partition-reassignments.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { ListPartitionReassignments } from '../../src/protocol/messages/list-partition-reassignments.js'
import type { ClusterNode } from '../../src/sim/cluster-world.js'
import { SimulatedCluster } from './cluster-rig.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, valuesIn } from './requests.js'

const nameOf = (errorCode: number): string => errorByCode(errorCode).name

class Moving {
  readonly cluster: SimulatedCluster
  readonly topic: { readonly name: string; readonly topicId: string }
  readonly sent: string[] = []
  /** Sent a second time, after an error that says nothing of the first. */
  readonly #again = new Set<string>()

  /** A topic of one partition on these brokers, in a cluster of five. */
  constructor(seed: string, brokerIds: number[]) {
    this.cluster = new SimulatedCluster(seed, { roles: ['combined', 'combined', 'combined', 'broker', 'broker'] })
    const assignments = [{ partitionIndex: 0, brokerIds }]
    const wanted = { name: 't', numPartitions: -1, replicationFactor: -1, assignments, configs: [] }
    const [made] = this.client().request(CreateTopics, 7, { topics: [wanted], timeoutMs: 5000 }).topics
    assert.equal(nameOf(made!.errorCode), 'NONE')
    this.cluster.untilKnown(({ topicsByName }) => topicsByName.has('t'))
    this.topic = { name: 't', topicId: made!.topicId! }
  }

  client(at: ClusterNode = this.cluster.brokers[0]!) {
    return this.cluster.client(at)
  }

  /** Asks one broker after the other to move it. */
  move(replicas: readonly number[] | null, at = this.cluster.brokers[0]!): string {
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0, replicas: replicas && [...replicas] }] }]
    const reply = this.client(at).request(AlterPartitionReassignments, 1, { topics })
    return nameOf(reply.responses[0]!.partitions[0]!.errorCode)
  }

  /** By somebody who runs, as all know. */
  get isLed(): boolean {
    const { leader } = this.cluster.partition('t')
    return leader !== -1 && this.leader.node !== undefined
  }

  get leader(): ClusterNode {
    return this.cluster.node(this.cluster.partition('t').leader)
  }

  /** Until it is acknowledged by all that are in sync. */
  produce(): void {
    const value = `v${this.sent.length}`
    let error = ''
    while (error !== 'NONE') {
      const { leader } = this
      const produced = this.client(leader).request(Produce, 12, produceRequest(this.topic, batchOf([value])))
      error = nameOf(produced.responses[0]!.partitionResponses[0]!.errorCode)
      assert.match(error, /^(NONE|NOT_LEADER_OR_FOLLOWER|NOT_ENOUGH_REPLICAS|REQUEST_TIMED_OUT)$/)
      if (error === 'NONE') continue
      this.#again.add(value)
      this.cluster.pass(10)
    }
    this.sent.push(value)
  }

  /** Values, those that were sent again once. */
  read(): string[] {
    const { responses } = this.client(this.leader).request(Fetch, 12, fetchRequest(this.topic, 0))
    const values = valuesIn(responses[0]!.partitions[0]!.records)
    return values.filter((value, n) => !(this.#again.has(value) && values.indexOf(value) < n))
  }

  /** Writes on until nothing moves any more. */
  finish(): void {
    const isMoving = (): boolean => {
      const { topics } = this.client().request(ListPartitionReassignments, 0, {})
      return topics.length > 0
    }
    for (let turns = 0; isMoving(); turns++) {
      assert.ok(turns < 1000, 'it moves for ever')
      this.produce()
    }
    this.cluster.untilKnown(({ topicsByName }) => topicsByName.get('t')!.partitions[0]!.addingReplicas.length === 0)
  }
}

test('a partition moves to other brokers under writes with acks=all, whoever is asked, and keeps every record', () => {
  const moving = new Moving('moves', [1, 2])
  const { cluster } = moving
  for (let n = 0; n < 20; n++) moving.produce()
  const targets = [[4, 5], [3, 1], [5, 3, 2], [2]]
  for (const [turn, target] of targets.entries()) {
    const { leaderEpoch } = cluster.partition('t')
    assert.equal(moving.move(target, cluster.brokers[turn]!), 'NONE')
    moving.finish()
    const ended = cluster.partition('t')
    assert.deepEqual([ended.replicas, [...ended.isr].sort(), ended.removingReplicas], [target, [...target].sort(), []])
    assert.ok(ended.leaderEpoch > leaderEpoch && target.includes(ended.leader), `epoch ${ended.leaderEpoch}`)
    moving.produce()
    assert.deepEqual(moving.read(), moving.sent)
  }
})

test('a move to a broker that is away waits, is taken back, and goes on when it is asked for again', () => {
  const moving = new Moving('away', [1, 2])
  const { cluster } = moving
  moving.produce()
  cluster.node(5).crash()
  cluster.untilKnown(({ brokers }) => brokers.get(5)!.fenced)
  assert.equal(moving.move([4, 5]), 'NONE')
  cluster.until(() => cluster.partition('t').isr.includes(4), 'broker 4 in sync')
  cluster.pass(5000)
  moving.produce()
  assert.deepEqual(cluster.partition('t').replicas, [4, 5, 1, 2])
  assert.equal(moving.move(null), 'NONE')
  assert.deepEqual(
    [cluster.partition('t').replicas, cluster.partition('t').isr],
    [
      [1, 2],
      [1, 2],
    ],
  )
  assert.equal(moving.move(null), 'NO_REASSIGNMENT_IN_PROGRESS')
  moving.produce()
  cluster.start(5)
  assert.equal(moving.move([5, 4]), 'NONE')
  moving.finish()
  moving.produce()
  assert.deepEqual([cluster.partition('t').replicas, moving.read()], [[5, 4], moving.sent])
})

test('who leads while a partition moves may be killed', () => {
  const moving = new Moving('killed', [1, 2, 3])
  const { cluster } = moving
  for (let n = 0; n < 20; n++) moving.produce()
  assert.equal(moving.move([4, 5, 3]), 'NONE')
  const { leader } = moving
  leader.crash()
  const isLed = (): boolean => cluster.partition('t').leader !== leader.id && cluster.world.leader !== undefined
  cluster.until(isLed, 'another leads')
  moving.finish()
  moving.produce()
  const { replicas, isr } = cluster.partition('t')
  assert.deepEqual([replicas, isr.length, moving.read()], [[4, 5, 3], 3, moving.sent])
})

/** Values that are not there, or out of order. */
function missing(sent: readonly string[], read: readonly string[]): readonly string[] {
  const places = sent.map((value) => read.indexOf(value))
  return sent.filter((_, n) => places[n] === -1 || (n > 0 && places[n]! < places[n - 1]!))
}

for (const seed of ['one', 'two', 'three', 'four', 'five']) {
  test(`${seed}: moves that are begun, replaced and taken back while brokers lose their power keep what was acknowledged`, () => {
    const moving = new Moving(`storm ${seed}`, [1, 2, 3])
    const { cluster } = moving
    const random = new Prng(`moves ${seed}`)
    const pick = <T>(from: readonly T[]): T => from[random.below(from.length)]!
    const shuffled = (): number[] => {
      const left = [1, 2, 3, 4, 5]
      return left.map(() => left.splice(random.below(left.length), 1)[0]!)
    }
    let down: number | undefined
    const outcomes = new Map<string, number>()
    const asked = (outcome: string): void => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    for (let round = 0; round < 30; round++) {
      const what = pick(['move', 'move', 'cancel', 'crash', 'start', 'wait'] as const)
      if (what === 'move') asked(moving.move(shuffled().slice(0, 3), pick(cluster.brokers)))
      else if (what === 'cancel') asked(moving.move(null, pick(cluster.brokers)))
      else if (what === 'crash' && down === undefined) {
        down = pick(cluster.brokers).id
        cluster.node(down).losePower()
        cluster.until(() => cluster.world.leader !== undefined, 'a controller')
      } else if (what === 'start' && down !== undefined) {
        cluster.start(down)
        down = undefined
      } else cluster.pass(random.below(500))
      if (moving.isLed) moving.produce()
    }
    if (down !== undefined) cluster.start(down)
    const target = shuffled().slice(0, 3)
    cluster.until(() => moving.isLed, 'a leader')
    assert.equal(moving.move(target), 'NONE')
    moving.finish()
    moving.produce()
    cluster.until(() => cluster.partition('t').isr.length === 3, 'all in sync')
    assert.deepEqual([cluster.partition('t').replicas, missing(moving.sent, moving.read())], [target, []])
    assert.ok((outcomes.get('NONE') ?? 0) > 5 && moving.sent.length > 15, JSON.stringify([...outcomes]))
  })
}
