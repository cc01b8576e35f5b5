/**
 * ListGroups: the groups of all shards of this broker; who may not describe the cluster is told of those that it may describe. As long as one of the shards is not
 * loaded, also because its log is out of service, none are told: the client asks again, and does not take for whole what is not.
 */
import { ErrorCode } from '../../../protocol/errors.js'
import { ListGroups } from '../../../protocol/messages/list-groups.js'
import { handler } from '../../server/handler.js'
import { CLUSTER, eachForItself } from '../../server/stages.js'
import type { Services } from '../services.js'
import { mayOnGroup } from './allowed.js'
import { codeOf, groupsOf, requestOf } from './ask-group.js'

export const listGroups = handler<Services, typeof ListGroups.request.fields, typeof ListGroups.response.fields>(
  ListGroups,
  {
    versions: [0, 5],
    servedBy: 'group coordinator',
    listeners: ['broker'],
    authorize: eachForItself,
    refuse: (_, errorCode) => ({ errorCode, groups: [] }),
    handle: (request, services, call) => {
      const coordinator = groupsOf(services)
      if (coordinator.runtime.coordinated.loading > 0) {
        return call.reply({ errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, groups: [] })
      }
      coordinator.askAll(requestOf('ListGroups', request, call), (answers) => {
        const found = answers.filter((answer) => answer !== 'NOT_COORDINATOR')
        const error = found.find((answer) => typeof answer === 'string')
        if (error !== undefined) return call.reply({ errorCode: codeOf(error), groups: [] })
        const groups = found.flatMap((answer) => (typeof answer === 'string' ? [] : answer.groups))
        const mayAll = call.allows(call.principal, [{ operation: 'DESCRIBE', resource: CLUSTER }])
        const told = mayAll ? groups : groups.filter(({ groupId }) => mayOnGroup(call, 'DESCRIBE', groupId))
        call.reply({ errorCode: ErrorCode.NONE, groups: told })
      })
    },
  },
)
