/**
 * GroupReload: a coordinator knows of its groups what its log says of them, or it would be somebody else after the next move: for each shard that is loaded a fresh one is given what stands in the log,
 * and both must have the same offsets and, where no round is under way, the same groups.
 */
import { assert } from '../base/assert.js'
import { OFFSETS_TOPIC } from '../broker/coordinators/internal-topics.js'
import { ClassicGroup } from '../coordinator/group/classic-group.js'
import { ConsumerGroup } from '../coordinator/group/consumer/consumer-group.js'
import { ConsumerGroups } from '../coordinator/group/consumer/consumer-groups.js'
import { eachPartition, type PartitionSet, topicPartitions } from '../coordinator/group/consumer/partition-sets.js'
import type { Group } from '../coordinator/group/group.js'
import { decodeGroupRecord } from '../coordinator/group/group-records.js'
import type { GroupSettings } from '../coordinator/group/group-settings.js'
import { GroupShard } from '../coordinator/group/group-shard.js'
import { readRecords } from '../records/reader.js'
import type { ClusterNode, ClusterWorld } from './cluster-world.js'
import { SimulatedDirectory } from './disk-directory.js'
import type { NextGroupRules } from './next-group-rules.js'
import { hostedBy } from './replica-files.js'
import { batchesOf, logFilesIn } from './segment-files.js'

const MAX_BATCH_BYTES = 100 * 1024 * 1024
/** A round is under way in all others. */
const SETTLED: ReadonlySet<string> = new Set(['Stable', 'Empty'])

/** Returns how many shards were compared. What holds of groups of KIP-848 is looked at on the way. */
export function checkReload(world: ClusterWorld, rules: NextGroupRules): number {
  let compared = 0
  for (const node of world.brokers) {
    const broker = node.node?.broker
    if (broker === undefined) continue
    const topicId = broker.image.topicsByName.get(OFFSETS_TOPIC)?.topicId
    if (topicId === undefined) continue
    for (const [partition, shard] of broker.groups.runtime.shards()) {
      const hosted = hostedBy(node, { topic: OFFSETS_TOPIC, topicId, partition })
      if (hosted === undefined || hosted.log.failed || hosted.log.closed) continue
      assert(shard instanceof GroupShard, 'groups are kept by GroupShard')
      for (const group of shard.groups) rules.look(group, `${node.host}, shard ${partition}`)
      const fresh = loadedAnew(node, partition, hosted.log.nextOffset)
      if (fresh === undefined) continue
      const [is, would] = [textOf(shard, shard), textOf(fresh, shard)]
      assert(is === would, () => `${node.host}, shard ${partition}: it is\n${is}\nand would be after a load\n${would}`)
      compared++
    }
  }
  return compared
}

function loadedAnew(node: ClusterNode, partition: number, endOffset: number): GroupShard | undefined {
  const folder = node.machine.find(node.directoryOf(`${OFFSETS_TOPIC}-${partition}`))
  return folder instanceof SimulatedDirectory ? loadedFrom(folder, endOffset) : undefined
}

/** What stands in the files of a log that ends there. Undefined: they are in flux. */
export function loadedFrom(folder: SimulatedDirectory, endOffset: number): GroupShard | undefined {
  const shard = new GroupShard({
    settings: NO_SETTINGS,
    random: NO_RANDOM,
    noted: () => {},
    consumerGroups: (context) => new ConsumerGroups(context),
  })
  let nextOffset = 0
  for (const { file } of logFilesIn(folder)) {
    for (const batch of batchesOf(file.content)) {
      if (batch.computeCrc() !== batch.crc) return undefined
      nextOffset = batch.nextOffset
      for (const { offset, timestamp, key, value } of readRecords(batch, MAX_BATCH_BYTES)) {
        const record = key === null ? undefined : decodeGroupRecord({ key, value })
        const place = { offset, timestampMs: Number(timestamp), producerId: -1, producerEpoch: -1 }
        if (record !== undefined) shard.apply(record, place)
      }
    }
  }
  return nextOffset === endOffset ? shard : undefined
}

/** Of those groups in which nothing is under way in `live`. */
function textOf(shard: GroupShard, live: GroupShard): string {
  const settled = [...live.groups].filter(isSettled).map(({ groupId }) => groupId)
  const known = new Map([...shard.groups].map((group) => [group.groupId, group]))
  const lines = settled.sort().map((groupId) => {
    const group = known.get(groupId)
    if (group instanceof ConsumerGroup) return textOfNext(group)
    if (!(group instanceof ClassicGroup)) return `${groupId}: ${group?.type}`
    const { value } = group.record() as { readonly value: object }
    return `${groupId}: ${shown({ ...value, state: group.state, currentStateTimestamp: undefined })}`
  })
  const offsets = [...shard.offsets.groupIds].sort().map((groupId) => {
    const all = [...shard.offsets.allOf(groupId)].flatMap(([topic, partitions]) =>
      [...partitions].map(([partition, committed]) => `${topic}-${partition} ${shown(committed)}`),
    )
    return `${groupId}: ${all.sort().join(', ')}`
  })
  return [...lines, ...offsets].join('\n')
}

/** All of it, whatever is under way: only records change it. */
function textOfNext(group: ConsumerGroup): string {
  const { groupId, epoch, targetEpoch, metadataHash, members, targets, expressions } = group
  const setOf = (set: PartitionSet): string => topicPartitions(set).map(shown).join(' ')
  const lines = [`${groupId}: epoch ${epoch}, target ${targetEpoch}, hash ${metadataHash}, ${group.state}`]
  for (const { assigned, revoking, ...member } of members.values()) {
    const owned = [...eachPartition(assigned), ...eachPartition(revoking)].map(([topicId, partition]) => {
      return `${topicId}-${partition} ${group.ownerOf(topicId, partition)} ${group.partitionEpoch(topicId, partition)}`
    })
    const has = `has ${setOf(assigned)}, gives back ${setOf(revoking)}, of ${owned.sort().join(' ')}`
    lines.push(`${shown(member)} ${has}, is to have ${setOf(group.targetOf(member.memberId))}`)
  }
  for (const memberId of targets.keys()) if (!members.has(memberId)) lines.push(`a target of ${memberId}`)
  for (const [instanceId, memberId] of group.staticMembers) lines.push(`${instanceId} is ${memberId}`)
  for (const [expression, { topics, version, timestampMs }] of expressions) {
    lines.push(`${expression} ${[...topics].sort().join(' ')} ${version} ${timestampMs}`)
  }
  return lines.sort().join('\n')
}

/** Of a group of which only ids were given out nothing stands in the log, and what its partition has refused does not stand there yet. */
function isSettled(group: Group): boolean {
  // Only records change it.
  if (group instanceof ConsumerGroup) return true
  return SETTLED.has(group.state) && !(group instanceof ClassicGroup && (!group.isStored || group.isAheadOfLog))
}

function shown(fields: object): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name} ${shownValue(value)}`)
    .join(' ')
}

function shownValue(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return `[${value.map(shownValue).join(', ')}]`
  return typeof value === 'object' && value !== null ? `{${shown(value)}}` : String(value)
}

/** Nothing is asked of it. */
const NO_SETTINGS = (): GroupSettings => assert(false, 'a shard that is only loaded needs no settings') as never
const NO_RANDOM = {
  below: (): never => assert(false, 'a shard that is only loaded needs no dice') as never,
  bytes: (): never => assert(false, 'a shard that is only loaded needs no dice') as never,
}
