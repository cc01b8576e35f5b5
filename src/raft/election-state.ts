/**
 * What a quorum member must never forget: its epoch, whom it voted for in it, and the leader it knows. Kept in Kafka's `quorum-state`
 * file (data_version 1, KIP-853), one JSON object.
 */
import { isUuid, type Uuid, ZERO_UUID } from '../base/uuid.js'

export interface ElectionState {
  readonly leaderEpoch: number
  /** -1: none known. */
  readonly leaderId: number
  /** -1: no vote in this epoch. */
  readonly votedId: number
  readonly votedDirectoryId: Uuid
}

export const NO_ELECTION: ElectionState = { leaderEpoch: 0, leaderId: -1, votedId: -1, votedDirectoryId: ZERO_UUID }

export function formatElectionState(state: ElectionState): string {
  const { leaderId, leaderEpoch, votedId, votedDirectoryId } = state
  return JSON.stringify({ leaderId, leaderEpoch, votedId, votedDirectoryId, data_version: 1 })
}

/** Undefined if the text is not a state that this release can read. */
export function parseElectionState(text: string): ElectionState | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { leaderId, leaderEpoch, votedId, votedDirectoryId, data_version } = value as Record<string, unknown>
  if (data_version !== 1 || !isId(leaderId) || !isId(votedId)) return undefined
  if (!Number.isInteger(leaderEpoch) || (leaderEpoch as number) < 0) return undefined
  if (typeof votedDirectoryId !== 'string' || !isUuid(votedDirectoryId)) return undefined
  return { leaderId, leaderEpoch: leaderEpoch as number, votedId, votedDirectoryId }
}

function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= -1
}
