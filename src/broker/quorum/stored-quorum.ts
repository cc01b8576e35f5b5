/**
 * What the quorum of a node finds on its disk when it starts: the election state, the latest snapshot, and the log behind it.
 *
 * A snapshot that goes beyond the log, or beside it, was fetched and is durable; the log did not come to begin anew behind it before the node died.
 * It does so now: what the log held is in the snapshot, or was never committed.
 */
import type { Ports } from '../../io/ports.js'
import { EMPTY_IMAGE, type MetadataImage } from '../../metadata/image.js'
import { type ElectionState, NO_ELECTION, parseElectionState } from '../../raft/election-state.js'
import { LOG_BEGINNING, type OffsetAndEpoch } from '../../raft/epoch-chain.js'
import type { LogContent } from '../../raft/raft-log.js'
import { VoterSet } from '../../raft/voter-set.js'
import { METADATA_TOPIC } from '../../storage/log-files.js'
import type { PartitionLog } from '../../storage/partition-log.js'
import { METADATA_TOPIC_ID, type QuorumBatch, readQuorumLog } from './batches.js'
import type { QuorumOptions } from './options.js'
import type { SnapshotContent } from './snapshot-file.js'
import { QuorumSnapshots } from './snapshots.js'

export const ELECTION_STATE_FILE = 'quorum-state'

export interface StoredQuorum {
  readonly log: PartitionLog
  readonly saved: ElectionState
  readonly content: LogContent
  readonly snapshots: QuorumSnapshots
  /** That of the snapshot. */
  readonly image: MetadataImage
  /** Of the last batch in it; -1: there is none. */
  readonly timestamp: number
  /** What stands in the log behind it. */
  readonly batches: readonly QuorumBatch[]
}

type OpenDone = (error: Error | undefined, stored: StoredQuorum | undefined) => void

/** The error is a sentence for the operator. */
export function openQuorumStorage(ports: Ports, options: QuorumOptions, done: OpenDone): void {
  const id = { topic: METADATA_TOPIC, partition: 0, topicId: METADATA_TOPIC_ID }
  options.directories.openMetadata(id, options.log, (error, log) => {
    if (log === undefined) return done(error, undefined)
    let opened: Opened
    try {
      const snapshots = new QuorumSnapshots(ports, log, options.directories)
      const { latest } = snapshots
      const saved = readElectionState(ports, log, latest)
      const snapshot = latest && snapshots.read(latest, options.release)
      opened = { log, snapshots, saved, latest, snapshot, start: startOf(log, snapshots) }
    } catch (cause) {
      return done(cause as Error, undefined)
    }
    withSnapshot(ports, options, opened, done)
  })
}

interface Opened extends Pick<StoredQuorum, 'log' | 'saved' | 'snapshots'> {
  readonly latest: OffsetAndEpoch | undefined
  readonly snapshot: SnapshotContent | undefined
  readonly start: OffsetAndEpoch
}

/** The epoch of the batch that ends there or holds the offset before; that of the start where the log has none. */
export function epochBefore(log: PartitionLog, startEpoch: number, offset: number): number {
  let epoch = startEpoch
  for (const { leaderEpoch, startOffset } of log.state.epochs.entries()) {
    if (startOffset >= Math.min(offset, log.logEndOffset)) break
    epoch = leaderEpoch
  }
  return epoch
}

function withSnapshot(ports: Ports, options: QuorumOptions, opened: Opened, done: OpenDone): void {
  const { log, latest, start } = opened
  if (latest === undefined || holds(log, start, latest)) return withLog(options, opened, done)
  ports.logger.info({ snapshot: latest, endOffset: log.logEndOffset }, 'metadata log begins anew behind a snapshot')
  options.directories.metadataLogs.cuts.restart(log, latest.offset, (error) =>
    error === undefined ? withLog(options, { ...opened, start: latest }, done) : done(error, undefined),
  )
}

function withLog(options: QuorumOptions, opened: Opened, done: OpenDone): void {
  const { log, snapshots, start, saved, latest, snapshot } = opened
  readQuorumLog(log, Math.max(start.offset, latest?.offset ?? 0), options.release, (error, read) => {
    if (read === undefined) return done(error, undefined)
    const { nodeId, directoryId } = options.directories.metadata.identity
    const isAlone = (options.named ?? []).length === 0
    const alone = isAlone ? new VoterSet([{ id: nodeId, directoryId, endpoints: options.endpoints }]) : undefined
    const voters = snapshot?.voters ?? alone
    const latestVoters = read.voterChanges.at(-1)?.voters ?? voters
    if (isAlone && latestVoters?.has(nodeId, directoryId) === false) {
      const sentence = `node ${nodeId} with the directory id ${directoryId} is no voter of this quorum: meta.properties was changed, or the log is another node's`
      return done(new Error(sentence), undefined)
    }
    const epochs = log.state.epochs
      .entries()
      .filter(({ startOffset }) => startOffset >= start.offset && startOffset < log.logEndOffset)
    const content: LogContent = {
      start,
      endOffset: log.logEndOffset,
      epochs: epochs.map(({ leaderEpoch: epoch, startOffset }) => ({ epoch, startOffset })),
      voters,
      voterChanges: read.voterChanges,
      // With what the cluster was founded nothing is committed yet.
      snapshotId: latest?.offset === 0 ? undefined : latest,
    }
    const { image = EMPTY_IMAGE, lastContainedTimestamp: timestamp = -1 } = snapshot ?? {}
    done(undefined, { log, saved, content, snapshots, image, timestamp, batches: read.batches })
  })
}

/** Behind which place the log begins. Throws a sentence for the operator. */
function startOf({ startOffset, directory }: PartitionLog, snapshots: QuorumSnapshots): OffsetAndEpoch {
  if (startOffset === 0) return LOG_BEGINNING
  const start = snapshots.at(startOffset)
  if (start !== undefined) return start
  throw new Error(
    `the log in ${directory} begins at offset ${startOffset}, and the snapshot that it begins behind is gone: restore it, or the whole directory`,
  )
}

/** Whether the log has everything that is in the snapshot. */
function holds(log: PartitionLog, start: OffsetAndEpoch, { offset, epoch }: OffsetAndEpoch): boolean {
  if (log.logEndOffset < offset) return false
  return epochBefore(log, start.epoch, offset) === epoch
}

/** Throws an error that is a sentence for the operator, or a `DiskError`. */
function readElectionState({ disk }: Ports, log: PartitionLog, snapshot: OffsetAndEpoch | undefined): ElectionState {
  const path = `${log.directory}/${ELECTION_STATE_FILE}`
  const bytes = disk.readFile(path)
  if (bytes === undefined) {
    if (log.logEndOffset === 0 && (snapshot?.offset ?? 0) === 0) return NO_ELECTION
    throw new Error(
      `${path} is gone: without it this node could vote twice in one epoch. Restore it, or the whole directory`,
    )
  }
  const state = parseElectionState(Buffer.from(bytes).toString('utf8'))
  if (state === undefined) throw new Error(`${path} is damaged: restore it, or the whole directory`)
  return state
}
