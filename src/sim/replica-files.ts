/** What stands on the simulated disks of the replicas of a partition, batch by batch. */
import { crc32c } from '../base/crc32c.js'
import type { Uuid } from '../base/uuid.js'
import { Partition } from '../broker/partition.js'
import type { BatchSeen, ReplicaSeen } from '../check/check-replicas.js'
import { BatchIterator } from '../records/reader.js'
import { type ClusterNode, DATA_DIRECTORY } from './cluster-world.js'
import { SimulatedDirectory } from './disk-directory.js'
import { SimulatedFile } from './disk-file.js'

export interface PartitionPlace {
  readonly topic: string
  readonly topicId: Uuid
  readonly partition: number
}

/** The replica that a node hosts now, if it does. */
export function hostedBy(node: ClusterNode, { topicId, partition }: PartitionPlace): Partition | undefined {
  const hosted = node.node?.broker?.replicas.find(topicId, partition)
  return hosted instanceof Partition ? hosted : undefined
}

/** Undefined: the node hosts none. */
export function replicaSeen(node: ClusterNode, place: PartitionPlace): ReplicaSeen | undefined {
  const hosted = hostedBy(node, place)
  if (hosted === undefined) return undefined
  const { topic, partition } = place
  const { highWatermark } = hosted
  return { name: node.host, key: `${topic}-${partition}`, highWatermark, batches: batchesOf(node, place) }
}

function batchesOf(node: ClusterNode, { topic, partition }: PartitionPlace): BatchSeen[] {
  const folder = node.machine.find(`${DATA_DIRECTORY}/${topic}-${partition}`)
  if (!(folder instanceof SimulatedDirectory)) return []
  const seen: BatchSeen[] = []
  const names = folder.names.filter((name) => name.endsWith('.log')).sort()
  for (const name of names) {
    const file = folder.get(name)
    if (!(file instanceof SimulatedFile)) continue
    const { content } = file
    const batches = new BatchIterator(content)
    while (batches.next() === 'batch') {
      const { baseOffset, lastOffset, start, sizeBytes } = batches.batch
      seen.push({ baseOffset, lastOffset, digest: crc32c(content.subarray(start, start + sizeBytes)) })
    }
  }
  return seen
}
