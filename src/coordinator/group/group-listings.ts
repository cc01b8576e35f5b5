/** Which groups there are, and what they are: ListGroups, DescribeGroups and ConsumerGroupDescribe. */
import { ErrorCode } from '../../protocol/errors.js'
import { ClassicGroup } from './classic-group.js'
import type { Group } from './group.js'
import type { GroupRequestOf, ResponseOf } from './group-requests.js'

/** From here on a group that is not there is an error (KIP-1043); before, it was a dead one. */
const DESCRIBE_TELLS_OF_GROUP = 6

/** Filters do not look at upper and lower case; an empty one lets all through. */
export function listGroups(
  groups: Iterable<Group>,
  { body }: GroupRequestOf<'ListGroups'>,
): ResponseOf<'ListGroups'>['groups'] {
  const states = new Set(body.statesFilter.map((state) => state.toLowerCase()))
  const types = new Set(body.typesFilter.map((type) => type.toLowerCase()))
  const listed: { groupId: string; protocolType: string; groupState: string; groupType: string }[] = []
  for (const { groupId, protocolType, state, type } of groups) {
    if (states.size > 0 && !states.has(state.toLowerCase())) continue
    if (types.size > 0 && !types.has(type)) continue
    listed.push({ groupId, protocolType, groupState: state, groupType: type })
  }
  return listed
}

export function describeClassic(
  groupId: string,
  group: Group | undefined,
  version: number,
): ResponseOf<'DescribeGroups'>['groups'][number] {
  if (group instanceof ClassicGroup) return group.describe()
  const tells = version >= DESCRIBE_TELLS_OF_GROUP
  const sentence = group === undefined ? `Group ${groupId} not found.` : `Group ${groupId} is not a classic group.`
  return {
    errorCode: tells ? ErrorCode.GROUP_ID_NOT_FOUND : 0,
    ...(tells ? { errorMessage: sentence } : {}),
    groupId,
    groupState: 'Dead',
    protocolType: '',
    protocolData: '',
    members: [],
  }
}
