/** Well-formed exchanges with the APIs of the quorum, by key, with what must be in the answer of a node that is alone. */
import assert from 'node:assert/strict'
import { METADATA_TOPIC_ID } from '../../src/broker/quorum/batches.js'
import { errorByCode } from '../../src/protocol/errors.js'
import { AddRaftVoter } from '../../src/protocol/messages/add-raft-voter.js'
import { BeginQuorumEpoch } from '../../src/protocol/messages/begin-quorum-epoch.js'
import { EndQuorumEpoch } from '../../src/protocol/messages/end-quorum-epoch.js'
import { Fetch } from '../../src/protocol/messages/fetch.js'
import { FetchSnapshot } from '../../src/protocol/messages/fetch-snapshot.js'
import { RemoveRaftVoter } from '../../src/protocol/messages/remove-raft-voter.js'
import { UpdateRaftVoter } from '../../src/protocol/messages/update-raft-voter.js'
import { Vote } from '../../src/protocol/messages/vote.js'
import { BatchIterator } from '../../src/records/reader.js'
import type { WireClient } from './wire-client.js'

type Exchange = (client: WireClient, version: number) => Promise<void>

/** Another server, and another directory. */
const OTHER = { id: 77, directoryId: 'AAAAAAAAAAAAAAAAAAAATQ' }
const listeners = [{ name: 'CONTROLLER', host: 'localhost', port: 9 }]

function ofLog<Partition>(partition: Partition): { topicName: string; partitions: Partition[] }[] {
  return [{ topicName: '__cluster_metadata', partitions: [partition] }]
}

function nameOf({ errorCode }: { readonly errorCode: number }): string {
  return errorByCode(errorCode).name
}

export const QUORUM_EXCHANGES: readonly (readonly [key: number, exchange: Exchange])[] = [
  [
    Vote.key,
    async (client, version) => {
      const partition = {
        partitionIndex: 0,
        replicaEpoch: 1,
        replicaId: OTHER.id,
        replicaDirectoryId: OTHER.directoryId,
        voterDirectoryId: OTHER.directoryId,
        lastOffsetEpoch: 0,
        lastOffset: 0,
        ...(version < 2 ? {} : { preVote: true }),
      }
      const { errorCode, topics } = await client.request(Vote, version, { voterId: 1, topics: ofLog(partition) })
      const [result] = topics[0]!.partitions
      assert.deepEqual([errorCode, nameOf(result!), result!.voteGranted], [0, 'INVALID_VOTER_KEY', false])
      const clusterId = 'another'
      assert.equal(nameOf(await client.request(Vote, version, { clusterId, topics: [] })), 'INCONSISTENT_CLUSTER_ID')
      assert.equal(nameOf(await client.request(Vote, version, { topics: [] })), 'INVALID_REQUEST')
    },
  ],
  [
    BeginQuorumEpoch.key,
    async (client, version) => {
      const partition = { partitionIndex: 0, voterDirectoryId: OTHER.directoryId, leaderId: OTHER.id, leaderEpoch: 99 }
      const body = { voterId: 1, topics: ofLog(partition), leaderEndpoints: listeners }
      const { errorCode, topics } = await client.request(BeginQuorumEpoch, version, body)
      assert.deepEqual([errorCode, nameOf(topics[0]!.partitions[0]!)], [0, 'INVALID_VOTER_KEY'])
    },
  ],
  [
    EndQuorumEpoch.key,
    async (client, version) => {
      const partition = { partitionIndex: 0, leaderId: OTHER.id, leaderEpoch: 0, preferredCandidates: [] }
      const body = { topics: ofLog(partition), leaderEndpoints: listeners }
      const { errorCode, topics } = await client.request(EndQuorumEpoch, version, body)
      assert.deepEqual([errorCode, nameOf(topics[0]!.partitions[0]!)], [0, 'FENCED_LEADER_EPOCH'])
    },
  ],
  [
    FetchSnapshot.key,
    async (client, version) => {
      const snapshotId = { endOffset: 5, epoch: 1 }
      const partition = { partition: 0, currentLeaderEpoch: 1, snapshotId, position: 0 }
      const topics = [{ name: '__cluster_metadata', partitions: [partition] }]
      const response = await client.request(FetchSnapshot, version, { topics })
      const [result] = response.topics[0]!.partitions
      assert.deepEqual([response.errorCode, nameOf(result!)], [0, 'SNAPSHOT_NOT_FOUND'])
      assert.deepEqual(result!.currentLeader, { leaderId: 1, leaderEpoch: 1 })
    },
  ],
  [
    AddRaftVoter.key,
    async (client, version) => {
      const voter = { clusterId: null, timeoutMs: 1, voterId: 1, voterDirectoryId: OTHER.directoryId }
      const answer = await client.request(AddRaftVoter, version, { ...voter, listeners })
      assert.deepEqual([nameOf(answer), answer.errorMessage], ['DUPLICATE_VOTER', 'a voter has the id 1 already'])
      assert.equal(nameOf(await client.request(AddRaftVoter, version, { ...voter, listeners: [] })), 'INVALID_REQUEST')
    },
  ],
  [
    RemoveRaftVoter.key,
    async (client, version) => {
      const voter = { clusterId: null, voterId: OTHER.id, voterDirectoryId: OTHER.directoryId }
      assert.equal(nameOf(await client.request(RemoveRaftVoter, version, voter)), 'VOTER_NOT_FOUND')
      const elsewhere = { ...voter, clusterId: 'another' }
      assert.equal(nameOf(await client.request(RemoveRaftVoter, version, elsewhere)), 'INCONSISTENT_CLUSTER_ID')
    },
  ],
  [
    UpdateRaftVoter.key,
    async (client, version) => {
      const kRaftVersionFeature = { minSupportedVersion: 0, maxSupportedVersion: 1 }
      const voter = { clusterId: null, voterId: OTHER.id, voterDirectoryId: OTHER.directoryId, listeners }
      const body = { ...voter, currentLeaderEpoch: 1, kRaftVersionFeature }
      const answer = await client.request(UpdateRaftVoter, version, body)
      assert.deepEqual([nameOf(answer), answer.currentLeader.leaderId], ['VOTER_NOT_FOUND', 1])
      const late = { ...body, currentLeaderEpoch: 99 }
      assert.equal(nameOf(await client.request(UpdateRaftVoter, version, late)), 'UNKNOWN_LEADER_EPOCH')
    },
  ],
]

/** Fetch, where controllers are asked: of the metadata log, and of nothing else. */
export async function fetchOfController(client: WireClient, version: number): Promise<void> {
  const fetch = async (topic: string, topicId: string): Promise<ReturnType<typeof client.request>> => {
    const partition = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1e6 }
    const epochs = version < 12 ? {} : { currentLeaderEpoch: 1, lastFetchedEpoch: 0 }
    const named = version < 13 ? { topic } : { topicId }
    const topics = [{ ...named, partitions: [{ ...partition, ...epochs }] }]
    return client.request(Fetch, version, { maxWaitMs: 0, minBytes: 0, topics, forgottenTopicsData: [] })
  }
  const other = (await fetch('plain', OTHER.directoryId)) as unknown as { errorCode: number; responses: unknown[] }
  assert.deepEqual([nameOf(other), other.responses], [version < 7 ? 'NONE' : 'INVALID_REQUEST', []])
  const response = (await fetch('__cluster_metadata', METADATA_TOPIC_ID)) as unknown as {
    responses: { partitions: { errorCode: number; highWatermark: number; records: Uint8Array }[] }[]
  }
  const [result] = response.responses[0]!.partitions
  // Without the epoch of the batch before nothing can be said, and earlier versions cannot name it.
  if (version < 12) return assert.equal(nameOf(result!), 'INVALID_REQUEST')
  assert.equal(nameOf(result!), 'NONE')
  assert.ok(result!.highWatermark > 0)
  const batches = new BatchIterator(result!.records)
  assert.equal(batches.next(), 'batch')
  assert.deepEqual([batches.batch.isControl, batches.batch.baseOffset], [true, 0])
}
