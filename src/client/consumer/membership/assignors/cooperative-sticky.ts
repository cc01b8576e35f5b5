/**
 * Kafka's CooperativeStickyAssignor (KIP-429): balanced as the sticky one, but nobody is given what another still has. That one sees that it is to let go, does,
 * and joins again: only then it moves. The user data is the generation, for who reads subscriptions before version 2.
 */
import { DecodeError, Reader } from '../../../../base/bytes/reader.js'
import { Writer } from '../../../../base/bytes/writer.js'
import { keyOf } from '../topic-partition.js'
import type { AssignedMember, Assignments, Assignor, LastAssignment, PartitionCounts } from './assignor.js'
import { balanced } from './sticky-balance.js'

export const COOPERATIVE_STICKY: Assignor = {
  name: 'cooperative-sticky',
  isCooperative: true,
  userData: encode,
  assign,
}

function assign(counts: PartitionCounts, members: readonly AssignedMember[]): Assignments {
  const owners = new Map<string, { readonly memberId: string; readonly generationId: number }[]>()
  for (const member of members) {
    const { partitions, generationId } = lastOf(member)
    for (const key of new Set(partitions.map(keyOf))) {
      const claim = { memberId: member.memberId, generationId }
      const others = owners.get(key)
      if (others === undefined) owners.set(key, [claim])
      else others.push(claim)
    }
  }
  const assignments = balanced(counts, members, lastOf)
  for (const [memberId, partitions] of assignments) {
    const allowed = partitions.filter((partition) => {
      const claims = owners.get(keyOf(partition)) ?? []
      const own = claims.find((claim) => claim.memberId === memberId)?.generationId ?? Number.NEGATIVE_INFINITY
      return claims.every((claim) => claim.memberId === memberId || claim.generationId < own)
    })
    assignments.set(memberId, allowed)
  }
  return assignments
}

function encode({ generationId }: LastAssignment): Uint8Array | null {
  const writer = new Writer()
  writer.int32(generationId)
  return writer.toBuffer()
}

function lastOf({ ownedPartitions, generationId, userData }: AssignedMember): LastAssignment {
  return { partitions: ownedPartitions, generationId: generationId >= 0 ? generationId : generationIn(userData) }
}

function generationIn(userData: Uint8Array | null): number {
  try {
    return userData === null || userData.length === 0 ? -1 : new Reader(userData).int32()
  } catch (error) {
    if (error instanceof DecodeError) return -1
    throw error
  }
}
