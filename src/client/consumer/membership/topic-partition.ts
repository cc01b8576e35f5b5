/** A partition by the name of its topic, and sets of them. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** As people write it; two partitions never share one. */
export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}

export function comparePartitions(a: TopicPartition, b: TopicPartition): number {
  return a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
}

/** Those of the first that are not among the second. */
export function without(partitions: Iterable<TopicPartition>, others: { has(key: string): boolean }): TopicPartition[] {
  return [...partitions].filter((each) => !others.has(keyOf(each)))
}

/** As messages name them: topics in order of appearance, partitions by number. */
export function byTopic(partitions: readonly TopicPartition[]): { topic: string; partitions: number[] }[] {
  const found = new Map<string, number[]>()
  for (const { topic, partition } of [...partitions].sort(comparePartitions)) {
    const those = found.get(topic)
    if (those === undefined) found.set(topic, [partition])
    else those.push(partition)
  }
  return [...found].map(([topic, those]) => ({ topic, partitions: those }))
}

export function flattened(
  topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
): TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
}
