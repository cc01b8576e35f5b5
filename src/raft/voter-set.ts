/**
 * Who votes (KIP-853). A voter is an id together with the directory that holds its log: the same id with another directory has lost its
 * disk and is another server, whose vote counts for nothing.
 */
import { assert } from '../base/assert.js'
import type { Uuid } from '../base/uuid.js'

export interface Voter {
  readonly id: number
  readonly directoryId: Uuid
  readonly endpoints: readonly VoterEndpoint[]
}

export interface VoterEndpoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

export class VoterSet {
  readonly voters: readonly Voter[]

  constructor(voters: readonly Voter[]) {
    assert(voters.length > 0, 'a quorum has at least one voter')
    assert(new Set(voters.map((voter) => voter.id)).size === voters.length, 'two voters with one id')
    this.voters = voters
  }

  /** How many make a decision. */
  get majority(): number {
    return Math.floor(this.voters.length / 2) + 1
  }

  has(id: number, directoryId: Uuid): boolean {
    return this.voters.some((voter) => voter.id === id && voter.directoryId === directoryId)
  }

  /** Whether these ids are enough of the voters to decide. */
  isMajority(ids: ReadonlySet<number>): boolean {
    let count = 0
    for (const voter of this.voters) if (ids.has(voter.id)) count++
    return count >= this.majority
  }

  /** The greatest position that a majority has reached; 0 for a voter that has reported none. */
  majorityPosition(positions: ReadonlyMap<number, number>): number {
    const sorted = this.voters.map((voter) => positions.get(voter.id) ?? 0).sort((a, b) => b - a)
    return sorted[this.majority - 1]!
  }
}
