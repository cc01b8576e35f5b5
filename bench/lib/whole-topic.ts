/** All that stands in a topic, read from the beginning to where it ended when the reading began, and whether it is what was acknowledged. */
import { ClusterClient } from '../../src/client/cluster-client.js'
import { PartitionConsumer } from '../../src/client/consumer/partition-consumer.js'
import { nodePorts } from '../../src/io/node/ports.js'
import type { Acknowledged } from './verifiable-producer.js'

const POLL_MS = 1000
const LONGEST_MS = 300_000

/** By partition, the values by their offsets. */
export type TopicContents = readonly ReadonlyMap<number, string>[]

export async function readTopic(bootstrapServers: string, topic: string, partitions: number): Promise<TopicContents> {
  const client = new ClusterClient({ ports: nodePorts('error'), bootstrapServers })
  try {
    const contents = Array.from({ length: partitions }, () => new Map<number, string>())
    const assignments = contents.map((_, partition) => ({ topic, partition, offset: 'earliest' as const }))
    const consumer = new PartitionConsumer(client, assignments, { reset: 'none' })
    const deadlineMs = performance.now() + LONGEST_MS
    while (performance.now() < deadlineMs) {
      for (const { partition, offset, value } of await consumer.poll(POLL_MS)) {
        contents[partition]!.set(offset, Buffer.from(value ?? []).toString())
      }
      const isAtEnd = consumer.positions.every(({ offset, highWatermark }) => offset === highWatermark)
      if (isAtEnd) return contents
    }
    throw new Error(`${topic} was not read to its end within ${LONGEST_MS} ms`)
  } finally {
    client.close()
  }
}

export interface Judgement {
  /** Acknowledged, and not where it was said to be. */
  readonly lost: readonly Acknowledged[]
  /** Values that stand there more often than once. */
  readonly doubled: readonly string[]
  /** Values whose number is smaller than one before them in the partition. */
  readonly outOfOrder: readonly string[]
}

/** `prefix`: of the one producer that is looked at. */
export function judge(contents: TopicContents, acknowledged: readonly Acknowledged[], prefix: string): Judgement {
  const lost = acknowledged.filter(({ partition, offset, value }) => contents[partition]?.get(offset) !== value)
  const doubled: string[] = []
  const outOfOrder: string[] = []
  for (const values of contents) {
    const seen = new Set<string>()
    let last = -1
    for (const [, value] of [...values].sort(([a], [b]) => a - b)) {
      if (!value.startsWith(`${prefix}.`)) continue
      if (seen.has(value)) doubled.push(value)
      seen.add(value)
      const number = Number(value.slice(prefix.length + 1))
      if (number < last) outOfOrder.push(value)
      last = number
    }
  }
  return { lost, doubled, outOfOrder }
}
