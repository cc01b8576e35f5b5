/** Whole nodes on simulated machines that are told nothing but a list: they form a quorum, become its voters by themselves, and say who is missing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorByCode } from '../../src/protocol/errors.js'
import { AddRaftVoter } from '../../src/protocol/messages/add-raft-voter.js'
import { DescribeQuorum } from '../../src/protocol/messages/describe-quorum.js'
import { RemoveRaftVoter } from '../../src/protocol/messages/remove-raft-voter.js'
import { type ClusterNode, type ClusterPlan, ClusterWorld } from '../../src/sim/cluster-world.js'
import { Simulation } from '../../src/sim/simulation.js'
import { SimulatedCluster } from './cluster-rig.js'

const LONGEST_MS = 120_000

class Cluster {
  readonly simulation: Simulation
  readonly world: ClusterWorld
  /** Lines of the nodes' logs from `warn` on. */
  readonly complaints: string[] = []

  constructor(seed: string, plan: Partial<ClusterPlan> = {}) {
    this.simulation = new Simulation(seed)
    const note = this.simulation.note.bind(this.simulation)
    this.simulation.note = (text) => {
      if (/: (warn|error): /.test(text)) this.complaints.push(text)
      note(text)
    }
    this.world = new ClusterWorld(this.simulation, {
      roles: ['combined', 'combined', 'combined'],
      ports: 'two',
      naming: 'voters',
      settings: {},
      longestDownMs: 10,
      ...plan,
    })
  }

  node(id: number): ClusterNode {
    return this.world.nodes[id - 1]!
  }

  pass(durationMs: number): void {
    this.simulation.runUntil(() => false, this.simulation.nowMs + durationMs)
  }

  until(condition: () => boolean, what: string): void {
    assert.ok(this.simulation.runUntil(condition, this.simulation.nowMs + LONGEST_MS), `within time: ${what}`)
  }

  /** All serve, and all know that the quorum has these voters, each with the directory that its node has now. */
  formed(ids: readonly number[] = [1, 2, 3]): void {
    this.until(() => this.world.nodes.every(({ serving }) => serving) && this.#hasVoters(ids), `voters ${ids}`)
    assert.equal(new Set(this.world.nodes.map(({ clusterId }) => clusterId)).size, 1)
  }

  #hasVoters(ids: readonly number[]): boolean {
    return this.world.nodes.every(({ node }) => {
      const voters = node?.quorum?.voters
      if (voters?.size !== ids.length) return false
      return ids.every((id) => voters.has(id, this.node(id).node?.directory?.directoryId ?? ''))
    })
  }

  saidBy({ host }: ClusterNode, pattern: RegExp): string[] {
    return this.complaints.filter((line) => line.startsWith(`${host}#`) && pattern.test(line))
  }
}

const SHAPES: readonly (readonly [string, Partial<ClusterPlan>])[] = [
  ['two ports, by id', {}],
  ['one port, by id', { ports: 'one' }],
  ['two ports, by address', { naming: 'bootstrap' }],
  ['one port, by address', { ports: 'one', naming: 'bootstrap' }],
  ['controllers and brokers apart', { roles: ['controller', 'controller', 'controller', 'broker', 'broker'] }],
]

for (const [how, plan] of SHAPES) {
  test(`three voters form a quorum, and survive that all are started again (${how})`, () => {
    const on = new Cluster(`form ${how}`, plan)
    on.world.start()
    on.formed()
    assert.ok(on.simulation.nowMs < 1000, `formed after ${on.simulation.nowMs} ms`)
    const { clusterId } = on.node(1)
    for (const node of on.world.nodes) node.losePower()
    on.until(() => on.world.nodes.every(({ starts, serving }) => starts === 2 && serving), 'all are back')
    on.formed()
    assert.equal(on.node(1).clusterId, clusterId)
  })

  test(`a voter's disk is emptied, and it is back as a voter without a hand on it (${how})`, () => {
    const on = new Cluster(`emptied ${how}`, plan)
    on.world.start()
    on.formed()
    for (const id of [on.world.leader!.id, (on.world.leader!.id % 3) + 1]) {
      const before = on.node(id).node!.directory!.directoryId
      on.node(id).replaceDisk()
      on.until(() => on.node(id).serving && on.node(id).node!.directory!.directoryId !== before, 'it is back')
      on.formed()
    }
  })
}

test('without controller.quorum.auto.join.enable a node with an empty disk stays an observer', () => {
  const on = new Cluster('observer', { settings: { 'controller.quorum.auto.join.enable': 'false' } })
  on.world.start()
  on.formed()
  const id = (on.world.leader!.id % 3) + 1
  const former = on.node(id).node!.directory!.directoryId
  on.node(id).replaceDisk()
  on.until(() => on.node(id).serving, 'it is back')
  on.pass(20_000)
  const { voters } = on.world.leader!.node!.quorum!.voters!
  assert.deepEqual(voters.map(({ directoryId }) => directoryId).includes(former), true)
})

test('Q13: two of three disks are replaced while the third is down: nobody leads, each says who is missing, what is left is untouched', () => {
  const on = new Cluster('Q13')
  on.world.start()
  on.formed()
  const { clusterId } = on.node(1)
  const third = on.node(3)
  third.restart = false
  third.crash()
  const kept = third.read('__cluster_metadata-0/00000000000000000000.log', true)
  assert.ok(kept !== undefined && kept.length > 0)
  for (const id of [1, 2]) on.node(id).replaceDisk()
  on.complaints.length = 0
  on.pass(30_000)
  for (const id of [1, 2]) {
    assert.equal(on.node(id).clusterId, undefined, 'no second cluster')
    assert.equal(on.node(id).serving, false)
    const said = on.saidBy(on.node(id), /waits for its cluster: no answer yet from 3@.*all have to be there/)
    assert.ok(said.length >= 4 && said.length <= 7, `${said.length} lines in 30 s`)
  }
  on.complaints.length = 0
  third.restart = true
  third.start()
  on.pass(30_000)
  assert.equal(on.world.leader, undefined)
  for (const node of on.world.nodes) {
    assert.equal(node.clusterId, clusterId)
    assert.equal(node.serving, false)
    const said = on.saidBy(node, /nobody leads the quorum: voter 1 has lost its disk: .*; voter 2 has lost its disk: /)
    assert.ok(said.length >= 3 && said.length <= 7, `${said.length} lines of ${node.host} in 30 s`)
  }
  assert.equal(third.read('__cluster_metadata-0/00000000000000000000.log', true), kept, 'untouched')
})

test('two voters are down: the one that is left names them', () => {
  const on = new Cluster('two down')
  on.world.start()
  on.formed()
  for (const id of [2, 3]) {
    on.node(id).restart = false
    on.node(id).crash()
  }
  on.pass(20_000)
  const said = on.saidBy(on.node(1), /nobody leads the quorum: voter 2 does not answer; voter 3 does not answer/)
  assert.ok(said.length >= 2 && said.length <= 4, `${said.length} lines in 20 s`)
  for (const id of [2, 3]) on.node(id).start()
  on.formed()
})

for (const ports of ['one', 'two'] as const) {
  test(`DescribeQuorum, AddRaftVoter and RemoveRaftVoter are answered by every broker (${ports === 'one' ? 'one port' : 'two ports'})`, () => {
    const on = new SimulatedCluster(`any broker, ${ports}`, { ports })
    const asked = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
    const leaderId = on.leader.id
    for (const { id } of on.world.nodes) {
      const client = on.client(on.node(id))
      for (const version of [0, 1, 2]) {
        const { errorCode, topics, nodes } = client.request(DescribeQuorum, version, { topics: asked })
        const partition = topics[0]!.partitions[0]!
        assert.deepEqual([errorCode, partition.errorCode, partition.leaderId], [0, 0, leaderId])
        assert.deepEqual(partition.currentVoters.map(({ replicaId }) => replicaId).sort(), [1, 2, 3])
        assert.equal(nodes.length, version === 2 ? 3 : 0)
      }
      const nobody = { clusterId: null, voterId: 9, voterDirectoryId: 'AAAAAAAAAAAAAAAAAAAACQ' }
      const removed = client.request(RemoveRaftVoter, 0, nobody)
      assert.equal(errorByCode(removed.errorCode).name, 'VOTER_NOT_FOUND')
      const other = client.request(RemoveRaftVoter, 0, { ...nobody, clusterId: 'another' })
      assert.equal(errorByCode(other.errorCode).name, 'INCONSISTENT_CLUSTER_ID')
      const listeners = [{ name: 'CONTROLLER', host: 'nowhere', port: 1 }]
      const twice = { ...nobody, voterId: 1, timeoutMs: 1000, listeners }
      assert.equal(errorByCode(client.request(AddRaftVoter, 1, twice).errorCode).name, 'DUPLICATE_VOTER')
    }
  })
}
