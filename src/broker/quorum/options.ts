/** What the quorum of a node goes by. */
import type { FlightRecorder } from '../../base/flight-recorder.js'
import type { NodeSettings } from '../../config/node-settings.js'
import type { Address } from '../../io/network.js'
import type { Release } from '../../metadata/release.js'
import { DEFAULT_TIMEOUTS, type RaftTimeouts } from '../../raft/raft-timeouts.js'
import type { VoterEndpoint } from '../../raft/voter-set.js'
import type { LogDirectories } from '../../storage/log-directories.js'
import type { LogOptions } from '../../storage/partition-log.js'

/** A server of `controller.quorum.voters` or `controller.quorum.bootstrap.servers`; the latter names no ids. */
export interface NamedServer extends Address {
  readonly nodeId: number | undefined
}

export interface QuorumSettings {
  readonly timeouts: RaftTimeouts
  /** How much a Fetch asks for, and an answer holds, but for a first batch that is larger. */
  readonly fetchMaxBytes: number
  /** The largest piece of a snapshot that is asked for, and given. */
  readonly fetchSnapshotMaxBytes: number
  /** A snapshot is taken when so much was applied since the last one, */
  readonly snapshotAfterBytes: number
  /** or when it is so old and there is anything new; 0: for its age none is. */
  readonly snapshotAfterMs: number
  /** Snapshots and log that are larger, or older, than this go when there is a later snapshot; -1: no limit. */
  readonly retentionBytes: number
  readonly retentionMs: number
}

/** Kafka's defaults. */
export const DEFAULT_QUORUM_SETTINGS: QuorumSettings = {
  timeouts: DEFAULT_TIMEOUTS,
  fetchMaxBytes: 1_048_576,
  fetchSnapshotMaxBytes: 1_048_576,
  snapshotAfterBytes: 20_971_520,
  snapshotAfterMs: 3_600_000,
  retentionBytes: 104_857_600,
  retentionMs: 604_800_000,
}

export function quorumSettings(settings: NodeSettings): QuorumSettings {
  const timeouts: RaftTimeouts = {
    ...DEFAULT_TIMEOUTS,
    founderStandsAtOnce: true,
    electionTimeoutMs: settings['controller.quorum.election.timeout.ms'],
    electionBackoffMaxMs: settings['controller.quorum.election.backoff.max.ms'],
    fetchTimeoutMs: settings['controller.quorum.fetch.timeout.ms'],
    requestTimeoutMs: settings['controller.quorum.request.timeout.ms'],
    retryBackoffMs: settings['controller.quorum.retry.backoff.ms'],
  }
  return {
    timeouts,
    fetchMaxBytes: settings['controller.quorum.fetch.max.bytes'],
    fetchSnapshotMaxBytes: settings['controller.quorum.fetch.snapshot.max.bytes'],
    snapshotAfterBytes: settings['metadata.log.max.record.bytes.between.snapshots'],
    snapshotAfterMs: settings['metadata.log.max.snapshot.interval.ms'],
    retentionBytes: settings['metadata.max.retention.bytes'],
    retentionMs: settings['metadata.max.retention.ms'],
  }
}

export interface QuorumOptions {
  readonly directories: LogDirectories
  readonly log: LogOptions
  /** Where this node's controller can be reached. */
  readonly endpoints: readonly VoterEndpoint[]
  readonly recorder: FlightRecorder
  /** Whom to ask for the quorum. None, and nobody else votes: this node alone is the quorum, and founds it if it is empty. */
  readonly named?: readonly NamedServer[]
  readonly settings?: QuorumSettings
  /** What this node can work with. */
  readonly release: Release
  /** The node cannot go on: a sentence for the operator. */
  readonly lost?: (sentence: string) => void
}
