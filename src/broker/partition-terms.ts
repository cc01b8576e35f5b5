/** What is said of a partition: which it is, what became of what was appended to it, and what the metadata says. */
import type { Uuid } from '../base/uuid.js'
import type { PartitionState } from '../metadata/records.js'
import type { ErrorName } from '../protocol/errors.js'

export interface PartitionId {
  readonly topic: string
  readonly topicId: Uuid
  readonly partition: number
}

/** Where an append stands; what comes of it is told by `Partition.outcome`. */
export interface Appended {
  readonly kind: 'appended'
  readonly baseOffset: number
  /** The offset after its last record. */
  readonly endOffset: number
  readonly leaderEpoch: number
  /** How often the log had failed before. */
  readonly failures: number
}

export interface Refused {
  readonly kind: 'refused'
  readonly error: ErrorName
  readonly message: string | undefined
}

/** `pending`: not decided yet. */
export type Outcome = 'pending' | 'done' | ErrorName

/** What the metadata says of a partition, and which brokers may be in sync, with the epochs of their incarnations. */
export interface PartitionView {
  readonly state: PartitionState
  readonly usable: ReadonlyMap<number, number>
}

/** Whether what this replica has may be all that is left of what was committed. */
export function isCountedOn({ isr, eligibleLeaderReplicas }: PartitionState, brokerId: number): boolean {
  return isr.includes(brokerId) || eligibleLeaderReplicas.includes(brokerId)
}

/** What a `PartitionLeader` is told, as the flight recorder names it. */
export type LeaderInput =
  | 'changed'
  | 'setUsable'
  | 'configure'
  | 'fetched'
  | 'startMoved'
  | 'keepOut'
  | 'handOver'
  | 'tick'
  | 'answered'
  | 'appended'
  | 'flushed'

export function refused(error: ErrorName, message?: string): Refused {
  return { kind: 'refused', error, message }
}
