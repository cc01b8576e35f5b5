import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AssertionError } from '../../src/base/assert.js'
import { MetadataDelta } from '../../src/metadata/delta.js'
import { configsOf, EMPTY_IMAGE, type MetadataImage } from '../../src/metadata/image.js'
import type { MetadataRecord, PartitionState } from '../../src/metadata/records.js'

const cause = { reason: 'TOPIC_CREATED', evidence: {} } as const

function partition(leader: number): PartitionState {
  return {
    replicas: [1, 2],
    directories: [],
    isr: [1, 2],
    removingReplicas: [],
    addingReplicas: [],
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    leader,
    leaderRecoveryState: 0,
    leaderEpoch: 0,
    partitionEpoch: 0,
  }
}

function apply(image: MetadataImage, records: readonly MetadataRecord[]): MetadataImage {
  const delta = new MetadataDelta(image)
  for (const [index, record] of records.entries()) delta.replay(record, image.offset + 1 + index)
  return delta.image()
}

test('records in any split into deltas give the same image, and older images stay as they were', () => {
  // A little cluster's life: each step is legal after those before.
  const step = fc.nat({ max: 5 })
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.nat(), fc.boolean()), { maxLength: 60 }), (steps) => {
      const records: MetadataRecord[] = []
      const partitions: number[] = []
      let producerIds = 0
      for (const [kind, pick] of steps) {
        const topic = pick % Math.max(1, partitions.length)
        if (kind === 0 || partitions.length === 0) {
          const name = `t${partitions.length}`
          partitions.push(1)
          records.push({ type: 'topic', topicId: `id-${name}`, name })
          records.push({ type: 'partition', topicId: `id-${name}`, partitionId: 0, cause, ...partition(1) })
        } else if (kind === 1) {
          const partitionId = partitions[topic]!++
          records.push({ type: 'partition', topicId: `id-t${topic}`, partitionId, cause, ...partition(2) })
        } else if (kind === 2) {
          const partitionId = pick % partitions[topic]!
          records.push({ type: 'partitionChange', topicId: `id-t${topic}`, partitionId, leader: pick % 3, cause })
        } else if (kind === 3) {
          const partitionId = pick % partitions[topic]!
          records.push({ type: 'partitionChange', topicId: `id-t${topic}`, partitionId, isr: [pick % 3], cause })
        } else if (kind === 4) {
          const value = pick % 3 === 0 ? {} : { value: String(pick) }
          records.push({ type: 'config', resourceType: 2, resourceName: `t${topic}`, name: `k${pick % 2}`, ...value })
        } else {
          producerIds += 1000
          records.push({ type: 'producerIds', brokerId: 1, brokerEpoch: 1, nextProducerId: producerIds })
        }
      }
      const whole = apply(EMPTY_IMAGE, records)
      let image = EMPTY_IMAGE
      const seen: { image: MetadataImage; text: string }[] = []
      records.forEach((record, at) => {
        image = apply(image, [record])
        if (at % 7 === 0) seen.push({ image, text: inspect(image) })
      })
      assert.equal(inspect(image), inspect(whole))
      for (const each of seen) assert.equal(inspect(each.image), each.text, 'an image changed after it was made')
    }),
    { numRuns: 300 },
  )
})

function inspect(image: MetadataImage): string {
  return JSON.stringify(image, (_, value) =>
    value instanceof Map ? [...value].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)) : value,
  )
}

test('a change raises the partition epoch, and the leader epoch where it names a leader', () => {
  let image = apply(EMPTY_IMAGE, [
    { type: 'topic', topicId: 'id', name: 't' },
    { type: 'partition', topicId: 'id', partitionId: 0, cause, ...partition(1) },
  ])
  image = apply(image, [{ type: 'partitionChange', topicId: 'id', partitionId: 0, isr: [1], cause }])
  assert.deepEqual(image.topicsByName.get('t')!.partitions[0], { ...partition(1), isr: [1], partitionEpoch: 1 })
  image = apply(image, [{ type: 'partitionChange', topicId: 'id', partitionId: 0, leader: 1, cause }])
  assert.deepEqual(image.topicsById.get('id')!.partitions[0], {
    ...partition(1),
    isr: [1],
    leaderEpoch: 1,
    partitionEpoch: 2,
  })
})

test('a delta says what it changed', () => {
  const image = apply(EMPTY_IMAGE, [
    { type: 'topic', topicId: 'id', name: 't' },
    { type: 'partition', topicId: 'id', partitionId: 0, cause, ...partition(1) },
    { type: 'partition', topicId: 'id', partitionId: 1, cause, ...partition(1) },
  ])
  const delta = new MetadataDelta(image)
  delta.replay({ type: 'partitionChange', topicId: 'id', partitionId: 1, leader: -1, cause }, 3)
  delta.replay({ type: 'config', resourceType: 2, resourceName: 't', name: 'k', value: 'v' }, 4)
  assert.deepEqual([...delta.changedPartitions], [['id', new Set([1])]])
  assert.deepEqual([...delta.changedConfigs], ['2/t'])
  const next = delta.image()
  assert.equal(next.offset, 4)
  assert.deepEqual([...configsOf(next, 2, 't')], [['k', 'v']])
  assert.equal(image.topicsById.get('id')!.partitions[1]!.leader, 1)
})

test('records that contradict the image are a bug', () => {
  assert.throws(
    () => apply(EMPTY_IMAGE, [{ type: 'partitionChange', topicId: 'no', partitionId: 0, cause }]),
    AssertionError,
  )
  const topic: MetadataRecord = { type: 'topic', topicId: 'id', name: 't' }
  assert.throws(() => apply(EMPTY_IMAGE, [topic, topic]), AssertionError)
})
