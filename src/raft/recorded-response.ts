/**
 * An answer as a flight record keeps it: plain data, without the batches' bytes; and back, for the replay.
 */
import type { FetchedBatch, FetchResponse, PeerResponse } from './messages.js'
import { type Voter, VoterSet } from './voter-set.js'

type RecordedBatch = Omit<FetchedBatch<undefined>, 'batch' | 'voters'> & { readonly voters?: readonly Voter[] }

export type RecordedResponse = Exclude<PeerResponse<never>, { kind: 'fetch' }> | FetchResponse<readonly RecordedBatch[]>

export function recordedResponse<Batch>(response: PeerResponse<Batch>): RecordedResponse {
  if (response.kind !== 'fetch') return response
  const { outcome } = response
  if (outcome.is !== 'records') return { ...response, outcome }
  const records = outcome.records.map(({ batch: _, voters, ...place }) => ({
    ...place,
    ...(voters && { voters: voters.voters }),
  }))
  return { ...response, outcome: { is: 'records', records } }
}

export function responseOf(recorded: RecordedResponse): PeerResponse<undefined> {
  if (recorded.kind !== 'fetch') return recorded
  const { outcome } = recorded
  if (outcome.is !== 'records') return { ...recorded, outcome }
  const records = outcome.records.map(({ voters, ...place }) => ({
    ...place,
    batch: undefined,
    voters: voters && new VoterSet(voters),
  }))
  return { ...recorded, outcome: { is: 'records', records } }
}
