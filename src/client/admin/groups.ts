/** Groups as an administrator sees them: which there are, what state and which members they have; they are deleted, members are removed. */
import { DecodeError, Reader } from '../../base/bytes/reader.js'
import { ErrorCode } from '../../protocol/errors.js'
import { ConsumerGroupDescribe } from '../../protocol/messages/consumer-group-describe.js'
import { DeleteGroups } from '../../protocol/messages/delete-groups.js'
import { DescribeGroups } from '../../protocol/messages/describe-groups.js'
import { LeaveGroup } from '../../protocol/messages/leave-group.js'
import { ListGroups } from '../../protocol/messages/list-groups.js'
import { ConsumerProtocolAssignment } from '../../protocol/messages/records/consumer-protocol.js'
import type { Infer } from '../../protocol/schema.js'
import { ClientError, serverError } from '../client-error.js'
import type { ClusterClient } from '../cluster-client.js'
import type { BrokerView } from '../cluster-view.js'
import { askCoordinators, type ByGroup, onlyAnswer } from './coordinators.js'

/** With Kafka's names. Empty where a broker is too old to say. */
export interface ListedGroup {
  readonly groupId: string
  /** `consumer`, `connect` ..., empty for groups that only have offsets. */
  readonly protocolType: string
  readonly state: string
  readonly type: string
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export interface MemberDescription {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly host: string
  readonly assignment: readonly TopicPartition[]
  /** The rest is of the new protocol (KIP-848): what it is to have, and how far it is. */
  readonly target?: readonly TopicPartition[]
  readonly memberEpoch?: number
  /** False: a member that speaks the classic protocol; undefined: the broker does not say. */
  readonly upgraded?: boolean | undefined
}

export interface GroupDescription {
  readonly groupId: string
  readonly type: 'Classic' | 'Consumer'
  readonly protocolType: string
  readonly state: string
  readonly assignor: string
  /** Undefined: it has gone since. */
  readonly coordinator: BrokerView | undefined
  readonly members: readonly MemberDescription[]
  /** Of the new protocol. */
  readonly groupEpoch?: number
  readonly assignmentEpoch?: number
}

/** As they are shown; on the wire they come in any case. */
export const GROUP_TYPES: readonly string[] = ['Classic', 'Consumer', 'Share', 'Streams']

const FIRST_WITH_STATES = 4
const FIRST_WITH_TYPES = 5

const CLASSIC_MEMBER = 0
const CONSUMER_MEMBER = 1

/** All groups of the cluster, by id; `states` and `types`: only those. Rejects where a broker cannot be asked, or is too old for a filter. */
export async function listGroups(
  client: ClusterClient,
  filter: { readonly states?: readonly string[]; readonly types?: readonly string[] } = {},
): Promise<ListedGroup[]> {
  const { states = [], types = [] } = filter
  const body = { statesFilter: states, typesFilter: types }
  await client.refresh([])
  const lists = await Promise.all(
    [...client.view.brokers.keys()].map((nodeId) =>
      client.retrying('listing groups', async () => {
        const version = (await client.connection({ nodeId })).versionOf(ListGroups) ?? FIRST_WITH_TYPES
        const needed = types.length > 0 ? FIRST_WITH_TYPES : states.length > 0 ? FIRST_WITH_STATES : 0
        if (version < needed) {
          const what = needed === FIRST_WITH_TYPES ? 'types' : 'states'
          throw new ClientError('UNSUPPORTED_VERSION', `broker ${nodeId} is too old to list groups by their ${what}`)
        }
        const { errorCode, groups } = await client.call({ nodeId }, ListGroups, body)
        if (errorCode !== ErrorCode.NONE) throw serverError(errorCode, `groups of broker ${nodeId}`)
        return groups
      }),
    ),
  )
  // One whose coordinator moves meanwhile may be listed by both.
  const byId = new Map(lists.flat().map((group) => [group.groupId, group]))
  return [...byId.values()]
    .map(({ groupId, protocolType, groupState, groupType }) => ({
      groupId,
      protocolType,
      state: groupState,
      type: GROUP_TYPES.find((type) => type.toLowerCase() === groupType.toLowerCase()) ?? groupType,
    }))
    .sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
}

/** Groups of both protocols, each with its error if it cannot be described: GROUP_ID_NOT_FOUND if there is none. */
export async function describeGroups(
  client: ClusterClient,
  groupIds: readonly string[],
): Promise<Map<string, GroupDescription | ClientError>> {
  const described = await askCoordinators(client, 'describing groups', groupIds, (nodeId, ids) =>
    describeConsumerGroups(client, nodeId, ids),
  )
  const others = [...described].filter(([, answer]) => answer instanceof ClientError && isPerhapsClassic(answer))
  const classic = await askCoordinators(
    client,
    'describing groups',
    others.map(([groupId]) => groupId),
    (nodeId, ids) => describeClassicGroups(client, nodeId, ids),
  )
  for (const [groupId, answer] of classic) described.set(groupId, answer)
  return described
}

function isPerhapsClassic({ error }: ClientError): boolean {
  return error === 'GROUP_ID_NOT_FOUND' || error === 'UNSUPPORTED_VERSION'
}

async function describeConsumerGroups(
  client: ClusterClient,
  nodeId: number,
  groupIds: readonly string[],
): Promise<ByGroup<GroupDescription>> {
  const body = { groupIds, includeAuthorizedOperations: false }
  const { groups } = await client.call({ nodeId }, ConsumerGroupDescribe, body)
  return new Map(
    groups.map((group) => [
      group.groupId,
      group.errorCode === ErrorCode.NONE
        ? {
            groupId: group.groupId,
            type: 'Consumer',
            protocolType: 'consumer',
            state: group.groupState,
            assignor: group.assignorName,
            coordinator: client.view.brokers.get(nodeId),
            members: group.members.map(consumerMember),
            groupEpoch: group.groupEpoch,
            assignmentEpoch: group.assignmentEpoch,
          }
        : serverError(group.errorCode, `group ${group.groupId}`, group.errorMessage),
    ]),
  )
}

type ConsumerMember = Infer<(typeof ConsumerGroupDescribe)['response']>['groups'][number]['members'][number]

function consumerMember(member: ConsumerMember): MemberDescription {
  const { memberId, instanceId, clientId, clientHost, memberEpoch, assignment, targetAssignment, memberType } = member
  const partitionsOf = ({ topicPartitions }: ConsumerMember['assignment']): TopicPartition[] =>
    topicPartitions.flatMap(({ topicName: topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
  return {
    memberId,
    instanceId,
    clientId,
    host: clientHost,
    assignment: partitionsOf(assignment),
    target: partitionsOf(targetAssignment),
    memberEpoch,
    upgraded: memberType === CONSUMER_MEMBER ? true : memberType === CLASSIC_MEMBER ? false : undefined,
  }
}

function describeClassicGroups(
  client: ClusterClient,
  nodeId: number,
  groups: readonly string[],
): Promise<ByGroup<GroupDescription>> {
  const coordinator = client.view.brokers.get(nodeId)
  return client.callAndRead({ nodeId }, DescribeGroups, { groups }, (response) => {
    return new Map(
      response.groups.map((group) => [
        group.groupId,
        group.errorCode !== ErrorCode.NONE
          ? serverError(group.errorCode, `group ${group.groupId}`, group.errorMessage)
          : group.groupState === 'Dead'
            ? new ClientError('GROUP_ID_NOT_FOUND', `group ${group.groupId} does not exist`)
            : classicGroup(group, coordinator),
      ]),
    )
  })
}

type ClassicGroup = Infer<(typeof DescribeGroups)['response']>['groups'][number]

function classicGroup(group: ClassicGroup, coordinator: BrokerView | undefined): GroupDescription {
  const { groupId, protocolType, groupState, protocolData, members } = group
  return {
    groupId,
    type: 'Classic',
    protocolType,
    state: groupState,
    assignor: protocolData,
    coordinator,
    members: members.map(({ memberId, groupInstanceId, clientId, clientHost, memberAssignment }) => ({
      memberId,
      instanceId: groupInstanceId,
      clientId,
      host: clientHost,
      assignment: protocolType === 'consumer' ? readAssignment(memberAssignment) : [],
    })),
  }
}

/** What a member of a classic group was given; nothing where that cannot be read: members choose these bytes. */
export function readAssignment(bytes: Uint8Array): TopicPartition[] {
  if (bytes.length < 2) return []
  try {
    const reader = new Reader(bytes)
    const [oldest, newest] = ConsumerProtocolAssignment.versions
    const version = Math.min(Math.max(reader.int16(), oldest), newest)
    const { assignedPartitions } = ConsumerProtocolAssignment.decode(version, reader)
    return assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
  } catch (error) {
    if (error instanceof DecodeError) return []
    throw error
  }
}

/** Groups without members, with all that they have committed; by group undefined where it is done. */
export function deleteGroups(
  client: ClusterClient,
  groupIds: readonly string[],
): Promise<Map<string, ClientError | undefined>> {
  return askCoordinators(client, 'deleting groups', groupIds, async (nodeId, groupsNames) => {
    const { results } = await client.call({ nodeId }, DeleteGroups, { groupsNames })
    return new Map(
      results.map(({ groupId, errorCode, errorMessage }) => [
        groupId,
        errorCode === ErrorCode.NONE ? undefined : serverError(errorCode, `group ${groupId}`, errorMessage),
      ]),
    )
  })
}

/** A member by its id or, where it is a static one, by the id of its instance. */
export type MemberName = { readonly memberId: string } | { readonly instanceId: string }

/** Members of a classic group (KIP-345); rejects for the first that could not be removed. `reason` is for the broker's log. */
export async function removeMembers(
  client: ClusterClient,
  groupId: string,
  members: readonly MemberName[],
  reason: string | null = null,
): Promise<void> {
  const leaving = members.map((name) => ({
    memberId: 'memberId' in name ? name.memberId : '',
    groupInstanceId: 'instanceId' in name ? name.instanceId : null,
    reason,
  }))
  const answers = await askCoordinators<readonly ClientError[]>(
    client,
    'removing members',
    [groupId],
    async (nodeId) => {
      const response = await client.call({ nodeId }, LeaveGroup, { groupId, members: leaving })
      if (response.errorCode !== ErrorCode.NONE) {
        return new Map([[groupId, serverError(response.errorCode, `group ${groupId}`)]])
      }
      const refused = response.members
        .filter(({ errorCode }) => errorCode !== ErrorCode.NONE)
        .map(({ memberId, groupInstanceId, errorCode }) =>
          serverError(errorCode, `member ${groupInstanceId ?? memberId}`),
        )
      return new Map([[groupId, refused]])
    },
  )
  const [first] = onlyAnswer(answers, groupId)
  if (first !== undefined) throw first
}
