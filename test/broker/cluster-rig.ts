/** A cluster of whole nodes in the simulator that a test starts, asks and disturbs. */
import assert from 'node:assert/strict'
import type { Address } from '../../src/io/network.js'
import type { MetadataImage, TopicImage } from '../../src/metadata/image.js'
import type { PartitionState } from '../../src/metadata/records.js'
import { errorByCode } from '../../src/protocol/errors.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { type ClusterNode, ClusterWorld, type NodeRole } from '../../src/sim/cluster-world.js'
import type { SimulatedNetwork } from '../../src/sim/network.js'
import { Simulation } from '../../src/sim/simulation.js'
import { SimulatedWireClient } from './simulated-broker.js'

const PATIENCE_MS = 120_000

export interface ClusterShape {
  readonly roles?: readonly NodeRole[]
  readonly ports?: 'one' | 'two'
  readonly settings?: Readonly<Record<string, string>>
  readonly racks?: readonly string[]
}

export class SimulatedCluster {
  readonly simulation: Simulation
  readonly world: ClusterWorld
  #clients = 0

  constructor(seed: string, shape: ClusterShape = {}) {
    const { roles = ['combined', 'combined', 'combined'], ports = 'one', settings = {}, racks } = shape
    this.simulation = new Simulation(seed)
    const plan = { roles, ports, naming: 'voters' as const, settings, longestDownMs: 100, ...(racks && { racks }) }
    this.world = new ClusterWorld(this.simulation, plan)
    for (const node of this.world.nodes) {
      node.restart = false
      // As where a process is killed, and its machine goes on: its connections end.
      node.machine.goesSilently = false
    }
    this.world.start()
    this.until(() => this.world.nodes.every(({ serving }) => serving), 'all nodes serve')
    this.untilKnown(
      ({ brokers }) => [...brokers.values()].filter(({ fenced }) => !fenced).length === this.brokers.length,
    )
  }

  get network(): SimulatedNetwork {
    return this.world.network
  }

  /** Those that run. */
  get brokers(): readonly ClusterNode[] {
    return this.world.brokers.filter(({ node }) => node !== undefined)
  }

  node(id: number): ClusterNode {
    return this.world.nodes[id - 1]!
  }

  get leader(): ClusterNode {
    const { leader } = this.world
    assert.ok(leader !== undefined, 'nobody leads')
    return leader
  }

  pass(durationMs: number): void {
    this.simulation.runUntil(() => false, this.simulation.nowMs + durationMs)
  }

  /** Returns how long it took. */
  until(condition: () => boolean, what: string, limitMs = PATIENCE_MS): number {
    const beganMs = this.simulation.nowMs
    assert.ok(this.simulation.runUntil(condition, beganMs + limitMs), `within ${limitMs} ms: ${what}`)
    return this.simulation.nowMs - beganMs
  }

  /** Every broker that runs has applied metadata of which this holds. */
  untilKnown(holds: (image: MetadataImage) => boolean, limitMs = PATIENCE_MS): number {
    return this.until(() => this.brokers.every(({ node }) => holds(node!.broker!.image)), 'known everywhere', limitMs)
  }

  /** Kills the process, and waits for the next controller if it was that. */
  kill(id: number): void {
    this.node(id).crash()
    this.until(() => this.world.leader !== undefined, 'a leader of the quorum')
  }

  start(id: number): void {
    this.node(id).start()
    this.until(() => this.node(id).serving, `node ${id} serves`)
  }

  topic(name: string, at: ClusterNode = this.brokers[0]!): TopicImage {
    const topic = at.node!.broker!.image.topicsByName.get(name)
    assert.ok(topic !== undefined, `node ${at.id} knows ${name}`)
    return topic
  }

  partition(name: string, index = 0): PartitionState {
    return this.topic(name).partitions[index]!
  }

  client(at: ClusterNode | Address): SimulatedWireClient {
    const address = 'address' in at ? at.address : at
    return new SimulatedWireClient(this, `client${this.#clients++}`, address)
  }

  /** Has a topic made by this node; all brokers know it afterwards. */
  createTopic(
    name: string,
    at: ClusterNode,
    numPartitions: number,
    replicationFactor: number,
    values: Readonly<Record<string, string>> = {},
  ): string {
    const configs = Object.entries(values).map(([key, value]) => ({ name: key, value }))
    const wanted = { name, numPartitions, replicationFactor, assignments: [], configs }
    const [topic] = this.client(at).request(CreateTopics, 7, { topics: [wanted], timeoutMs: 30_000 }).topics
    assert.equal(errorByCode(topic!.errorCode).name, 'NONE', topic!.errorMessage ?? name)
    this.untilKnown(({ topicsByName }) => topicsByName.has(name))
    return topic!.topicId
  }
}
