/**
 * Nodes that come no further than their founding: the directories, the listeners and `Founding` of the production node on simulated machines, without a
 * quorum behind them. So what a test sees is what the founding has done, also while a machine is struck again and again.
 */
import assert from 'node:assert/strict'
import { randomUuid } from '../../src/base/uuid.js'
import { Listeners } from '../../src/broker/listeners.js'
import { Founding } from '../../src/broker/quorum/founding.js'
import { readSnapshot } from '../../src/broker/quorum/snapshot-file.js'
import { nodeConfig } from '../../src/config/node-config.js'
import { THIS_RELEASE } from '../../src/metadata/release.js'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { Machine } from '../../src/sim/machine.js'
import { SimulatedNetwork } from '../../src/sim/network.js'
import { Simulation } from '../../src/sim/simulation.js'
import { writeAtomically } from '../../src/storage/atomic-file.js'
import { LogDirectories } from '../../src/storage/log-directories.js'
import { MemoryLogger } from '../node-ports.js'

const DATA = '/data'
const SECOND = '/second'
const PORT = 9093
const LONGEST_MS = 120_000

export class FoundingNode {
  readonly machine: Machine
  readonly name: string
  settings: Readonly<Record<string, string>>
  /** Of all its starts. */
  readonly logger = new MemoryLogger()
  /** Why it ended, of the last start. */
  ended: string | undefined
  /** Undefined: it belongs to none, or does not run. */
  clusterId: string | undefined
  /** Ids of the voters that it has written down; undefined: it has not. */
  voters: readonly number[] | undefined
  directoryId: string | undefined
  starts = 0

  constructor(machine: Machine, name: string, settings: Readonly<Record<string, string>>) {
    this.machine = machine
    this.name = name
    this.settings = settings
  }

  get running(): boolean {
    return this.machine.process?.alive === true
  }

  get complaints(): readonly string[] {
    return this.logger.complaints
  }
}

export class FoundingRig {
  readonly simulation: Simulation
  readonly network: SimulatedNetwork
  readonly nodes: FoundingNode[] = []

  constructor(seed: string) {
    this.simulation = new Simulation(seed)
    this.network = new SimulatedNetwork(this.simulation)
  }

  /** `voters`: ids that `controller.quorum.voters` names, each on the machine of that name. */
  add(
    id: number,
    voters: readonly number[],
    settings: Readonly<Record<string, string>> = {},
    name = `node${id}`,
  ): FoundingNode {
    const named = voters.map((voter) => `${voter}@node${voter}:${PORT}`).join(',')
    return this.addWithoutId(name, {
      'node.id': String(id),
      ...(named === '' ? {} : { 'controller.quorum.voters': named }),
      ...settings,
    })
  }

  /** A node whose id follows from the list in its settings. */
  addWithoutId(name: string, settings: Readonly<Record<string, string>>): FoundingNode {
    const machine = new Machine(this.simulation, this.network, name)
    const node = new FoundingNode(machine, name, {
      'process.roles': 'controller',
      listeners: `CONTROLLER://${name}:${PORT}`,
      'controller.listener.names': 'CONTROLLER',
      'log.dirs': DATA,
      ...settings,
    })
    this.nodes.push(node)
    return node
  }

  /** With a second data directory, on a device of its own. */
  addWithTwo(id: number, voters: readonly number[]): FoundingNode {
    const node = this.add(id, voters, { 'log.dirs': `${DATA},${SECOND}` })
    node.machine.mount(SECOND)
    return node
  }

  start(node: FoundingNode): void {
    assert.ok(!node.running)
    node.starts++
    node.ended = undefined
    node.clusterId = undefined
    node.voters = undefined
    const config = nodeConfig(node.settings)
    const paths = config.settings['log.dirs']
    const options = {
      paths,
      metadataPath: paths[0]!,
      nodeId: config.settings['node.id'],
      joins: config.named.length > 0,
      reservedBytes: 0,
      checkpointIntervalMs: 60_000,
      deleteDelayMs: 0,
      openFiles: 100,
    }
    node.machine.boot(
      (given) => {
        const ports = { ...given, logger: node.logger }
        const end = (sentence: string): void => {
          node.ended = sentence
          ports.host.exit(1)
        }
        const events = { lost: end, offline() {}, room() {} }
        LogDirectories.open(ports, options, events, (error, directories) => {
          if (directories === undefined) return end(error!.message)
          node.directoryId = directories.metadata.directoryId
          const listeners = new Listeners(ports, config, directories.resources)
          listeners.bind((failure) => {
            if (failure !== undefined) return end(failure)
            const founding = new Founding(ports, {
              directories,
              named: config.named,
              isController: config.settings['process.roles'].has('controller'),
              endpoints: listeners.endpoints('controller'),
              leader: () => ({ leaderId: -1, leaderEpoch: -1 }),
            })
            listeners.serveFounding({ founding })
            founding.begin((sentence) => {
              if (sentence !== undefined) return end(sentence)
              node.clusterId = directories.metadata.clusterId
              node.voters = this.votersOf(node)
            })
          })
        })
      },
      () => {},
    )
  }

  /** As `lograft storage format` leaves the directory of the metadata. */
  format(node: FoundingNode, clusterId: string): void {
    let isWritten = false
    node.machine.boot(
      ({ disk, host, random }) => {
        disk.makeDirectory(DATA)
        const text = `node.id=${node.settings['node.id']}\ndirectory.id=${randomUuid(random)}\nversion=1\ncluster.id=${clusterId}\n`
        writeAtomically(disk, DATA, 'meta.properties', Buffer.from(text), () => {
          isWritten = true
          host.exit(0)
        })
      },
      () => {},
    )
    this.until(() => isWritten, 'it is formatted')
  }

  startAll(): void {
    for (const node of this.nodes) if (!node.running) this.start(node)
  }

  /** The voters in the snapshot that stands on its disk. */
  votersOf({ machine }: FoundingNode): readonly number[] | undefined {
    const path = `${DATA}/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint`
    const bytes = contentOf(machine, path)
    if (bytes === undefined) return undefined
    return readSnapshot({ offset: 0, epoch: 0 }, bytes, THIS_RELEASE).voters.voters.map(({ id }) => id)
  }

  /** What stands in `meta.properties` of a directory, `undefined` without one. */
  storedClusterId({ machine }: FoundingNode, directory = DATA): string | undefined {
    const meta = contentOf(machine, `${directory}/meta.properties`)
    return /^cluster\.id=(.+)$/m.exec(meta?.toString() ?? '')?.[1]
  }

  /** The same, of the node's id. */
  storedNodeId({ machine }: FoundingNode): number {
    const meta = contentOf(machine, `${DATA}/meta.properties`)
    return Number(/^node\.id=(.+)$/m.exec(meta?.toString() ?? '')?.[1])
  }

  /** Every cluster that stands on any disk. */
  get clusters(): ReadonlySet<string> {
    return new Set(this.nodes.flatMap((node) => this.storedClusterId(node) ?? []))
  }

  pass(durationMs: number): void {
    this.simulation.runUntil(() => false, this.simulation.nowMs + durationMs)
  }

  until(condition: () => boolean, what: string): void {
    assert.ok(this.simulation.runUntil(condition, this.simulation.nowMs + LONGEST_MS), `within time: ${what}`)
  }

  /** Everybody runs, and belongs to one cluster. Returns its id. */
  formed(): string {
    this.until(() => this.nodes.every(({ clusterId }) => clusterId !== undefined), 'all belong to a cluster')
    assert.equal(this.clusters.size, 1)
    return this.nodes[0]!.clusterId!
  }
}

export const SECOND_DIRECTORY = SECOND

function contentOf(machine: Machine, path: string): Buffer | undefined {
  const entry = machine.find(path)
  return entry instanceof SimulatedFile ? Buffer.from(entry.content) : undefined
}
