/** Says in words what a topic survives by its settings: what people otherwise have to work out from three numbers. */
export interface TopicPromises {
  readonly replicationFactor: number
  readonly minInSync: number
  readonly flushPolicy: 'commit' | 'os'
  readonly uncleanElection: boolean
  readonly cleanupPolicy: string
  /** -1: for ever. */
  readonly retentionMs: number
  /** -1: any size. */
  readonly retentionBytes: number
}

/** Sentences. */
export function survival(topic: TopicPromises): string[] {
  return [acknowledged(topic), available(topic), ...unclean(topic), kept(topic)]
}

function acknowledged({ replicationFactor, minInSync, flushPolicy }: TopicPromises): string {
  const copies = Math.min(minInSync, replicationFactor)
  const disks =
    copies === 1
      ? 'it is lost with the disk it is on if no other replica was in sync'
      : `any ${copies - 1} of the disks it is on may be lost`
  const alone = replicationFactor === 1 ? 'it is lost with the one disk that it is on' : disks
  return flushPolicy === 'commit'
    ? `A record acknowledged with acks=all is on disk and survives crashes and the loss of power everywhere; ${alone}.`
    : `A record acknowledged with acks=all survives crashes of processes; a loss of power on all replicas at once may take what ` +
        `was not flushed yet (flush.policy=os); ${alone}.`
}

function available({ replicationFactor, minInSync }: TopicPromises): string {
  const spare = replicationFactor - minInSync
  if (spare < 0) {
    return `Nothing can be written with acks=all: min.insync.replicas is ${minInSync}, and there are only ${replicationFactor} replicas.`
  }
  if (replicationFactor === 1) return 'While its broker is down, the topic can neither be read nor written.'
  const down = spare === 0 ? 'no broker' : spare === 1 ? 'one broker' : `${spare} brokers`
  return `With ${down} of its ${replicationFactor} down it can be read, and written with acks=all.`
}

function unclean({ uncleanElection, replicationFactor }: TopicPromises): string[] {
  if (!uncleanElection || replicationFactor === 1) return []
  return ['A replica that is behind may become leader when no other is left: acknowledged records may then be lost.']
}

function kept({ cleanupPolicy, retentionMs, retentionBytes }: TopicPromises): string {
  const policies = cleanupPolicy.split(',').map((policy) => policy.trim())
  const compacted = policies.includes('compact') ? ['Of each key the last value is kept'] : []
  const limits = [
    ...(retentionMs < 0 ? [] : [`for ${duration(retentionMs)}`]),
    ...(retentionBytes < 0 ? [] : [`up to ${size(retentionBytes)} a partition`]),
  ]
  if (!policies.includes('delete')) return `${compacted[0] ?? 'Records are kept for ever'}.`
  const records = compacted.length > 0 ? 'and records' : 'Records'
  const how = limits.length === 0 ? 'for ever' : limits.join(' and ')
  return `${[...compacted, `${records} are kept ${how}`].join(', ')}.`
}

function duration(ms: number): string {
  for (const [unit, length] of [
    ['days', 86_400_000],
    ['hours', 3_600_000],
    ['minutes', 60_000],
    ['seconds', 1000],
  ] as const) {
    if (ms >= length && ms % length === 0) return ms === length ? `1 ${unit.slice(0, -1)}` : `${ms / length} ${unit}`
  }
  return `${ms} ms`
}

function size(bytes: number): string {
  for (const [unit, length] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= length && bytes % length === 0) return `${bytes / length} ${unit}`
  }
  return `${bytes} bytes`
}
