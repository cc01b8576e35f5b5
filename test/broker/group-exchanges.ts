/** Well-formed exchanges with the coordinator of groups, by key, with what must be in the answer in each version. The topic `plain` is there. */
import assert from 'node:assert/strict'
import { errorByCode } from '../../src/protocol/errors.js'
import { ConsumerGroupDescribe } from '../../src/protocol/messages/consumer-group-describe.js'
import { ConsumerGroupHeartbeat } from '../../src/protocol/messages/consumer-group-heartbeat.js'
import { DeleteGroups } from '../../src/protocol/messages/delete-groups.js'
import { DescribeGroups } from '../../src/protocol/messages/describe-groups.js'
import { FindCoordinator } from '../../src/protocol/messages/find-coordinator.js'
import { Heartbeat } from '../../src/protocol/messages/heartbeat.js'
import { JoinGroup } from '../../src/protocol/messages/join-group.js'
import { LeaveGroup } from '../../src/protocol/messages/leave-group.js'
import { ListGroups } from '../../src/protocol/messages/list-groups.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { OffsetCommit } from '../../src/protocol/messages/offset-commit.js'
import { OffsetDelete } from '../../src/protocol/messages/offset-delete.js'
import { OffsetFetch } from '../../src/protocol/messages/offset-fetch.js'
import { SyncGroup } from '../../src/protocol/messages/sync-group.js'
import type { WireClient } from './wire-client.js'

type Exchange = (client: WireClient, version: number) => Promise<void>

const TOPIC = 'plain'

function nameOf({ errorCode }: { readonly errorCode: number }): string {
  return errorByCode(errorCode).name
}

/** Asks again while what is asked is being loaded. */
async function persist<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await ask()
    if (!/"errorCode":(14|15|16)\b/.test(JSON.stringify(answer))) return answer
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function ready(client: WireClient): Promise<void> {
  await persist(() => client.request(FindCoordinator, 4, { keyType: 0, coordinatorKeys: ['g'] }))
  await persist(() => client.request(ListGroups, 4, { statesFilter: [] }))
}

async function idOf(client: WireClient): Promise<string> {
  const { topics } = await client.request(Metadata, 12, { topics: [{ name: TOPIC }] })
  return topics[0]!.topicId
}

async function commit(client: WireClient, version: number, groupId: string, offset: number): Promise<string> {
  const topicId = await idOf(client)
  const partitions = [{ partitionIndex: 0, committedOffset: offset, committedMetadata: 'm' }]
  const { topics } = await client.request(OffsetCommit, version, {
    groupId,
    topics: [{ ...(version >= 10 ? { topicId } : { name: TOPIC }), partitions }],
  })
  assert.equal(version >= 10 ? topics[0]!.topicId : topics[0]!.name, version >= 10 ? topicId : TOPIC)
  return nameOf(topics[0]!.partitions[0]!)
}

export const GROUP_EXCHANGES: readonly (readonly [key: number, exchange: Exchange])[] = [
  [
    FindCoordinator.key,
    async (client, version) => {
      await ready(client)
      const wanted = version >= 4 ? { coordinatorKeys: ['g'] } : { key: 'g' }
      const answer = await client.request(FindCoordinator, version, wanted)
      const found = version >= 4 ? answer.coordinators[0]! : answer
      assert.deepEqual([nameOf(found), found.nodeId, found.host], ['NONE', 1, '127.0.0.1'])
    },
  ],
  [
    OffsetCommit.key,
    async (client, version) => {
      await ready(client)
      assert.equal(await commit(client, version, `commits v${version}`, version), 'NONE')
    },
  ],
  [
    OffsetFetch.key,
    async (client, version) => {
      await ready(client)
      const groupId = `fetches v${version}`
      assert.equal(await commit(client, 8, groupId, 7), 'NONE')
      const topicId = await idOf(client)
      const topics = [{ ...(version >= 10 ? { topicId } : { name: TOPIC }), partitionIndexes: [0] }]
      const old = [{ name: TOPIC, partitionIndexes: [0] }]
      const request = version >= 8 ? { groups: [{ groupId, topics }] } : { groupId, topics: old }
      const answer = await client.request(OffsetFetch, version, request)
      const found = version >= 8 ? answer.groups[0]! : answer
      assert.equal(nameOf(found), 'NONE')
      const [partition] = found.topics[0]!.partitions
      assert.deepEqual([partition!.committedOffset, partition!.metadata, partition!.errorCode], [7, 'm', 0])
    },
  ],
  [
    JoinGroup.key,
    async (client, version) => {
      await ready(client)
      const { memberId, errorCode, protocolName } = await client.request(JoinGroup, version, {
        ...{ groupId: `joins v${version}`, sessionTimeoutMs: 10_000, memberId: 'nobody', protocolType: 'consumer' },
        ...(version >= 1 ? { rebalanceTimeoutMs: 10_000 } : {}),
        protocols: [{ name: 'range', metadata: Buffer.from('m') }],
      })
      assert.deepEqual([errorByCode(errorCode).name, memberId], ['UNKNOWN_MEMBER_ID', 'nobody'])
      if (version < 7) assert.equal(protocolName, '')
    },
  ],
  [
    SyncGroup.key,
    async (client, version) => {
      await ready(client)
      const protocol = version >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}
      const member = { groupId: 'none', generationId: 1, memberId: 'nobody', assignments: [] }
      assert.equal(nameOf(await client.request(SyncGroup, version, { ...member, ...protocol })), 'UNKNOWN_MEMBER_ID')
      if (version < 5) return
      assert.equal(nameOf(await client.request(SyncGroup, version, member)), 'INCONSISTENT_GROUP_PROTOCOL')
    },
  ],
  [
    Heartbeat.key,
    async (client, version) => {
      await ready(client)
      const member = { groupId: 'none', generationId: 1, memberId: 'nobody' }
      assert.equal(nameOf(await client.request(Heartbeat, version, member)), 'UNKNOWN_MEMBER_ID')
      assert.equal(nameOf(await client.request(Heartbeat, version, { ...member, groupId: '' })), 'INVALID_GROUP_ID')
    },
  ],
  [
    LeaveGroup.key,
    async (client, version) => {
      await ready(client)
      const who = version >= 3 ? { members: [{ memberId: 'nobody' }] } : { memberId: 'nobody' }
      const answer = await client.request(LeaveGroup, version, { groupId: 'none', ...who })
      assert.equal(nameOf(version >= 3 ? answer.members[0]! : answer), 'UNKNOWN_MEMBER_ID')
    },
  ],
  [
    DescribeGroups.key,
    async (client, version) => {
      await ready(client)
      const groupId = `described v${version}`
      assert.equal(await commit(client, 8, groupId, 1), 'NONE')
      const { groups } = await client.request(DescribeGroups, version, { groups: [groupId, 'none'] })
      assert.deepEqual(
        groups.map((each) => [each.groupId, nameOf(each), each.groupState]).sort(),
        [
          [groupId, 'NONE', 'Empty'],
          ['none', version >= 6 ? 'GROUP_ID_NOT_FOUND' : 'NONE', 'Dead'],
        ].sort(),
      )
    },
  ],
  [
    ListGroups.key,
    async (client, version) => {
      await ready(client)
      const groupId = `listed v${version}`
      assert.equal(await commit(client, 8, groupId, 1), 'NONE')
      const { errorCode, groups } = await client.request(ListGroups, version, {
        ...(version >= 4 ? { statesFilter: ['Empty'] } : {}),
        ...(version >= 5 ? { typesFilter: ['classic'] } : {}),
      })
      assert.equal(errorCode, 0)
      assert.ok(groups.some((each) => each.groupId === groupId))
    },
  ],
  [
    DeleteGroups.key,
    async (client, version) => {
      await ready(client)
      const groupId = `deleted v${version}`
      assert.equal(await commit(client, 8, groupId, 1), 'NONE')
      const { results } = await client.request(DeleteGroups, version, { groupsNames: [groupId, 'none'] })
      assert.deepEqual(
        results.map((each) => [each.groupId, nameOf(each)]).sort(),
        [
          [groupId, 'NONE'],
          ['none', 'GROUP_ID_NOT_FOUND'],
        ].sort(),
      )
    },
  ],
  [
    OffsetDelete.key,
    async (client, version) => {
      await ready(client)
      assert.equal(await commit(client, 8, 'offsets deleted', 1), 'NONE')
      const topics = [{ name: TOPIC, partitions: [{ partitionIndex: 0 }] }]
      const answer = await client.request(OffsetDelete, version, { groupId: 'offsets deleted', topics })
      assert.deepEqual([nameOf(answer), nameOf(answer.topics[0]!.partitions[0]!)], ['NONE', 'NONE'])
    },
  ],
  [
    ConsumerGroupHeartbeat.key,
    async (client, version) => {
      await ready(client)
      const memberId = version >= 1 ? 'AAAAAAAAAAAAAAAAAAAABw' : ''
      const joining = { memberId, memberEpoch: 0, rebalanceTimeoutMs: 10_000, topicPartitions: [] }
      const answer = await client.request(ConsumerGroupHeartbeat, version, {
        groupId: `beats v${version}`,
        ...joining,
        subscribedTopicNames: [TOPIC],
      })
      assert.deepEqual([nameOf(answer), answer.memberEpoch, answer.heartbeatIntervalMs], ['NONE', 1, 5000])
      assert.deepEqual(answer.assignment!.topicPartitions, [{ topicId: await idOf(client), partitions: [0] }])
    },
  ],
  [
    ConsumerGroupDescribe.key,
    async (client, version) => {
      await ready(client)
      const request = { groupIds: ['none', ''], includeAuthorizedOperations: false }
      const { groups } = await client.request(ConsumerGroupDescribe, version, request)
      assert.deepEqual(groups.map((each) => [each.groupId, nameOf(each)]).sort(), [
        ['', 'INVALID_GROUP_ID'],
        ['none', 'GROUP_ID_NOT_FOUND'],
      ])
    },
  ],
]
