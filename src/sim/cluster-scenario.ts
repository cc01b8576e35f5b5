/**
 * One run of a cluster: nodes that have found one another by their configuration, clients that change and read its metadata, and faults, all drawn from
 * the seed. Three phases: any faults; then a core of the cluster is well and the rest stays as it is, and the core has to converge; then all is
 * well, and all have to. The same seed is the same run.
 */
import { assert } from '../base/assert.js'
import type { Prng } from '../base/prng.js'
import { checkQuorum } from '../check/check-quorum.js'
import { checkLinearizable } from '../check/linearizability.js'
import { EXISTENCE, followed, MEMBERSHIP, REGISTER, withAcknowledgements } from '../check/models.js'
import { ClusterAgreement, coreOf, standingOf } from './cluster-agreement.js'
import { ClusterFaults } from './cluster-faults.js'
import { ClusterInvariants } from './cluster-invariants.js'
import { type ClusterNode, type ClusterPlan, ClusterWorld, type NodeRole } from './cluster-world.js'
import { CLUSTER_FAULTS, type ClusterFaultKind, drawScript, type FaultScript, LEADER_LOSSES } from './fault-script.js'
import { type KeyHistory, MetadataWorkload } from './metadata-workload.js'
import { ReplaceableDisks } from './replaceable-disks.js'
import { Simulation, SimulationError } from './simulation.js'
import { withTraps } from './traps.js'

/** How long there are faults: one of these. */
const FAULTS_MS = [45_000, 60_000, 90_000]
/** How long the core may take to converge, and then everything. */
const CONVERGE_MS = 60_000
const HEAL_MS = 120_000
/** How long clients go on when everything has converged. */
const AFTERWARDS_MS = 5000
const LOOK_EVERY_MS = 5

export interface ClusterScenarioOptions {
  /** How many nodes; without it one to five. */
  readonly nodes?: number
  /** Which faults there are; without it some of all. */
  readonly faults?: readonly ClusterFaultKind[]
  /** Exactly these, instead of such as are drawn. */
  readonly script?: FaultScript
  /** How long there are faults. */
  readonly faultsMs?: number
  /** Each node is a cluster of its own. */
  readonly apart?: boolean
  /** Looks inside after each event; what it throws is the failure. For tests. */
  readonly probe?: (world: ClusterWorld) => void
}

export interface ClusterFinding {
  readonly anomaly: 'not linearizable' | 'two leaders' | 'went back'
  readonly key: string
  readonly detail: string
}

export interface ClusterReport {
  readonly seed: string
  readonly hash: string
  readonly findings: readonly ClusterFinding[]
  /** Changes of the metadata. */
  readonly acknowledged: number
  readonly unknown: number
  /** Keys whose history was too tangled to be judged. */
  readonly unjudged: number
  readonly events: number
  readonly virtualMs: number
  readonly nodes: number
  readonly starts: number
  readonly exits: number
  /** How often each kind of fault has struck. */
  readonly faults: Readonly<Record<string, number>>
  /** How often each invariant was tried in earnest. */
  readonly checks: Readonly<Record<string, number>>
  readonly leaderChanges: number
  /** How long the core took until all of it agreed and a change was acknowledged, and then the whole cluster. */
  readonly convergedMs: number
  readonly healedMs: number
  readonly script: FaultScript
}

/** Throws `SimulationError` where something inside goes wrong, an assertion or an invariant, or where the cluster does not converge. */
export function runClusterSeed(seed: string | number, options: ClusterScenarioOptions = {}): ClusterReport {
  return withTraps(() => new ClusterScenario(seed, options).run())
}

class ClusterScenario {
  readonly #simulation: Simulation
  readonly #options: ClusterScenarioOptions
  readonly #world: ClusterWorld
  readonly #invariants: ClusterInvariants
  readonly #workload: MetadataWorkload
  readonly #faults: ClusterFaults
  readonly #script: FaultScript
  readonly #faultsMs: number
  readonly #agreement: ClusterAgreement
  readonly #disks: ReplaceableDisks

  constructor(seed: string | number, options: ClusterScenarioOptions) {
    const simulation = new Simulation(seed)
    this.#simulation = simulation
    this.#options = options
    const random = simulation.random('cluster')
    this.#world = new ClusterWorld(simulation, withSnapshots(drawPlan(random, options), simulation.random('snapshots')))
    this.#invariants = new ClusterInvariants(this.#world)
    this.#agreement = new ClusterAgreement(this.#world)
    this.#disks = new ReplaceableDisks(this.#world)
    const drawnMs = random.pick(FAULTS_MS)
    this.#faultsMs = options.faultsMs ?? drawnMs
    const faults = simulation.random('faults')
    this.#world.network.lingerChance = faults.pick([0, 0.3, 1])
    const chance = faults.pick([0.2, 0.5, 0.9])
    const some = CLUSTER_FAULTS.filter(() => faults.chance(chance))
    const kinds = options.faults ?? [...new Set([...some, faults.pick(LEADER_LOSSES)])]
    this.#script =
      options.script ??
      drawScript(faults, {
        kinds,
        lengthMs: this.#faultsMs,
        meanPauseMs: faults.pick([500, 2000, 5000]),
        longestFaultMs: faults.pick([1000, 5000, 15_000]),
        leaderChance: faults.pick([0.2, 0.5]),
        leaderLosses: faults.between(2, 4),
      })
    this.#faults = new ClusterFaults(this.#world, (node) => this.#disks.take(node))
    this.#workload = new MetadataWorkload(this.#world, random.between(2, 5), random.pick([100, 300, 1000]))
  }

  run(): ClusterReport {
    const { nodes } = this.#world
    const starts = this.#simulation.random('starts')
    const spreadMs = starts.pick([0, 50, 3000])
    for (const node of nodes)
      this.#simulation.schedule(starts.float() * spreadMs, `${node.host} starts`, () => node.start())
    this.#faults.play(this.#script)
    this.#until(() => false, this.#faultsMs)

    const core = coreOf(this.#world, this.#simulation.random('core'), this.#disks.lost)
    this.#simulation.note(`the core is ${core.map(({ host }) => host).join(' ')}`)
    this.#faults.freezeBut(core, this.#workload.hosts)
    const coreBrokers = core.filter(({ role }) => role !== 'controller')
    this.#workload.confineTo(coreBrokers)
    const convergedMs = this.#must('the core converges', CONVERGE_MS, () => this.#hasConverged(core))

    this.#faults.healAll()
    this.#workload.confineTo(this.#world.brokers)
    const healedMs = this.#must('the cluster converges', HEAL_MS, () => this.#hasConverged(nodes))
    this.#until(() => false, AFTERWARDS_MS)
    this.#workload.stop()
    this.#must('the clients come to an end', HEAL_MS, () => this.#workload.idle)
    this.#must('all come to the same end', HEAL_MS, () => this.#agreement.isLevel())
    this.#invariants.checkAll()
    return this.#report(convergedMs, healedMs)
  }

  /** Returns whether the condition came to hold; it is looked at now and then, the invariants after every event. */
  #until(condition: () => boolean, limitMs: number): boolean {
    const { probe } = this.#options
    const deadlineMs = this.#simulation.nowMs + limitMs
    let nextLookMs = 0
    return this.#simulation.runUntil(() => {
      this.#invariants.check()
      probe?.(this.#world)
      if (this.#simulation.nowMs < nextLookMs) return false
      nextLookMs = this.#simulation.nowMs + LOOK_EVERY_MS
      return condition()
    }, deadlineMs)
  }

  /** Returns how long it took. */
  #must(what: string, limitMs: number, condition: () => boolean): number {
    const beganMs = this.#simulation.nowMs
    if (!this.#until(condition, limitMs)) {
      const { seed, nowMs, trace } = this.#simulation
      throw new SimulationError(seed, nowMs, what, trace, `not within ${limitMs} ms: ${standingOf(this.#world)}`)
    }
    return this.#simulation.nowMs - beganMs
  }

  /**
   * One leader, whom all know; all brokers of them unfenced; and from one look to another all have come as far as any of them was at the first, and a
   * change was acknowledged. While clients go on, whose link is slow is never where the others are.
   */
  #hasConverged(nodes: readonly ClusterNode[]): boolean {
    const connected = this.#agreement.connectedOf(nodes)
    if (connected.length === 0 || !this.#agreement.holds(connected)) return false
    const ends = connected.map(({ node }) => node!.quorum!.highWatermark)
    const { acknowledged } = this.#workload
    const before = this.#before
    if (before === undefined) {
      this.#before = { acknowledged, highWatermark: Math.max(...ends) }
      return false
    }
    const isApart = this.#world.plan.naming === 'none'
    if (!isApart && Math.min(...ends) < before.highWatermark) return false
    // Clients have nobody to ask but brokers.
    const canAsk = connected.some(({ role }) => role !== 'controller')
    if (canAsk && acknowledged === before.acknowledged) return false
    this.#before = undefined
    return true
  }

  /** How far clients and nodes were when all agreed first; undefined: they have not. */
  #before: { readonly acknowledged: number; readonly highWatermark: number } | undefined

  #report(convergedMs: number, healedMs: number): ClusterReport {
    const { nodes } = this.#world
    const findings: ClusterFinding[] = []
    let unjudged = 0
    let judged = 0
    for (const history of this.#workload.histories.values()) {
      const judgement = judge(history)
      if (judgement.verdict === 'could not judge') unjudged++
      else judged++
      if (judgement.verdict !== 'not linearizable') continue
      findings.push({ anomaly: 'not linearizable', key: history.key, detail: judgement.detail })
    }
    const { quorums } = this.#workload
    if (this.#world.plan.naming !== 'none') {
      for (const { anomaly, detail } of checkQuorum(quorums)) findings.push({ anomaly, key: 'quorum', detail })
    }
    return {
      seed: this.#simulation.seed,
      hash: this.#simulation.hash.value,
      findings,
      acknowledged: this.#workload.acknowledged,
      unknown: this.#workload.unknown,
      unjudged,
      events: this.#simulation.events,
      virtualMs: this.#simulation.nowMs,
      nodes: nodes.length,
      starts: nodes.reduce((sum, { starts }) => sum + starts, 0),
      exits: nodes.reduce((sum, { exits }) => sum + exits, 0),
      faults: this.#faults.counts,
      checks: {
        ...this.#invariants.counts,
        'histories are linearizable': judged,
        'answers about the quorum': quorums.length,
      },
      leaderChanges: this.#invariants.leaderChanges,
      convergedMs,
      healedMs,
      script: this.#script,
    }
  }
}

const MODELS = { topic: EXISTENCE, setting: REGISTER, broker: MEMBERSHIP }

function judge({ kind, calls }: KeyHistory): ReturnType<typeof checkLinearizable> {
  return checkLinearizable(withAcknowledgements(calls), followed(MODELS[kind]))
}

function drawPlan(random: Prng, options: ClusterScenarioOptions): ClusterPlan {
  const count = options.nodes ?? random.pick([1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 5, 5, 5, 5, 5])
  assert(count >= 1 && count <= 7, () => `a cluster of ${count} nodes`)
  // Three controllers where there can be as many: one alone never gives its lead away.
  const isSeparate = options.apart !== true && count >= 2 && random.chance(count > 3 ? 0.4 : 0.1)
  const controllers = isSeparate ? Math.max(count > 3 ? 3 : 1, count - random.between(1, 2)) : count
  const roles: NodeRole[] = []
  for (let n = 0; n < count; n++) {
    if (isSeparate) roles.push(n < controllers ? (random.chance(0.5) ? 'controller' : 'combined') : 'broker')
    else roles.push('combined')
  }
  return {
    roles,
    ports: random.chance(0.5) ? 'two' : 'one',
    naming: options.apart === true ? 'none' : random.pick(['voters', 'bootstrap'] as const),
    settings: {
      'log.flush.offset.checkpoint.interval.ms': String(random.pick([400, 3000, 60_000])),
      'broker.session.timeout.ms': String(random.pick([3000, 9000])),
      'broker.heartbeat.interval.ms': String(random.pick([500, 2000])),
    },
    longestDownMs: random.pick([20, 300, 5000]),
  }
}

/** Most clusters take snapshots of their metadata often, and keep so little of the log that who was away gets one. */
function withSnapshots(plan: ClusterPlan, random: Prng): ClusterPlan {
  if (random.chance(0.3)) return plan
  const settings = {
    ...plan.settings,
    'metadata.log.max.record.bytes.between.snapshots': String(random.pick([1000, 4000, 20_000])),
    'metadata.max.retention.bytes': String(random.pick([1000, 8000])),
    'controller.quorum.fetch.snapshot.max.bytes': String(random.pick([300, 2000, 1_048_576])),
  }
  return { ...plan, settings }
}
