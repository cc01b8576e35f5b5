/** What the invariants of replicas keep in mind: of a partition, of a replica as it was seen last, and of a node since its start. */
import type { Partition } from '../broker/partition.js'
import type { PartitionState } from '../metadata/records.js'
import { CommittedLog } from './committed-log.js'
import type { LogCursor } from './log-cursor.js'

/** A partition, from its creation to its end. */
export interface Watched {
  readonly key: string
  readonly name: string
  readonly topicId: string
  readonly partition: number
  readonly directory: string
  readonly committed: CommittedLog
  /** Who has led it, by leader epoch. */
  readonly leaders: Map<number, number>
  /** As the controller has it; undefined: not any more. */
  state: PartitionState | undefined
  /** The leader epoch whose leader was seen to have all. */
  verifiedEpoch: number
  /** Something of it has moved. */
  moved: boolean
  /** It was not always `commit` that it went by. */
  everOs: boolean
  /** The cleaner may take records out of it. */
  everCompacted: boolean
  /** Its records may be gone that are in front of this: somebody wanted that. */
  deletable: number
  /** It may have lost what was committed, and was allowed to. */
  mayHaveLost: boolean
  /** Somebody has changed what one of its replicas holds. */
  isTamperedWith: boolean
  lowestMin: number
  largestMin: number
  /** So many were enough, and have been kept in mind since. */
  remembered: number
  /** As it was while eligible replicas were not kept apart, if it is still so. */
  inSyncBefore: string | undefined
  replicas: readonly number[]
}

/** A replica as it was seen last. */
export interface Seen {
  readonly watched: Watched
  readonly cursor: LogCursor
  leaderEpoch: number
  isLeader: boolean
  highWatermark: number
  flushedEndOffset: number
  logEndOffset: number
  startOffset: number
  followed: object | undefined
  partitionEpoch: number
  /** Who counted, by number. */
  counted: number
}

export interface SeenNode {
  readonly start: number
  comparedBytes: number
  readonly replicas: Map<Partition, Seen>
}

export function newlyWatched(which: Pick<Watched, 'key' | 'name' | 'topicId' | 'partition' | 'directory'>): Watched {
  return {
    ...which,
    committed: new CommittedLog(which.directory),
    leaders: new Map(),
    state: undefined,
    verifiedEpoch: -1,
    moved: false,
    everOs: false,
    everCompacted: false,
    deletable: 0,
    mayHaveLost: false,
    isTamperedWith: false,
    lowestMin: Number.POSITIVE_INFINITY,
    largestMin: 0,
    remembered: 0,
    inSyncBefore: undefined,
    replicas: [],
  }
}

export function newlySeen(watched: Watched, cursor: LogCursor): Seen {
  return {
    watched,
    cursor,
    leaderEpoch: -1,
    isLeader: false,
    highWatermark: 0,
    flushedEndOffset: 0,
    logEndOffset: 0,
    startOffset: 0,
    followed: undefined,
    partitionEpoch: -1,
    counted: 0,
  }
}
