/** `lograft/sim`: the simulator for programs and tests: runs by seed, or by a script of faults of one's own. */
export {
  type ClusterFinding,
  type ClusterReport,
  type ClusterScenarioOptions,
  runClusterSeed,
} from './cluster-scenario.js'
export { CLUSTER_FAULTS, type ClusterFaultKind, type FaultScript, type TimedFault } from './fault-script.js'
export { type LongHistoryOptions, type LongHistoryReport, recordLongHistory } from './long-history.js'
export { N_MINUS_ONE, type NMinusOneName, type NMinusOneProfile } from './n-minus-one.js'
export type { ReplicationReport } from './replicated-cluster.js'
export { type ReplicationScenarioOptions, runReplicationSeed } from './replication-scenario.js'
export {
  PROFILES,
  type Profile,
  type Report,
  runSeeds,
  type SeedOutcome,
  type SimulationOptions,
  type SimulationResult,
} from './run-seeds.js'
export { runSeed, type ScenarioOptions, type SeedReport } from './scenario.js'
export { SimulationError } from './simulation.js'
