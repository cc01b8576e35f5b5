/** What an operator asks for to change a cluster, in Kafka's admin protocol; as small as faults need it. All reject with `ClientError`. */

import { ClientError, serverError } from '../../src/client/client-error.js'
import { groupBy } from '../../src/client/group-by.js'
import { ErrorCode } from '../../src/protocol/errors.js'
import { AddRaftVoter } from '../../src/protocol/messages/add-raft-voter.js'
import { AlterPartitionReassignments } from '../../src/protocol/messages/alter-partition-reassignments.js'
import { ElectLeaders } from '../../src/protocol/messages/elect-leaders.js'
import { ListPartitionReassignments } from '../../src/protocol/messages/list-partition-reassignments.js'
import { RemoveRaftVoter } from '../../src/protocol/messages/remove-raft-voter.js'
import type { BedNode } from '../beds/bed.js'
import type { Asked } from './asking.js'

/** As a back-end. */
export const ADMIN = 'admin protocol'

export interface Voter {
  readonly id: number
  readonly directoryId: string
}

export interface Partition {
  readonly topic: string
  readonly partition: number
}

/** Of one partition; null: what is under way is taken back. */
export interface Reassignment extends Partition {
  readonly replicas: readonly number[] | null
}

const ELECTION_TYPES = { preferred: 0, unclean: 1 } as const
const SERVER_LIMIT_MS = 10_000

export async function addVoter(
  { client }: Asked,
  { id, directoryId }: Voter,
  listener: NonNullable<BedNode['quorumListener']>,
): Promise<void> {
  const what = `adding voter ${id}`
  await client.retrying(what, async () => {
    const body = {
      clusterId: null,
      timeoutMs: SERVER_LIMIT_MS,
      voterId: id,
      voterDirectoryId: directoryId,
      listeners: [listener],
    }
    const { errorCode, errorMessage } = await client.call('controller', AddRaftVoter, body)
    // What nobody answered may have been done.
    if (errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.DUPLICATE_VOTER) {
      throw serverError(errorCode, what, errorMessage)
    }
  })
}

export async function removeVoter({ client }: Asked, { id, directoryId }: Voter): Promise<void> {
  const what = `removing voter ${id}`
  await client.retrying(what, async () => {
    const body = { clusterId: null, voterId: id, voterDirectoryId: directoryId }
    const { errorCode, errorMessage } = await client.call('controller', RemoveRaftVoter, body)
    if (errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.VOTER_NOT_FOUND) {
      throw serverError(errorCode, what, errorMessage)
    }
  })
}

/** A broker; one that is not registered, too: it may never have been, or the answer to an earlier attempt was lost. */
export async function unregister({ admin }: Asked, id: number): Promise<void> {
  try {
    await admin.unregisterBroker(id)
  } catch (error) {
    if (!(error instanceof ClientError && error.error === 'BROKER_ID_NOT_REGISTERED')) throw error
  }
}

/** Answers how many were taken. */
export async function reassign({ client }: Asked, wanted: readonly Reassignment[]): Promise<number> {
  return client.retrying('reassigning partitions', async () => {
    const topics = [...groupBy(wanted, ({ topic }) => topic)].map(([name, those]) => ({
      name,
      partitions: those.map(({ partition, replicas }) => ({ partitionIndex: partition, replicas })),
    }))
    const body = { timeoutMs: SERVER_LIMIT_MS, topics }
    const response = await client.call('controller', AlterPartitionReassignments, body)
    const { errorCode, errorMessage } = response
    if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, 'reassigning partitions', errorMessage)
    return response.responses
      .flatMap(({ partitions }) => partitions)
      .filter((partition) => partition.errorCode === ErrorCode.NONE).length
  })
}

/** What is under way. */
export async function reassignments({ client }: Asked): Promise<readonly Reassignment[]> {
  return client.retrying('listing reassignments', async () => {
    const body = { timeoutMs: SERVER_LIMIT_MS, topics: null }
    const { errorCode, errorMessage, topics } = await client.call('controller', ListPartitionReassignments, body)
    if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, 'listing reassignments', errorMessage)
    return topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, replicas }) => ({ topic: name, partition: partitionIndex, replicas })),
    )
  })
}

/** Of these partitions; null: of all. Answers how many have another leader. */
export async function electLeaders(
  { client }: Asked,
  type: keyof typeof ELECTION_TYPES,
  partitions: readonly Partition[] | null,
): Promise<number> {
  return client.retrying('electing leaders', async () => {
    const topics = groupBy(partitions ?? [], ({ topic }) => topic)
    const topicPartitions = [...topics].map(([topic, those]) => {
      return { topic, partitions: those.map(({ partition }) => partition) }
    })
    const body = {
      electionType: ELECTION_TYPES[type],
      topicPartitions: partitions === null ? null : topicPartitions,
      timeoutMs: SERVER_LIMIT_MS,
    }
    const { errorCode, replicaElectionResults } = await client.call('controller', ElectLeaders, body)
    if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, 'electing leaders')
    return replicaElectionResults
      .flatMap(({ partitionResult }) => partitionResult)
      .filter((partition) => partition.errorCode === ErrorCode.NONE).length
  })
}
