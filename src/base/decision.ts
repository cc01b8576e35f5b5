/**
 * What a core decided: the records that make it so, and what to answer. The shell appends the records as one atomic batch, applies them,
 * and lets the replies go when they, and everything that the decision was read from, can no longer be undone.
 */
export interface Decision<Record, Reply> {
  readonly records: readonly Record[]
  readonly replies: readonly Reply[]
}
