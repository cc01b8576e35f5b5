/**
 * ReplicatedCluster: a simulated cluster under a load of records, and how a run of it ends: everything is well again, every replica catches up, all is read
 * to the end, and the histories, the disks and the metadata are judged. What befalls it meanwhile is for a scenario to say.
 */
import { Findings } from '../check/anomalies.js'
import type { Finding } from '../check/check-log.js'
import { checkReplicas, type ReplicaSeen } from '../check/check-replicas.js'
import { ClusterAgreement, standingOf } from './cluster-agreement.js'
import { ClusterFaults } from './cluster-faults.js'
import { ClusterInvariants } from './cluster-invariants.js'
import { type ClusterNode, type ClusterPlan, ClusterWorld } from './cluster-world.js'
import type { FaultScript } from './fault-script.js'
import { ReplaceableDisks } from './replaceable-disks.js'
import { hostedBy, type PartitionPlace, replicaSeen } from './replica-files.js'
import { keyOf, type ReplicatedTopic } from './replicated-topics.js'
import { type IsPromised, ReplicationWorkload, type ReplicationWorkloadOptions } from './replication-workload.js'
import { type Simulation, SimulationError } from './simulation.js'

/** How long the cluster may take to agree when all is well, then its replicas to catch up, and its clients to come to an end. */
const HEAL_MS = 120_000
/** How long clients go on when everything has converged. */
const AFTERWARDS_MS = 3000
const LOOK_EVERY_MS = 5

export interface ReplicationReport {
  readonly seed: string
  readonly hash: string
  readonly findings: readonly Finding[]
  /** Records. */
  readonly acknowledged: number
  readonly unknown: number
  readonly events: number
  readonly virtualMs: number
  readonly nodes: number
  readonly starts: number
  readonly exits: number
  /** How often each kind of fault has struck. */
  readonly faults: Readonly<Record<string, number>>
  /** How often each invariant was tried in earnest. */
  readonly checks: Readonly<Record<string, number>>
  /** Of the quorum. */
  readonly leaderChanges: number
  /** How often a partition was led by another replica, or by the same anew. */
  readonly elections: number
  /** How long the core took until all of it agreed, and then the whole cluster with all replicas. */
  readonly convergedMs: number
  readonly healedMs: number
  readonly script: FaultScript
}

export class ReplicatedCluster {
  readonly simulation: Simulation
  readonly world: ClusterWorld
  readonly invariants: ClusterInvariants
  readonly workload: ReplicationWorkload
  readonly disks: ReplaceableDisks
  readonly faults: ClusterFaults
  /** Whether invariants are looked at: not where a condition is missing, and the histories are to show it. */
  looksInside = true
  readonly #agreement: ClusterAgreement
  readonly #probe: ((world: ClusterWorld) => void) | undefined

  constructor(
    simulation: Simulation,
    plan: ClusterPlan,
    workload: ReplicationWorkloadOptions,
    probe?: (world: ClusterWorld) => void,
  ) {
    this.simulation = simulation
    this.#probe = probe
    this.world = new ClusterWorld(simulation, plan)
    this.invariants = new ClusterInvariants(this.world)
    this.disks = new ReplaceableDisks(this.world)
    // Whose disk is gone may be the last one that counts, if others crash before that is noticed: then only an operator can say who leads.
    this.faults = new ClusterFaults(this.world, (node) => node.role === 'controller' && this.disks.take(node))
    this.workload = new ReplicationWorkload(this.world, this.invariants.replicas, workload)
    this.#agreement = new ClusterAgreement(this.world)
  }

  /** Returns whether the condition came to hold; it is looked at now and then, the invariants after every event. */
  until(condition: () => boolean, limitMs: number): boolean {
    const deadlineMs = this.simulation.nowMs + limitMs
    let nextLookMs = 0
    return this.simulation.runUntil(() => {
      if (this.looksInside) this.invariants.check()
      this.#probe?.(this.world)
      if (this.simulation.nowMs < nextLookMs) return false
      nextLookMs = this.simulation.nowMs + LOOK_EVERY_MS
      return condition()
    }, deadlineMs)
  }

  /** Returns how long it took. */
  must(what: string, limitMs: number, condition: () => boolean): number {
    const beganMs = this.simulation.nowMs
    if (!this.until(condition, limitMs)) {
      const { seed, nowMs, trace } = this.simulation
      const standing = `${standingOf(this.world)}; ${this.#partitions()
        .map((place) => this.#standingOf(place))
        .join('; ')}`
      throw new SimulationError(seed, nowMs, what, trace, `not within ${limitMs} ms: ${standing}`)
    }
    return this.simulation.nowMs - beganMs
  }

  /** How many partitions have a leader, as the controller says; all of them while there is none. */
  get led(): number {
    return this.#partitions().filter((place) => this.#stateOf(place)?.leader !== -1).length
  }

  /** The partitions that this node takes itself to lead. */
  ledBy(node: ClusterNode): readonly PartitionPlace[] {
    return this.#partitions().filter((place) => hostedBy(node, place)?.isLeader === true)
  }

  agree(nodes: readonly ClusterNode[]): boolean {
    return this.#agreement.holds(this.#agreement.connectedOf(nodes))
  }

  /** Heals everything, and comes to rest: returns how long it took until all replicas had caught up. */
  rest(): number {
    const { faults, workload, world } = this
    faults.healAll()
    workload.stopChanges()
    workload.confineTo(world.brokers)
    const beganMs = this.simulation.nowMs
    this.must('the cluster converges', HEAL_MS, () => this.agree(world.nodes))
    this.must('all topics are there', HEAL_MS, () => workload.isReady)
    this.must('every replica is in sync', HEAL_MS, () => this.#partitions().every((place) => this.#isWhole(place)))
    const healedMs = this.simulation.nowMs - beganMs
    this.until(() => false, AFTERWARDS_MS)
    workload.stop()
    this.must('the producers come to an end', HEAL_MS, () => workload.idle)
    this.must('every replica has everything', HEAL_MS, () => this.#partitions().every((place) => this.#isEqual(place)))
    const isRead = workload.read()
    this.must('everything is read', HEAL_MS, isRead)
    if (this.looksInside) this.invariants.checkAll()
    return healedMs
  }

  /** After `rest`. */
  report(
    isPromised: IsPromised,
    convergedMs: number,
    healedMs: number,
    script: FaultScript,
    counts: Readonly<Record<string, number>> = {},
  ): ReplicationReport {
    const { world, simulation, workload, invariants, faults } = this
    const { findings, acknowledged, unknown, counts: judged } = workload.judge(isPromised)
    const replicas = this.replicas()
    const ofReplicas = new Findings()
    checkReplicas(replicas, ofReplicas)
    const states = this.#partitions().map((place) => this.#stateOf(place)!)
    return {
      seed: simulation.seed,
      hash: simulation.hash.value,
      findings: [...findings, ...ofReplicas.told],
      acknowledged,
      unknown,
      events: simulation.events,
      virtualMs: simulation.nowMs,
      nodes: world.nodes.length,
      starts: world.nodes.reduce((sum, { starts }) => sum + starts, 0),
      exits: world.nodes.reduce((sum, { exits }) => sum + exits, 0),
      faults: faults.counts,
      checks: { ...invariants.counts, ...judged, ...counts, 'replicas have the same bytes': replicas.length },
      leaderChanges: invariants.leaderChanges,
      elections: states.reduce((sum, { leaderEpoch }) => sum + leaderEpoch, 0),
      convergedMs,
      healedMs,
      script,
    }
  }

  #partitions(): PartitionPlace[] {
    return this.workload.topics.flatMap(({ name: topic, topicId, partitions }: ReplicatedTopic) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, topicId, partition })),
    )
  }

  #stateOf({ topicId, partition }: PartitionPlace) {
    return this.world.leader?.node?.quorum?.image?.topicsById.get(topicId)?.partitions[partition]
  }

  /** Somebody leads it, all are in sync, and it is where it is to be. */
  #isWhole(place: PartitionPlace): boolean {
    const state = this.#stateOf(place)
    if (state === undefined || state.leader < 0 || state.isr.length < state.replicas.length) return false
    return state.addingReplicas.length === 0 && state.removingReplicas.length === 0
  }

  /** All have the same, and know that all have it. */
  #isEqual(place: PartitionPlace): boolean {
    const ends = new Set<number>()
    const state = this.#stateOf(place)
    if (state === undefined || !this.#isWhole(place)) return false
    for (const id of state.replicas) {
      const hosted = hostedBy(this.world.nodes[id - 1]!, place)
      if (hosted === undefined || !hosted.committed) return false
      ends.add(hosted.highWatermark)
    }
    return ends.size === 1
  }

  /** After `rest`: what stands on the disks. */
  replicas(): ReplicaSeen[] {
    return this.#partitions().flatMap((place) =>
      this.#stateOf(place)!.replicas.flatMap((id) => {
        const seen = replicaSeen(this.world.nodes[id - 1]!, place)
        return seen === undefined ? [] : [seen]
      }),
    )
  }

  #standingOf(place: PartitionPlace): string {
    const state = this.#stateOf(place)
    const { topic, partition } = place
    const key = keyOf({ name: topic }, partition)
    if (state === undefined) return `${key} unknown`
    const ends = this.world.brokers.flatMap((node) => {
      const hosted = hostedBy(node, place)
      if (hosted === undefined) return []
      const { log, highWatermark, leaderId, leaderEpoch } = hosted
      return [
        `${node.id}: ${highWatermark} of ${log.flushedEndOffset} of ${log.nextOffset}, leader ${leaderId} in ${leaderEpoch}`,
      ]
    })
    return `${key} leader ${state.leader} in ${state.leaderEpoch}, in sync ${state.isr} of ${state.replicas} (${ends.join(', ')})`
  }
}
