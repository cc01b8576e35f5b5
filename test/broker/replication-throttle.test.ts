/** Replicas that are throttled (KIP-73) while they are added: they come at the rate that was set, and those in sync are not held back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorByCode } from '../../src/protocol/errors.js'
import { AlterPartitionReassignments } from '../../src/protocol/messages/alter-partition-reassignments.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { DescribeConfigs } from '../../src/protocol/messages/describe-configs.js'
import { IncrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.js'
import { SimulatedCluster } from './cluster-rig.js'
import { batchOf, Produce, produceRequest } from './requests.js'

const PIECE_BYTES = 50_000
const PIECES = 20
const RATE = 100_000
/** At that rate. */
const THROTTLED_MS = (PIECES * PIECE_BYTES * 1000) / RATE

const nameOf = (errorCode: number): string => errorByCode(errorCode).name

class Throttled {
  readonly cluster: SimulatedCluster
  readonly #topic: { readonly name: string; readonly topicId: string }

  /** A partition on the first two brokers, with something in it. */
  constructor(seed: string, settings: Readonly<Record<string, string>> = {}) {
    this.cluster = new SimulatedCluster(seed, {
      settings: { 'replica.fetch.max.bytes': String(PIECE_BYTES), ...settings },
    })
    const assignments = [{ partitionIndex: 0, brokerIds: [1, 2] }]
    const wanted = { name: 't', numPartitions: -1, replicationFactor: -1, assignments, configs: [] }
    const client = this.cluster.client(this.cluster.node(1))
    const [made] = client.request(CreateTopics, 7, { topics: [wanted], timeoutMs: 5000 }).topics
    assert.equal(nameOf(made!.errorCode), 'NONE')
    this.cluster.untilKnown(({ topicsByName }) => topicsByName.has('t'))
    this.#topic = { name: 't', topicId: made!.topicId! }
    for (let n = 0; n < PIECES; n++) this.produce('x'.repeat(PIECE_BYTES))
  }

  /** Returns how long it took to be acknowledged by all that are in sync. */
  produce(value: string): number {
    const beganMs = this.cluster.simulation.nowMs
    const client = this.cluster.client(this.cluster.node(1))
    const { responses } = client.request(Produce, 12, produceRequest(this.#topic, batchOf([value])))
    // What waits when the move ends is to be sent again.
    assert.match(nameOf(responses[0]!.partitionResponses[0]!.errorCode), /^(NONE|NOT_LEADER_OR_FOLLOWER)$/)
    return this.cluster.simulation.nowMs - beganMs
  }

  set(resourceType: number, resourceName: string, name: string, value: string): string {
    const resources = [{ resourceType, resourceName, configs: [{ name, configOperation: 0, value }] }]
    // What holds for one broker is that broker's to take.
    const client = this.cluster.client(this.cluster.node(resourceType === 4 ? Number(resourceName) || 2 : 2))
    return nameOf(
      client.request(IncrementalAlterConfigs, 1, { resources, validateOnly: false }).responses[0]!.errorCode,
    )
  }

  /** How long it takes until the third broker is in sync, while others write. */
  add(): number {
    const beganMs = this.cluster.simulation.nowMs
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0, replicas: [1, 2, 3] }] }]
    const client = this.cluster.client(this.cluster.node(1))
    const reply = client.request(AlterPartitionReassignments, 1, { topics })
    assert.equal(nameOf(reply.responses[0]!.partitions[0]!.errorCode), 'NONE')
    while (this.cluster.partition('t').isr.length < 3) {
      const tookMs = this.produce('y')
      assert.ok(tookMs < 200, `a produce takes ${tookMs} ms`)
      this.cluster.pass(50)
    }
    return this.cluster.simulation.nowMs - beganMs
  }
}

const isThrottled = (tookMs: number): boolean => tookMs > THROTTLED_MS * 0.7 && tookMs < THROTTLED_MS * 1.5

test('a replica that nobody names comes as fast as it can, whatever the rates are', () => {
  const free = new Throttled('free')
  for (const side of ['leader', 'follower']) {
    assert.equal(free.set(4, '', `${side}.replication.throttled.rate`, String(RATE)), 'NONE')
    assert.equal(free.set(2, 't', `${side}.replication.throttled.replicas`, '1:1,1:2,1:3'), 'NONE')
  }
  const tookMs = free.add()
  assert.ok(tookMs < THROTTLED_MS / 4, `${tookMs} ms`)
})

for (const [side, setFor, names] of [
  ['leader', '1', '0:1,0:2'],
  ['follower', '3', '0:3'],
  ['leader', '', '*'],
  ['follower', '', '*'],
] as const) {
  test(`a new replica comes at ${side}.replication.throttled.rate, set for ${setFor === '' ? 'all brokers' : `broker ${setFor}`}, if ${side}.replication.throttled.replicas is ${names}`, () => {
    const throttled = new Throttled(`${side} ${names}`)
    assert.equal(throttled.set(4, setFor, `${side}.replication.throttled.rate`, String(RATE)), 'NONE')
    assert.equal(throttled.set(2, 't', `${side}.replication.throttled.replicas`, names), 'NONE')
    const tookMs = throttled.add()
    assert.ok(isThrottled(tookMs), `${tookMs} ms, and ${THROTTLED_MS} were expected`)
  })
}

test('the rate is taken over replication.quota.window.num samples of replication.quota.window.size.seconds', () => {
  const took = [
    ['1', '1'],
    ['1', '11'],
    ['11', '1'],
  ].map(([num, seconds]) => {
    const settings = {
      'replication.quota.window.num': num!,
      'replication.quota.window.size.seconds': seconds!,
      // One piece is a tenth of all, and five times what may come in a second.
      'replica.fetch.max.bytes': String(2 * PIECE_BYTES),
    }
    const throttled = new Throttled(`${num} of ${seconds}`, settings)
    assert.equal(throttled.set(4, '', 'follower.replication.throttled.rate', String(RATE / 5)), 'NONE')
    assert.equal(throttled.set(2, 't', 'follower.replication.throttled.replicas', '*'), 'NONE')
    return throttled.add()
  })
  // What is forgotten after a second lets a piece pass every second.
  assert.ok(took[0]! < 25_000 && took[1]! > 50_000 && took[2]! > 50_000, took.join(', '))
})

test('names of replicas are a list of partitions and brokers, and are told as they were set', () => {
  const cluster = new Throttled('named')
  for (const wrong of ['x', '1', '1:', '1:2,', '*,1:2', '1:2:3']) {
    const expected = wrong === '1:2,' ? 'NONE' : 'INVALID_CONFIG'
    assert.equal(cluster.set(2, 't', 'leader.replication.throttled.replicas', wrong), expected, wrong)
  }
  assert.equal(cluster.set(2, 't', 'leader.replication.throttled.replicas', '0:1,0:2'), 'NONE')
  assert.equal(cluster.set(4, '1', 'leader.replication.throttled.rate', '-1'), 'INVALID_CONFIG')
  const keys = ['leader.replication.throttled.replicas', 'follower.replication.throttled.replicas']
  const resources = [{ resourceType: 2, resourceName: 't', configurationKeys: keys }]
  const { results } = cluster.cluster.client(cluster.cluster.node(2)).request(DescribeConfigs, 4, { resources })
  assert.deepEqual(results[0]!.configs.map(({ name, value }) => [name, value]).sort(), [
    ['follower.replication.throttled.replicas', ''],
    ['leader.replication.throttled.replicas', '0:1,0:2'],
  ])
})
