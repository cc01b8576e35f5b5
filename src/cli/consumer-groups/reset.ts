/** `consumer-groups --reset-offsets`: what is asked for it, committed and printed. */
import fs from 'node:fs'
import {
  alterGroupOffsets,
  byPartition,
  fetchGroupOffsets,
  type NewGroupOffset,
} from '../../client/admin/group-offsets.js'
import { describeGroups, type TopicPartition } from '../../client/admin/groups.js'
import { EARLIEST, LATEST, listOffsets } from '../../client/admin/list-offsets.js'
import { ClientError } from '../../client/client-error.js'
import type { ClusterClient } from '../../client/cluster-client.js'
import { fail } from '../fail.js'
import { inColumns, widthOf } from './columns.js'
import { partitionKey } from './described.js'
import { tellErrors } from './groups.js'
import { type NamedTopic, partitionsOf } from './partitions.js'
import { type PlannedOffset, planText, readPlan } from './reset-file.js'
import { type KnownOffsets, type Reset, ResetError, resetPlan } from './reset-plan.js'

export interface ResetOrder {
  readonly groupIds: readonly string[]
  /** With a file what it says for each group. */
  readonly reset: Reset | { readonly to: 'file'; readonly planned: readonly PlannedOffset[] }
  /** What is reset; 'all': whatever the group has committed. A file says it itself. */
  readonly topics: readonly NamedTopic[] | 'all'
  readonly execute: boolean
  /** As CSV, to be read by `--from-file`. */
  readonly asFile: boolean
  /** Several groups are meant: lines of a file name theirs. */
  readonly severalGroups: boolean
}

interface GroupReset {
  readonly groupId: string
  readonly offsets: readonly NewGroupOffset[]
}

const RESETTABLE = ['Empty', 'Dead']

export async function resetOffsets(client: ClusterClient, order: ResetOrder): Promise<void> {
  const described = await describeGroups(client, order.groupIds)
  const done: GroupReset[] = []
  const errors: Error[] = []
  for (const groupId of [...order.groupIds].sort()) {
    const group = described.get(groupId)
    try {
      // A group that is not there may be given offsets to begin with.
      if (group instanceof ClientError && group.error !== 'GROUP_ID_NOT_FOUND') throw group
      if (group !== undefined && !(group instanceof ClientError) && !RESETTABLE.includes(group.state)) {
        throw new ResetError(`group ${groupId} has members (${group.state}): its offsets can be reset when it has none`)
      }
      done.push({ groupId, offsets: await resetGroup(client, groupId, order) })
    } catch (error) {
      if (!(error instanceof ClientError || error instanceof ResetError)) throw error
      errors.push(error)
    }
  }
  process.stdout.write(order.asFile ? fileText(done, order.severalGroups) : resetText(done))
  tellErrors(errors)
}

async function resetGroup(client: ClusterClient, groupId: string, order: ResetOrder): Promise<NewGroupOffset[]> {
  const { partitions, reset } = await scopeOf(client, groupId, order)
  const { offsets, remarks } = resetPlan(reset, partitions, await known(client, groupId, partitions, reset))
  for (const remark of remarks) process.stderr.write(`lograft: ${remark}\n`)
  if (order.execute) await alterGroupOffsets(client, groupId, offsets)
  return [...offsets].sort(byPartition)
}

async function scopeOf(
  client: ClusterClient,
  groupId: string,
  { reset, topics }: ResetOrder,
): Promise<{ readonly partitions: readonly TopicPartition[]; readonly reset: Reset }> {
  if (reset.to === 'file') {
    const mine = reset.planned.filter((each) => each.groupId === undefined || each.groupId === groupId)
    if (mine.length === 0) throw new ResetError(`the file plans nothing for group ${groupId}`)
    const offsets = new Map(mine.map((each) => [partitionKey(each), each.offset]))
    const named = mine.map(({ topic, partition }) => ({ topic, partitions: [partition] }))
    return { partitions: await partitionsOf(client, named), reset: { to: 'plan', offsets } }
  }
  if (topics !== 'all') return { partitions: await partitionsOf(client, topics), reset }
  const named = (await committedOf(client, groupId)).map(({ topic, partition }) => ({ topic, partitions: [partition] }))
  return { partitions: await partitionsOf(client, named), reset }
}

async function known(
  client: ClusterClient,
  groupId: string,
  partitions: readonly TopicPartition[],
  reset: Reset,
): Promise<KnownOffsets> {
  const at = async (timestamp: number): Promise<Map<string, number>> => {
    const listed = await listOffsets(
      client,
      partitions.map(({ topic, partition }) => ({ topic, partition, timestamp })),
    )
    return new Map(listed.filter(({ offset }) => offset >= 0).map((each) => [partitionKey(each), each.offset]))
  }
  const committed = reset.to === 'current' || reset.to === 'shift' ? await committedOf(client, groupId) : []
  return {
    committed: new Map(committed.map((each) => [partitionKey(each), each.offset])),
    starts: await at(EARLIEST),
    ends: await at(LATEST),
    atTime: reset.to === 'time' ? await at(reset.timestampMs) : new Map(),
  }
}

async function committedOf(client: ClusterClient, groupId: string) {
  const offsets = (await fetchGroupOffsets(client, [groupId])).get(groupId) ?? []
  if (offsets instanceof ClientError) throw offsets
  return offsets
}

export function readPlanFile(path: string): PlannedOffset[] {
  let text: string
  try {
    text = fs.readFileSync(path, 'utf8')
  } catch (error) {
    return fail(`cannot read the plan: ${(error as Error).message}`)
  }
  const planned = readPlan(text)
  return typeof planned === 'string' ? fail(`${path}: ${planned}`) : planned
}

function fileText(done: readonly GroupReset[], severalGroups: boolean): string {
  const planned = done.flatMap(({ groupId, offsets }) =>
    offsets.map((each) => ({ ...each, groupId: severalGroups ? groupId : undefined })),
  )
  return `${planText(planned)}\n`
}

function resetText(done: readonly GroupReset[]): string {
  if (done.length === 0) return ''
  const rows = done.flatMap(({ groupId, offsets }) =>
    offsets.map(({ topic, partition, offset }) => [groupId, topic, String(partition), String(offset)]),
  )
  const groups = done.map(({ groupId }) => groupId)
  const widths = [
    widthOf(15, groups),
    widthOf(
      15,
      rows.map((row) => row[1]!),
    ),
    10,
  ]
  const lines = [['GROUP', 'TOPIC', 'PARTITION', 'NEW-OFFSET'], ...rows]
  return `${lines.map((line) => `\n${inColumns(line, widths)}`).join('')}\n`
}
