/**
 * One run of an N-1 profile: a cluster under a load of records and without faults; then replicas fail as the profile says, in an order and at moments drawn from
 * the seed, in half of the runs all within one `replica.lag.time.max.ms`; then it is seen whether records are acknowledged; then all come back, and all is read
 * to the end and judged as if nothing may ever be lost.
 */
import type { Prng } from '../base/prng.js'
import type { ClusterNode, ClusterPlan } from './cluster-world.js'
import type { TimedFault } from './fault-script.js'
import { type FailureStage, N_MINUS_ONE, type NMinusOneName, type NMinusOneProfile, rolesOf } from './n-minus-one.js'
import { ReplicatedCluster, type ReplicationReport } from './replicated-cluster.js'
import type { ReplicatedTopicPlan } from './replicated-topics.js'
import { Simulation, SimulationError } from './simulation.js'
import { withTraps } from './traps.js'

const TOPIC = 'records'
const PARTITIONS = 3
const SETTLE_MS = 60_000
/** How long everything is well before the first failure, and goes on behind a stage. */
const LOAD_MS = [1000, 3000, 6000]
const GOES_ON_MS = [500, 3000]
/** How long it may take until records are acknowledged again, and how long nothing must be where it stops. */
const RESUME_MS = 60_000
const STOPS_MS = 15_000
/** How long those are away who come back in the same stage. */
const RETURN_MS = [0, 15_000]
/** A node that does nothing with its disk for so long is struck all the same. */
const STRIKE_WITHIN_MS = 300
const MOST_OPERATIONS = 40
/** How long who is cut off may take to acknowledge a record of each partition that it leads: nobody leads in its place so soon. */
const CUT_OFF_MS = 2500

/** It is judged as if everything was: what the settings do not promise must be found to be lost. */
const IS_PROMISED = (): boolean => true

/** Throws `SimulationError` where something inside goes wrong, or where it does not go on, or does not stop, as claimed. */
export function runNMinusOneSeed(name: NMinusOneName, seed: string | number): ReplicationReport {
  return runProfileSeed(N_MINUS_ONE[name], seed)
}

/** The same for a profile that has no name. */
export function runProfileSeed(profile: NMinusOneProfile, seed: string | number): ReplicationReport {
  return withTraps(() => new NMinusOneScenario(profile, seed).run())
}

class NMinusOneScenario {
  readonly #profile: NMinusOneProfile
  readonly #simulation: Simulation
  readonly #cluster: ReplicatedCluster
  readonly #random: Prng
  readonly #replicas: readonly ClusterNode[]
  readonly #lagMs: number
  /** All failures of a stage come within one lag time. */
  readonly #isQuick: boolean
  /** Replicas that fail, in this order. */
  readonly #victims: ClusterNode[]
  readonly #failed: ClusterNode[] = []
  readonly #script: TimedFault[] = []
  #acknowledgedAfter = 0

  constructor(profile: NMinusOneProfile, seed: string | number) {
    this.#profile = profile
    const simulation = new Simulation(seed)
    this.#simulation = simulation
    const random = simulation.random('failures')
    this.#random = random
    this.#lagMs = random.pick([2000, 10_000])
    this.#isQuick = random.chance(0.5)
    const plan = planOf(profile, random, this.#lagMs)
    const brokers = plan.roles.flatMap((role, index) => (role === 'controller' ? [] : [index + 1]))
    const replicas = shuffled(random, brokers).slice(0, profile.replicationFactor)
    this.#cluster = new ReplicatedCluster(simulation, plan, {
      plans: [topicOf(profile, random, replicas)],
      acks: profile.acks,
      ...(profile.keepsEligible === true ? { keepsEligible: true } : {}),
      pauseMs: random.pick([100, 300]),
    })
    this.#cluster.looksInside = profile.lost === 'nothing'
    this.#replicas = replicas.map((id) => this.#cluster.world.nodes[id - 1]!)
    this.#victims = shuffled(random, this.#replicas)
    for (const { machine } of this.#replicas) machine.keepsBootId = profile.bootIdIgnored === true
  }

  run(): ReplicationReport {
    const cluster = this.#cluster
    for (const node of cluster.world.nodes) node.start()
    cluster.must('all topics are there', SETTLE_MS, () => cluster.workload.isReady)
    const beganMs = this.#simulation.nowMs
    cluster.must('all partitions are in use', SETTLE_MS, () => this.#isGoingOn(beganMs))
    cluster.until(() => false, this.#random.pick(LOAD_MS))
    let resumedMs = 0
    for (const stage of this.#profile.stages) resumedMs = Math.max(resumedMs, this.#play(stage))
    const healedMs = cluster.rest()
    return cluster.report(IS_PROMISED, resumedMs, healedMs, this.#script, {
      'all fail within one lag time': this.#isQuick ? 1 : 0,
      'records acknowledged after the last failure': this.#acknowledgedAfter,
    })
  }

  #isGoingOn(sinceMs: number): boolean {
    return this.#cluster.workload.goingOnSince(sinceMs) === PARTITIONS
  }

  /** Returns how long it took until records were acknowledged again. */
  #play(stage: FailureStage): number {
    const cluster = this.#cluster
    const before = [...this.#failed]
    for (let n = 0; n < stage.failures; n++) {
      if (n > 0 && stage.atOnce !== true) cluster.until(() => false, this.#gapMs(stage.failures))
      this.#fail(stage)
    }
    const lastMs = this.#simulation.nowMs
    if (stage.othersReturn === true) this.#return(before)
    if (stage.theseReturn === true) {
      // Before it is missed, or after.
      cluster.until(() => false, this.#random.pick(RETURN_MS))
      this.#return(this.#failed.slice(before.length))
    }
    if (stage.after === 'goes on') {
      const resumedMs = cluster.must('records are acknowledged again', RESUME_MS, () => this.#isGoingOn(lastMs))
      cluster.until(() => false, this.#random.pick(GOES_ON_MS))
      this.#acknowledgedAfter = cluster.workload.acknowledgedSince(lastMs)
      return resumedMs
    }
    if (stage.after === 'nobody leads') {
      cluster.must('nobody leads', RESUME_MS, () => cluster.led === 0)
      if (cluster.until(() => cluster.led > 0, STOPS_MS))
        this.#fails('nobody leads', `${cluster.led} partitions are led`)
    } else cluster.until(() => false, STOPS_MS)
    const goingOn = cluster.workload.goingOnSince(lastMs)
    if (goingOn > 0) this.#fails('it stops', `${goingOn} partitions have acknowledged records since`)
    return 0
  }

  #fails(what: string, why: string): never {
    const { seed, nowMs, trace } = this.#simulation
    throw new SimulationError(seed, nowMs, what, trace, why)
  }

  #return(nodes: readonly ClusterNode[]): void {
    for (const node of nodes) {
      node.restart = true
      node.start()
    }
  }

  #gapMs(failures: number): number {
    return this.#isQuick ? (this.#random.float() * this.#lagMs) / failures : this.#lagMs * (1 + this.#random.float())
  }

  /** Returns what heals it. */
  #cutOff(node: ClusterNode): () => void {
    const { host } = node
    const { world } = this.#cluster
    const others = new Set(world.nodes.map((node) => node.host).filter((each) => each !== host))
    const isBetween = (from: string, to: string): boolean => from === host && others.has(to)
    const heal = world.network.rules.add({
      applies: (from, to) => isBetween(from, to) || isBetween(to, from),
      cuts: true,
    })
    const { workload } = this.#cluster
    const led = this.#cluster.ledBy(node)
    const cutMs = this.#simulation.nowMs
    this.#cluster.until(() => led.every((place) => workload.latestOf(place) > cutMs), CUT_OFF_MS)
    return heal
  }

  /** `leads`: rather one who leads something. */
  #nextVictim(leads: boolean): ClusterNode {
    const left = this.#victims.filter((node) => !this.#failed.includes(node))
    return (leads ? left.find((node) => this.#cluster.ledBy(node).length > 0) : undefined) ?? left[0]!
  }

  #fail({ kind, atOnce, cutOff }: FailureStage): void {
    const node = this.#nextVictim(cutOff === true)
    const heal = cutOff === true ? this.#cutOff(node) : undefined
    this.#failed.push(node)
    const drawn = this.#random.pick(['crash', 'power-loss'] as const)
    const chosen = kind === 'either' ? drawn : kind
    const strike = chosen === 'crash' ? 'crash' : 'losePower'
    node.restart = false
    if (atOnce !== true && this.#random.chance(0.5)) {
      // In the middle of what it does.
      node.strikeAtOperation(this.#random.between(1, MOST_OPERATIONS), strike)
      this.#cluster.until(() => node.node === undefined, STRIKE_WITHIN_MS)
      node.machine.crashPoint = undefined
    }
    if (node.node !== undefined) node[strike]()
    this.#cluster.faults.counts[chosen] = (this.#cluster.faults.counts[chosen] ?? 0) + 1
    heal?.()
    const target = this.#cluster.world.nodes.indexOf(node)
    this.#script.push({ atMs: this.#simulation.nowMs, kind: chosen, target, others: 0, durationMs: 0, strength: 0 })
  }
}

function planOf(profile: NMinusOneProfile, random: Prng, lagMs: number): ClusterPlan {
  return {
    roles: rolesOf(profile),
    ports: random.pick(['one', 'two'] as const),
    naming: random.pick(['voters', 'bootstrap'] as const),
    settings: {
      ...comparedEvery(profile.digestIntervalMs),
      'broker.session.timeout.ms': String(random.pick([3000, 9000])),
      'broker.heartbeat.interval.ms': '500',
      'replica.lag.time.max.ms': String(lagMs),
      'log.flush.offset.checkpoint.interval.ms': String(random.pick([400, 60_000])),
    },
    longestDownMs: 300,
  }
}

function comparedEvery(intervalMs: number | undefined): Readonly<Record<string, string>> {
  return intervalMs === undefined ? {} : { 'replica.digest.interval.ms': String(intervalMs) }
}

/** Each replica is the first of some partition, as far as there are as many. */
function topicOf(profile: NMinusOneProfile, random: Prng, replicas: readonly number[]): ReplicatedTopicPlan {
  const { replicationFactor, minInsyncReplicas, flushPolicy, unclean } = profile
  return {
    name: TOPIC,
    partitions: PARTITIONS,
    replicationFactor,
    minInsyncReplicas,
    flushPolicy,
    configs: {
      'internal.segment.bytes': String(random.pick([8192, 1024 * 1024])),
      ...(unclean === true ? { 'unclean.leader.election.enable': 'true' } : {}),
    },
    assignments: Array.from({ length: PARTITIONS }, (_, n) => [...replicas.slice(n), ...replicas.slice(0, n)]),
  }
}

function shuffled<T>(random: Prng, items: readonly T[]): T[] {
  const left = [...items]
  const order: T[] = []
  while (left.length > 0) order.push(...left.splice(random.below(left.length), 1))
  return order
}
