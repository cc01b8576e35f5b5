/** `consumer-groups --delete` and `--delete-offsets`. */
import { byPartition, deleteGroupOffsets } from '../../client/admin/group-offsets.js'
import { deleteGroups } from '../../client/admin/groups.js'
import type { ClientError } from '../../client/client-error.js'
import type { ClusterClient } from '../../client/cluster-client.js'
import { inColumns, widthOf } from './columns.js'
import { tellErrors } from './groups.js'
import { type NamedTopic, partitionsOf } from './partitions.js'

export async function removeGroups(client: ClusterClient, groupIds: readonly string[]): Promise<void> {
  const answers = [...(await deleteGroups(client, groupIds))]
  const quoted = (deleted: boolean): string =>
    answers
      .filter(([, error]) => (error === undefined) === deleted)
      .map(([groupId]) => `'${groupId}'`)
      .sort()
      .join(', ')
  const errors = answers.map(([, error]) => error).filter((error): error is ClientError => error !== undefined)
  if (errors.length === 0)
    process.stdout.write(`Deletion of requested consumer groups (${quoted(true)}) was successful.\n`)
  else if (errors.length < answers.length)
    process.stdout.write(`Deleted: ${quoted(true)}. Not deleted: ${quoted(false)}.\n`)
  tellErrors(errors)
}

export async function removeOffsets(
  client: ClusterClient,
  groupId: string,
  named: readonly NamedTopic[],
): Promise<void> {
  // Partitions that are named need not be there any more: that may be why their offsets are to go.
  const whole = await partitionsOf(
    client,
    named.filter(({ partitions }) => partitions === undefined),
  )
  const single = named.flatMap(({ topic, partitions = [] }) => partitions.map((partition) => ({ topic, partition })))
  const answers = await deleteGroupOffsets(client, groupId, [...whole, ...single])
  const errors = answers.map(({ error }) => error).filter((error) => error !== undefined)
  if (errors.length === 0) process.stdout.write(`Request succeeded for deleting offsets from group ${groupId}.\n`)
  const widths = [
    widthOf(
      15,
      answers.map(({ topic }) => topic),
    ),
    10,
    15,
  ]
  const rows = [...answers]
    .sort(byPartition)
    .map(({ topic, partition, error }) => [
      topic,
      partition,
      error === undefined ? 'Successful' : `Error: ${error.error}`,
    ])
  const lines = [['TOPIC', 'PARTITION', 'STATUS'], ...rows]
  process.stdout.write(`${lines.map((line) => `\n${inColumns(line, widths)}`).join('')}\n`)
  tellErrors(errors)
}
