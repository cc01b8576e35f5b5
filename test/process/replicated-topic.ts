/** A topic on several processes, with three replicas of which two have to be in sync, and whether all of them are. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { ClusterClient } from '../../src/client/cluster-client.js'
import { ErrorCode } from '../../src/protocol/errors.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { nodePorts } from '../node-ports.js'
import { ClusterProcesses } from './cluster-processes.js'

const REPLICAS = 3
const AGAIN_MS = 20
const LONGEST_MS = 90_000

export interface PartitionSeen {
  readonly leader: number
  readonly isr: readonly number[]
}

export interface TopicPlace {
  readonly cluster: ClusterProcesses
  readonly bootstrapServers: string
  readonly client: ClusterClient
}

/** Starts a cluster, makes the topic, does that, and ends all. */
export async function withReplicatedTopic(
  { nodes, topic, partitions, seed }: { nodes: number; topic: string; partitions: number; seed: string },
  act: (place: TopicPlace) => Promise<void>,
): Promise<void> {
  const cluster = await ClusterProcesses.create({ nodes, ports: 'two', naming: 'voters' }, seed)
  const bootstrapServers = cluster.ids.map((id) => cluster.bootstrap(id)).join(',')
  const client = new ClusterClient({ ports: nodePorts(), bootstrapServers })
  try {
    for (const id of cluster.ids) cluster.start(id)
    await cluster.serves()
    await createTopic(cluster, topic, partitions)
    await act({ cluster, bootstrapServers, client })
  } finally {
    client.close()
    await cluster.end()
  }
}

/** Asks the first node. */
async function createTopic(cluster: ClusterProcesses, name: string, partitions: number): Promise<void> {
  const client = await cluster.client(1)
  try {
    const configs = [{ name: 'min.insync.replicas', value: '2' }]
    const topics = [{ name, numPartitions: partitions, replicationFactor: REPLICAS, assignments: [], configs }]
    const answer = await client.request(CreateTopics, 7, { topics, timeoutMs: 30_000 })
    assert.equal(answer.topics[0]!.errorCode, ErrorCode.NONE)
  } finally {
    client.close()
  }
}

/** Waits until there are so many partitions or more, and each has a leader, and all its replicas in sync; in order. */
export async function inSync(cluster: ClusterProcesses, name: string, least = 1): Promise<readonly PartitionSeen[]> {
  const deadlineMs = performance.now() + LONGEST_MS
  let seen: readonly PartitionSeen[] = []
  while (performance.now() < deadlineMs) {
    const client = await cluster.client(cluster.running[0]!)
    try {
      const { topics } = await client.request(Metadata, 12, { topics: [{ name }] })
      const { errorCode, partitions } = topics[0]!
      seen = partitions
        .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
        .map(({ leaderId, isrNodes }) => ({ leader: leaderId, isr: isrNodes }))
      const isWhole = seen.every(({ leader, isr }) => leader > 0 && isr.length === REPLICAS)
      if (errorCode === ErrorCode.NONE && seen.length >= least && isWhole) return seen
    } finally {
      client.close()
    }
    await sleep(AGAIN_MS)
  }
  throw new Error(`${name} is not in sync within ${LONGEST_MS} ms: ${JSON.stringify(seen)}`)
}
