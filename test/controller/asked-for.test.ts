/** Elections that are asked for and levels that are raised, decided by a controller of several brokers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeConfig } from '../../src/config/node-config.js'
import { ControllerCore, type ControllerReply, type ControllerRequest } from '../../src/controller/controller-core.js'
import { EMPTY_IMAGE } from '../../src/metadata/image.js'
import type { MetadataRecord } from '../../src/metadata/records.js'
import { THIS_RELEASE } from '../../src/metadata/release.js'
import { ErrorCode, errorByCode } from '../../src/protocol/errors.js'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'
const CAUSE = { reason: 'TOPIC_CREATED', evidence: {} } as const
const RANDOM = { below: () => 0, bytes: (length: number) => new Uint8Array(length) }

/** Brokers 1 to 3, those in `fenced` away; one topic with a partition for each state. */
class Cluster {
  readonly core: ControllerCore
  #offset = 0

  constructor(fenced: readonly number[], partitions: readonly { leader: number; isr: number[] }[], level = 2) {
    const { settings } = nodeConfig({ listeners: 'PLAINTEXT://:9092' })
    this.core = new ControllerCore({ clusterId: 'c', settings, release: THIS_RELEASE, random: RANDOM }, EMPTY_IMAGE, 0)
    this.apply([
      { type: 'featureLevel', name: 'lograft.version', level },
      ...[1, 2, 3].map((brokerId) => ({
        type: 'registerBroker' as const,
        brokerId,
        incarnationId: TOPIC_ID,
        brokerEpoch: brokerId,
        endpoints: [],
        features: [{ name: 'lograft.version', minLevel: 1, maxLevel: brokerId === 3 && level === 1 ? 1 : 2 }],
        logDirs: [],
        fenced: fenced.includes(brokerId),
        inControlledShutdown: false,
        cause: CAUSE,
      })),
      { type: 'topic', topicId: TOPIC_ID, name: 't' },
      ...partitions.map(({ leader, isr }, partitionId) => ({
        type: 'partition' as const,
        topicId: TOPIC_ID,
        partitionId,
        replicas: [1, 2, 3],
        directories: [],
        isr,
        removingReplicas: [],
        addingReplicas: [],
        eligibleLeaderReplicas: [],
        lastKnownElr: [],
        leader,
        leaderRecoveryState: 0,
        leaderEpoch: 4,
        partitionEpoch: 7,
        cause: CAUSE,
      })),
    ])
  }

  apply(records: readonly MetadataRecord[]): void {
    this.core.apply(records, this.#offset)
    this.#offset += records.length
  }

  elect(
    electionType: number,
    topicPartitions: ControllerRequest<'ElectLeaders'>['topicPartitions'],
  ): ControllerReply<'ElectLeaders'> {
    const moment = { nowMs: 0, nextOffset: this.#offset, principal: 'User:a' }
    const request = { electionType, topicPartitions, timeoutMs: 1000 }
    const { records, replies } = this.core.decide('ElectLeaders', request, moment)
    this.apply(records)
    return replies[0]!
  }

  update(feature: string, maxVersionLevel: number, changes: { upgradeType?: number; validateOnly?: boolean } = {}) {
    const { upgradeType = 1, validateOnly = false } = changes
    const featureUpdates = [{ feature, maxVersionLevel, upgradeType, allowDowngrade: false }]
    const request = { timeoutMs: 1000, featureUpdates, validateOnly }
    const moment = { nowMs: 0, nextOffset: this.#offset, principal: 'User:a' }
    const { records, replies } = this.core.decide('UpdateFeatures', request, moment)
    this.apply(records)
    return replies[0]!
  }

  get partitions() {
    return this.core.image.topicsById.get(TOPIC_ID)!.partitions
  }
}

function told({ replicaElectionResults }: ControllerReply<'ElectLeaders'>): string[] {
  return replicaElectionResults.flatMap(({ topic, partitionResult }) =>
    partitionResult.map(({ partitionId, errorCode }) => `${topic}-${partitionId} ${errorByCode(errorCode).name}`),
  )
}

test('a preferred election gives the lead back to the first replica, where that is in sync and there', () => {
  const cluster = new Cluster(
    [],
    [
      { leader: 2, isr: [1, 2, 3] },
      { leader: 2, isr: [2, 3] },
      { leader: 1, isr: [1] },
    ],
  )
  const reply = cluster.elect(0, [
    { topic: 't', partitions: [0, 1, 2, 3, 0] },
    { topic: 'nowhere', partitions: [0] },
  ])
  assert.deepEqual(told(reply), [
    't-0 NONE',
    't-1 PREFERRED_LEADER_NOT_AVAILABLE',
    't-2 ELECTION_NOT_NEEDED',
    't-3 UNKNOWN_TOPIC_OR_PARTITION',
    'nowhere-0 UNKNOWN_TOPIC_OR_PARTITION',
  ])
  assert.deepEqual(
    cluster.partitions.map(({ leader, leaderEpoch, isr }) => [leader, leaderEpoch, isr.length]),
    [
      [1, 5, 3],
      [2, 4, 2],
      [1, 4, 1],
    ],
  )
})

test('who asks for all partitions is told of those for which something was to do', () => {
  const partitions = [
    { leader: 1, isr: [1] },
    { leader: 3, isr: [1, 3] },
    { leader: 2, isr: [2] },
  ]
  assert.deepEqual(told(new Cluster([], partitions).elect(0, null)), ['t-1 NONE', 't-2 PREFERRED_LEADER_NOT_AVAILABLE'])
  assert.deepEqual(told(new Cluster([], [{ leader: 1, isr: [1] }]).elect(0, null)), [])
})

test('an unclean election takes whoever is there, and only where nobody leads', () => {
  const cluster = new Cluster(
    [1],
    [
      { leader: -1, isr: [1] },
      { leader: 2, isr: [2] },
      { leader: -1, isr: [1, 3] },
    ],
  )
  assert.deepEqual(told(cluster.elect(1, [{ topic: 't', partitions: [0, 1, 2] }])), [
    't-0 NONE',
    't-1 ELECTION_NOT_NEEDED',
    't-2 NONE',
  ])
  const [lost, , kept] = cluster.partitions
  assert.deepEqual([lost!.leader, lost!.isr, lost!.leaderRecoveryState, lost!.leaderEpoch], [2, [2], 1, 5])
  // One that is in sync goes before the others, and nothing is lost.
  assert.deepEqual([kept!.leader, kept!.isr, kept!.leaderRecoveryState], [3, [1, 3], 0])
  const away = new Cluster([1, 2, 3], [{ leader: -1, isr: [1] }])
  assert.deepEqual(told(away.elect(1, null)), ['t-0 ELIGIBLE_LEADERS_NOT_AVAILABLE'])
})

test('an election of another type is refused as a whole', () => {
  const reply = new Cluster([], []).elect(2, null)
  assert.deepEqual([reply.errorCode, reply.replicaElectionResults], [ErrorCode.INVALID_REQUEST, []])
})

test('a level is raised once all brokers know it, and then topics can be deleted', () => {
  const cluster = new Cluster([], [{ leader: 1, isr: [1] }], 1)
  const remove = (): string => {
    const request = { topics: [{ name: 't', topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }], topicNames: [], timeoutMs: 1000 }
    const { records, replies } = cluster.core.decide('DeleteTopics', request, {
      nowMs: 0,
      nextOffset: 100,
      principal: 'a',
    })
    assert.equal(records.length, replies[0]!.responses[0]!.errorCode === 0 ? 1 : 0)
    return errorByCode(replies[0]!.responses[0]!.errorCode).name
  }
  assert.equal(remove(), 'UNSUPPORTED_VERSION')
  assert.match(cluster.update('lograft.version', 2).errorMessage!, /broker 3 does not know level 2/)
  const newer = new Cluster([], [{ leader: 1, isr: [1] }])
  const { core } = newer
  assert.equal(core.image.features.get('lograft.version'), 2)
  assert.equal(newer.update('lograft.version', 2).errorCode, 0)
  const third = cluster.core.image.brokers.get(3)!
  const { brokerId, incarnationId, brokerEpoch, endpoints, logDirs } = third
  cluster.apply([
    {
      type: 'registerBroker',
      brokerId,
      incarnationId,
      brokerEpoch,
      endpoints,
      logDirs,
      features: [{ name: 'lograft.version', minLevel: 1, maxLevel: 2 }],
      fenced: false,
      inControlledShutdown: false,
      cause: CAUSE,
    },
  ])
  assert.equal(cluster.update('lograft.version', 2, { validateOnly: true }).errorCode, 0)
  assert.equal(cluster.core.image.features.get('lograft.version'), 1)
  assert.equal(cluster.update('lograft.version', 2).errorCode, 0)
  assert.equal(cluster.core.image.features.get('lograft.version'), 2)
  assert.equal(remove(), 'NONE')
})

test('levels that cannot be', () => {
  const cluster = new Cluster([], [])
  for (const [feature, level, upgradeType, message] of [
    ['no.such.feature', 1, 1, /no feature/],
    ['lograft.version', 4, 1, /can be at 1 to 3, not at 4/],
    ['lograft.version', 1, 1, /cannot be taken back/],
    ['lograft.version', 1, 2, /cannot be taken back/],
    ['lograft.version', 0, 3, /cannot be taken back/],
    ['lograft.version', 2, 0, /no type of upgrade/],
    ['lograft.version', 2, 4, /no type of upgrade/],
  ] as const) {
    const { errorCode, errorMessage } = cluster.update(feature, level, { upgradeType })
    assert.equal(errorByCode(errorCode).name, 'INVALID_UPDATE_VERSION')
    assert.match(errorMessage!, message)
  }
  const older = new Cluster([], [], 1)
  assert.match(older.update('lograft.version', 2, { upgradeType: 2 }).errorMessage!, /upgrade, not a safe downgrade/)
  assert.equal(cluster.core.image.features.get('lograft.version'), 2)
})
