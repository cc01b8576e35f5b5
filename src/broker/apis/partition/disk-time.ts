/**
 * How long to wait for what is done on the leader's own disk. The time that a client allows is for followers: Kafka counts it only from where
 * the leader has done its part, which it does in any case, also for a client that allows none.
 */

/** Longer than any write or flush takes but on a disk that is stuck. */
const SHORTEST_MS = 1000

export function withDiskTime(timeoutMs: number): number {
  return Math.max(timeoutMs, SHORTEST_MS)
}
