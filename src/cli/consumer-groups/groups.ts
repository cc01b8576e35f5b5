/** Which groups a command is about, and what they are: with the errors that stop it. */

import { describeGroups, type GroupDescription, type ListedGroup, listGroups } from '../../client/admin/groups.js'
import { ClientError } from '../../client/client-error.js'
import type { ClusterClient } from '../../client/cluster-client.js'

const CONSUMER_PROTOCOLS = ['consumer', '']

/** Groups of consumers, of both protocols, and those that only have offsets. */
export async function listConsumerGroups(
  client: ClusterClient,
  filter: { readonly states?: readonly string[]; readonly types?: readonly string[] } = {},
): Promise<ListedGroup[]> {
  const groups = await listGroups(client, filter)
  return groups.filter(
    ({ type, protocolType }) =>
      type === 'Consumer' || ((type === 'Classic' || type === '') && CONSUMER_PROTOCOLS.includes(protocolType)),
  )
}

/** Those that are named, or all. */
export async function chosenGroups(
  client: ClusterClient,
  { group, 'all-groups': all }: { readonly group: readonly string[] | undefined; readonly 'all-groups': boolean },
): Promise<string[]> {
  if (!all) return [...new Set(group)]
  return (await listConsumerGroups(client)).map(({ groupId }) => groupId)
}

export interface Described {
  /** By id. */
  readonly groups: readonly GroupDescription[]
  readonly errors: readonly ClientError[]
}

export async function describeConsumerGroups(client: ClusterClient, groupIds: readonly string[]): Promise<Described> {
  const groups: GroupDescription[] = []
  const errors: ClientError[] = []
  const described = [...(await describeGroups(client, groupIds))].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [groupId, answer] of described) {
    if (answer instanceof ClientError) errors.push(answer)
    else if (!CONSUMER_PROTOCOLS.includes(answer.protocolType)) {
      const what = `group ${groupId} is not one of consumers: its protocol is ${answer.protocolType}`
      errors.push(new ClientError('INCONSISTENT_GROUP_PROTOCOL', what))
    } else groups.push(answer)
  }
  return { groups, errors }
}

/** For what went wrong beside what was done: the command goes on, and does not end well. */
export function tellErrors(errors: readonly Error[]): void {
  for (const { message } of errors) process.stderr.write(`lograft: ${message}\n`)
  if (errors.length > 0) process.exitCode = 1
}
