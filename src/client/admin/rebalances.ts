/** Why groups have rebalanced, from what their coordinator remembers: lograft's own, which no other broker answers. */
import { ErrorCode } from '../../protocol/errors.js'
import { DescribeRebalances } from '../../protocol/messages/describe-rebalances.js'
import type { Infer } from '../../protocol/schema.js'
import { ClientError, serverError } from '../client-error.js'
import type { ClusterClient } from '../cluster-client.js'
import { askCoordinators } from './coordinators.js'

export type GroupRebalances = Omit<Infer<(typeof DescribeRebalances)['response']>['groups'][number], 'errorCode'>
export type RebalanceRound = GroupRebalances['rounds'][number]
export type RebalanceCause = RebalanceRound['causes'][number]

/** By group. Rejects with UNSUPPORTED_VERSION where the coordinator is a broker of another kind. */
export function describeRebalances(
  client: ClusterClient,
  groupIds: readonly string[],
): Promise<Map<string, GroupRebalances | ClientError>> {
  return askCoordinators(client, 'asking why groups rebalance', groupIds, async (nodeId, ids) => {
    let groups: Infer<(typeof DescribeRebalances)['response']>['groups']
    try {
      ;({ groups } = await client.call({ nodeId }, DescribeRebalances, { groupIds: ids }, { untoldVersion: 0 }))
    } catch (error) {
      if (!(error instanceof ClientError && error.error === 'NETWORK_EXCEPTION')) throw error
      // Who is there and answers other questions has not understood this one.
      await client.refresh([])
      const what = `broker ${nodeId} does not tell why groups rebalance: no broker but lograft does`
      throw new ClientError('UNSUPPORTED_VERSION', what)
    }
    return new Map(
      groups.map(({ errorCode, ...group }) => [
        group.groupId,
        errorCode === ErrorCode.NONE ? group : serverError(errorCode, `group ${group.groupId}`),
      ]),
    )
  })
}
