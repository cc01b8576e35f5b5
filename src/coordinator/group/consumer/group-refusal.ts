/** Why a member of a consumer group is refused. */
import type { ErrorName } from '../../../protocol/errors.js'

export class GroupRefusal {
  readonly error: ErrorName
  readonly message: string

  constructor(error: ErrorName, message: string) {
    this.error = error
    this.message = message
  }
}

export function noGroup(groupId: string): GroupRefusal {
  return new GroupRefusal('GROUP_ID_NOT_FOUND', `Group ${groupId} is not a consumer group`)
}

export function noMember(memberId: string, groupId: string): GroupRefusal {
  return new GroupRefusal('UNKNOWN_MEMBER_ID', `Member ${memberId} is not a member of group ${groupId}`)
}
