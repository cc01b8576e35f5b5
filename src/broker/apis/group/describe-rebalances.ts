/** DescribeRebalances: why groups have rebalanced, from what their shards remember. Nothing is decided for it, and nothing waits. */

import type { GroupShard } from '../../../coordinator/group/group-shard.js'
import type { GroupExplanation } from '../../../coordinator/group/rebalance-history.js'
import { ErrorCode, type ErrorName } from '../../../protocol/errors.js'
import { DescribeRebalances } from '../../../protocol/messages/describe-rebalances.js'
import type { InferInput } from '../../../protocol/schema.js'
import type { GroupCoordinator } from '../../coordinators/group-coordinator.js'
import { handler } from '../../server/handler.js'
import { eachForItself } from '../../server/stages.js'
import type { Services } from '../services.js'
import { mayOnGroup } from './allowed.js'
import { groupsOf } from './ask-group.js'

type ExplainedGroup = InferInput<typeof DescribeRebalances.response>['groups'][number]

export const describeRebalances = handler<
  Services,
  typeof DescribeRebalances.request.fields,
  typeof DescribeRebalances.response.fields
>(DescribeRebalances, {
  versions: [0, 0],
  servedBy: 'group coordinator',
  listeners: ['broker'],
  // Clients of others would not know it; a command asks for it as it is.
  untold: true,
  // Each group for itself.
  authorize: eachForItself,
  refuse: ({ groupIds }, errorCode) => ({ groups: groupIds.map((groupId) => ({ groupId, errorCode, rounds: [] })) }),
  handle: ({ groupIds }, services, call) => {
    const groups = groupsOf(services)
    const told = (groupId: string): GroupExplanation | ErrorName =>
      mayOnGroup(call, 'DESCRIBE', groupId) ? explain(groups, groupId) : 'GROUP_AUTHORIZATION_FAILED'
    call.reply({ groups: groupIds.map((groupId) => explained(groupId, told(groupId))) })
  },
})

function explain(groups: GroupCoordinator, groupId: string): GroupExplanation | ErrorName {
  const partition = groups.partitionOf(groupId)
  for (const [index, shard] of groups.runtime.shards()) {
    if (index === partition) return (shard as GroupShard).explain(groupId) ?? 'GROUP_ID_NOT_FOUND'
  }
  const isLoading = groups.runtime.coordinated.partitions.includes(partition)
  return isLoading ? 'COORDINATOR_LOAD_IN_PROGRESS' : 'NOT_COORDINATOR'
}

function explained(groupId: string, explanation: GroupExplanation | ErrorName): ExplainedGroup {
  if (typeof explanation === 'string') return { groupId, errorCode: ErrorCode[explanation], rounds: [] }
  const { type, state, members, rounds } = explanation
  return {
    errorCode: ErrorCode.NONE,
    groupId,
    groupType: type,
    groupState: state,
    members,
    rounds: rounds.map((round) => ({
      ...round,
      groupType: round.type,
      joinMs: Math.round(round.joinMs ?? -1),
      totalMs: Math.round(round.totalMs ?? -1),
      causes: round.causes.map((cause) => ({ ...cause })),
    })),
  }
}
