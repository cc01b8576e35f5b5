/** Requests of groups as clients send them, of the newest versions, to one broker of the simulator. */
import assert from 'node:assert/strict'
import { errorByCode } from '../../../src/protocol/errors.js'
import { FindCoordinator } from '../../../src/protocol/messages/find-coordinator.js'
import { Heartbeat } from '../../../src/protocol/messages/heartbeat.js'
import { JoinGroup } from '../../../src/protocol/messages/join-group.js'
import { LeaveGroup } from '../../../src/protocol/messages/leave-group.js'
import { OffsetCommit } from '../../../src/protocol/messages/offset-commit.js'
import { OffsetFetch } from '../../../src/protocol/messages/offset-fetch.js'
import { SyncGroup } from '../../../src/protocol/messages/sync-group.js'
import type { Infer } from '../../../src/protocol/schema.js'
import type { Sent, SimulatedWireClient } from '../simulated-broker.js'

export const nameOf = (errorCode: number): string => errorByCode(errorCode).name

export type Joined = Infer<typeof JoinGroup.response>

export interface Membership {
  readonly memberId: string
  readonly generationId: number
}

export interface Committed {
  readonly topic: string
  readonly partition?: number
  readonly offset: number
  readonly metadata?: string
}

/** One member, or who commits without being one. */
export class GroupClient {
  readonly client: SimulatedWireClient
  readonly groupId: string

  constructor(client: SimulatedWireClient, groupId = 'g') {
    this.client = client
    this.groupId = groupId
  }

  find(groupId = this.groupId): Infer<typeof FindCoordinator.response>['coordinators'][number] {
    const request = { keyType: 0, coordinatorKeys: [groupId] }
    return this.client.request(FindCoordinator, 6, request).coordinators[0]!
  }

  sendJoin(memberId = '', { sessionTimeoutMs = 10_000, metadata = 'wants t' } = {}): Sent<Joined> {
    return this.client.send(JoinGroup, 9, {
      groupId: this.groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs: 60_000,
      memberId,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from(metadata) }],
    })
  }

  /** Until the round is over; as a new member with an id that it is given first. */
  join(wait: (sent: Sent<Joined>) => void, options: Parameters<GroupClient['sendJoin']>[1] = {}): Joined {
    const first = this.sendJoin('', options)
    wait(first)
    assert.equal(nameOf(first.response!.errorCode), 'MEMBER_ID_REQUIRED')
    const sent = this.sendJoin(first.response!.memberId, options)
    wait(sent)
    assert.equal(nameOf(sent.response!.errorCode), 'NONE')
    return sent.response!
  }

  sync({ memberId, generationId }: Membership, assignments: Readonly<Record<string, string>> = {}): string {
    const { errorCode, assignment } = this.client.request(SyncGroup, 5, {
      groupId: this.groupId,
      ...{ memberId, generationId },
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: Object.entries(assignments).map(([each, text]) => ({
        memberId: each,
        assignment: Buffer.from(text),
      })),
    })
    assert.equal(nameOf(errorCode), 'NONE')
    return Buffer.from(assignment).toString()
  }

  heartbeat({ memberId, generationId }: Membership): string {
    return nameOf(this.client.request(Heartbeat, 4, { groupId: this.groupId, memberId, generationId }).errorCode)
  }

  leave({ memberId }: Membership): string {
    const { errorCode, members } = this.client.request(LeaveGroup, 5, {
      groupId: this.groupId,
      members: [{ memberId }],
    })
    return nameOf(errorCode === 0 ? members[0]!.errorCode : errorCode)
  }

  sendCommit(
    { topic, partition = 0, offset, metadata = `at ${offset}` }: Committed,
    { memberId, generationId }: Membership = { memberId: '', generationId: -1 },
  ): Sent<Infer<typeof OffsetCommit.response>> {
    return this.client.send(OffsetCommit, 9, {
      groupId: this.groupId,
      memberId,
      generationIdOrMemberEpoch: generationId,
      topics: [
        {
          name: topic,
          partitions: [{ partitionIndex: partition, committedOffset: offset, committedMetadata: metadata }],
        },
      ],
    })
  }

  fetch(topic: string, partition = 0): string | number {
    const topics = [{ name: topic, partitionIndexes: [partition] }]
    const { groups } = this.client.request(OffsetFetch, 9, { groups: [{ groupId: this.groupId, topics }] })
    const { errorCode, topics: found } = groups[0]!
    return errorCode === 0 ? found[0]!.partitions[0]!.committedOffset : nameOf(errorCode)
  }
}

/** Of the one partition that was committed. */
export function outcomeOf(response: Infer<typeof OffsetCommit.response>): string {
  return nameOf(response.topics[0]!.partitions[0]!.errorCode)
}
