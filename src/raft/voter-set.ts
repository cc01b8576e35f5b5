/**
 * Who votes (KIP-853). A voter is an id together with the directory that holds its log: the same id with another directory has lost its
 * disk and is another server, whose vote counts for nothing.
 */
import { assert } from '../base/assert.js'
import type { Uuid } from '../base/uuid.js'

export { MAX_VOTERS } from '../config/named-controllers.js'

/** A server as the quorum knows it. */
export interface ReplicaKey {
  readonly id: number
  readonly directoryId: Uuid
}

export interface Voter extends ReplicaKey {
  readonly endpoints: readonly VoterEndpoint[]
}

export interface VoterEndpoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** As a key of maps and sets. */
export function replicaName({ id, directoryId }: ReplicaKey): string {
  return `${id}@${directoryId}`
}

export function isSameReplica(a: ReplicaKey, b: ReplicaKey): boolean {
  return a.id === b.id && a.directoryId === b.directoryId
}

export class VoterSet {
  readonly voters: readonly Voter[]

  constructor(voters: readonly Voter[]) {
    assert(voters.length > 0, 'a quorum has at least one voter')
    assert(new Set(voters.map((voter) => voter.id)).size === voters.length, 'two voters with one id')
    this.voters = voters
  }

  get size(): number {
    return this.voters.length
  }

  /** How many make a decision. */
  get majority(): number {
    return Math.floor(this.voters.length / 2) + 1
  }

  has(id: number, directoryId: Uuid): boolean {
    return this.voters.some((voter) => voter.id === id && voter.directoryId === directoryId)
  }

  hasId(id: number): boolean {
    return this.voters.some((voter) => voter.id === id)
  }

  /** Whether those of whom this is true are enough of the voters to decide. */
  isMajority(isOneOf: (voter: Voter) => boolean): boolean {
    return this.voters.filter(isOneOf).length >= this.majority
  }

  /** The greatest value that a majority has reached: a position, or a time. */
  majorityValue(reached: (voter: Voter) => number): number {
    const sorted = this.voters.map(reached).sort((a, b) => b - a)
    return sorted[this.majority - 1]!
  }

  with(voter: Voter): VoterSet {
    return new VoterSet([...this.voters, voter])
  }

  without(removed: ReplicaKey): VoterSet {
    return new VoterSet(this.voters.filter((voter) => !isSameReplica(voter, removed)))
  }

  /** The voter has other endpoints. */
  updated(changed: Voter): VoterSet {
    return new VoterSet(this.voters.map((voter) => (isSameReplica(voter, changed) ? changed : voter)))
  }
}
