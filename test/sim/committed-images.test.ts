/** What was decided between two looks at the metadata is looked at, too. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeConfig } from '../../src/config/node-config.js'
import { type BrokerImage, EMPTY_IMAGE, type MetadataImage } from '../../src/metadata/image.js'
import { type MetadataRecord, RECOVERED, RESOURCE_TYPE_TOPIC } from '../../src/metadata/records.js'
import { ELIGIBLE_LEADER_REPLICAS_VERSION } from '../../src/metadata/release.js'
import { CommittedImages } from '../../src/sim/committed-images.js'
import { ReplicaInvariants } from '../../src/sim/replica-invariants.js'

const TOPIC_ID = 'YDUZzn7ZSrmBZbnMKn4rdg'
const WHERE = { topicId: TOPIC_ID, partitionId: 0 }
const CAUSE = { reason: 'ISR_PROPOSED', evidence: {} } as const

/** None of them is fenced. */
const BROKERS = new Map(
  [1, 2, 3].map((brokerId): [number, BrokerImage] => [
    brokerId,
    {
      ...{
        brokerId,
        incarnationId: TOPIC_ID,
        brokerEpoch: 1,
        endpoints: [],
        features: [],
        rack: undefined,
        logDirs: [],
      },
      ...{ fenced: false, inControlledShutdown: false },
    },
  ]),
)

const minInsync = (value: string): MetadataRecord => ({
  ...{ type: 'config', resourceType: RESOURCE_TYPE_TOPIC, resourceName: 't', name: 'min.insync.replicas', value },
})

/** Decisions, each of these records. */
class Log {
  readonly images = new CommittedImages()
  #endOffset = 0

  add(...records: MetadataRecord[]): void {
    const baseOffset = this.#endOffset
    this.#endOffset += records.length
    this.images.add({ baseOffset, endOffset: this.#endOffset, sizeBytes: 1, timestamp: 1, records })
  }

  /** Of all decisions. */
  get all(): MetadataImage[] {
    return this.images.before(this.#endOffset)
  }

  get lastOffset(): number {
    return this.#endOffset - 1
  }
}

const CREATED: MetadataRecord = {
  ...{ type: 'partition', ...WHERE, replicas: [1, 2, 3], directories: [], isr: [1, 2] },
  ...{ removingReplicas: [], addingReplicas: [], eligibleLeaderReplicas: [], lastKnownElr: [] },
  ...{ leader: -1, leaderRecoveryState: RECOVERED, leaderEpoch: 0, partitionEpoch: 0, cause: CAUSE },
}

/** A topic of three replicas, of which two must be in sync. */
function begun(): Log {
  const log = new Log()
  log.add({ type: 'featureLevel', name: ELIGIBLE_LEADER_REPLICAS_VERSION, level: 1 })
  log.add({ type: 'topic', topicId: TOPIC_ID, name: 't' }, minInsync('2'), CREATED)
  return log
}

function offsets(images: readonly MetadataImage[]): number[] {
  return images.map(({ offset }) => offset)
}

test('each decision is given once, but for the one that somebody shows', () => {
  const log = begun()
  log.add(minInsync('1'))
  log.add(minInsync('2'))
  assert.deepEqual(offsets(log.images.before(0)), [])
  assert.deepEqual(offsets(log.images.before(4)), [3])
  log.add(minInsync('3'))
  assert.deepEqual(offsets(log.images.before(6)), [5])
  assert.deepEqual(offsets(log.images.before(6)), [])
})

test('who was eligible is not missed where fewer were enough for a moment', () => {
  const shrink: MetadataRecord = {
    type: 'partitionChange',
    ...WHERE,
    isr: [2],
    eligibleLeaderReplicas: [1],
    cause: CAUSE,
  }
  const drop: MetadataRecord = { type: 'partitionChange', ...WHERE, eligibleLeaderReplicas: [], cause: CAUSE }
  const looks = (withDecisions: boolean, withSettings: boolean): void => {
    const { settings } = nodeConfig({})
    const world = { nodes: [{ machine: { bootId: 'boot' }, node: { broker: { settings } } }] }
    const invariants = new ReplicaInvariants(world as never)
    const log = begun()
    const show = (): void => {
      const all = log.all
      for (const image of withDecisions ? all : all.slice(-1)) invariants.committed({ ...image, brokers: BROKERS })
    }
    invariants.committed(EMPTY_IMAGE)
    show()
    log.add(shrink)
    show()
    if (withSettings) log.add(minInsync('1'))
    log.add(drop)
    if (withSettings) log.add(minInsync('2'))
    show()
  }
  looks(true, true)
  assert.throws(() => looks(false, true), /eligible \[\]/, 'the moment was not seen')
  assert.throws(() => looks(true, false), /eligible \[\]/, 'there was none')
})
