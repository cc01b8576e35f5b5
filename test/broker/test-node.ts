/** A whole node in this process, on real sockets and a temporary directory, started and stopped by tests. */
import fs from 'node:fs'
import { Node, type NodeError } from '../../src/broker/node.js'
import { nodeConfig } from '../../src/config/node-config.js'
import type { Address } from '../../src/io/network.js'
import type { Ports } from '../../src/io/ports.js'
import { ErrorCode } from '../../src/protocol/errors.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { type MemoryLogger, nodePorts, temporaryDirectory } from '../node-ports.js'
import { WireClient, within } from './wire-client.js'

export type Settings = Readonly<Record<string, string>>

const DEFAULTS: Settings = { listeners: 'PLAINTEXT://127.0.0.1:0' }

export class TestNode {
  readonly node: Node
  readonly directory: string
  readonly logger: MemoryLogger
  /** Why it ended; resolves when it has. */
  readonly ended: Promise<NodeError | undefined>
  /** Rejects when the node ends without ever having served. */
  readonly started: Promise<void>

  constructor(directory: string, settings: Settings, changedPorts: Partial<Ports> = {}) {
    const ports = nodePorts()
    this.directory = directory
    this.logger = ports.logger
    const config = nodeConfig({ ...DEFAULTS, 'log.dirs': directory, ...settings })
    let tellStarted: () => void = () => {}
    let tellEnded: (error: NodeError | undefined) => void = () => {}
    this.ended = new Promise((resolve) => {
      tellEnded = resolve
    })
    const started = new Promise<void>((resolve, reject) => {
      tellStarted = resolve
      this.ended.then((error) => reject(error ?? new Error('the node was stopped before it served')))
    })
    this.started = within(started, 'a node that serves')
    this.started.catch(() => {})
    this.node = new Node(config, { ...ports, ...changedPorts }, { started: tellStarted, ended: tellEnded })
    this.node.start()
  }

  /** Where clients connect. */
  get address(): Address {
    return this.addressOf('PLAINTEXT')
  }

  addressOf(listener: string): Address {
    const address = this.node.addresses.get(listener)
    if (address === undefined) throw new Error(`the node does not listen on ${listener}`)
    return address
  }

  client(listener = 'PLAINTEXT'): Promise<WireClient> {
    return WireClient.connect(this.addressOf(listener))
  }

  /** Does something with a connection that is closed afterwards. */
  async use<T>(action: (client: WireClient) => Promise<T>, listener = 'PLAINTEXT'): Promise<T> {
    const client = await this.client(listener)
    try {
      return await action(client)
    } finally {
      client.close()
    }
  }

  /** Creates a topic, and returns its id. */
  createTopic(name: string, numPartitions = 1, configs: Settings = {}): Promise<string> {
    return this.use(async (client) => {
      const wanted = {
        name,
        numPartitions,
        replicationFactor: 1,
        assignments: [],
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      }
      const [topic] = (await client.request(CreateTopics, 7, { topics: [wanted], timeoutMs: 5000 })).topics
      if (topic!.errorCode !== ErrorCode.NONE) throw new Error(`topic ${name}: ${topic!.errorMessage}`)
      return topic!.topicId
    })
  }

  /** Stops in order, and fails if the node says that it could not. */
  async stop(): Promise<void> {
    this.node.stop()
    const error = await within(this.ended, 'the end of the node')
    if (error !== undefined) throw error
  }

  /** Stops, and takes the directory away. */
  async remove(): Promise<void> {
    try {
      await this.stop()
    } finally {
      fs.rmSync(this.directory, { recursive: true, force: true })
    }
  }
}

/** A node that serves. Without a directory it gets a new one. */
export async function startNode(
  settings: Settings = {},
  directory = temporaryDirectory('wire'),
  changedPorts: Partial<Ports> = {},
): Promise<TestNode> {
  const node = new TestNode(directory, settings, changedPorts)
  await node.started
  return node
}
