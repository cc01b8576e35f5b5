/**
 * Kafka's StickyAssignor: balanced, and as much as possible stays where it was. Members have let go of everything when they join (eager), so that each says
 * in its user data what it had: topics with partitions and, since version 1, the generation.
 */
import { DecodeError, Reader } from '../../../../base/bytes/reader.js'
import { Writer } from '../../../../base/bytes/writer.js'
import { array, int32, string, struct } from '../../../../protocol/field.js'
import { Schema } from '../../../../protocol/schema.js'
import { byTopic, flattened } from '../topic-partition.js'
import type { AssignedMember, Assignor, LastAssignment } from './assignor.js'
import { balanced } from './sticky-balance.js'

/** Has no version in its bytes: the generation is there or not. */
const StickyUserData = new Schema({
  name: 'StickyUserData',
  versions: [0, 1],
  flexible: 'never',
  fields: {
    previousAssignment: array(struct({ topic: string, partitions: array(int32) })),
    generation: int32.default(-1).since(1).ignorable(),
  },
})

export const STICKY: Assignor = {
  name: 'sticky',
  isCooperative: false,
  userData: encode,
  assign: (counts, members) => balanced(counts, members, decode),
}

function encode({ partitions, generationId }: LastAssignment): Uint8Array | null {
  if (generationId < 0) return null
  const writer = new Writer()
  StickyUserData.encode(1, writer, { previousAssignment: byTopic(partitions), generation: generationId })
  return writer.toBuffer()
}

/** What cannot be read has no say: the group is balanced, only more moves. */
function decode({ userData }: AssignedMember): LastAssignment {
  const nothing = { partitions: [], generationId: -1 }
  if (userData === null || userData.length === 0) return nothing
  try {
    const reader = new Reader(userData)
    const { previousAssignment } = StickyUserData.decode(0, reader)
    const generationId = reader.remaining >= 4 ? reader.int32() : -1
    return { partitions: flattened(previousAssignment), generationId }
  } catch (error) {
    if (error instanceof DecodeError) return nothing
    throw error
  }
}
