/**
 * An image as records: what a snapshot of the metadata log holds. Replayed in order they make the same image again, but for its offset, which is the
 * name of the snapshot. Why things became as they are is lost with the log in front of it: the cause of all of them is the snapshot.
 */
import { MetadataDelta } from './delta.js'
import { EMPTY_IMAGE, type MetadataImage } from './image.js'
import type { Cause, MetadataRecord } from './records.js'

const CAUSE: Cause = { reason: 'SNAPSHOT', evidence: {} }

/** In an order in which each is legal after those before; features come first, because they say how the rest is read. */
export function* recordsOf(image: MetadataImage): Generator<MetadataRecord> {
  for (const [name, level] of image.features) yield { type: 'featureLevel', name, level }
  for (const { rack, ...broker } of image.brokers.values()) {
    yield { type: 'registerBroker', ...broker, ...(rack === undefined ? {} : { rack }), cause: CAUSE }
  }
  for (const { topicId, name, partitions } of image.topicsById.values()) {
    yield { type: 'topic', topicId, name }
    for (const [partitionId, state] of partitions.entries()) {
      yield { type: 'partition', topicId, partitionId, ...state, cause: CAUSE }
    }
  }
  for (const [key, values] of image.configs) {
    const slash = key.indexOf('/')
    const resource = { resourceType: Number(key.slice(0, slash)), resourceName: key.slice(slash + 1) }
    for (const [name, value] of values) yield { type: 'config', ...resource, name, value }
  }
  if (image.nextProducerId > 0) {
    yield { type: 'producerIds', brokerId: -1, brokerEpoch: -1, nextProducerId: image.nextProducerId }
  }
}

/** The image that the records of a snapshot make, whose last record in the log was at `offset`; -1: none. */
export function imageOfRecords(records: Iterable<MetadataRecord>, offset: number): MetadataImage {
  const delta = new MetadataDelta(EMPTY_IMAGE)
  let at = 0
  for (const record of records) delta.replay(record, at++)
  return { ...delta.image(), offset }
}
