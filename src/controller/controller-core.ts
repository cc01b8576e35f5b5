/**
 * ControllerCore: decides about the cluster, as the active controller of one epoch. It reads its image and writes nothing: a decision is
 * a list of records, and only `apply`, called when they have been appended, changes the image that the next decision is made from.
 *
 * Besides the image it knows when it last heard of each broker and whose connection ended, which is not worth a record: a new controller grants
 * everyone that is in use a full session.
 */
import type { Decision } from '../base/decision.js'
import type { NodeSettings } from '../config/node-settings.js'
import type { Random } from '../io/random.js'
import { MetadataDelta } from '../metadata/delta.js'
import { EffectiveSettings } from '../metadata/effective-settings.js'
import type { BrokerImage, MetadataImage } from '../metadata/image.js'
import type { Cause, Endpoint, MetadataRecord } from '../metadata/records.js'
import { LOGRAFT_VERSION, type Release } from '../metadata/release.js'
import type { AllocateProducerIds } from '../protocol/messages/allocate-producer-ids.js'
import type { AlterConfigs } from '../protocol/messages/alter-configs.js'
import type { AlterPartition } from '../protocol/messages/alter-partition.js'
import type { AlterPartitionReassignments } from '../protocol/messages/alter-partition-reassignments.js'
import type { AssignReplicasToDirs } from '../protocol/messages/assign-replicas-to-dirs.js'
import type { BrokerHeartbeat } from '../protocol/messages/broker-heartbeat.js'
import type { BrokerRegistration } from '../protocol/messages/broker-registration.js'
import type { CreatePartitions } from '../protocol/messages/create-partitions.js'
import type { CreateTopics } from '../protocol/messages/create-topics.js'
import type { DeleteTopics } from '../protocol/messages/delete-topics.js'
import type { ElectLeaders } from '../protocol/messages/elect-leaders.js'
import type { IncrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.js'
import type { ListPartitionReassignments } from '../protocol/messages/list-partition-reassignments.js'
import type { UnregisterBroker } from '../protocol/messages/unregister-broker.js'
import type { UpdateFeatures } from '../protocol/messages/update-features.js'
import type { Infer, InferInput } from '../protocol/schema.js'
import { brokerHeartbeat, fenceBroker, registerBroker, unregisterBroker } from './brokers.js'
import { alterConfigs, incrementalAlterConfigs } from './configs.js'
import type { DecisionContext } from './context.js'
import { type ClusterView, ELECTIONS_GO_BY } from './election-rules.js'
import { electLeaders } from './elections-asked-for.js'
import { firstRecords, NO_OP_SINCE, updateFeatures } from './features.js'
import { alterPartition } from './isr-changes.js'
import { BALANCE_AGAIN_MS, balanceLeaders } from './leader-balance.js'
import { whenRulesChange } from './leader-election.js'
import { MAX_RECORDS_PER_REQUEST } from './new-partitions.js'
import { allocateProducerIds } from './producer-ids.js'
import { alterPartitionReassignments, listPartitionReassignments } from './reassignments.js'
import { assignReplicasToDirs } from './replica-directories.js'
import { deleteTopics } from './topic-deletion.js'
import { createPartitions } from './topic-growth.js'
import { createTopics } from './topics.js'

/** So long a broker whose connection ended may take to come back with the same incarnation. */
export const COME_BACK_MS = 250

export interface ControllerOptions {
  readonly clusterId: string
  readonly settings: NodeSettings
  readonly random: Random
  /** What this node can work with. */
  readonly release: Release
}

/** Messages that the controller answers, by name. */
export interface ControllerApis {
  readonly CreateTopics: typeof CreateTopics
  readonly AlterConfigs: typeof AlterConfigs
  readonly IncrementalAlterConfigs: typeof IncrementalAlterConfigs
  readonly DeleteTopics: typeof DeleteTopics
  readonly CreatePartitions: typeof CreatePartitions
  readonly ElectLeaders: typeof ElectLeaders
  readonly AlterPartitionReassignments: typeof AlterPartitionReassignments
  readonly ListPartitionReassignments: typeof ListPartitionReassignments
  readonly UpdateFeatures: typeof UpdateFeatures
  readonly UnregisterBroker: typeof UnregisterBroker
  readonly BrokerRegistration: typeof BrokerRegistration
  readonly BrokerHeartbeat: typeof BrokerHeartbeat
  readonly AllocateProducerIds: typeof AllocateProducerIds
  readonly AssignReplicasToDirs: typeof AssignReplicasToDirs
  readonly AlterPartition: typeof AlterPartition
}

export type ControllerApi = keyof ControllerApis

/** What a broker asks for its own sake; all of it may be done twice, because it carries the broker's epoch or incarnation. */
export const APIS_OF_BROKERS: ReadonlySet<ControllerApi> = new Set([
  'BrokerRegistration',
  'BrokerHeartbeat',
  'AllocateProducerIds',
  'AssignReplicasToDirs',
  'AlterPartition',
])

/**
 * What may be answered without a record although somebody else may be the controller by now: it asks nobody to go by it. That somebody is not to be in
 * sync is gone by: a leader does not count it any more, and the ISR that another controller has taken down may have it.
 */
export const ANSWERED_AT_ONCE: ReadonlySet<ControllerApi> = new Set(
  [...APIS_OF_BROKERS].filter((api) => api !== 'AlterPartition'),
)

export type ControllerRequest<Api extends ControllerApi> = Infer<ControllerApis[Api]['request']>
export type ControllerReply<Api extends ControllerApi> = InferInput<ControllerApis[Api]['response']>

/** When, where in the log, and for whom. */
export interface Moment {
  readonly nowMs: number
  /** The offset that the first record gets. */
  readonly nextOffset: number
  readonly principal: string
}

type Deciders = {
  readonly [Api in ControllerApi]: (
    context: DecisionContext,
    request: ControllerRequest<Api>,
    principal: string,
  ) => Decision<MetadataRecord, ControllerReply<Api>>
}

const deciders: Deciders = {
  CreateTopics: createTopics,
  AlterConfigs: alterConfigs,
  IncrementalAlterConfigs: incrementalAlterConfigs,
  DeleteTopics: deleteTopics,
  CreatePartitions: createPartitions,
  ElectLeaders: electLeaders,
  AlterPartitionReassignments: alterPartitionReassignments,
  ListPartitionReassignments: listPartitionReassignments,
  UpdateFeatures: updateFeatures,
  UnregisterBroker: unregisterBroker,
  BrokerRegistration: registerBroker,
  BrokerHeartbeat: brokerHeartbeat,
  AllocateProducerIds: allocateProducerIds,
  AssignReplicasToDirs: assignReplicasToDirs,
  AlterPartition: alterPartition,
}

/** Everything the core is made of, as data, but for the source of randomness. */
export interface ControllerState {
  readonly options: Omit<ControllerOptions, 'random'>
  readonly image: MetadataImage
  readonly lastHeardMs: readonly (readonly [brokerId: number, lastHeardMs: number])[]
  readonly closedMs: readonly (readonly [brokerId: number, closedMs: number])[]
  readonly balanceMs: number | undefined
}

export class ControllerCore {
  readonly #options: ControllerOptions
  readonly #settings: EffectiveSettings
  readonly #lastHeardMs = new Map<number, number>()
  /** Since when the connections of brokers are closed of which nothing was heard since. */
  readonly #closedMs = new Map<number, number>()
  /** When it is next looked whether leaderships have to go back to first replicas; undefined: never. */
  #balanceMs: number | undefined
  #image: MetadataImage

  /** Takes over with the image at the end of the log. */
  constructor(options: ControllerOptions, image: MetadataImage, nowMs: number) {
    this.#options = options
    this.#settings = new EffectiveSettings(options.settings, options.settings['node.id'])
    this.#image = image
    this.#balanceMs = this.#nextBalanceMs(nowMs)
    for (const { brokerId, fenced } of image.brokers.values()) if (!fenced) this.#lastHeardMs.set(brokerId, nowMs)
  }

  /** The same core as the one that was captured. */
  static restore(
    { options, image, lastHeardMs, closedMs, balanceMs }: ControllerState,
    random: Random,
  ): ControllerCore {
    const core = new ControllerCore({ ...options, random }, image, 0)
    core.#balanceMs = balanceMs
    core.#lastHeardMs.clear()
    for (const [brokerId, heardMs] of lastHeardMs) core.#lastHeardMs.set(brokerId, heardMs)
    for (const [brokerId, atMs] of closedMs) core.#closedMs.set(brokerId, atMs)
    return core
  }

  /** With everything that was decided so far, committed or not. */
  get image(): MetadataImage {
    return this.#image
  }

  /** What a new controller has to write first: in a new cluster, the feature levels; and who leads by its settings where nobody did by those before. */
  begin(): Decision<MetadataRecord, never> {
    const isNew = this.#image.features.size === 0
    return { records: isNew ? firstRecords(this.#options.release) : this.#settledByRules(), replies: [] }
  }

  /** One reply, and the records that have to be committed before it goes. */
  decide<Api extends ControllerApi>(
    api: Api,
    request: ControllerRequest<Api>,
    moment: Moment,
  ): Decision<MetadataRecord, ControllerReply<Api>> {
    const { records, replies } = deciders[api](this.#context(moment), request, moment.principal)
    return { records: [...records, ...this.#followingSettings(records, moment)], replies }
  }

  /**
   * What is appended where a client is answered without a change: who was deposed and does not know it would else answer from what was true before.
   */
  barrier(): Decision<MetadataRecord, never> {
    const level = this.#image.features.get(LOGRAFT_VERSION) ?? 0
    return { records: level < NO_OP_SINCE ? [] : [{ type: 'noOp' }], replies: [] }
  }

  /** The records stand in the log, the first of them at `baseOffset`. */
  apply(records: readonly MetadataRecord[], baseOffset: number): void {
    const delta = new MetadataDelta(this.#image)
    for (const [index, record] of records.entries()) delta.replay(record, baseOffset + index)
    this.#image = delta.image()
    for (const brokerId of delta.changedBrokers) {
      const broker = this.#image.brokers.get(brokerId)
      if (broker === undefined || broker.fenced) this.#forget(brokerId)
    }
  }

  /** The broker is alive, in this incarnation. */
  heard(brokerId: number, brokerEpoch: number, nowMs: number): void {
    if (this.#image.brokers.get(brokerId)?.brokerEpoch !== brokerEpoch) return
    this.#lastHeardMs.set(brokerId, nowMs)
    this.#closedMs.delete(brokerId)
  }

  /**
   * The connection ended over which this incarnation of a broker spoke. Returns where it listens, to be probed; undefined: it need not be. Without a
   * verdict it is fenced if nothing is heard of it for `COME_BACK_MS`.
   */
  sessionClosed(brokerId: number, brokerEpoch: number, nowMs: number): Endpoint | undefined {
    const broker = this.#image.brokers.get(brokerId)
    if (broker === undefined || broker.brokerEpoch !== brokerEpoch) return undefined
    if (broker.fenced) {
      this.#forget(brokerId)
      return undefined
    }
    this.#closedMs.set(brokerId, nowMs)
    return broker.endpoints[0]
  }

  /** Brokers in use of which nothing was heard after this moment: those that a new controller has looked for in vain so far. */
  silentSince(sinceMs: number): readonly BrokerImage[] {
    const heardMs = ({ brokerId }: BrokerImage): number => this.#lastHeardMs.get(brokerId) ?? sinceMs
    return [...this.#image.brokers.values()].filter((broker) => !broker.fenced && heardMs(broker) <= sinceMs)
  }

  /** Nobody listens where that broker did, as a probe has found that began at `sinceMs`: it is fenced, unless it was heard of since. */
  refused(brokerId: number, brokerEpoch: number, sinceMs: number, nowMs: number): Decision<MetadataRecord, never> {
    const broker = this.#image.brokers.get(brokerId)
    const isBack = !this.#closedMs.has(brokerId) && (this.#lastHeardMs.get(brokerId) ?? nowMs) > sinceMs
    if (broker?.brokerEpoch !== brokerEpoch || broker.fenced || isBack) return { records: [], replies: [] }
    return { records: fenceBroker(this.#view(), broker, sessionClosed('refused', nowMs - sinceMs)), replies: [] }
  }

  /** This process did not run for so long: what it did not hear meanwhile says nothing about others. */
  stalled(stalledMs: number): void {
    for (const times of [this.#lastHeardMs, this.#closedMs]) {
      for (const [brokerId, atMs] of times) times.set(brokerId, atMs + stalledMs)
    }
  }

  /** When `expire` next has something to say; Infinity: never, as things stand. */
  nextDeadlineMs(): number {
    let deadlineMs = this.#balanceMs ?? Number.POSITIVE_INFINITY
    for (const broker of this.#image.brokers.values()) deadlineMs = Math.min(deadlineMs, this.#deadlineMs(broker))
    return deadlineMs
  }

  /** What follows from the time alone: brokers of which nothing was heard are fenced, one with each call; and leaderships go back. */
  expire(nowMs: number): Decision<MetadataRecord, never> {
    for (const broker of this.#image.brokers.values()) {
      if (nowMs < this.#deadlineMs(broker)) continue
      const { brokerId } = broker
      const closedMs = this.#closedMs.get(brokerId)
      const silentMs = Math.round(nowMs - (this.#lastHeardMs.get(brokerId) ?? nowMs))
      const cause: Cause =
        closedMs === undefined
          ? { reason: 'BROKER_SILENT', evidence: { silentMs: String(silentMs) } }
          : sessionClosed('silent', nowMs - closedMs)
      return { records: fenceBroker(this.#view(), broker, cause), replies: [] }
    }
    return { records: nowMs < (this.#balanceMs ?? Number.POSITIVE_INFINITY) ? [] : this.#balance(nowMs), replies: [] }
  }

  /** All there is, for the flight recorder: `restore` makes the same core of it. */
  capture(): ControllerState {
    const { clusterId, settings, release } = this.#options
    return {
      options: { clusterId, settings, release },
      image: this.#image,
      lastHeardMs: [...this.#lastHeardMs],
      closedMs: [...this.#closedMs],
      balanceMs: this.#balanceMs,
    }
  }

  /** When a broker is fenced if nothing is heard of it; Infinity: it is already. */
  #deadlineMs({ brokerId, fenced }: BrokerImage): number {
    if (fenced) return Number.POSITIVE_INFINITY
    const closedMs = this.#closedMs.get(brokerId) ?? Number.POSITIVE_INFINITY
    return Math.min(this.#sessionEndMs(brokerId), closedMs + COME_BACK_MS)
  }

  #sessionEndMs(brokerId: number): number {
    const lastHeardMs = this.#lastHeardMs.get(brokerId)
    return (lastHeardMs ?? Number.POSITIVE_INFINITY) + this.#options.settings['broker.session.timeout.ms']
  }

  #balance(nowMs: number): readonly MetadataRecord[] {
    const { records, more } = balanceLeaders(this.#view())
    this.#balanceMs = more ? nowMs + BALANCE_AGAIN_MS : this.#nextBalanceMs(nowMs)
    return records
  }

  #nextBalanceMs(nowMs: number): number | undefined {
    const { settings } = this.#options
    if (!settings['auto.leader.rebalance.enable']) return undefined
    return nowMs + settings['leader.imbalance.check.interval.seconds'] * 1000
  }

  #settledByRules(view = this.#view()): readonly MetadataRecord[] {
    return whenRulesChange(view, { reason: 'SETTINGS_CHANGED', evidence: {} }, MAX_RECORDS_PER_REQUEST)
  }

  /** What elections go by may have changed with these records. */
  #followingSettings(records: readonly MetadataRecord[], { nextOffset }: Moment): readonly MetadataRecord[] {
    const changes = records.some((record) => record.type === 'config' && ELECTIONS_GO_BY.has(record.name))
    // What a new topic is created with has not changed for anybody.
    if (!changes || records.some(({ type }) => type === 'topic')) return []
    const delta = new MetadataDelta(this.#image)
    for (const [index, record] of records.entries()) delta.replay(record, nextOffset + index)
    const image = delta.image()
    const { settings } = this.#options
    return this.#settledByRules({ image, settings: new EffectiveSettings(settings, settings['node.id']).at(image) })
  }

  #view(): ClusterView {
    return { image: this.#image, settings: this.#settings.at(this.#image) }
  }

  #forget(brokerId: number): void {
    this.#lastHeardMs.delete(brokerId)
    this.#closedMs.delete(brokerId)
  }

  #context({ nextOffset, nowMs }: Moment): DecisionContext {
    const { clusterId, release, random } = this.#options
    const isAlive = (brokerId: number): boolean =>
      this.#lastHeardMs.has(brokerId) && nowMs < this.#sessionEndMs(brokerId)
    return {
      image: this.#image,
      nextOffset,
      settings: this.#settings.at(this.#image),
      clusterId,
      release,
      random,
      isAlive,
    }
  }
}

function sessionClosed(probe: 'refused' | 'silent', closedMs: number): Cause {
  return { reason: 'BROKER_SESSION_CLOSED', evidence: { probe, closedMs: String(Math.round(closedMs)) } }
}
