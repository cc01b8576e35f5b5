/**
 * Where the replicas of new partitions go: round the brokers from a random start, leaders as evenly as can be, the followers of
 * successive partitions at growing distance, so that the partitions of one broker fail over to all the others
 * (the scheme of Kafka's StripedReplicaPlacer, without racks).
 */
import type { Random } from '../io/random.js'

/** Lists of broker ids, the preferred leader first. `replicationFactor` is at most the number of brokers. */
export function placeReplicas(
  brokers: readonly number[],
  partitions: number,
  replicationFactor: number,
  random: Random,
): number[][] {
  const ring = [...brokers].sort((a, b) => a - b)
  const start = random.below(ring.length)
  const firstShift = random.below(ring.length)
  const placed: number[][] = []
  for (let partition = 0; partition < partitions; partition++) {
    const leader = (start + partition) % ring.length
    const replicas = [ring[leader]!]
    const shift = firstShift + Math.floor(partition / ring.length)
    for (let follower = 1; follower < replicationFactor; follower++) {
      const distance = 1 + ((shift + follower - 1) % (ring.length - 1))
      replicas.push(ring[(leader + distance) % ring.length]!)
    }
    placed.push(replicas)
  }
  return placed
}
