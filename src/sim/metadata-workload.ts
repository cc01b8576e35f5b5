/**
 * MetadataWorkload: clients that change and read the metadata of a cluster through any broker, one call at a time each, and keep the history by key.
 * A call without an answer ends its process, as in Jepsen: what comes after it, another process does.
 */
import type { Prng } from '../base/prng.js'
import { randomUuid, type Uuid, uuidFromBytes, ZERO_UUID } from '../base/uuid.js'
import type { QuorumSeen } from '../check/check-quorum.js'
import { CHANGES, type MetadataCall, REGISTERED, type Version } from '../check/models.js'
import { RESOURCE_TYPE_TOPIC } from '../metadata/records.js'
import { THIS_RELEASE } from '../metadata/release.js'
import { ErrorCode } from '../protocol/errors.js'
import type { Fields } from '../protocol/field.js'
import { BrokerRegistration } from '../protocol/messages/broker-registration.js'
import { CreateTopics } from '../protocol/messages/create-topics.js'
import { DeleteTopics } from '../protocol/messages/delete-topics.js'
import { DescribeCluster } from '../protocol/messages/describe-cluster.js'
import { DescribeConfigs } from '../protocol/messages/describe-configs.js'
import { DescribeQuorum } from '../protocol/messages/describe-quorum.js'
import { IncrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.js'
import { Metadata } from '../protocol/messages/metadata.js'
import { UnregisterBroker } from '../protocol/messages/unregister-broker.js'
import type { InOfMessage, Message, OutOfMessage } from '../protocol/schema.js'
import { METADATA_TOPIC } from '../storage/log-files.js'
import { SimulatedClient } from './client.js'
import type { ClusterNode, ClusterWorld } from './cluster-world.js'
import { Machine } from './machine.js'

const CREATE_TIMEOUT_MS = 2000
const SET = 0
/** What is written here says nothing else: any number is allowed. */
const CONFIG_KEY = 'retention.ms'
const FIRST_VALUE = 1_000_000
/** Topics that come and go, and such as stay and are configured. */
const CHURNING = ['churn0', 'churn1', 'churn2']
const LASTING = ['lasting0', 'lasting1']
/** Brokers that register and are forgotten, and never are in use. */
const FIRST_ABSENT_BROKER = 900
const ABSENT_BROKERS = 2
const REACH_CONTROLLER_MS = 1000
/** A history that is much longer is judged no better. */
const MAX_CALLS_PER_KEY = 250

/** Certainly nothing happened. */
const REFUSALS: ReadonlySet<number> = new Set([
  ErrorCode.INVALID_REPLICATION_FACTOR,
  ErrorCode.INVALID_PARTITIONS,
  ErrorCode.INVALID_REQUEST,
  ErrorCode.POLICY_VIOLATION,
  ErrorCode.THROTTLING_QUOTA_EXCEEDED,
  ErrorCode.UNSUPPORTED_VERSION,
])

export type HistoryKind = 'topic' | 'setting' | 'broker'

export interface KeyHistory {
  readonly key: string
  readonly kind: HistoryKind
  readonly calls: MetadataCall[]
}

export class MetadataWorkload {
  readonly histories = new Map<string, KeyHistory>()
  /** Changes that were acknowledged, calls that nobody has answered, and answers with an error, by its code. */
  acknowledged = 0
  unknown = 0
  readonly errors: Record<number, number> = {}
  readonly hosts: string[] = []
  /** What was answered about the quorum. */
  readonly quorums: QuorumSeen[] = []
  readonly #world: ClusterWorld
  readonly #clients: WorkloadClient[] = []
  #nextProcess = 1
  #nextValue = FIRST_VALUE
  readonly #generations = new Map<string, number>()
  /** Told by whoever was asked first. */
  clusterId: string | undefined

  constructor(world: ClusterWorld, clients: number, meanPauseMs: number) {
    this.#world = world
    for (let n = 0; n < clients; n++) {
      const host = `client${n}`
      this.hosts.push(host)
      this.#clients.push(new WorkloadClient(world, host, meanPauseMs, this))
    }
  }

  /** Makes no more calls. */
  stop(): void {
    for (const client of this.#clients) client.stop()
  }

  /** Through these brokers alone from now on. */
  confineTo(brokers: readonly ClusterNode[]): void {
    for (const client of this.#clients) client.brokers = brokers
  }

  get idle(): boolean {
    return this.#clients.every((client) => client.idle)
  }

  process(): number {
    return this.#nextProcess++
  }

  /** No value is written twice. */
  value(): string {
    return String(this.#nextValue++)
  }

  record(key: string, kind: HistoryKind, call: MetadataCall): void {
    let history = this.histories.get(key)
    if (history === undefined) this.histories.set(key, (history = { key, kind, calls: [] }))
    history.calls.push(call)
    if (call.outcome === 'info') this.unknown++
    if (call.outcome === 'ok' && CHANGES.has(call.f)) this.acknowledged++
  }

  /** The latest of the names that begin so: when there is much to be judged about one, the next is taken. */
  nameOf(base: string): string {
    const isFull = (name: string): boolean =>
      ['topic', 'setting'].some(
        (kind) => (this.histories.get(`${kind} ${name}`)?.calls.length ?? 0) >= MAX_CALLS_PER_KEY,
      )
    let generation = this.#generations.get(base) ?? 0
    while (isFull(`${base}.${generation}`)) generation++
    this.#generations.set(base, generation)
    return `${base}.${generation}`
  }

  /** The same of brokers. */
  absentBroker(place: number): number {
    let brokerId = FIRST_ABSENT_BROKER + place
    while ((this.histories.get(keyOf(brokerId))?.calls.length ?? 0) >= MAX_CALLS_PER_KEY) brokerId += ABSENT_BROKERS
    return brokerId
  }

  failed(errorCode: number): void {
    this.errors[errorCode] = (this.errors[errorCode] ?? 0) + 1
  }

  get world(): ClusterWorld {
    return this.#world
  }
}

function keyOf(brokerId: number): string {
  return `broker ${brokerId}`
}

function diskOf(brokerId: number): Uuid {
  return uuidFromBytes(Buffer.alloc(16, brokerId))
}

/** What an answer comes to: what was seen, or that nothing can be said. */
interface Seen {
  readonly f: string
  readonly version?: Version
}

class WorkloadClient {
  brokers: readonly ClusterNode[]
  readonly #workload: MetadataWorkload
  readonly #random: Prng
  readonly #meanPauseMs: number
  readonly #client: SimulatedClient
  #process: number
  #broker: ClusterNode | undefined
  #stopped = false
  #underWay = false

  constructor(world: ClusterWorld, host: string, meanPauseMs: number, workload: MetadataWorkload) {
    this.brokers = world.brokers
    this.#workload = workload
    this.#random = world.simulation.random(host)
    this.#meanPauseMs = meanPauseMs
    this.#process = workload.process()
    const machine = new Machine(world.simulation, world.network, host)
    let client: SimulatedClient | undefined
    machine.boot(
      (ports) => {
        client = new SimulatedClient(
          ports,
          () => {
            this.#broker = this.#random.pick(this.brokers)
            return this.#broker.address
          },
          host,
        )
      },
      () => {},
    )
    this.#client = client!
    this.#next()
  }

  get idle(): boolean {
    return !this.#underWay
  }

  stop(): void {
    this.#stopped = true
  }

  #next(): void {
    const act = (): void => {
      this.#underWay = true
      this.#act()
    }
    this.#client.laterWhenReady(this.#random.exponential(this.#meanPauseMs), () => this.#stopped, act)
  }

  #act(): void {
    const random = this.#random
    const topic = this.#workload.nameOf(random.pick(CHURNING))
    const lasting = this.#workload.nameOf(random.pick(LASTING))
    if (random.chance(0.12)) return this.#member(this.#workload.absentBroker(random.below(ABSENT_BROKERS)))
    const choice = random.float()
    if (choice < 0.25) this.#create(topic)
    else if (choice < 0.4) this.#delete(topic)
    else if (choice < 0.6) this.#readTopic(random.chance(0.7) ? topic : lasting)
    else if (choice < 0.62) this.#describeQuorum()
    else if (choice < 0.77) this.#configure(lasting)
    else if (choice < 0.9) this.#readConfig(lasting)
    else this.#create(lasting)
  }

  #create(name: string): void {
    const { roles } = this.#workload.world.plan
    const brokers = roles.filter((role) => role !== 'controller').length
    const topics = [
      {
        name,
        numPartitions: this.#random.between(1, 3),
        replicationFactor: this.#random.between(1, Math.min(3, brokers)),
        assignments: [],
        configs: [],
      },
    ]
    const body = { topics, timeoutMs: CREATE_TIMEOUT_MS, validateOnly: false }
    this.#call(`topic ${name}`, 'topic', 'create', undefined, CreateTopics, body, ({ topics: [answer] }) =>
      this.#told(answer, {
        [ErrorCode.NONE]: { f: 'create', version: answer?.topicId },
        [ErrorCode.TOPIC_ALREADY_EXISTS]: { f: 'exists' },
      }),
    )
  }

  #delete(name: string): void {
    const body = { topics: [{ name, topicId: ZERO_UUID }], topicNames: [name], timeoutMs: CREATE_TIMEOUT_MS }
    this.#call(`topic ${name}`, 'topic', 'delete', undefined, DeleteTopics, body, ({ responses: [answer] }) =>
      this.#told(answer, {
        [ErrorCode.NONE]: { f: 'delete' },
        [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]: { f: 'absent' },
      }),
    )
  }

  #readTopic(name: string): void {
    const body = {
      topics: [{ name, topicId: ZERO_UUID }],
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    }
    this.#call(`topic ${name}`, 'topic', 'read', undefined, Metadata, body, ({ topics: [answer] }) =>
      this.#told(answer, {
        [ErrorCode.NONE]: { f: 'read', version: answer?.topicId },
        [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]: { f: 'read', version: undefined },
      }),
    )
  }

  #configure(name: string): void {
    const value = this.#workload.value()
    const configs = [{ name: CONFIG_KEY, configOperation: SET, value }]
    const resources = [{ resourceType: RESOURCE_TYPE_TOPIC, resourceName: name, configs }]
    const body = { resources, validateOnly: false }
    this.#call(`setting ${name}`, 'setting', 'write', value, IncrementalAlterConfigs, body, ({ responses: [answer] }) =>
      this.#told(answer, {
        [ErrorCode.NONE]: { f: 'write', version: value },
        // The topic that it is of is not there yet.
        [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]: undefined,
      }),
    )
  }

  #readConfig(name: string): void {
    const resources = [{ resourceType: RESOURCE_TYPE_TOPIC, resourceName: name, configurationKeys: [CONFIG_KEY] }]
    const body = { resources, includeSynonyms: false, includeDocumentation: false }
    this.#call(`setting ${name}`, 'setting', 'read', undefined, DescribeConfigs, body, ({ results: [answer] }) => {
      const value = answer?.configs.find((config) => config.name === CONFIG_KEY)?.value ?? undefined
      const isWritten = value !== undefined && Number(value) >= FIRST_VALUE && Number(value) < FIRST_VALUE + 1_000_000
      return this.#told(answer, {
        [ErrorCode.NONE]: { f: 'read', version: isWritten ? value : undefined },
        [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]: undefined,
      })
    })
  }

  #member(brokerId: number): void {
    const { clusterId } = this.#workload
    const choice = this.#random.float()
    if (clusterId === undefined || choice < 0.4) this.#readMember(brokerId)
    else if (choice < 0.7) this.#join(brokerId, clusterId)
    else this.#leave(brokerId)
  }

  /** What a broker asks of the controller itself: over a connection to it. */
  #join(brokerId: number, clusterId: string): void {
    const { world } = this.#workload
    const controller = world.leader ?? this.#random.pick(world.controllers)
    const host = `broker${brokerId}`
    const client = new SimulatedClient(this.#client.ports, controller.controllerAddress, host)
    let reached = false
    this.#client.later(REACH_CONTROLLER_MS, () => {
      if (reached) return
      client.stop()
      this.#underWay = false
      this.#next()
    })
    client.whenReady(() => {
      reached = true
      const body = {
        brokerId,
        clusterId,
        incarnationId: randomUuid(this.#random),
        listeners: [{ name: 'PLAINTEXT', host, port: 9092, securityProtocol: 0 }],
        features: THIS_RELEASE.features.map(({ name, minLevel, maxLevel }) => ({
          name,
          minSupportedVersion: minLevel,
          maxSupportedVersion: maxLevel,
        })),
        rack: null,
        logDirs: [diskOf(brokerId)],
      }
      // No broker is told that it has to know of it.
      const via = { client, broker: 0 }
      this.#call(
        keyOf(brokerId),
        'broker',
        'join',
        REGISTERED,
        BrokerRegistration,
        body,
        (answer) => this.#told(answer, { [ErrorCode.NONE]: { f: 'join', version: REGISTERED } }),
        via,
      )
    })
  }

  #leave(brokerId: number): void {
    this.#call(keyOf(brokerId), 'broker', 'leave', undefined, UnregisterBroker, { brokerId }, (answer) =>
      this.#told(answer, {
        [ErrorCode.NONE]: { f: 'leave' },
        [ErrorCode.BROKER_ID_NOT_REGISTERED]: { f: 'absent' },
      }),
    )
  }

  #readMember(brokerId: number): void {
    const body = { includeClusterAuthorizedOperations: false, endpointType: 1, includeFencedBrokers: true }
    this.#call(keyOf(brokerId), 'broker', 'read', undefined, DescribeCluster, body, (answer) => {
      const isThere = answer.brokers.some((broker) => broker.brokerId === brokerId)
      if (answer.errorCode === ErrorCode.NONE) this.#workload.clusterId ??= answer.clusterId
      return this.#told(answer, { [ErrorCode.NONE]: { f: 'read', version: isThere ? REGISTERED : undefined } })
    })
  }

  #describeQuorum(): void {
    const { simulation } = this.#workload.world
    const invokedMs = simulation.nowMs
    const body = { topics: [{ topicName: METADATA_TOPIC, partitions: [{ partitionIndex: 0 }] }] }
    this.#client.call(DescribeQuorum, body, (_, response) => {
      this.#underWay = false
      const part = response?.topics[0]?.partitions[0]
      if (part !== undefined && part.errorCode === ErrorCode.NONE && part.leaderId >= 0) {
        const { leaderId, leaderEpoch, highWatermark } = part
        this.#workload.quorums.push({ invokedMs, answeredMs: simulation.nowMs, leaderId, leaderEpoch, highWatermark })
      }
      this.#next()
    })
  }

  /** What an error code stands for; `undefined` there: nothing happened. Any other error leaves everything open. */
  #told(
    answer: { readonly errorCode: number } | undefined,
    meanings: Readonly<Record<number, Seen | undefined>>,
  ): Seen | 'fail' | 'info' {
    if (answer === undefined) return 'info'
    const { errorCode } = answer
    if (errorCode !== ErrorCode.NONE) this.#workload.failed(errorCode)
    if (errorCode in meanings) return meanings[errorCode] ?? 'fail'
    return REFUSALS.has(errorCode) ? 'fail' : 'info'
  }

  #call<Request extends Fields, Response extends Fields>(
    key: string,
    kind: HistoryKind,
    f: string,
    version: Version,
    message: Message<Request, Response>,
    body: InOfMessage<Request>,
    read: (response: OutOfMessage<Response>) => Seen | 'fail' | 'info',
    via = { client: this.#client, broker: this.#broker?.id ?? 0 },
  ): void {
    const workload = this.#workload
    const { simulation } = workload.world
    const invokedMs = simulation.nowMs
    const process = this.#process
    const { client, broker } = via
    client.call(message, body, (error, response) => {
      this.#underWay = false
      if (client !== this.#client) client.stop()
      const isLost = error !== undefined && error.kind !== 'failed'
      const seen = response === undefined ? (isLost ? 'info' : 'fail') : read(response)
      const open = { process, f, value: { broker, version }, invokedMs }
      if (seen === 'info') {
        this.#process = workload.process()
        // That nobody has answered a question says nothing.
        if (f !== 'read') workload.record(key, kind, { ...open, answeredMs: undefined, outcome: 'info' })
      } else if (seen !== 'fail') {
        const value = { broker, version: seen.version }
        const answeredMs = simulation.nowMs
        workload.record(key, kind, { process, f: seen.f, value, invokedMs, answeredMs, outcome: 'ok' })
      }
      this.#next()
    })
  }
}
