/** Several nodes as users start them, each a process of its own with a configuration and nothing else, and what they answer. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fixedPort } from '../../jepsen/beds/fixed-port.js'
import { Prng } from '../../src/base/prng.js'
import { ErrorCode, errorByCode } from '../../src/protocol/errors.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { DescribeQuorum } from '../../src/protocol/messages/describe-quorum.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { WireClient } from '../broker/wire-client.js'
import { temporaryDirectory } from '../node-ports.js'
import { CommandProcess, SERVES } from './server-process.js'

const LONGEST_MS = 30_000
const AGAIN_MS = 10

export interface ClusterShape {
  readonly nodes: number
  /** One listener for clients and controllers, or another one for those. */
  readonly ports: 'one' | 'two'
  readonly naming: 'voters' | 'bootstrap'
}

export interface QuorumSeen {
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly voters: readonly { readonly id: number; readonly directoryId: string }[]
  readonly observers: readonly number[]
  /** Where the voters serve controllers, by id. */
  readonly ports: ReadonlyMap<number, number>
}

export class ClusterProcesses {
  readonly ids: readonly number[]
  readonly #shape: ClusterShape
  readonly #directory: string
  readonly #ports = new Map<number, { readonly client: number; readonly controller: number }>()
  readonly #processes = new Map<number, CommandProcess>()

  private constructor(shape: ClusterShape) {
    this.#shape = shape
    this.#directory = temporaryDirectory('cluster')
    this.ids = Array.from({ length: shape.nodes }, (_, index) => index + 1)
  }

  static async create(shape: ClusterShape, seed: string): Promise<ClusterProcesses> {
    const cluster = new ClusterProcesses(shape)
    const random = new Prng(seed)
    const taken = new Set<number>()
    const port = async (): Promise<number> => {
      for (;;) {
        const found = await fixedPort(random)
        if (!taken.has(found)) {
          taken.add(found)
          return found
        }
      }
    }
    for (const id of cluster.ids) {
      const client = await port()
      cluster.#ports.set(id, { client, controller: shape.ports === 'one' ? client : await port() })
    }
    return cluster
  }

  directoryOf(id: number): string {
    return join(this.#directory, String(id))
  }

  clientPort(id: number): number {
    return this.#ports.get(id)!.client
  }

  bootstrap(id: number): string {
    return `127.0.0.1:${this.clientPort(id)}`
  }

  /** Where it serves controllers. */
  controllerAddress(id: number): string {
    return `127.0.0.1:${this.#ports.get(id)!.controller}`
  }

  process(id: number): CommandProcess {
    return this.#processes.get(id)!
  }

  get running(): readonly number[] {
    return this.ids.filter((id) => this.#processes.get(id)?.running === true)
  }

  /** The settings that a user would write; `named`: which controllers it names. */
  settings(id: number, named = this.ids): readonly string[] {
    const { client, controller } = this.#ports.get(id)!
    const address = (each: number): string => this.controllerAddress(each)
    const naming =
      this.#shape.naming === 'voters'
        ? `controller.quorum.voters=${named.map((each) => `${each}@${address(each)}`).join(',')}`
        : `controller.quorum.bootstrap.servers=${named.map(address).join(',')}`
    const listeners = [`PLAINTEXT://127.0.0.1:${client}`]
    const two = this.#shape.ports === 'two'
    if (two) listeners.push(`CONTROLLER://127.0.0.1:${controller}`)
    const names = two ? ['controller.listener.names=CONTROLLER'] : []
    return [`node.id=${id}`, `listeners=${listeners.join(',')}`, ...names, ...(named.length > 0 ? [naming] : [])]
  }

  /** The path of a file of settings. */
  file(id: number, named = this.ids): string {
    const path = join(this.#directory, `${id}.properties`)
    writeFileSync(path, [...this.settings(id, named), `log.dirs=${this.directoryOf(id)}`, ''].join('\n'))
    return path
  }

  start(id: number, named = this.ids): void {
    const args = ['start', '--config', this.file(id, named), '--set', 'log.level=info']
    this.#processes.set(id, new CommandProcess(args))
  }

  /** Gives it another port for controllers, from its next start on; what the others name stays. */
  async moveController(id: number, random: Prng): Promise<void> {
    this.#ports.set(id, { client: this.clientPort(id), controller: await fixedPort(random) })
  }

  /** Another process with the id of this node, on a directory and ports of its own. */
  startTwin(id: number, named = this.ids): CommandProcess {
    const settings = this.settings(id, named).filter((setting) => !setting.startsWith('listeners='))
    const listeners = 'listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0'
    const data = join(this.#directory, `twin of ${id}`)
    const args = ['log.level=info', ...settings, listeners].flatMap((setting) => ['--set', setting])
    return new CommandProcess(['start', '--data', data, ...args])
  }

  async serves(ids: readonly number[] = this.ids): Promise<void> {
    await Promise.all(ids.map((id) => this.process(id).says(SERVES)))
  }

  /** Ends all, and removes what they wrote. */
  async end(): Promise<void> {
    await Promise.all(this.running.map((id) => this.process(id).end('SIGKILL')))
    rmSync(this.#directory, { recursive: true, force: true })
  }

  client(id: number): Promise<WireClient> {
    return WireClient.connect({ host: '127.0.0.1', port: this.clientPort(id) })
  }

  /** As the node with this id tells it; undefined: it does not lead, or is not there. */
  async quorumAt(id: number): Promise<QuorumSeen | undefined> {
    let client: WireClient | undefined
    try {
      client = await this.client(id)
      const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
      const answer = await client.request(DescribeQuorum, 2, { topics })
      const partition = answer.topics[0]?.partitions[0]
      if (partition?.errorCode !== ErrorCode.NONE) return undefined
      const { leaderId, leaderEpoch, currentVoters, observers } = partition
      return {
        leaderId,
        leaderEpoch,
        voters: currentVoters.map(({ replicaId, replicaDirectoryId }) => ({
          id: replicaId,
          directoryId: replicaDirectoryId,
        })),
        observers: observers.map(({ replicaId }) => replicaId),
        ports: new Map(answer.nodes.map(({ nodeId, listeners }) => [nodeId, listeners[0]?.port ?? -1])),
      }
    } catch {
      return undefined
    } finally {
      client?.close()
    }
  }

  /** What the leader says, when one says so of itself and the condition holds. */
  async quorum(condition: (seen: QuorumSeen) => boolean = () => true): Promise<QuorumSeen> {
    const deadline = Date.now() + LONGEST_MS
    while (Date.now() < deadline) {
      for (const id of this.running) {
        const seen = await this.quorumAt(id)
        if (seen !== undefined && this.running.includes(seen.leaderId) && condition(seen)) return seen
      }
      await sleep(AGAIN_MS)
    }
    throw new Error(`no quorum as wanted within ${LONGEST_MS} ms`)
  }

  /** Asks this node until it is done; a node that does not know the outcome is asked again. */
  async createTopic(id: number, name: string): Promise<void> {
    const deadline = Date.now() + LONGEST_MS
    const wanted = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    let last = ''
    while (Date.now() < deadline) {
      try {
        const client = await this.client(id)
        try {
          const [topic] = (await client.request(CreateTopics, 7, { topics: [wanted], timeoutMs: 5000 })).topics
          last = errorByCode(topic!.errorCode).name
          if (last === 'NONE' || last === 'TOPIC_ALREADY_EXISTS') return
        } finally {
          client.close()
        }
      } catch (error) {
        last = (error as Error).message
      }
      await sleep(AGAIN_MS)
    }
    throw new Error(`topic ${name} was not created within ${LONGEST_MS} ms: ${last}`)
  }

  async topicsAt(id: number): Promise<ReadonlySet<string>> {
    const client = await this.client(id)
    try {
      const { topics } = await client.request(Metadata, 12, { topics: null })
      return new Set(topics.flatMap(({ name }) => name ?? []))
    } finally {
      client.close()
    }
  }
}
