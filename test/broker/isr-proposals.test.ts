/** Who is in sync, in clusters whose leaders propose it: by `replica.lag.time.max.ms`, and as long as a majority of controllers can say so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ControllerChannel } from '../../src/broker/controller/controller-channel.js'
import { IsrProposals } from '../../src/broker/isr-proposals.js'
import type { Partition } from '../../src/broker/partition.js'
import { ErrorCode, type ErrorName, errorByCode } from '../../src/protocol/errors.js'
import type { ProposalAnswer } from '../../src/replication/isr-proposal.js'
import { FakeClock } from '../fake-clock.js'
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

/** A leader that proposes the same again as soon as it hears that it came to nothing, and what it is told. */
function stubborn(partition: number, proposals: () => IsrProposals): { readonly told: string[]; partition: Partition } {
  const told: string[] = []
  let number = 0
  const stub = {
    id: { topic: 't', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partition },
    takeProposal: () => ({
      number: ++number,
      leaderEpoch: 3,
      partitionEpoch: 5,
      isr: [{ brokerId: 1, brokerEpoch: 9 }],
    }),
    proposalAnswered: (_: object, answer: ProposalAnswer) => {
      told.push(answer.kind)
      if (answer.kind !== 'accepted') proposals().proposes(stub as unknown as Partition)
    },
    tick() {},
  }
  return { told, partition: stub as unknown as Partition }
}

interface Controlled {
  readonly clock: FakeClock
  readonly proposals: IsrProposals
  readonly told: readonly string[]
  readonly partition: Partition
  /** How often the controller was asked. */
  readonly asked: () => number
  /** By whom the metadata up to an offset is waited for. */
  readonly waiting: { readonly endOffset: number; readonly go: (isApplied: boolean) => void }[]
}

/** A controller that answers each proposal with this error, from metadata up to offset 77. */
function controlled(error: ErrorName): Controlled {
  const clock = new FakeClock()
  let asked = 0
  const channel = {
    send: (
      _: string,
      { topics }: { topics: { topicId: string }[] },
      __: object,
      ___: number,
      done: (a: object) => void,
    ) => {
      asked++
      const { topicId } = topics[0]!
      const part = { partitionIndex: 0, errorCode: ErrorCode[error], isr: [1], partitionEpoch: 6 }
      done({ reply: { errorCode: 0, topics: [{ topicId, partitions: [part] }] }, endOffset: 77 })
    },
  }
  const waiting: Controlled['waiting'] = []
  const proposals: IsrProposals = new IsrProposals(clock, channel as unknown as ControllerChannel, {
    nodeId: 1,
    brokerEpoch: () => 9,
    longestLagMs: () => 1000,
    partitions: () => [],
    whenApplied: (endOffset, go) => void waiting.push({ endOffset, go }),
  })
  return { clock, proposals, ...stubborn(0, () => proposals), asked: () => asked, waiting }
}

for (const [error, kind] of [
  ['INELIGIBLE_REPLICA', 'refused'],
  ['INVALID_REQUEST', 'refused'],
  ['OPERATION_NOT_ATTEMPTED', 'refused'],
  ['UNKNOWN_SERVER_ERROR', 'unanswered'],
] as const) {
  test(`after ${error} a leader that insists is heard again only after a while`, () => {
    const { clock, proposals, partition, told, asked, waiting } = controlled(error)
    proposals.proposes(partition)
    for (let ms = 0; ms < 1000; ms++) {
      clock.advance(1)
      for (const { go } of waiting.splice(0)) go(true)
    }
    assert.deepEqual([...new Set(told)], [kind])
    assert.ok(asked() >= 9 && asked() <= 11, `${asked()} times in a second`)
    proposals.stop()
  })
}

test('a leader is told what was decided when the metadata is applied up to there, and that nobody knows if that takes too long', () => {
  for (const isApplied of [true, false]) {
    const { clock, proposals, partition, told, waiting } = controlled('NONE')
    proposals.proposes(partition)
    clock.advance(50)
    assert.deepEqual([told, waiting.map(({ endOffset }) => endOffset)], [[], [77]])
    waiting[0]!.go(isApplied)
    assert.deepEqual(told, [isApplied ? 'accepted' : 'unanswered'])
    proposals.stop()
  }
})

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
