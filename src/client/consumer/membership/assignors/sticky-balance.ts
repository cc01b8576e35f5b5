/**
 * Deals partitions out so that nobody who has two more than another could give that one something, and moves as few as it can: everyone first keeps what it
 * had, what nobody has goes to who has least, then who has most gives.
 *
 * Where two say that they have the same partition, the later generation is right; in the same one neither is.
 */
import { comparePartitions, keyOf, type TopicPartition } from '../topic-partition.js'
import {
  type AssignedMember,
  type Assignments,
  inOrder,
  type LastAssignment,
  type PartitionCounts,
  wantedTopics,
} from './assignor.js'

interface Share {
  readonly memberId: string
  readonly topics: ReadonlySet<string>
  readonly partitions: TopicPartition[]
}

export function balanced(
  counts: PartitionCounts,
  members: readonly AssignedMember[],
  lastOf: (member: AssignedMember) => LastAssignment,
): Assignments {
  const shares = inOrder(members).map(
    ({ memberId, topics }): Share => ({ memberId, topics: new Set(topics), partitions: [] }),
  )
  const free = keepWhatTheyHad(shares, counts, members, lastOf)
  const takers = takersByTopic(shares)
  // What few can take goes first: the others can still be balanced with what more can take.
  free.sort((a, b) => takers.get(a.topic)!.length - takers.get(b.topic)!.length || comparePartitions(a, b))
  for (const partition of free) leastOf(takers.get(partition.topic)!).partitions.push(partition)
  while (moveOne(shares, takers)) {}
  return new Map(shares.map(({ memberId, partitions }) => [memberId, partitions.sort(comparePartitions)]))
}

/** Gives back what nobody had. */
function keepWhatTheyHad(
  shares: readonly Share[],
  counts: PartitionCounts,
  members: readonly AssignedMember[],
  lastOf: (member: AssignedMember) => LastAssignment,
): TopicPartition[] {
  const claims = new Map<string, { readonly memberId: string | undefined; readonly generationId: number }>()
  for (const member of members) {
    const { partitions, generationId } = lastOf(member)
    for (const key of new Set(partitions.map(keyOf))) {
      const other = claims.get(key)
      if (other === undefined || generationId > other.generationId) {
        claims.set(key, { memberId: member.memberId, generationId })
      } else if (generationId === other.generationId) claims.set(key, { memberId: undefined, generationId })
    }
  }
  const byMember = new Map(shares.map((share) => [share.memberId, share]))
  const free: TopicPartition[] = []
  for (const topic of wantedTopics(counts, members)) {
    for (let partition = 0; partition < counts.get(topic)!; partition++) {
      const owner = claims.get(keyOf({ topic, partition }))?.memberId
      const share = owner === undefined ? undefined : byMember.get(owner)
      if (share?.topics.has(topic)) share.partitions.push({ topic, partition })
      else free.push({ topic, partition })
    }
  }
  return free
}

function takersByTopic(shares: readonly Share[]): Map<string, Share[]> {
  const takers = new Map<string, Share[]>()
  for (const share of shares) {
    for (const topic of share.topics) {
      const those = takers.get(topic)
      if (those === undefined) takers.set(topic, [share])
      else those.push(share)
    }
  }
  return takers
}

/** The first of those that have least. */
function leastOf(shares: readonly Share[]): Share {
  return shares.reduce((least, share) => (share.partitions.length < least.partitions.length ? share : least))
}

/** The one with most gives to the one with least that can take something of it. Each move makes the sum of squares less, so that it ends. */
function moveOne(shares: readonly Share[], takers: ReadonlyMap<string, readonly Share[]>): boolean {
  const giving = [...shares].sort((a, b) => b.partitions.length - a.partitions.length)
  const least = giving.at(-1)?.partitions.length ?? 0
  for (const { partitions } of giving) {
    if (partitions.length < least + 2) return false
    let best: { readonly at: number; readonly taker: Share } | undefined
    const seen = new Set<string>()
    for (let at = partitions.length - 1; at >= 0; at--) {
      const { topic } = partitions[at]!
      if (seen.has(topic)) continue
      seen.add(topic)
      const taker = leastOf(takers.get(topic)!)
      if (partitions.length - taker.partitions.length < 2) continue
      if (best === undefined || taker.partitions.length < best.taker.partitions.length) best = { at, taker }
    }
    if (best === undefined) continue
    best.taker.partitions.push(...partitions.splice(best.at, 1))
    return true
  }
  return false
}
