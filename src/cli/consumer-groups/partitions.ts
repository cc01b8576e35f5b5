/** Partitions as `--topic` names them: a topic with all of its partitions, or `topic:0,1`. */
import type { TopicPartition } from '../../client/admin/groups.js'
import { ClientError } from '../../client/client-error.js'
import type { ClusterClient } from '../../client/cluster-client.js'
import { misuse } from '../fail.js'
import { partitionKey } from './described.js'

const LARGEST_PARTITION = 0x7fff_ffff

export interface NamedTopic {
  readonly topic: string
  /** Undefined: all. */
  readonly partitions: readonly number[] | undefined
}

export function parseTopic(text: string): NamedTopic {
  const [topic, list, ...more] = text.split(':')
  if (list === undefined) return { topic: text, partitions: undefined }
  const partitions = list.split(',').map((each) => (/^\d{1,10}$/.test(each.trim()) ? Number(each) : Number.NaN))
  if (topic === '' || more.length > 0 || !partitions.every((each) => each <= LARGEST_PARTITION)) {
    return misuse(`--topic ${text} is not allowed: it must be TOPIC or TOPIC:PARTITION,PARTITION`)
  }
  return { topic: topic!, partitions }
}

/** In order and each once. Rejects where one is not there. */
export async function partitionsOf(client: ClusterClient, named: readonly NamedTopic[]): Promise<TopicPartition[]> {
  const topics = await client.topics([...new Set(named.map(({ topic }) => topic))])
  const found = new Map<string, TopicPartition>()
  for (const { topic, partitions } of named) {
    const existing = topics.find(({ name }) => name === topic)!.partitions.map(({ partition }) => partition)
    for (const partition of partitions ?? existing) {
      if (!existing.includes(partition)) {
        const range = `its partitions are 0 to ${existing.length - 1}`
        throw new ClientError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} has no partition ${partition}: ${range}`)
      }
      found.set(partitionKey({ topic, partition }), { topic, partition })
    }
  }
  return [...found.values()]
}
