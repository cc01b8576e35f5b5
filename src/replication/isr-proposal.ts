/** What a leader asks of the controller about its replicas, and what becomes of that. Sources: KIP-497, KIP-903. */

/** What the controller is asked for: that just these are in sync, and that the leader has recovered, if it had to. */
export interface IsrProposal {
  /** Of this leader, from 1. */
  readonly number: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly isr: readonly ProposedReplica[]
  /** The leader is none of them: one of them is to lead. */
  readonly handsOver?: true
}

export interface ProposedReplica {
  readonly brokerId: number
  /** Of the incarnation that had fetched when it was proposed, however often it is asked for; -1: none had yet. */
  readonly brokerEpoch: number
}

/**
 * `accepted`: it holds now. `refused`: it never will. `superseded`: something else holds, which the metadata will tell. `unanswered`: nobody knows; it is to
 * be asked again.
 */
export type ProposalAnswer =
  | { readonly kind: 'accepted'; readonly isr: readonly number[]; readonly partitionEpoch: number }
  | { readonly kind: 'refused' | 'superseded' | 'unanswered' }
