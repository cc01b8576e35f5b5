/**
 * How long a member of the quorum waits for what, in milliseconds. The first three are Kafka's settings `controller.quorum.*`.
 */
export interface RaftTimeouts {
  /** How long an election may take, and how long a voter without a leader waits before it begins one; up to twice as long, drawn anew each time. */
  readonly electionTimeoutMs: number
  /** How long a follower goes without an answer of its leader; a leader, half as long again without a Fetch of a majority. */
  readonly fetchTimeoutMs: number
  /** The longest pause after an election that nobody won; it doubles from failure to failure up to this. */
  readonly electionBackoffMaxMs: number
  readonly requestTimeoutMs: number
  /** A member that did not answer is left alone for so long. */
  readonly retryBackoffMs: number
  /** How long a leader may hold a Fetch back until there is something new. */
  readonly fetchMaxWaitMs: number
  /** How long a leader that gave up, or whose log refused an append, waits before it stands again. */
  readonly resignBackoffMs: number
  /** In a quorum that nobody has led yet the voter with the lowest id, which wrote the founding, stands without waiting. */
  readonly founderStandsAtOnce?: true
}

/** Kafka's defaults, where it has the setting. */
export const DEFAULT_TIMEOUTS: RaftTimeouts = {
  electionTimeoutMs: 1000,
  fetchTimeoutMs: 2000,
  electionBackoffMaxMs: 1000,
  requestTimeoutMs: 2000,
  retryBackoffMs: 20,
  fetchMaxWaitMs: 500,
  resignBackoffMs: 500,
}

/** A leader resigns after this many fetch timeouts without a majority (Kafka's check quorum, KAFKA-15489). */
export const CHECK_QUORUM_FACTOR = 1.5
