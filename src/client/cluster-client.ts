/**
 * ClusterClient: what producer, consumer and admin have in common: finding a broker, a connection to each that is needed, the view of the cluster,
 * and trying again within the time there is.
 */
import type { Clock } from '../io/clock.js'
import type { Address, Network } from '../io/network.js'
import type { Random } from '../io/random.js'
import { ErrorCode } from '../protocol/errors.js'
import type { Fields } from '../protocol/field.js'
import { Metadata } from '../protocol/messages/metadata.js'
import type { InOfMessage, Message, OutOfMessage } from '../protocol/schema.js'
import { ClientConnection, type RpcError } from '../rpc/client-connection.js'
import { type BackoffOptions, backoffMs, DEFAULT_BACKOFF } from './backoff.js'
import { formatAddress, parseBootstrapServers } from './bootstrap.js'
import { ClientError, serverError } from './client-error.js'
import { ClusterView, type TopicView } from './cluster-view.js'

export interface ClientPorts {
  readonly clock: Clock
  readonly network: Network
  readonly random: Random
}

/** With Kafka's defaults. */
export interface ClusterClientOptions {
  readonly ports: ClientPorts
  /** `bootstrap.servers`: `host:port,host:port`. */
  readonly bootstrapServers: string
  /** `client.id` */
  readonly clientId?: string
  /** `request.timeout.ms`, 30 s: for one answer. */
  readonly requestTimeoutMs?: number
  /** `default.api.timeout.ms`, 60 s: for a call with everything that is tried for it. */
  readonly apiTimeoutMs?: number
  readonly backoff?: BackoffOptions
}

/** Whom to ask: any broker that can be reached, the controller, or a broker by its id. */
export type Target =
  | 'any'
  | 'controller'
  | {
      readonly nodeId: number
      /** On a connection of its own: answers come in the order of requests, and some wait for others than the broker. */
      readonly purpose?: string
    }

export interface CallOptions {
  /** Instead of `requestTimeoutMs`. */
  readonly timeoutMs?: number
  /** What is asked has no place in newer ones: groups whose topics are named, not told by their ids. */
  readonly newestVersion?: number
  /** Servers do not tell of it in ApiVersions: it is asked for in this version as it is. One that does not know it closes the connection. */
  readonly untoldVersion?: number
}

export class ClusterClient {
  readonly ports: ClientPorts
  readonly view = new ClusterView()
  readonly #options: ClusterClientOptions
  readonly #bootstrap: readonly Address[]
  /** By address and purpose: a node that was met by its bootstrap address is not connected to twice for the same. */
  readonly #connections = new Map<string, Promise<ClientConnection>>()
  #closed = false

  /** Throws `ClientError` for addresses that are none. Connects on first use. */
  constructor(options: ClusterClientOptions) {
    this.#options = options
    this.ports = options.ports
    this.#bootstrap = parseBootstrapServers(options.bootstrapServers)
  }

  /** Sends in the newest version that both sides know. Rejects with `ClientError`; does not try again. */
  call<Request extends Fields, Response extends Fields>(
    target: Target,
    message: Message<Request, Response>,
    body: InOfMessage<Request>,
    options: CallOptions = {},
  ): Promise<OutOfMessage<Response>> {
    return this.callAndRead(target, message, body, (response) => response, options)
  }

  /** The same for an answer with bytes in it, which are there only while it is read. What `read` throws is what it rejects with. */
  async callAndRead<Request extends Fields, Response extends Fields, Result>(
    target: Target,
    message: Message<Request, Response>,
    body: InOfMessage<Request>,
    read: (response: OutOfMessage<Response>) => Result,
    options: CallOptions = {},
  ): Promise<Result> {
    const connection = await this.connection(target)
    const newest = options.untoldVersion ?? connection.versionOf(message as unknown as Message)
    if (newest === undefined) {
      throw new ClientError('UNSUPPORTED_VERSION', `the broker does not serve ${message.name}, which this needs`)
    }
    return new Promise((resolve, reject) => {
      connection.send(
        message,
        Math.min(newest, options.newestVersion ?? newest),
        body,
        (error, response) => {
          if (response === undefined) return reject(fromRpc(error!))
          try {
            resolve(read(response))
          } catch (problem) {
            reject(problem)
          }
        },
        options.timeoutMs,
      )
    })
  }

  /** An open connection with its versions negotiated; one that has failed is replaced. */
  async connection(target: Target): Promise<ClientConnection> {
    if (target === 'any') return this.#anyConnection()
    if (target === 'controller' && this.view.controllerId < 0) await this.#loadMetadata([])
    const nodeId = target === 'controller' ? this.view.controllerId : target.nodeId
    const broker = this.view.brokers.get(nodeId)
    // A controller that serves no clients is reached through any broker, which passes the request on.
    if (broker === undefined && target === 'controller') return this.#anyConnection()
    if (broker === undefined) {
      throw new ClientError('BROKER_NOT_AVAILABLE', `broker ${nodeId} is not in the cluster at the moment`, true)
    }
    if (target === 'controller') return this.#connectController(broker)
    return this.#connect(broker, target.purpose)
  }

  /** Tries until it succeeds, fails for good, or the time for a call (`default.api.timeout.ms`) is up. */
  async retrying<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const { clock, random } = this.ports
    const limitMs = this.#options.apiTimeoutMs ?? 60_000
    const deadlineMs = clock.monotonicMs() + limitMs
    for (let failures = 1; ; failures++) {
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof ClientError && error.retriable) || this.#closed) throw error
        const waitMs = backoffMs(failures, this.#options.backoff ?? DEFAULT_BACKOFF, random)
        if (clock.monotonicMs() + waitMs > deadlineMs) {
          throw new ClientError('REQUEST_TIMED_OUT', `${what} did not succeed within ${limitMs} ms: ${error.message}`)
        }
        await this.pause(waitMs)
      }
    }
  }

  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.ports.clock.timer(delayMs, () => resolve()))
  }

  /** Asks for these topics (null: all) and takes what comes into the view. An error of a topic is not thrown: see `view.topicErrors`. */
  refresh(topics: readonly string[] | null, allowAutoTopicCreation = false): Promise<void> {
    return this.retrying('asking for metadata', () => this.#loadMetadata(topics, allowAutoTopicCreation))
  }

  /** The same by ids: what a topic is called. */
  refreshIds(topicIds: readonly string[]): Promise<void> {
    return this.retrying('asking for metadata', async () => {
      const topics = topicIds.map((topicId) => ({ topicId, name: null }))
      const response = await this.call('any', Metadata, { topics, allowAutoTopicCreation: false })
      if (response.errorCode !== ErrorCode.NONE) throw serverError(response.errorCode, 'metadata')
      this.view.update(response, false)
    })
  }

  /** The topics, each with a leader for each partition; waits for what is about to be there. Rejects for one that is not. */
  async topics(names: readonly string[], allowAutoTopicCreation = false): Promise<TopicView[]> {
    return this.retrying('finding the topic', async () => {
      await this.#loadMetadata(names, allowAutoTopicCreation)
      return names.map((name) => {
        const topic = this.view.topics.get(name)
        const code = this.view.topicErrors.get(name) ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if (topic === undefined) {
          if (code !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) throw serverError(code, `topic ${name}`)
          const created = allowAutoTopicCreation
            ? ', and the broker has not created it (auto.create.topics.enable)'
            : ''
          // Who does not create it would wait for nothing.
          const sentence = `topic ${name} does not exist${created}`
          throw new ClientError('UNKNOWN_TOPIC_OR_PARTITION', sentence, allowAutoTopicCreation)
        }
        if (topic.partitions.some(({ leader }) => leader < 0)) {
          throw serverError(ErrorCode.LEADER_NOT_AVAILABLE, `topic ${name}`)
        }
        return topic
      })
    })
  }

  close(): void {
    this.#closed = true
    for (const connecting of this.#connections.values()) {
      connecting.then(
        (connection) => connection.close(),
        () => {},
      )
    }
    this.#connections.clear()
  }

  async #loadMetadata(topics: readonly string[] | null, allowAutoTopicCreation = false): Promise<void> {
    const body = { topics: topics === null ? null : topics.map((name) => ({ name })), allowAutoTopicCreation }
    const response = await this.call('any', Metadata, body)
    if (response.errorCode !== ErrorCode.NONE) throw serverError(response.errorCode, 'metadata')
    this.view.update(response, topics === null)
  }

  /** What is connected, else brokers that are known, else the bootstrap addresses, one after the other. */
  async #anyConnection(): Promise<ClientConnection> {
    const candidates = [...this.view.brokers.values(), ...this.#bootstrap]
    const connected = candidates.find((address) => this.#connections.has(formatAddress(address)))
    if (connected !== undefined) candidates.unshift(connected)
    let last: unknown
    const tried = new Set<string>()
    for (const address of candidates) {
      if (tried.has(formatAddress(address))) continue
      tried.add(formatAddress(address))
      try {
        return await this.#connect(address)
      } catch (error) {
        last = error
      }
    }
    throw last
  }

  /** One that cannot be reached may be no controller any more: the next attempt asks who is. */
  async #connectController(address: Address): Promise<ClientConnection> {
    try {
      return await this.#connect(address)
    } catch (error) {
      this.view.controllerId = -1
      throw error
    }
  }

  #connect(address: Address, purpose = ''): Promise<ClientConnection> {
    if (this.#closed) throw new ClientError('NETWORK_EXCEPTION', 'the client is closed')
    const key = formatAddress(address) + purpose
    const existing = this.#connections.get(key)
    if (existing !== undefined) return existing
    const { ports, clientId = 'lograft', requestTimeoutMs = 30_000 } = this.#options
    const opening = new Promise<ClientConnection>((resolve, reject) => {
      const connection = new ClientConnection({
        clock: ports.clock,
        network: ports.network,
        address: { host: address.host, port: address.port },
        clientId,
        requestTimeoutMs,
        closed: () => {
          if (this.#connections.get(key) === opening) this.#connections.delete(key)
        },
      })
      connection.negotiate((error) => {
        if (error === undefined) return resolve(connection)
        const message = `no connection to ${formatAddress(address)}: ${error.message}`
        reject(new ClientError('BROKER_NOT_AVAILABLE', message, error.kind !== 'wrong'))
      })
    })
    this.#connections.set(key, opening)
    return opening
  }
}

function fromRpc({ kind, message }: RpcError): ClientError {
  return kind === 'wrong'
    ? new ClientError('UNKNOWN_SERVER_ERROR', `the answer cannot be read: ${message}`)
    : new ClientError('NETWORK_EXCEPTION', message, true)
}
