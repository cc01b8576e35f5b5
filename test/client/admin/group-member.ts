/** A member of a classic group, played by hand: it joins, is assigned what the test says, and leaves when it is told to. */
import { Writer } from '../../../src/base/bytes/writer.js'
import type { ClusterClient } from '../../../src/client/cluster-client.js'
import { ErrorCode } from '../../../src/protocol/errors.js'
import { JoinGroup } from '../../../src/protocol/messages/join-group.js'
import { LeaveGroup } from '../../../src/protocol/messages/leave-group.js'
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
} from '../../../src/protocol/messages/records/consumer-protocol.js'
import { SyncGroup } from '../../../src/protocol/messages/sync-group.js'

const VERSION = 1

export interface GroupMember {
  readonly memberId: string
  leave(): Promise<void>
}

/** Joins alone, as a member by id or, with `instanceId`, as a static one, for the partitions of one topic. */
export async function joinGroup(
  client: ClusterClient,
  groupId: string,
  topic: string,
  partitions: readonly number[],
  instanceId: string | null = null,
): Promise<GroupMember> {
  await client.refresh([])
  const [nodeId] = client.view.brokers.keys()
  const target = { nodeId: nodeId! }
  const protocols = [{ name: 'range', metadata: subscription(topic) }]
  let memberId = ''
  for (;;) {
    const body = {
      groupId,
      memberId,
      groupInstanceId: instanceId,
      protocolType: 'consumer',
      protocols,
      sessionTimeoutMs: 30_000,
      rebalanceTimeoutMs: 30_000,
    }
    const joined = await client.callAndRead(target, JoinGroup, body, ({ errorCode, generationId, memberId: given }) => {
      return { errorCode, generationId, memberId: given }
    })
    memberId = joined.memberId
    if (joined.errorCode === ErrorCode.MEMBER_ID_REQUIRED) continue
    if (joined.errorCode !== ErrorCode.NONE) {
      await client.pause(50)
      continue
    }
    const { generationId } = joined
    const assignments = [{ memberId, assignment: assignment(topic, partitions) }]
    const names = { protocolType: 'consumer', protocolName: 'range' }
    await client.call(target, SyncGroup, {
      groupId,
      generationId,
      memberId,
      groupInstanceId: instanceId,
      ...names,
      assignments,
    })
    break
  }
  return {
    memberId,
    leave: async () => {
      await client.call(target, LeaveGroup, { groupId, members: [{ memberId, groupInstanceId: instanceId }] })
    },
  }
}

function subscription(topic: string): Uint8Array {
  const writer = new Writer()
  writer.int16(VERSION)
  ConsumerProtocolSubscription.encode(VERSION, writer, { topics: [topic], ownedPartitions: [] })
  return Buffer.from(writer.toBuffer())
}

function assignment(topic: string, partitions: readonly number[]): Uint8Array {
  const writer = new Writer()
  writer.int16(VERSION)
  ConsumerProtocolAssignment.encode(VERSION, writer, { assignedPartitions: [{ topic, partitions }] })
  return Buffer.from(writer.toBuffer())
}
