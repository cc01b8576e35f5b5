/** DeleteGroups: groups without members are deleted, with what they have committed. Each group is answered for itself. */
import { ErrorCode } from '../../../protocol/errors.js'
import { DeleteGroups } from '../../../protocol/messages/delete-groups.js'
import type { InferInput } from '../../../protocol/schema.js'
import { handler } from '../../server/handler.js'
import { eachForItself } from '../../server/stages.js'
import type { Services } from '../services.js'
import { mayOnGroup, sifted } from './allowed.js'
import { codeOf, groupsOf, requestOf } from './ask-group.js'

type Result = InferInput<typeof DeleteGroups.response>['results'][number]

export const deleteGroups = handler<Services, typeof DeleteGroups.request.fields, typeof DeleteGroups.response.fields>(
  DeleteGroups,
  {
    versions: [0, 3],
    servedBy: 'group coordinator',
    listeners: ['broker'],
    // Each group for itself.
    authorize: eachForItself,
    refuse: ({ groupsNames }, errorCode) => ({ throttleTimeMs: 0, results: failed(groupsNames, errorCode) }),
    handle: ({ groupsNames, ...request }, services, call) => {
      const [allowed, denied] = sifted(new Set(groupsNames), (groupId) => mayOnGroup(call, 'DELETE', groupId))
      groupsOf(services).askEach(
        allowed,
        (groupId) => groupId,
        (names) => requestOf('DeleteGroups', { ...request, groupsNames: [...names] }, call),
        (answers) => {
          const results = answers.flatMap(({ items, answer }) =>
            typeof answer === 'string' ? failed(items, codeOf(answer)) : answer.results,
          )
          const refused = failed(denied, ErrorCode.GROUP_AUTHORIZATION_FAILED)
          call.reply({ throttleTimeMs: 0, results: [...refused, ...results] })
        },
      )
    },
  },
)

function failed(groupIds: readonly string[], errorCode: number): Result[] {
  return groupIds.map((groupId) => ({ groupId, errorCode }))
}
