/**
 * The public API of the package: a node inside this process, on real sockets and a real disk, for programs and their tests; the simulator;
 * and the checker of histories.
 */
import { Node, type NodeError } from './broker/node.js'
import { nodeConfig } from './config/node-config.js'
import { nodePorts } from './io/node/ports.js'
import { makeTemporaryDirectory } from './io/node/temporary-directory.js'

export { NodeError } from './broker/node.js'
export { type Anomaly, type Finding, Findings } from './check/anomalies.js'
export { checkGroupOffsets, type GroupOperation } from './check/check-group-offsets.js'
export { type CheckOptions, checkLog, type Verdict } from './check/check-log.js'
export { checkReplicas, type ReplicaSeen } from './check/check-replicas.js'
export { checkTransforms, type SourceRecord, type TargetRecord } from './check/check-transforms.js'
export { checkListedOffsets, checkWatermarks, type OffsetListed, type Watermarks } from './check/check-watermarks.js'
export { checkWorkload, type WorkloadOptions, type WorkloadVerdict } from './check/check-workload.js'
export { type ClientOperation, clientOperations } from './check/client-history.js'
export type { FaultOperation, Operation, PollOperation, SendOperation } from './check/history.js'
export { HistoryEncoder } from './check/history-file.js'
export { HistoryFormatError, HistoryReader } from './check/history-reader.js'
export { type HistoryVerdict, judgeHistory } from './check/judge-history.js'
export { ConfigError } from './config/setting.js'
export { runSeed, type ScenarioOptions, type SeedReport } from './sim/scenario.js'
export { SimulationError } from './sim/simulation.js'

/** A node that serves. */
export interface RunningNode {
  /** `host:port` of the listeners for clients, as `bootstrap.servers` wants them. */
  readonly bootstrapServers: string
  readonly clusterId: string
  /** Where its data is. */
  readonly directory: string
  /** Resolves when it has ended after `stop`; rejects with `NodeError` when it could not go on. */
  readonly ended: Promise<void>
  /** Leaves everything flushed; removes the directory if it was a temporary one. */
  stop(): Promise<void>
}

/**
 * Starts a node: broker and controller of a cluster of one. `settings` are Kafka's keys with their values as text. Without `log.dirs` the data is in
 * a temporary directory, gone after `stop`; without `listeners` it listens on a free port of 127.0.0.1.
 *
 * Rejects with `ConfigError` for a setting that is not allowed, with `NodeError` when the node cannot start.
 */
export async function startNode(settings: Readonly<Record<string, string>> = {}): Promise<RunningNode> {
  const given = settings['log.dirs'] ?? settings['log.dir']
  const temporary = given === undefined ? makeTemporaryDirectory() : undefined
  const directory = given ?? temporary!.path
  try {
    const config = nodeConfig({ listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': directory, ...settings })
    let serves = (): void => {}
    let hasEnded = (_error: NodeError | undefined): void => {}
    const started = new Promise<void>((resolve) => {
      serves = resolve
    })
    const ended = new Promise<void>((resolve, reject) => {
      hasEnded = (error) => (error === undefined ? resolve() : reject(error))
    })
    const node = new Node(config, nodePorts(config.settings['log.level']), { started: serves, ended: hasEnded })
    node.start()
    // Who does not ask how it ended is not to be told by an unhandled rejection.
    ended.catch(() => {})
    await Promise.race([started, ended])
    const clientListeners = config.listeners.filter(({ serves: what }) => what === 'broker')
    return {
      bootstrapServers: clientListeners
        .map(({ name, host }) => `${host === '' ? 'localhost' : host}:${node.addresses.get(name)!.port}`)
        .join(','),
      clusterId: node.directory!.identity.clusterId,
      directory,
      ended,
      stop: async () => {
        node.stop()
        await ended.finally(() => temporary?.remove())
      },
    }
  } catch (error) {
    temporary?.remove()
    throw error
  }
}
