/** A cluster as its controller sees it: brokers that register, beat, fall silent and end connections, on a clock that the test moves. */
import assert from 'node:assert/strict'
import { Prng } from '../../src/base/prng.js'
import { nodeConfig } from '../../src/config/node-config.js'
import {
  type ControllerApi,
  ControllerCore,
  type ControllerReply,
  type ControllerRequest,
} from '../../src/controller/controller-core.js'
import { EMPTY_IMAGE } from '../../src/metadata/image.js'
import type { Cause, MetadataRecord, PartitionState } from '../../src/metadata/records.js'
import { THIS_RELEASE } from '../../src/metadata/release.js'
import { ErrorCode, errorByCode } from '../../src/protocol/errors.js'

export const SESSION_MS = 9000
export const FIRST = 'AAAAAAAAAAAAAAAAAAAAAQ'
export const SECOND = 'AAAAAAAAAAAAAAAAAAAAAg'
export const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAw'
export const RANDOM = new Prng('brokers')

/** The disk of a broker, by its number. */
export function diskOf(brokerId: number, replaced = false): string {
  return `BBBBBBBBBBBBBBBBBBBB${replaced ? 'R' : 'D'}${brokerId}`
}

/** Of what a proposal differs from that of the leader, as things stand. */
export interface Proposed {
  readonly index?: number
  readonly sender?: number
  readonly senderEpoch?: number
  readonly topicId?: string
  readonly partitionIndex?: number
  readonly leaderEpoch?: number
  readonly partitionEpoch?: number
  readonly leaderRecoveryState?: number
  readonly handsOver?: boolean
  /** Of members of the ISR; else those that are registered. */
  readonly epochs?: Readonly<Record<number, number>>
}

export class Cluster {
  core: ControllerCore
  nowMs = 1000
  causes: Cause[] = []
  readonly epochs = new Map<number, number>()
  #settings: Readonly<Record<string, string>>
  #offset = 0

  constructor(brokers: readonly number[] = [1, 2, 3], level = 3, settings: Readonly<Record<string, string>> = {}) {
    this.#settings = settings
    this.core = this.#newCore()
    this.append([{ type: 'featureLevel', name: 'lograft.version', level }])
    assert.deepEqual(this.core.begin().records, [])
    for (const brokerId of brokers) this.join(brokerId)
  }

  /** Another controller, which has the log and nothing else. */
  takeOver(settings = this.#settings): void {
    this.#settings = settings
    this.core = this.#newCore(this.core)
    this.append(this.core.begin().records)
  }

  ask<Api extends ControllerApi>(api: Api, request: ControllerRequest<Api>): ControllerReply<Api> {
    const moment = { nowMs: this.nowMs, nextOffset: this.#offset, principal: 'User:a' }
    const { records, replies } = this.core.decide(api, request, moment)
    this.append(records)
    return replies[0]!
  }

  register(
    brokerId: number,
    changes: Partial<ControllerRequest<'BrokerRegistration'>> = {},
  ): ControllerReply<'BrokerRegistration'> {
    const reply = this.ask('BrokerRegistration', {
      brokerId,
      clusterId: 'c',
      incarnationId: FIRST,
      listeners: [{ name: 'PLAINTEXT', host: `b${brokerId}`, port: 9092, securityProtocol: 0 }],
      features: THIS_RELEASE.features.map(({ name, minLevel, maxLevel }) => ({
        name,
        minSupportedVersion: minLevel,
        maxSupportedVersion: maxLevel,
      })),
      rack: null,
      isMigratingZkBroker: false,
      logDirs: [diskOf(brokerId)],
      previousBrokerEpoch: -1,
      ...changes,
    })
    if (reply.errorCode === ErrorCode.NONE) {
      this.epochs.set(brokerId, reply.brokerEpoch!)
      this.core.heard(brokerId, reply.brokerEpoch!, this.nowMs)
    }
    return reply
  }

  heartbeat(
    brokerId: number,
    changes: Partial<ControllerRequest<'BrokerHeartbeat'>> = {},
  ): ControllerReply<'BrokerHeartbeat'> {
    const brokerEpoch = changes.brokerEpoch ?? this.epochs.get(brokerId)!
    this.core.heard(brokerId, brokerEpoch, this.nowMs)
    return this.ask('BrokerHeartbeat', {
      brokerId,
      brokerEpoch,
      currentMetadataOffset: this.#offset,
      wantFence: false,
      wantShutDown: false,
      offlineLogDirs: [],
      cordonedLogDirs: null,
      ...changes,
    })
  }

  join(brokerId: number, changes: Partial<ControllerRequest<'BrokerRegistration'>> = {}): void {
    assert.equal(errorByCode(this.register(brokerId, changes).errorCode).name, 'NONE')
    assert.equal(this.heartbeat(brokerId).isFenced, false)
  }

  /** Everybody but these is heard of as time passes. */
  pass(durationMs: number, silent: readonly number[] = []): void {
    const endMs = this.nowMs + durationMs
    while (this.nowMs < endMs) {
      this.nowMs = Math.min(endMs, this.nowMs + 100)
      for (const { brokerId, fenced } of this.core.image.brokers.values()) {
        if (!fenced && !silent.includes(brokerId)) this.heartbeat(brokerId)
      }
      this.expire()
    }
  }

  expire(): void {
    while (this.core.nextDeadlineMs() <= this.nowMs) this.append(this.core.expire(this.nowMs).records)
  }

  /** A probe that began so long ago has found nobody. */
  refused(brokerId: number, { brokerEpoch = this.epochs.get(brokerId)!, agoMs = 0 } = {}): void {
    this.append(this.core.refused(brokerId, brokerEpoch, this.nowMs - agoMs, this.nowMs).records)
  }

  closed(brokerId: number, brokerEpoch = this.epochs.get(brokerId)!) {
    return this.core.sessionClosed(brokerId, brokerEpoch, this.nowMs)
  }

  /** Topics of one partition each, on these brokers. */
  topics(placed: readonly (readonly number[])[], settings: Readonly<Record<string, string>> = {}): void {
    const configs = Object.entries(settings).map(([name, value]) => ({ name, value }))
    for (const [index, brokerIds] of placed.entries()) {
      const assignments = [{ partitionIndex: 0, brokerIds: [...brokerIds] }]
      const topic = { name: `t${index}`, numPartitions: -1, replicationFactor: -1, assignments, configs }
      const { topics } = this.ask('CreateTopics', { topics: [topic], timeoutMs: 1000, validateOnly: false })
      assert.equal(topics[0]!.errorMessage, null)
    }
  }

  raise(feature: string, level: number): string {
    const update = { feature, maxVersionLevel: level, upgradeType: 1, allowDowngrade: false }
    const { errorCode } = this.ask('UpdateFeatures', {
      timeoutMs: 1000,
      featureUpdates: [update],
      validateOnly: false,
    })
    return nameOf({ errorCode })
  }

  configure(resourceType: number, resourceName: string, settings: Readonly<Record<string, string>>): void {
    const configs = Object.entries(settings).map(([name, value]) => ({ name, configOperation: 0, value }))
    const resources = [{ resourceType, resourceName, configs }]
    const { responses } = this.ask('IncrementalAlterConfigs', { resources, validateOnly: false })
    assert.equal(responses[0]!.errorMessage, null)
  }

  isFenced(brokerId: number): boolean {
    return this.core.image.brokers.get(brokerId)!.fenced
  }

  partition(index = 0): PartitionState {
    return this.core.image.topicsByName.get(`t${index}`)!.partitions[0]!
  }

  leaderAndIsr(index = 0): readonly [number, ...(readonly number[])] {
    const { leader, isr } = this.partition(index)
    return [leader, ...isr]
  }

  topicId(index = 0): string {
    return this.core.image.topicsByName.get(`t${index}`)!.topicId
  }

  /** That these are in sync, as the leader would say it. */
  proposal(isr: readonly number[], proposed: Proposed): ControllerRequest<'AlterPartition'> {
    const { leader, ...state } = this.partition(proposed.index)
    const { sender = leader, epochs = {}, leaderEpoch = state.leaderEpoch } = proposed
    const { partitionEpoch = state.partitionEpoch, leaderRecoveryState = 0, partitionIndex = 0 } = proposed
    const newIsrWithEpochs = isr.map((brokerId) => ({
      brokerId,
      brokerEpoch: epochs[brokerId] ?? this.epochs.get(brokerId) ?? -1,
    }))
    const { handsOver = false } = proposed
    const epochsAndState = { leaderEpoch, partitionEpoch, leaderRecoveryState }
    const partition = { partitionIndex, ...epochsAndState, newIsr: [], newIsrWithEpochs, handsOver }
    return {
      brokerId: sender,
      brokerEpoch: proposed.senderEpoch ?? this.epochs.get(sender)!,
      topics: [{ topicId: proposed.topicId ?? this.topicId(proposed.index), partitions: [partition] }],
    }
  }

  alterPartition(isr: readonly number[], proposed: Proposed = {}): ControllerReply<'AlterPartition'> {
    return this.ask('AlterPartition', this.proposal(isr, proposed))
  }

  /** The name of what became of it. */
  propose(isr: readonly number[], proposed: Proposed = {}): string {
    const reply = this.alterPartition(isr, proposed)
    return nameOf(reply.errorCode === ErrorCode.NONE ? reply.topics[0]!.partitions[0]! : reply)
  }

  #newCore(from?: ControllerCore): ControllerCore {
    const { settings } = nodeConfig({
      listeners: 'PLAINTEXT://:9092',
      'broker.session.timeout.ms': String(SESSION_MS),
      ...this.#settings,
    })
    return new ControllerCore(
      { clusterId: 'c', settings, release: THIS_RELEASE, random: RANDOM },
      from?.image ?? EMPTY_IMAGE,
      this.nowMs,
    )
  }

  append(records: readonly MetadataRecord[]): void {
    if (records.length === 0) return
    for (const record of records) if ('cause' in record) this.causes.push(record.cause)
    this.core.apply(records, this.#offset)
    this.#offset += records.length
  }
}

export const nameOf = ({ errorCode }: { readonly errorCode: number }): string => errorByCode(errorCode).name
