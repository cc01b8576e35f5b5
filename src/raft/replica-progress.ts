/**
 * What a leader knows of the other servers' logs, voters and observers alike: how far they have come durably, and when they were heard of.
 * A server is its id with its directory: who lost its disk begins anew (KIP-853).
 */
import { type ReplicaKey, replicaName, type VoterSet } from './voter-set.js'

/** Who has not fetched for so long is forgotten, unless it votes (Kafka's observer session). */
const OBSERVER_SESSION_MS = 300_000
/** Beyond that the observer that was silent longest is forgotten. */
const MAX_REPLICAS = 10_000

export interface ReplicaProgress {
  readonly replica: ReplicaKey
  /** Its next Fetch offset: everything below is durable there. It may go back, as when a disk was lost. */
  readonly endOffset: number
  readonly lastFetchMs: number
  /** When it last had all that the leader had when it asked before. */
  readonly lastCaughtUpMs: number
  /** The leader's end when it fetched last. */
  readonly leaderEndAtFetch: number
}

export interface ProgressState {
  readonly sinceMs: number
  readonly replicas: readonly ReplicaProgress[]
}

export class Progress {
  /** When the leadership began: nobody was silent before. */
  #sinceMs: number
  /** Those heard of longest ago come first. */
  readonly #replicas = new Map<string, ReplicaProgress>()

  constructor({ sinceMs, replicas }: ProgressState) {
    this.#sinceMs = sinceMs
    for (const each of replicas) this.#replicas.set(replicaName(each.replica), each)
  }

  capture(): ProgressState {
    return { sinceMs: this.#sinceMs, replicas: [...this.#replicas.values()] }
  }

  all(): ReplicaProgress[] {
    return [...this.#replicas.values()]
  }

  of(replica: ReplicaKey): ReplicaProgress | undefined {
    return this.#replicas.get(replicaName(replica))
  }

  /** It asked for what follows `endOffset`, of a leader whose log ends at `leaderEnd`. */
  fetched(replica: ReplicaKey, endOffset: number, leaderEnd: number, nowMs: number): void {
    const before = this.of(replica)
    const hasAll = endOffset >= leaderEnd
    const hadAllThen = before !== undefined && endOffset >= before.leaderEndAtFetch
    const lastCaughtUpMs = hasAll ? nowMs : hadAllThen ? before.lastFetchMs : (before?.lastCaughtUpMs ?? -1)
    this.#put({ replica, endOffset, lastFetchMs: nowMs, lastCaughtUpMs, leaderEndAtFetch: leaderEnd })
  }

  /** It was heard of, and nothing was said of its log. */
  heard(replica: ReplicaKey, nowMs: number): void {
    const before = this.of(replica)
    if (before !== undefined) this.#put({ ...before, lastFetchMs: nowMs })
    else this.#put({ replica, endOffset: 0, lastFetchMs: nowMs, lastCaughtUpMs: -1, leaderEndAtFetch: 0 })
  }

  /** Never before the leadership began. */
  lastHeardMs(replica: ReplicaKey): number {
    return Math.max(this.of(replica)?.lastFetchMs ?? this.#sinceMs, this.#sinceMs)
  }

  hasFetched(replica: ReplicaKey): boolean {
    return this.of(replica) !== undefined
  }

  /** This process stood still for so long: nobody was silent meanwhile. */
  forgive(stalledMs: number, nowMs: number): void {
    const later = (ms: number): number => Math.min(ms + stalledMs, nowMs)
    this.#sinceMs = later(this.#sinceMs)
    for (const [name, each] of this.#replicas) {
      this.#replicas.set(name, { ...each, lastFetchMs: later(each.lastFetchMs) })
    }
  }

  /** Forgets observers that are gone. */
  prune(voters: VoterSet, nowMs: number): void {
    for (const [name, { replica, lastFetchMs }] of this.#replicas) {
      if (this.#replicas.size <= MAX_REPLICAS && nowMs - lastFetchMs < OBSERVER_SESSION_MS) break
      if (!voters.has(replica.id, replica.directoryId)) this.#replicas.delete(name)
    }
  }

  #put(progress: ReplicaProgress): void {
    const name = replicaName(progress.replica)
    this.#replicas.delete(name)
    this.#replicas.set(name, progress)
  }
}
