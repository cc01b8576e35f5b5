/**
 * One run of a cluster under a load of records and faults, all drawn from the seed. First anything may fail; then a core of the cluster is healed and must come
 * to agree while the rest stays as it is; then all is well, every replica catches up, and all is read to the end and judged by what the settings
 * promise. The same seed is the same run.
 */
import type { Prng } from '../base/prng.js'
import { BrokerDisks } from './broker-disks.js'
import { coreOf } from './cluster-agreement.js'
import type { ClusterPlan, ClusterWorld, NodeRole } from './cluster-world.js'
import { CLUSTER_FAULTS, type ClusterFaultKind, drawScript, type FaultScript, LEADER_LOSSES } from './fault-script.js'
import { ReplicatedCluster, type ReplicationReport } from './replicated-cluster.js'
import { drawTopics, type ReplicatedTopicPlan } from './replicated-topics.js'
import { Simulation } from './simulation.js'
import { withTraps } from './traps.js'

/** How long there are faults: one of these. */
const FAULTS_MS = [15_000, 20_000, 30_000]
/** How long the core may take to converge. */
const CONVERGE_MS = 60_000
/** What takes the page cache with it, or makes the system forget what it had to write. */
const TAKES_CACHE: readonly ClusterFaultKind[] = [
  'power-loss',
  'power-loss-at-operation',
  'power-loss-of-several',
  'disk-replaced',
  'failed-flush',
  'io-error',
]

export interface ReplicationScenarioOptions {
  /** How many nodes; without it three to five. */
  readonly nodes?: number
  /** Which faults there are; without it some of all. */
  readonly faults?: readonly ClusterFaultKind[]
  /** Exactly these, instead of such as are drawn. */
  readonly script?: FaultScript
  /** How long there are faults. */
  readonly faultsMs?: number
  /** Exactly these topics, instead of such as are drawn. */
  readonly topics?: readonly ReplicatedTopicPlan[]
  readonly acks?: 1 | -1
  /** How often replicas are compared; without it as seldom as by default. */
  readonly digestIntervalMs?: number
  /** Mean time between two deletions of the front of a partition, and between two brokers that are given empty disks; without it drawn. */
  readonly deletionsMs?: number
  readonly brokerDisksMs?: number
  /** Judge as if nothing committed may ever be lost, whatever the settings promise. */
  readonly strict?: boolean
  /** Looks inside after each event; what it throws is the failure. For tests. */
  readonly probe?: (world: ClusterWorld) => void
}

/** Throws `SimulationError` where something inside goes wrong, an assertion or an invariant, or where the cluster does not come to rest. */
export function runReplicationSeed(seed: string | number, options: ReplicationScenarioOptions = {}): ReplicationReport {
  return withTraps(() => run(new Simulation(seed), options))
}

function run(simulation: Simulation, options: ReplicationScenarioOptions): ReplicationReport {
  const random = simulation.random('cluster')
  const plan = drawPlan(random, options)
  const brokers = plan.roles.filter((role) => role !== 'controller').length
  const plans = options.topics ?? drawTopics(simulation.random('topics'), brokers)
  const cluster = new ReplicatedCluster(
    simulation,
    plan,
    {
      plans,
      ...(options.acks === undefined ? {} : { acks: options.acks }),
      ...(options.script === undefined ? changesOf(simulation.random('changes')) : {}),
      ...(options.script === undefined ? deletionsOf(simulation.random('deletions'), options.deletionsMs) : {}),
    },
    options.probe,
  )
  const { world, faults, workload } = cluster
  const drawnMs = random.pick(FAULTS_MS)
  const faultsMs = options.faultsMs ?? drawnMs
  const script = options.script ?? scriptFor(simulation.random('faults'), faultsMs, world, options)

  const starts = simulation.random('starts')
  const spreadMs = starts.pick([0, 50, 3000])
  for (const node of world.nodes)
    simulation.schedule(starts.float() * spreadMs, `${node.host} starts`, () => node.start())
  // Without topics nothing could be lost yet; how clusters are founded under faults is seen elsewhere.
  cluster.must('all topics are there', CONVERGE_MS, () => workload.isReady)
  faults.play(script)
  const brokerDisks =
    options.script === undefined
      ? brokerDisksOf(cluster, simulation.random('broker disks'), options.brokerDisksMs)
      : undefined
  cluster.until(() => false, faultsMs)
  brokerDisks?.stop()

  const core = coreOf(world, simulation.random('core'), cluster.disks.lost)
  simulation.note(`the core is ${core.map(({ host }) => host).join(' ')}`)
  faults.freezeBut(core, workload.hosts)
  workload.confineTo(core.filter(({ role }) => role !== 'controller'))
  const convergedMs = cluster.must('the core converges', CONVERGE_MS, () => cluster.agree(core))
  const healedMs = cluster.rest()
  const replaced = brokerDisks?.replaced ?? 0
  const hasKeptCaches = replaced === 0 && TAKES_CACHE.every((kind) => faults.counts[kind] === undefined)
  const isPromised = ({ flushPolicy }: ReplicatedTopicPlan, acks?: 0 | 1 | -1): boolean => {
    if (options.strict === true) return true
    // One replica may have had what others have never heard of.
    return acks !== 0 && acks !== 1 && (flushPolicy === 'commit' || hasKeptCaches)
  }
  return cluster.report(isPromised, convergedMs, healedMs, script, { 'a broker is given an empty disk': replaced })
}

/** In half of the runs somebody changes how partitions are replicated meanwhile. */
export function changesOf(random: Prng): { readonly changesMs?: number } {
  return random.chance(0.5) ? { changesMs: random.pick([500, 3000]) } : {}
}

/** In half of the runs somebody deletes the front of some partitions meanwhile. */
function deletionsOf(random: Prng, wantedMs: number | undefined): { readonly deletionsMs?: number } {
  if (wantedMs !== undefined) return { deletionsMs: wantedMs }
  return random.chance(0.5) ? { deletionsMs: random.pick([500, 2000]) } : {}
}

/** In a third of the runs brokers are given empty disks meanwhile. */
function brokerDisksOf(
  { world, disks, invariants }: ReplicatedCluster,
  random: Prng,
  wantedMs: number | undefined,
): BrokerDisks | undefined {
  if (wantedMs === undefined && !random.chance(0.3)) return undefined
  return new BrokerDisks(world, random, {
    meanPauseMs: wantedMs ?? random.pick([2000, 8000]),
    image: () => invariants.replicas.image,
    mayReplace: (node) => disks.take(node),
  })
}

export function scriptFor(
  random: Prng,
  lengthMs: number,
  { network }: ClusterWorld,
  options: ReplicationScenarioOptions,
): FaultScript {
  network.lingerChance = random.pick([0, 0.3, 1])
  const chance = random.pick([0.2, 0.5, 0.9])
  // In some the conditions of `os` hold.
  const all = random.chance(0.3) ? CLUSTER_FAULTS.filter((kind) => !TAKES_CACHE.includes(kind)) : CLUSTER_FAULTS
  const some = all.filter(() => random.chance(chance))
  const losses = LEADER_LOSSES.filter((kind) => all.includes(kind))
  const kinds = options.faults ?? [...new Set([...some, random.pick(losses)])]
  return drawScript(random, {
    kinds,
    lengthMs,
    meanPauseMs: random.pick([500, 2000, 5000]),
    longestFaultMs: random.pick([1000, 5000, 15_000]),
    leaderChance: random.pick([0.1, 0.3]),
    leaderLosses: random.between(1, 3),
  })
}

export function drawPlan(random: Prng, options: ReplicationScenarioOptions): ClusterPlan {
  const count = options.nodes ?? random.pick([3, 3, 3, 3, 4, 5, 5])
  const isSeparate = count > 3 && random.chance(0.4)
  const roles: NodeRole[] = []
  for (let n = 0; n < count; n++) {
    if (!isSeparate) roles.push('combined')
    else roles.push(n >= 3 ? 'broker' : random.chance(0.3) ? 'controller' : 'combined')
  }
  return {
    roles,
    ports: random.chance(0.5) ? 'two' : 'one',
    naming: random.pick(['voters', 'bootstrap'] as const),
    settings: {
      ...(options.digestIntervalMs === undefined
        ? {}
        : { 'replica.digest.interval.ms': String(options.digestIntervalMs) }),
      'log.flush.offset.checkpoint.interval.ms': String(random.pick([400, 3000, 60_000])),
      'broker.session.timeout.ms': String(random.pick([3000, 9000])),
      'broker.heartbeat.interval.ms': String(random.pick([500, 2000])),
      'replica.lag.time.max.ms': String(random.pick([1000, 5000, 30_000])),
      ...fetchSettings(random),
      'leader.imbalance.check.interval.seconds': String(random.pick([5, 300])),
      'log.segment.delete.delay.ms': '2000',
    },
    longestDownMs: random.pick([20, 300, 5000]),
  }
}

/** Who waits for more than it takes at once falls behind for ever. */
function fetchSettings(random: Prng): Readonly<Record<string, string>> {
  const [most, least] = random.pick([
    [200, 1],
    [10_000, 1],
    [10_000, 1000],
    [1_048_576, 1],
  ] as const)
  return {
    'replica.fetch.max.bytes': String(most),
    'replica.fetch.response.max.bytes': String(random.pick([2000, 10_485_760])),
    'replica.fetch.min.bytes': String(least),
  }
}
