/**
 * What must hold of a replica by itself, and of a leader with what the controller says: the rules of the published specifications of Kafka's
 * replication (KIP-966) as functions that throw. Names are theirs.
 */
import { assert } from '../base/assert.js'
import type { PartitionState } from '../metadata/records.js'

/** What a leader goes by. */
export interface LeadingView {
  readonly partitionEpoch: number
  readonly isr: readonly number[]
  readonly maximalIsr: readonly number[]
  readonly hasEnoughInSync: boolean
  readonly positionOf: (replicaId: number) => number
}

export interface ReplicaView {
  readonly nodeId: number
  /** -1: none. */
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly isLeader: boolean
  /** Whom it follows, and in which epoch; undefined: nobody. */
  readonly followed: { readonly leaderId: number; readonly leaderEpoch: number } | undefined
  /** From whom it is fetched. */
  readonly sources: readonly number[]
  readonly startOffset: number
  readonly flushedEndOffset: number
  readonly settledEndOffset: number
  readonly logEndOffset: number
  readonly nextOffset: number
  readonly highWatermark: number
}

/** Replica well-formed: who leads or follows does so by the metadata that it has; no offset is beyond another that it hangs on. */
export function checkReplica(view: ReplicaView, where: string): void {
  const { nodeId, leaderId, leaderEpoch, isLeader, followed } = view
  assert(!isLeader || leaderId === nodeId, () => `${where} leads, and the leader is ${leaderId}`)
  assert(
    followed === undefined || (followed.leaderId === leaderId && leaderId !== nodeId && !isLeader),
    () => `${where} follows ${followed?.leaderId}, and the leader is ${leaderId}`,
  )
  assert(
    followed === undefined || followed.leaderEpoch === leaderEpoch,
    () => `${where} follows in epoch ${followed?.leaderEpoch}, and it is ${leaderEpoch}`,
  )
  const { startOffset, flushedEndOffset, settledEndOffset, logEndOffset, nextOffset, highWatermark } = view
  assert(
    startOffset <= logEndOffset &&
      flushedEndOffset <= logEndOffset &&
      settledEndOffset <= logEndOffset &&
      logEndOffset <= nextOffset &&
      // What a follower was given with it is on its way to the disk.
      highWatermark <= (isLeader ? settledEndOffset : nextOffset),
    () =>
      `${where}: start ${startOffset}, flushed ${flushedEndOffset}, committed ${highWatermark}, settled ${settledEndOffset}, end ${logEndOffset}, next ${nextOffset}`,
  )
}

/** Fetcher well-formed: leaders fetch from nobody, followers from their leader alone. */
export function checkFetcher({ followed, sources, isLeader }: ReplicaView, where: string): void {
  assert(!isLeader || sources.length === 0, () => `${where} leads, and fetches from ${sources}`)
  assert(
    followed === undefined ? sources.length === 0 : sources.length === 1 && sources[0] === followed.leaderId,
    () => `${where} follows ${followed?.leaderId ?? 'nobody'}, and fetches from ${sources.join(' and ') || 'nobody'}`,
  )
}

/**
 * Replication quorum superset: whoever the controller may make leader is counted by the leader. `state`: what is committed in the metadata, of the same
 * leader epoch.
 */
export function checkQuorumSuperset(leading: LeadingView, state: PartitionState, where: string): void {
  const { partitionEpoch, isr, maximalIsr, hasEnoughInSync } = leading
  const { eligibleLeaderReplicas } = state
  assert(
    state.isr.every((id) => maximalIsr.includes(id)),
    () => `${where} counts ${maximalIsr}, and in sync are ${state.isr}`,
  )
  assert(
    !hasEnoughInSync || eligibleLeaderReplicas.every((id) => maximalIsr.includes(id)),
    () => `${where} counts ${maximalIsr}, and eligible are ${eligibleLeaderReplicas} beside ${state.isr}`,
  )
  assert(
    partitionEpoch !== state.partitionEpoch || isSame(isr, state.isr),
    () => `${where} knows ${isr} to be in sync, and in the same partition epoch ${partitionEpoch} ${state.isr} are`,
  )
}

/** The high watermark has moved: enough are in sync, and everybody who counts has all below it. */
export function checkAdvance(leading: LeadingView, nodeId: number, highWatermark: number, where: string): void {
  assert(leading.hasEnoughInSync, () => `${where} commits up to ${highWatermark} with only ${leading.isr} in sync`)
  for (const id of leading.maximalIsr) {
    assert(
      id === nodeId || leading.positionOf(id) >= highWatermark,
      () => `${where} commits up to ${highWatermark}, and ${id} is at ${leading.positionOf(id)}`,
    )
  }
}

/** Leader and candidate completeness: who leads, or may be made leader, has all that was ever committed. */
export function checkComplete(
  replica: { readonly endOffset: number; readonly startOffset: number },
  committedEnd: number,
  where: string,
): void {
  const { endOffset, startOffset } = replica
  assert(endOffset >= committedEnd, () => `${where} ends at ${endOffset}, and ${committedEnd} is committed`)
  assert(startOffset <= committedEnd, () => `${where} starts at ${startOffset}, and ${committedEnd} is committed`)
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id))
}
