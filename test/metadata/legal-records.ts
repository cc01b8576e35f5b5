/** Arbitrary lives of a little cluster: records of every type, each legal after those before. */
import fc from 'fast-check'
import type { MetadataRecord } from '../../src/metadata/records.js'
import { metadataRecord } from './arbitrary.js'

export function legalRecords(): fc.Arbitrary<MetadataRecord[]> {
  return fc.array(fc.tuple(fc.nat(), metadataRecord), { maxLength: 80 }).map((drawn) => {
    const records: MetadataRecord[] = []
    const brokers = new Map<number, number>()
    const topics = new Map<string, { name: string; partitions: number }>()
    let nextProducerId = 0
    for (const [pick, record] of drawn) {
      const [topicId, topic] = [...topics][pick % Math.max(1, topics.size)] ?? []
      switch (record.type) {
        case 'featureLevel':
          records.push({ ...record, level: pick % 3 })
          break
        case 'registerBroker':
          brokers.set(record.brokerId, record.brokerEpoch)
          records.push(record)
          break
        case 'brokerRegistrationChange': {
          const [brokerId, brokerEpoch] = [...brokers][pick % Math.max(1, brokers.size)] ?? []
          if (brokerId !== undefined) records.push({ ...record, brokerId, brokerEpoch: brokerEpoch! })
          break
        }
        case 'unregisterBroker': {
          const [brokerId, brokerEpoch] = [...brokers][pick % Math.max(1, brokers.size)] ?? []
          // Else hardly a broker would stay for long.
          if (brokerId === undefined || pick % 3 > 0) break
          brokers.delete(brokerId)
          records.push({ ...record, brokerId, brokerEpoch: brokerEpoch! })
          break
        }
        case 'topic':
          if (topics.has(record.topicId) || [...topics.values()].some(({ name }) => name === record.name)) break
          topics.set(record.topicId, { name: record.name, partitions: 0 })
          records.push(record)
          break
        case 'partition':
          if (topic === undefined) break
          records.push({ ...record, topicId: topicId!, partitionId: topic.partitions++ })
          break
        case 'partitionChange':
          if (topic === undefined || topic.partitions === 0) break
          records.push({ ...record, topicId: topicId!, partitionId: pick % topic.partitions })
          break
        case 'removeTopic':
          // Else hardly a topic would live for long.
          if (topic === undefined || pick % 3 > 0) break
          topics.delete(topicId!)
          records.push({ ...record, topicId: topicId! })
          break
        case 'config': {
          const resourceName = topic === undefined || pick % 2 === 0 ? record.resourceName : topic.name
          records.push({ ...record, resourceType: [2, 4, 32][pick % 3]!, resourceName })
          break
        }
        case 'producerIds':
          nextProducerId += pick % 10_000
          records.push({ ...record, nextProducerId })
      }
    }
    return records
  })
}
