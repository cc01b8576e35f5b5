/** Who is in sync, in clusters whose leaders propose it: by `replica.lag.time.max.ms`, and as long as a majority of controllers can say so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorByCode } from '../../src/protocol/errors.js'
import { SimulatedCluster } from './cluster-rig.js'
import { batchOf, Produce, produceRequest } from './requests.js'

interface Lag {
  readonly cluster: SimulatedCluster
  readonly leader: number
  readonly lagging: number
  readonly produce: (timeoutMs: number) => string
  /** Takes away what keeps the follower from hearing of its leader. */
  readonly heal: () => void
}

/** A follower that hears nothing of its leader any more, and goes on with its controller. */
function lagging(seed: string, lagMs: number): Lag {
  const cluster = new SimulatedCluster(seed, {
    roles: ['controller', 'broker', 'broker', 'broker'],
    settings: { 'replica.lag.time.max.ms': String(lagMs) },
  })
  const topic = { name: 't', topicId: cluster.createTopic('t', cluster.brokers[0]!, 1, 3) }
  const { leader, replicas } = cluster.partition('t')
  const lagging = replicas.find((id) => id !== leader)!
  const client = cluster.client(cluster.node(leader))
  const produce = (timeoutMs: number): string => {
    const { responses } = client.request(Produce, 12, produceRequest(topic, batchOf(['x']), { timeoutMs }))
    return errorByCode(responses[0]!.partitionResponses[0]!.errorCode).name
  }
  assert.equal(produce(5000), 'NONE')
  const [from, to] = [leader, lagging].map((id) => cluster.node(id).address.host)
  const heal = cluster.network.rules.add({ applies: (a, b) => a === from && b === to, cuts: true })
  return { cluster, leader, lagging, produce, heal }
}

test('who does not catch up for replica.lag.time.max.ms is out of sync, and nobody waits for it; when it has caught up it is back', () => {
  for (const lagMs of [1000, 4000]) {
    const { cluster, leader, lagging: id, produce, heal } = lagging(`lag ${lagMs}`, lagMs)
    const beganMs = cluster.simulation.nowMs
    assert.equal(produce(20_000), 'NONE')
    const tookMs = cluster.simulation.nowMs - beganMs
    assert.ok(tookMs > lagMs * 0.9 && tookMs < 2 * lagMs + 500, `${tookMs} ms of ${lagMs}`)
    cluster.untilKnown(() => !cluster.partition('t').isr.includes(id))
    assert.equal(cluster.partition('t').leader, leader)
    assert.equal(produce(500), 'NONE')
    heal()
    cluster.until(() => cluster.partition('t').isr.includes(id), 'it is in sync again', 60_000)
    assert.equal(produce(500), 'NONE')
  }
})

test('a proposal that no controller hears is made again when there is one', () => {
  const { cluster, lagging: id, produce } = lagging('unheard', 1000)
  cluster.node(1).crash()
  assert.equal(produce(200), 'REQUEST_TIMED_OUT')
  cluster.pass(15_000)
  assert.ok(cluster.partition('t').isr.includes(id))
  cluster.start(1)
  cluster.until(() => !cluster.partition('t').isr.includes(id), 'it is out of sync', 30_000)
})
