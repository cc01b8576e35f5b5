/**
 * Our own client as a driver. What it tells of an end is what the protocol allows to say: a record fails for certain only if no connection was ever given it, or every broker that was has
 * refused it before it wrote; changes of topics are tried once, because a second try would not know its own first one.
 */
import { Admin } from '../../src/client/admin/admin.js'
import { EARLIEST, LATEST, listOffsets } from '../../src/client/admin/list-offsets.js'
import { ClientError, DeliveryError, serverError } from '../../src/client/client-error.js'
import { type ClientPorts, ClusterClient } from '../../src/client/cluster-client.js'
import { CoordinatorLink } from '../../src/client/consumer/coordinator-link.js'
import { GroupOffsets } from '../../src/client/consumer/group-offsets.js'
import { Producer } from '../../src/client/producer/producer.js'
import { ErrorCode } from '../../src/protocol/errors.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import type { Place } from '../history/operation.js'
import {
  type Ability,
  type Client,
  type ClientSettings,
  type Committed,
  type Driver,
  DriverError,
  type Polled,
  type SendResult,
  type SentRecord,
} from './driver.js'
import { LograftReader } from './lograft-reader.js'

const TOPIC_CONFIG = 1
/** Brokers choose. */
const DEFAULT_REPLICATION = -1

export class LograftDriver implements Driver {
  readonly name = 'lograft'
  readonly lacks: ReadonlySet<Ability> = new Set()
  readonly #ports: ClientPorts

  constructor(ports: ClientPorts) {
    this.#ports = ports
  }

  async open(settings: ClientSettings): Promise<Client> {
    return new LograftClient(this.#ports, settings)
  }

  async close(): Promise<void> {}
}

class LograftClient implements Client {
  readonly #settings: ClientSettings
  readonly #ports: ClientPorts
  /** Answers come in the order of requests, and a fetch waits for records: each has connections of its own. */
  readonly #sending: ClusterClient
  readonly #asking: ClusterClient
  readonly #changing: ClusterClient
  readonly #reader: LograftReader
  #producer: Producer | undefined

  constructor(ports: ClientPorts, settings: ClientSettings) {
    this.#ports = ports
    this.#settings = settings
    this.#sending = this.#cluster(settings.apiTimeoutMs)
    this.#asking = this.#cluster(settings.apiTimeoutMs)
    // What may pass is not tried again.
    this.#changing = this.#cluster(0)
    this.#reader = new LograftReader(this.#cluster(settings.apiTimeoutMs), settings)
  }

  async send(records: readonly SentRecord[]): Promise<readonly SendResult[]> {
    const { acks, idempotent, apiTimeoutMs, requestTimeoutMs } = this.#settings
    this.#producer ??= new Producer(this.#sending, {
      acks,
      idempotent,
      requestTimeoutMs,
      deliveryTimeoutMs: apiTimeoutMs,
    })
    const producer = this.#producer
    return Promise.all(
      records.map(async ({ topic, partition, payload }): Promise<SendResult> => {
        try {
          const { offset } = await producer.send({ topic, partition, key: null, value: Buffer.from(payload) })
          return { offset: offset < 0 ? undefined : offset }
        } catch (error) {
          if (!(error instanceof ClientError)) throw error
          const mayBeWritten = error instanceof DeliveryError && error.mayBeWritten
          return new DriverError(error.error, mayBeWritten ? 'info' : 'fail', error.message)
        }
      }),
    )
  }

  assign(places: readonly Place[], from: 'beginning' | 'kept'): Promise<void> {
    return reading(() => this.#reader.assign(places, from))
  }

  subscribe(topics: readonly string[]): Promise<void> {
    return reading(() => this.#reader.subscribe(topics))
  }

  poll(limitMs: number): Promise<Polled> {
    return reading(() => this.#reader.poll(limitMs))
  }

  seek(places: readonly (Place & { readonly offset: number })[]): Promise<void> {
    return reading(async () => this.#reader.seek(places))
  }

  /** Nobody knows of one that was not refused whether it counts. */
  commit(): Promise<Committed> {
    return telling(REFUSED_COMMITS, () => this.#reader.commit())
  }

  committed(places: readonly Place[]): Promise<Committed> {
    return reading(async () => {
      const { group } = this.#settings
      if (group === undefined) throw new ClientError('INVALID_GROUP_ID', 'this client has no group')
      const client = this.#asking
      const offsets = new GroupOffsets(client, new CoordinatorLink(client, group.id), group.id)
      const found = await client.retrying('asking for committed offsets', () => offsets.fetch(places))
      return { offsets: found.map(({ topic, partition, offset }) => ({ topic, partition, offset })) }
    })
  }

  listOffset(place: Place, of: 'earliest' | 'latest' | 'latest committed'): Promise<number> {
    return reading(async () => {
      const query = { ...place, timestamp: of === 'earliest' ? EARLIEST : LATEST }
      const [found] = await listOffsets(this.#asking, [query], { committed: of === 'latest committed' })
      return found!.offset
    })
  }

  async createTopic(
    topic: string,
    partitions: number,
    settings: Readonly<Record<string, string>>,
  ): Promise<string | null> {
    const configs = Object.entries(settings).map(([name, value]) => ({ name, value }))
    return this.#change(async (client) => {
      const wanted = {
        name: topic,
        numPartitions: partitions,
        replicationFactor: DEFAULT_REPLICATION,
        assignments: [],
        configs,
      }
      const { topics } = await client.call('controller', CreateTopics, { topics: [wanted], validateOnly: false })
      const { errorCode, errorMessage, topicId } = topics[0]!
      if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, `topic ${topic}`, errorMessage)
      return topicId
    })
  }

  deleteTopic(topic: string): Promise<void> {
    return this.#change((client) => new Admin(client).deleteTopics([topic]))
  }

  setTopicConfig(topic: string, name: string, value: string): Promise<void> {
    const changes = [{ key: name, operation: 'set', value }] as const
    return this.#change((client) => new Admin(client).alterConfigs({ type: 'topics', name: topic }, changes))
  }

  describeTopic(topic: string): Promise<string | null> {
    return reading(async () => {
      const { view } = this.#asking
      await this.#asking.refresh([topic])
      const code = view.topicErrors.get(topic)
      if (code === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) return null
      if (code !== undefined) throw serverError(code, `topic ${topic}`)
      return view.topics.get(topic)?.topicId ?? null
    })
  }

  getTopicConfig(topic: string, name: string): Promise<string | null> {
    return reading(async () => {
      const entries = await new Admin(this.#asking).describeConfigs({ type: 'topics', name: topic })
      const entry = entries.find((each) => each.name === name)
      return entry?.configSource === TOPIC_CONFIG ? entry.value : null
    })
  }

  async close(): Promise<void> {
    await this.#reader.close()
    this.#closeConnections()
  }

  crash(): void {
    this.#reader.crash()
    this.#closeConnections()
  }

  /** Who is the controller may have changed: without an answer to that nothing was asked for. */
  async #change<T>(change: (client: ClusterClient) => Promise<T>): Promise<T> {
    await reading(() => this.#changing.refresh([]))
    return telling(REFUSED, () => change(this.#changing))
  }

  #cluster(apiTimeoutMs: number): ClusterClient {
    const { bootstrap, clientId, requestTimeoutMs } = this.#settings
    return new ClusterClient({
      ports: this.#ports,
      bootstrapServers: bootstrap,
      clientId,
      requestTimeoutMs,
      apiTimeoutMs,
    })
  }

  #closeConnections(): void {
    for (const client of [this.#sending, this.#asking, this.#changing]) client.close()
  }
}

/** Of changes: a server answers with these when nothing was done, nor will be. */
const REFUSED: ReadonlySet<string> = new Set([
  'BROKER_NOT_AVAILABLE',
  'CLUSTER_AUTHORIZATION_FAILED',
  'INVALID_CONFIG',
  'INVALID_PARTITIONS',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_REQUEST',
  'INVALID_TOPIC_EXCEPTION',
  'POLICY_VIOLATION',
  'TOPIC_ALREADY_EXISTS',
  'TOPIC_AUTHORIZATION_FAILED',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNSUPPORTED_VERSION',
])

/** Of commits: of all partitions. Others say it of one, and the rest may have been committed. */
const REFUSED_COMMITS: ReadonlySet<string> = new Set([
  'BROKER_NOT_AVAILABLE',
  'FENCED_INSTANCE_ID',
  'GROUP_AUTHORIZATION_FAILED',
  'ILLEGAL_GENERATION',
  'INVALID_GROUP_ID',
  'REBALANCE_IN_PROGRESS',
  'STALE_MEMBER_EPOCH',
  'UNKNOWN_MEMBER_ID',
  'UNSUPPORTED_VERSION',
])

/** What changes nothing has certainly not happened if it fails. */
function reading<T>(call: () => Promise<T>): Promise<T> {
  return telling('all', call)
}

async function telling<T>(refused: ReadonlySet<string> | 'all', call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    const hasFailed = refused === 'all' || refused.has(error.error)
    throw new DriverError(error.error, hasFailed ? 'fail' : 'info', error.message)
  }
}
