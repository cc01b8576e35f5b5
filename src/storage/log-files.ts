/** Names and notations of the files in a partition's directory that are not a segment's: Kafka's, but for the digest. */
export const LEADER_EPOCH_CHECKPOINT = 'leader-epoch-checkpoint'
export const DIGEST_CHECKPOINT = 'replica-digest-checkpoint'
export const PARTITION_METADATA = 'partition.metadata'

/** Whose only partition is the log of the quorum. */
export const METADATA_TOPIC = '__cluster_metadata'

/** The content of `partition.metadata`. Kafka ends it without a newline. */
export function formatPartitionMetadata(topicId: string): string {
  return `version: 0\ntopic_id: ${topicId}`
}

/** The topic id; undefined if that is no whole `partition.metadata`. */
export function parsePartitionMetadata(text: string): string | undefined {
  return /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?$/.exec(text)?.[1]
}

/** `topic-3` */
export function partitionDirectoryName(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** Undefined if no partition's directory is called so. */
export function parsePartitionDirectoryName(name: string): { topic: string; partition: number } | undefined {
  const match = /^(.+)-(\d+)$/.exec(name)
  return match === null ? undefined : { topic: match[1]!, partition: Number(match[2]) }
}

/** The directory of the metadata log. */
export const METADATA_LOG = partitionDirectoryName(METADATA_TOPIC, 0)

/** Whether a whole snapshot of the metadata log is called so. */
export function isSnapshotName(name: string): boolean {
  return /^\d{20}-\d{10}\.checkpoint$/.test(name)
}

/** Why a partition's directory is not in use any more: the topic was deleted, or the metadata does not know it. */
export type Retired = 'delete' | 'stray'

const LONGEST_NAME = 255

/** `topic-3.<32 hexadecimal digits>-delete`, cut where it would be longer than a file system takes. As in Kafka. */
export function retiredDirectoryName(name: string, uniqueHex: string, why: Retired): string {
  const suffix = `.${uniqueHex}-${why}`
  return name.slice(0, LONGEST_NAME - suffix.length) + suffix
}

/** Undefined if the name is none of those. */
export function parseRetiredDirectoryName(name: string): Retired | undefined {
  return /\.[0-9a-f]{32}-(delete|stray)$/.exec(name)?.[1] as Retired | undefined
}
