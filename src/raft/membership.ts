/**
 * What a controller asks of the leader so that it votes under its own directory and address (KIP-853): one step at a time, until there
 * is none left. A disk that was replaced is another server under the same id: the old one has to leave first.
 */
import {
  isSameReplica,
  MAX_VOTERS,
  type ReplicaKey,
  type Voter,
  type VoterEndpoint,
  type VoterSet,
} from './voter-set.js'

export type MembershipStep =
  | { readonly is: 'remove'; readonly voter: Voter }
  | { readonly is: 'add'; readonly voter: Voter }
  | { readonly is: 'update'; readonly voter: Voter }
  /** There is no place for it. */
  | { readonly is: 'full' }

/** `joins`: whether it is to become a voter where it is none. Undefined: there is nothing to be done. */
export function membershipStep(self: Voter, voters: VoterSet, joins: boolean): MembershipStep | undefined {
  const here = voters.voters.find((voter) => isSameReplica(voter, self))
  if (here !== undefined)
    return isSameEndpoints(here.endpoints, self.endpoints) ? undefined : { is: 'update', voter: self }
  if (!joins) return undefined
  const former = voters.voters.find(({ id }) => id === self.id)
  if (former !== undefined) return { is: 'remove', voter: former }
  return voters.size < MAX_VOTERS ? { is: 'add', voter: self } : { is: 'full' }
}

/** The voters from which no answer came under their own directory. */
export function missingVoters(
  voters: readonly Voter[],
  heard: readonly ReplicaKey[],
): readonly { readonly voter: Voter; readonly replacedBy: ReplicaKey | undefined }[] {
  return voters
    .filter((voter) => !heard.some((each) => isSameReplica(each, voter)))
    .map((voter) => ({ voter, replacedBy: heard.find(({ id }) => id === voter.id) }))
}

function isSameEndpoints(some: readonly VoterEndpoint[], others: readonly VoterEndpoint[]): boolean {
  const text = (endpoints: readonly VoterEndpoint[]): string =>
    endpoints
      .map(({ name, host, port }) => `${name}://${host}:${port}`)
      .sort()
      .join(',')
  return text(some) === text(others)
}
