/** `consumer-groups --describe`: what is asked for it, and printed. */
import { fetchGroupOffsets, type GroupOffset } from '../../client/admin/group-offsets.js'
import type { GroupDescription, TopicPartition } from '../../client/admin/groups.js'
import { LATEST, listOffsets } from '../../client/admin/list-offsets.js'
import { ClientError } from '../../client/client-error.js'
import type { ClusterClient } from '../../client/cluster-client.js'
import { membersText, offsetRows, offsetsText, partitionKey, remarkOn, stateText } from './described.js'
import { describeConsumerGroups, tellErrors } from './groups.js'

export type Aspect = 'offsets' | 'members' | 'state'

export async function describe(
  client: ClusterClient,
  groupIds: readonly string[],
  aspect: Aspect,
  verbose: boolean,
): Promise<void> {
  const { groups, errors } = await describeConsumerGroups(client, groupIds)
  const texts = aspect === 'offsets' ? await offsetsOf(client, groups, verbose) : undefined
  const failed = [...errors]
  for (const [n, group] of groups.entries()) {
    const remark = remarkOn(group)
    if (remark !== undefined) process.stderr.write(`lograft: ${remark}\n`)
    const text = texts?.[n] ?? (aspect === 'members' ? membersText(group, verbose) : stateText(group, verbose))
    if (text instanceof ClientError) failed.push(text)
    else process.stdout.write(text)
  }
  tellErrors(failed)
}

async function offsetsOf(
  client: ClusterClient,
  groups: readonly GroupDescription[],
  verbose: boolean,
): Promise<(string | ClientError)[]> {
  const committed = await fetchGroupOffsets(
    client,
    groups.map(({ groupId }) => groupId),
  )
  const partitions = groups.flatMap(({ groupId, members }): readonly TopicPartition[] => [
    ...members.flatMap(({ assignment }) => assignment),
    ...offsetsIn(committed.get(groupId)),
  ])
  const ends = await knownEnds(client, partitions)
  return groups.map((group) => {
    const offsets = committed.get(group.groupId)
    if (offsets instanceof ClientError) return offsets
    const rows = offsetRows(group, offsetsIn(offsets), ends)
    return rows.length === 0 ? '' : offsetsText(group.groupId, rows, verbose)
  })
}

function offsetsIn(answer: readonly GroupOffset[] | ClientError | undefined): readonly GroupOffset[] {
  return answer === undefined || answer instanceof ClientError ? [] : answer
}

/** Where logs end, by `partitionKey`: of partitions that have a leader. Others may be gone, and the group still has an offset there. */
async function knownEnds(
  client: ClusterClient,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, number>> {
  const wanted = [...new Map(partitions.map((each) => [partitionKey(each), each])).values()]
  await client.refresh([...new Set(wanted.map(({ topic }) => topic))])
  const queries = wanted
    .filter(({ topic, partition }) => client.view.leaderOf(topic, partition) !== undefined)
    .map(({ topic, partition }) => ({ topic, partition, timestamp: LATEST }))
  const listed = await listOffsets(client, queries)
  return new Map(listed.map((each) => [partitionKey(each), each.offset]))
}
