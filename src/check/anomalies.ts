/**
 * What checkers find, under one name each, and how it is told. "Jepsen" is jepsen.tests.kafka, whose definitions these are where it has one; "ours" closes
 * a hole in it. A finding fails a run, but for what Kafka never promised: that is an observation.
 *
 * | anomaly | what it means | where it comes from | file |
 * | --- | --- | --- | --- |
 * | inconsistent-offsets | an offset at which different values were seen | Jepsen | check-log, check-loss |
 * | duplicate | a value at several offsets | Jepsen | check-log, check-loss |
 * | duplicate-nonzero | the same, not counting offset 0, which a broker may have made up | Bufstream's suite | check-loss |
 * | lost-write | acknowledged and not there: read past (workload), or not in the last reading (log) | Jepsen; the log is stricter | check-log, check-loss |
 * | unseen | acknowledged, and nobody was given it by the end | Jepsen | check-loss |
 * | phantom | nobody sent it here, or it is damaged | ours; there Jepsen's checker throws | check-log, check-loss |
 * | lost-read | given to somebody, and not in the last reading | ours | check-log |
 * | uncommitted-read | given, though the same answer says that it is not committed | ours | check-log |
 * | failed-write-visible | in the log, though its send had certainly failed | ours; G1a outside of transactions | check-log |
 * | deleted-visible | there, though its deletion was acknowledged | ours | check-log |
 * | resurrected | a value of a key, although a later one was acknowledged and is not there | ours | check-log |
 * | int-poll-skip, int-nonmonotonic-poll | within one operation: passed over a value, went back or gave it twice | Jepsen | check-order |
 * | poll-skip, nonmonotonic-poll | the same between two operations of a process; observations where anybody subscribes | Jepsen | check-log, check-order |
 * | int-send-skip | values of others between those of one operation: an observation | Jepsen | check-order |
 * | int-nonmonotonic-send | values of one operation in another order than they were sent in | Jepsen | check-order |
 * | nonmonotonic-send | the same between two operations of a process, or by sequence numbers | Jepsen, ours | check-log, check-order |
 * | sequence-gap | of one producer's acknowledged values an earlier one is missing where a later one was seen | ours | check-order |
 * | send-realtime | acknowledged before the other was sent, and behind it | ours | check-log, check-order |
 * | G1a | polled, and its transaction or send had certainly failed: an aborted read | Adya, Jepsen | check-transactions |
 * | G1b | polled before its transaction asked to be committed: an intermediate read | Adya; Jepsen does not check it | check-transactions |
 * | torn-transaction | one client had a part of a transaction and read past the rest | ours | check-transactions |
 * | precommitted-read | an operation polled what it had itself sent | Jepsen | check-transactions |
 * | empty-transaction-graph | nothing was done: what is not there cannot be wrong | Elle | check-workload |
 * | sent-twice | the workload sent a value twice, so that nothing can be said of it | ours | check-loss |
 * | G0, G0-process, G0-realtime | a cycle of writes in front of writes (with the order of a process, of time): observations | Adya, Elle | check-cycles |
 * | G1c, G1c-process, G1c-realtime | a cycle with reads of writes; an observation if it needs a write in front of a write | Adya, Elle | check-cycles |
 * | stale-latest | the end of the log as asked for after an acknowledgement is not behind that value | Redpanda's suite | check-watermarks |
 * | latest-went-back, start-went-back | the end, or the start, of a log is lower for who asked later | Redpanda's suite, ours | check-watermarks |
 * | watermarks-crossed | of one answer: start, last stable offset, high watermark and end are not in this order | ours | check-watermarks |
 * | offset-went-back | a group's committed offset is lower than one that was certain before it was asked for | ours | check-group-offsets |
 * | offset-phantom, aborted-offset | it is one that nobody committed, or whose commit had failed | ours | check-group-offsets |
 * | stale-generation | a commit of a generation was taken after one of a later generation | ours | check-group-offsets |
 * | reset-undone | a group's offset was set back or deleted, nobody has committed since, and it is another one | Redpanda's suite, ours | check-group-offsets |
 * | owned-twice | a partition belongs to two members of a group: in one generation, or while both have reason to think so | Vanlightly's specification | check-group-ownership |
 * | group-skip | a member begins behind what nobody of its group was given | ours | check-group-progress |
 * | group-unseen | acknowledged, and nobody of a group that reads it was given it by the end | ours | check-group-progress |
 * | transformed-twice, not-transformed | a source record with several visible targets, or with none | Redpanda's suite | check-transforms |
 * | replicas-differ | replicas do not have the same bytes below what all count as committed | ours | check-replicas |
 *
 * Elle's PL-1-cycle-exists and PL-2-cycle-exists say that it gave up searching; this search is linear and does not. There are no edges from a read to
 * what overwrites it (nothing in a log is overwritten), so that G-single, G-nonadjacent and G2 cannot occur.
 */
export type Anomaly = LogAnomaly | WorkloadAnomaly | CycleAnomaly | ServiceAnomaly

/** Of one key. */
type LogAnomaly =
  | 'inconsistent-offsets'
  | 'duplicate'
  | 'duplicate-nonzero'
  | 'lost-write'
  | 'unseen'
  | 'phantom'
  | 'lost-read'
  | 'uncommitted-read'
  | 'failed-write-visible'
  | 'deleted-visible'
  | 'resurrected'
  | 'nonmonotonic-poll'
  | 'poll-skip'
  | 'nonmonotonic-send'
  | 'send-realtime'

/** Of operations with several parts. */
type WorkloadAnomaly =
  | 'int-poll-skip'
  | 'int-nonmonotonic-poll'
  | 'int-send-skip'
  | 'int-nonmonotonic-send'
  | 'sequence-gap'
  | 'G1a'
  | 'G1b'
  | 'torn-transaction'
  | 'precommitted-read'
  | 'empty-transaction-graph'
  | 'sent-twice'

export type CycleAnomaly = 'G0' | 'G0-process' | 'G0-realtime' | 'G1c' | 'G1c-process' | 'G1c-realtime'

/** Of what is asked for besides records. */
type ServiceAnomaly =
  | 'stale-latest'
  | 'latest-went-back'
  | 'start-went-back'
  | 'watermarks-crossed'
  | 'offset-went-back'
  | 'offset-phantom'
  | 'aborted-offset'
  | 'stale-generation'
  | 'reset-undone'
  | 'owned-twice'
  | 'group-skip'
  | 'group-unseen'
  | 'transformed-twice'
  | 'not-transformed'
  | 'replicas-differ'

export interface Finding {
  readonly anomaly: Anomaly
  /** Empty: it is not about one key. */
  readonly key: string
  readonly detail: string
  /** Which operations show it: their indices, where they have any. */
  readonly operations?: readonly number[]
}

/** Told in full of one anomaly; the others are only counted. */
const MAX_TOLD = 32

/** What one checker has found so far. */
export class Findings {
  readonly told: Finding[] = []
  readonly counts = new Map<Anomaly, number>()

  /** `shownBy`: indices of operations. */
  add(anomaly: Anomaly, key: string, detail: () => string, shownBy?: () => readonly number[]): void {
    const count = (this.counts.get(anomaly) ?? 0) + 1
    this.counts.set(anomaly, count)
    if (count > MAX_TOLD) return
    const operations = shownBy?.() ?? []
    this.told.push({ anomaly, key, detail: detail(), ...(operations.length === 0 ? {} : { operations }) })
  }
}

/** Of those that have one. */
export function indices(...operations: readonly { readonly index?: number | undefined }[]): number[] {
  return operations.flatMap(({ index }) => index ?? [])
}
