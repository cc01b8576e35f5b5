/**
 * FollowerProgress: a follower as its leader sees it, in one leader epoch. What it had fetched from the leader before says nothing any more: it may have
 * cut its log since.
 */

/** Plain data. */
export interface FollowerState {
  /** Where it fetched from last: it has the log up to there, durably as its policy wants it. -1: it has not fetched in this epoch. */
  readonly position: number
  /** Where its log starts, durably: nothing in front of that comes back. -1: it has not said so in this epoch. */
  readonly startOffset: number
  /** Of the incarnation that fetched; -1: none has. */
  readonly brokerEpoch: number
  /** When it last had all that the leader had then. */
  readonly caughtUpMs: number
  readonly fetchedMs: number
  /** Where the leader's log ended when it fetched. */
  readonly leaderEndOffset: number
  /** The latest answer of this broker that it had when it asked on (`FetchSessions.answers`); -1: none. */
  readonly answer: number
}

export type FollowerFetched = Pick<FollowerState, 'position' | 'startOffset' | 'brokerEpoch' | 'answer'>

export const UNSEEN: FollowerState = {
  position: -1,
  startOffset: -1,
  brokerEpoch: -1,
  caughtUpMs: Number.NEGATIVE_INFINITY,
  fetchedMs: Number.NEGATIVE_INFINITY,
  leaderEndOffset: Number.POSITIVE_INFINITY,
  answer: -1,
}

/**
 * It fetches from `position` on. It has caught up when that is the end of the leader's log, or was when it fetched the last time: under a steady load it
 * is never at the end.
 */
export function afterFetch(
  before: FollowerState,
  { position, startOffset, brokerEpoch, answer }: FollowerFetched,
  leaderEndOffset: number,
  nowMs: number,
): FollowerState {
  let { caughtUpMs } = before
  if (position >= leaderEndOffset) caughtUpMs = nowMs
  else if (position >= before.leaderEndOffset) caughtUpMs = Math.max(caughtUpMs, before.fetchedMs)
  return { position, startOffset, brokerEpoch, caughtUpMs, fetchedMs: nowMs, leaderEndOffset, answer }
}
