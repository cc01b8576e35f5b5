/**
 * MetadataDelta: takes records in log order and makes the next image out of the last one, copying only what they touch. It remembers
 * what changed, so that a broker need not compare images.
 *
 * A record that contradicts the image (a change of a topic that is not there) is a bug of whoever wrote it: an assertion.
 */
import { assert, unreachable } from '../base/assert.js'
import type { Uuid } from '../base/uuid.js'
import { type BrokerImage, configKey, type MetadataImage, type TopicImage } from './image.js'
import {
  type BrokerRegistrationChangeRecord,
  type ConfigRecord,
  type MetadataRecord,
  type PartitionChangeRecord,
  type PartitionRecord,
  type PartitionState,
  RESOURCE_TYPE_TOPIC,
  type RegisterBrokerRecord,
  type RemoveTopicRecord,
  type UnregisterBrokerRecord,
} from './records.js'

export class MetadataDelta {
  readonly base: MetadataImage
  /** Topics of which a partition (or all) changed, by id, with the numbers of those partitions. */
  readonly changedPartitions = new Map<Uuid, Set<number>>()
  /** Topics of the base that are gone, by id. */
  readonly removedTopics = new Map<Uuid, TopicImage>()
  readonly changedBrokers = new Set<number>()
  /** Resources whose configuration changed, by `configKey`. */
  readonly changedConfigs = new Set<string>()

  #offset: number
  #nextProducerId: number
  #features: Map<string, number> | undefined
  #brokers: Map<number, BrokerImage> | undefined
  #topicsById: Map<Uuid, TopicImage> | undefined
  #topicsByName: Map<string, TopicImage> | undefined
  #configs: Map<string, ReadonlyMap<string, string>> | undefined
  /** Partition arrays that this delta made itself and may therefore write to. */
  readonly #ownPartitions = new Map<Uuid, PartitionState[]>()

  constructor(base: MetadataImage) {
    this.base = base
    this.#offset = base.offset
    this.#nextProducerId = base.nextProducerId
  }

  /** Takes a data record that stands at this offset. */
  replay(record: MetadataRecord, offset: number): void {
    assert(offset > this.#offset, () => `record at offset ${offset} after offset ${this.#offset}`)
    this.#offset = offset
    switch (record.type) {
      case 'featureLevel':
        this.#features ??= new Map(this.base.features)
        if (record.level === 0) this.#features.delete(record.name)
        else this.#features.set(record.name, record.level)
        return
      case 'registerBroker':
        return this.#registerBroker(record)
      case 'brokerRegistrationChange':
        return this.#changeBroker(record)
      case 'unregisterBroker':
        return this.#unregisterBroker(record)
      case 'topic': {
        const topic: TopicImage = { topicId: record.topicId, name: record.name, partitions: [] }
        assert(!this.#byId().has(topic.topicId), () => `topic id ${topic.topicId} is there already`)
        assert(!this.#byName().has(topic.name), () => `topic ${topic.name} is there already`)
        this.#setTopic(topic)
        this.changedPartitions.set(topic.topicId, new Set())
        return
      }
      case 'partition':
        return this.#addPartition(record)
      case 'partitionChange':
        return this.#changePartition(record)
      case 'removeTopic':
        return this.#removeTopic(record)
      case 'config':
        return this.#setConfig(record)
      case 'producerIds':
        assert(record.nextProducerId >= this.#nextProducerId, () => `producer ids go back to ${record.nextProducerId}`)
        this.#nextProducerId = record.nextProducerId
        return
      default:
        return unreachable(record)
    }
  }

  /** Takes what a control record or an end of batch says of the position alone. */
  advanceTo(offset: number): void {
    this.#offset = Math.max(this.#offset, offset)
  }

  /** The image after everything that was replayed. The delta is used up. */
  image(): MetadataImage {
    const { base } = this
    for (const [topicId, partitions] of this.#ownPartitions) {
      this.#setTopic({ ...this.#byId().get(topicId)!, partitions })
    }
    return {
      offset: this.#offset,
      features: this.#features ?? base.features,
      brokers: this.#brokers ?? base.brokers,
      topicsById: this.#topicsById ?? base.topicsById,
      topicsByName: this.#topicsByName ?? base.topicsByName,
      configs: this.#configs ?? base.configs,
      nextProducerId: this.#nextProducerId,
    }
  }

  #byId(): ReadonlyMap<Uuid, TopicImage> {
    return this.#topicsById ?? this.base.topicsById
  }

  #byName(): ReadonlyMap<string, TopicImage> {
    return this.#topicsByName ?? this.base.topicsByName
  }

  #setTopic(topic: TopicImage): void {
    this.#topicsById ??= new Map(this.base.topicsById)
    this.#topicsByName ??= new Map(this.base.topicsByName)
    this.#topicsById.set(topic.topicId, topic)
    this.#topicsByName.set(topic.name, topic)
  }

  #registerBroker(record: RegisterBrokerRecord): void {
    this.#setBroker({
      brokerId: record.brokerId,
      incarnationId: record.incarnationId,
      brokerEpoch: record.brokerEpoch,
      endpoints: record.endpoints,
      features: record.features,
      rack: record.rack,
      logDirs: record.logDirs,
      fenced: record.fenced,
      inControlledShutdown: record.inControlledShutdown,
    })
  }

  #changeBroker(record: BrokerRegistrationChangeRecord): void {
    const broker = (this.#brokers ?? this.base.brokers).get(record.brokerId)
    assert(
      broker?.brokerEpoch === record.brokerEpoch,
      () => `change of broker ${record.brokerId} epoch ${record.brokerEpoch}, which is at ${broker?.brokerEpoch}`,
    )
    this.#setBroker({
      ...broker,
      fenced: record.fenced ?? broker.fenced,
      inControlledShutdown: record.inControlledShutdown ?? broker.inControlledShutdown,
    })
  }

  #unregisterBroker({ brokerId, brokerEpoch }: UnregisterBrokerRecord): void {
    const broker = (this.#brokers ?? this.base.brokers).get(brokerId)
    assert(
      broker?.brokerEpoch === brokerEpoch,
      () => `broker ${brokerId} epoch ${brokerEpoch} is forgotten, which is at ${broker?.brokerEpoch}`,
    )
    this.#brokers ??= new Map(this.base.brokers)
    this.#brokers.delete(brokerId)
    this.changedBrokers.add(brokerId)
  }

  #setBroker(broker: BrokerImage): void {
    this.#brokers ??= new Map(this.base.brokers)
    this.#brokers.set(broker.brokerId, broker)
    this.changedBrokers.add(broker.brokerId)
  }

  #addPartition(record: PartitionRecord): void {
    const partitions = this.#partitionsOf(record.topicId)
    assert(
      record.partitionId === partitions.length,
      () => `partition ${record.partitionId} after ${partitions.length} of ${record.topicId}`,
    )
    const { type: _type, topicId, partitionId, cause: _cause, ...state } = record
    partitions.push(state)
    this.#touch(topicId, partitionId)
  }

  #changePartition(record: PartitionChangeRecord): void {
    const partitions = this.#partitionsOf(record.topicId)
    const old = partitions[record.partitionId]
    assert(
      old !== undefined,
      () => `change of partition ${record.partitionId} of ${record.topicId}, which is not there`,
    )
    partitions[record.partitionId] = {
      replicas: record.replicas ?? old.replicas,
      directories: record.directories ?? old.directories,
      isr: record.isr ?? old.isr,
      removingReplicas: record.removingReplicas ?? old.removingReplicas,
      addingReplicas: record.addingReplicas ?? old.addingReplicas,
      eligibleLeaderReplicas: record.eligibleLeaderReplicas ?? old.eligibleLeaderReplicas,
      lastKnownElr: record.lastKnownElr ?? old.lastKnownElr,
      leader: record.leader ?? old.leader,
      leaderRecoveryState: record.leaderRecoveryState ?? old.leaderRecoveryState,
      leaderEpoch: record.leader === undefined ? old.leaderEpoch : old.leaderEpoch + 1,
      partitionEpoch: old.partitionEpoch + 1,
    }
    this.#touch(record.topicId, record.partitionId)
  }

  #removeTopic({ topicId }: RemoveTopicRecord): void {
    const topic = this.#byId().get(topicId)
    assert(topic !== undefined, () => `topic ${topicId} is removed, and is not there`)
    this.#topicsById ??= new Map(this.base.topicsById)
    this.#topicsByName ??= new Map(this.base.topicsByName)
    this.#topicsById.delete(topicId)
    this.#topicsByName.delete(topic.name)
    this.#ownPartitions.delete(topicId)
    this.changedPartitions.delete(topicId)
    const removed = this.base.topicsById.get(topicId)
    if (removed !== undefined) this.removedTopics.set(topicId, removed)
    const key = configKey(RESOURCE_TYPE_TOPIC, topic.name)
    if (!(this.#configs ?? this.base.configs).has(key)) return
    this.#configs ??= new Map(this.base.configs)
    this.#configs.delete(key)
    this.changedConfigs.add(key)
  }

  #partitionsOf(topicId: Uuid): PartitionState[] {
    let own = this.#ownPartitions.get(topicId)
    if (own === undefined) {
      const topic = this.#byId().get(topicId)
      assert(topic !== undefined, () => `a record of topic ${topicId}, which is not there`)
      own = [...topic.partitions]
      this.#ownPartitions.set(topicId, own)
    }
    return own
  }

  #touch(topicId: Uuid, partitionId: number): void {
    let touched = this.changedPartitions.get(topicId)
    if (touched === undefined) this.changedPartitions.set(topicId, (touched = new Set()))
    touched.add(partitionId)
  }

  #setConfig(record: ConfigRecord): void {
    const key = configKey(record.resourceType, record.resourceName)
    this.#configs ??= new Map(this.base.configs)
    const values = new Map(this.#configs.get(key))
    if (record.value === undefined) values.delete(record.name)
    else values.set(record.name, record.value)
    if (values.size === 0) this.#configs.delete(key)
    else this.#configs.set(key, values)
    this.changedConfigs.add(key)
  }
}
