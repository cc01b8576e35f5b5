/**
 * A long history from the simulator: one cluster under a heavy load of records, with one fault after the other until clients have done so much; then all is
 * well again, every replica catches up, and all is read to the end. What clients were told goes to a recorder, to be judged elsewhere. The same seed is the
 * same history.
 *
 * One operation is one call of a client: a record that is sent, with what became of it, or a poll that gave records. That several records go in one
 * request is the producer's business.
 */
import type { Prng } from '../base/prng.js'
import { Findings } from '../check/anomalies.js'
import type { Finding } from '../check/check-log.js'
import { checkReplicas } from '../check/check-replicas.js'
import type { Operation } from '../check/history.js'
import { CLUSTER_FAULTS, type ClusterFaultKind, drawScript } from './fault-script.js'
import { ReplicatedCluster } from './replicated-cluster.js'
import type { ReplicatedTopicPlan } from './replicated-topics.js'
import type { HistoryRecorder, WorkloadLoad } from './replication-workload.js'
import { Simulation } from './simulation.js'
import { withTraps } from './traps.js'

/** Faults are drawn for so long at a time. */
const STRETCH_MS = 10_000
/** They come faster as long as less of what was sent has an unknown outcome. */
const UNKNOWN_SHARE = 0.03
const PAUSES_MS = { fewUnknown: 400, enough: 1500 }
const SETTLE_MS = 60_000
const NODES = 3
/** A run that takes more events than this for an operation goes in circles. */
const MOST_EVENTS_AN_OPERATION = 100
const LEAST_EVENTS = 5_000_000
const PAUSE_MS = 60
/** Those that leave what is committed where it is, and end by themselves; more often such as clients lose answers by. */
const FAULTS: readonly ClusterFaultKind[] = [
  ...CLUSTER_FAULTS.filter((kind) => kind !== 'disk-replaced' && kind !== 'disk-full'),
  ...(['crash', 'crash-at-operation', 'power-loss', 'pause', 'isolate', 'isolate', 'half-open', 'partition'] as const),
]

/** Nothing that is committed may be lost, whatever strikes: who flushes before it answers has promised that. */
const TOPICS: readonly ReplicatedTopicPlan[] = [1, 2].map((minInsyncReplicas) => ({
  name: `records${minInsyncReplicas}`,
  partitions: 5,
  replicationFactor: NODES,
  minInsyncReplicas,
  flushPolicy: 'commit',
  configs: { 'internal.segment.bytes': String(1024 * 1024) },
}))

const LOAD: WorkloadLoad = {
  producers: 4,
  consumers: 2,
  acks: [-1, -1, -1, -1, 1, 1, 1, 0],
  maxRecordsPerBatch: [1, 20, 80],
  keyBytes: [0, 0, 0, 100],
  idempotentChance: 0.5,
}

export interface LongHistoryOptions {
  /** So many have ended before all is healed, and of enough of them the outcome is unknown; what is under way then, and the last reading, come on top. */
  readonly operations: number
  /** Mean time between two batches of a producer. */
  readonly pauseMs?: number
  readonly recorder: HistoryRecorder
  /** Told now and then. */
  readonly progress?: (soFar: LongHistoryCounts, virtualMs: number) => void
}

export interface LongHistoryCounts {
  /** Sends that have ended and polls. */
  operations: number
  /** What sends went in: all of one moment of a producer is one request. */
  batches: number
  polls: number
  /** Sends. */
  acknowledged: number
  unknown: number
}

export interface LongHistoryReport extends Readonly<LongHistoryCounts> {
  readonly seed: string
  readonly hash: string
  readonly keys: number
  readonly events: number
  readonly virtualMs: number
  readonly faults: Readonly<Partial<Record<ClusterFaultKind, number>>>
  /** Of replicas whose bytes differ. */
  readonly findings: readonly Finding[]
}

/** Throws `SimulationError` where something inside goes wrong, or where the cluster does not come to rest. */
export function recordLongHistory(seed: string | number, options: LongHistoryOptions): LongHistoryReport {
  const mostEvents = Math.max(LEAST_EVENTS, options.operations * MOST_EVENTS_AN_OPERATION)
  return withTraps(() => run(new Simulation(seed, mostEvents), options))
}

function run(
  simulation: Simulation,
  { operations, recorder, progress, pauseMs = PAUSE_MS }: LongHistoryOptions,
): LongHistoryReport {
  const counts: LongHistoryCounts = { operations: 0, batches: 0, polls: 0, acknowledged: 0, unknown: 0 }
  let latest: Operation | undefined
  const cluster = new ReplicatedCluster(simulation, planOf(simulation.random('cluster')), {
    plans: TOPICS,
    pauseMs,
    load: LOAD,
    recorder: {
      listed: recorder.listed,
      operation: (operation) => {
        count(counts, operation, latest)
        if (operation.f === 'send' && operation.type === 'invoke') latest = operation
        recorder.operation(operation)
      },
    },
  })
  // The histories are to show what is wrong: looking inside after each of so many events would take hours.
  cluster.looksInside = false
  const { world, faults, workload } = cluster
  for (const node of world.nodes) node.start()
  cluster.must('all topics are there', SETTLE_MS, () => workload.isReady)
  const hasFew = (): boolean => counts.unknown < UNKNOWN_SHARE * counts.operations
  const isEnough = (): boolean => counts.operations >= operations && !hasFew()
  for (let stretch = 0; !isEnough(); stretch++) {
    faults.play(
      drawScript(simulation.random(`faults ${stretch}`), {
        kinds: FAULTS,
        lengthMs: STRETCH_MS,
        meanPauseMs: hasFew() ? PAUSES_MS.fewUnknown : PAUSES_MS.enough,
        longestFaultMs: 2000,
        leaderChance: 0.2,
        leaderLosses: 0,
      }),
    )
    let toldMs = simulation.nowMs
    cluster.until(() => {
      if (simulation.nowMs - toldMs >= 1000) {
        toldMs = simulation.nowMs
        progress?.(counts, simulation.nowMs)
      }
      return isEnough()
    }, STRETCH_MS)
  }
  cluster.rest()
  const ofReplicas = new Findings()
  checkReplicas(cluster.replicas(), ofReplicas)
  return {
    ...counts,
    seed: simulation.seed,
    hash: simulation.hash.value,
    keys: workload.topics.reduce((sum, { partitions }) => sum + partitions, 0),
    events: simulation.events,
    virtualMs: simulation.nowMs,
    faults: faults.counts,
    findings: ofReplicas.told,
  }
}

/** `latest`: the last send that began before. */
function count(counts: LongHistoryCounts, operation: Operation, latest: Operation | undefined): void {
  const { f, type, time, process } = operation
  if (f === 'send' && type === 'invoke' && (latest?.process !== process || latest.time !== time)) counts.batches++
  if (operation.f === 'poll') counts.polls++
  else if (operation.f !== 'send' || operation.type === 'invoke') return
  else if (operation.type === 'ok') counts.acknowledged++
  else if (operation.type === 'info') counts.unknown++
  counts.operations++
}

function planOf(random: Prng) {
  return {
    roles: Array.from({ length: NODES }, () => 'combined' as const),
    ports: random.pick(['one', 'two'] as const),
    naming: 'voters' as const,
    settings: {
      'broker.session.timeout.ms': '3000',
      'broker.heartbeat.interval.ms': '500',
      'replica.lag.time.max.ms': '2000',
      'log.flush.offset.checkpoint.interval.ms': '3000',
    },
    longestDownMs: 300,
  }
}
