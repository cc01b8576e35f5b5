/** ClassicMember: one member of a classic group, and what it waits for. */

import type { Ticket } from '../shard.js'
import type { Deadline } from './deadlines.js'
import type { RequestOf } from './group-requests.js'

/** A way to assign that a member knows, in its order of preference, and what it says to the leader then. */
export interface MemberProtocol {
  readonly name: string
  readonly metadata: Uint8Array
}

export const NO_BYTES: Uint8Array = new Uint8Array(0)

export interface MemberWishes {
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly protocols: readonly MemberProtocol[]
}

export interface ClassicMember extends MemberWishes {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  rebalanceTimeoutMs: number
  sessionTimeoutMs: number
  protocols: readonly MemberProtocol[]
  assignment: Uint8Array
  /** Who waits for the round. */
  joining: JoinTicket | undefined
  /** Who waits for the assignment. */
  syncing: Ticket | undefined
  /** It has not been in a round yet: it does not know its id, so it cannot send heartbeats. */
  isNew: boolean
  readonly session: Deadline
}

export interface JoinTicket {
  readonly ticket: Ticket
  readonly version: number
}

/** What of a JoinGroup is kept; bytes are copied, for they lie in the request. Of a name that stands there twice the first counts. */
export function wishesOf(request: RequestOf<'JoinGroup'>, version: number): MemberWishes {
  const { sessionTimeoutMs, rebalanceTimeoutMs } = request
  const protocols = new Map<string, MemberProtocol>()
  for (const { name, metadata } of request.protocols) {
    if (!protocols.has(name)) protocols.set(name, { name, metadata: new Uint8Array(metadata) })
  }
  return {
    sessionTimeoutMs,
    // Version 0 had only one of both.
    rebalanceTimeoutMs: version === 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
    protocols: [...protocols.values()],
  }
}

export function sameProtocols(one: readonly MemberProtocol[], other: readonly MemberProtocol[]): boolean {
  if (one.length !== other.length) return false
  return one.every(({ name, metadata }, index) => {
    const { name: otherName, metadata: otherMetadata } = other[index]!
    return name === otherName && Buffer.compare(metadata, otherMetadata) === 0
  })
}
