/**
 * A partition whose replicas move (KIP-455). From the beginning to the end it has both: those that it is going to have come first, then those that it is to
 * lose. It goes in three steps: it gets what is added, that catches up, and it loses what is removed.
 *
 *   - The move ends when all that were added are in sync, and with them as many of those that stay as `min.insync.replicas` asks for, or all if they are fewer, and one
 *     of them can lead. So nothing that was committed is ever on fewer replicas than it was to be.
 *   - It ends with another leader epoch: who was removed is not heard any more.
 */
import { type Uuid, ZERO_UUID } from '../base/uuid.js'
import type { MetadataImage } from '../metadata/image.js'
import type { PartitionState } from '../metadata/records.js'
import type { ElectionRules } from './election-rules.js'

/** Which replicas a partition has, and which of them it has for a while only, or only from now on. */
export type Arrangement = Pick<PartitionState, 'replicas' | 'addingReplicas' | 'removingReplicas'>

type Arrived = Arrangement & Pick<PartitionState, 'directories' | 'isr' | 'leader'>

export function isMoving({ addingReplicas, removingReplicas }: Arrangement): boolean {
  return addingReplicas.length > 0 || removingReplicas.length > 0
}

/** What it is going to have. */
export function targetOf({ replicas, removingReplicas }: Arrangement): readonly number[] {
  return replicas.filter((id) => !removingReplicas.includes(id))
}

/** What it had before. */
export function originOf({ replicas, addingReplicas }: Arrangement): readonly number[] {
  return replicas.filter((id) => !addingReplicas.includes(id))
}

/** Whether a partition of these replicas is written to with so many in sync. */
export function suffices(
  isr: readonly number[],
  replicas: readonly number[],
  { minInsyncReplicas }: Pick<ElectionRules, 'minInsyncReplicas'>,
): boolean {
  return isr.length > 0 && isr.length >= Math.min(minInsyncReplicas, replicas.length)
}

/** How a partition is that has just arrived; undefined: it has not, or does not move. */
export function afterMove(
  partition: PartitionState,
  rules: Pick<ElectionRules, 'minInsyncReplicas'>,
  able: (brokerId: number) => boolean,
): Arrived | undefined {
  if (!isMoving(partition) || partition.leader === -1) return undefined
  const replicas = targetOf(partition)
  const isr = partition.isr.filter((id) => replicas.includes(id))
  if (!partition.addingReplicas.every((id) => isr.includes(id)) || !suffices(isr, replicas, rules)) return undefined
  const leader = isr.includes(partition.leader) ? partition.leader : elect({ replicas, isr }, able)
  if (leader === -1) return undefined
  return {
    replicas,
    directories: directoriesOf(partition, replicas),
    addingReplicas: [],
    removingReplicas: [],
    isr,
    leader,
  }
}

/** The directory of each of these replicas: as it was, or the only one of a broker that had none of the partition. */
export function directoriesOf(
  { replicas: before, directories }: PartitionState,
  replicas: readonly number[],
  image?: MetadataImage,
): readonly Uuid[] {
  return replicas.map((id) => {
    const place = before.indexOf(id)
    if (place >= 0) return directories[place] ?? ZERO_UUID
    return image === undefined ? ZERO_UUID : onlyDirectory(image, id)
  })
}

/** Where a new replica goes, if the broker has one directory: of several it chooses one, and says which. */
export function onlyDirectory({ brokers }: MetadataImage, brokerId: number): Uuid {
  const logDirs = brokers.get(brokerId)?.logDirs ?? []
  return logDirs.length === 1 ? logDirs[0]! : ZERO_UUID
}

/** The first replica, in order of assignment, that is in sync and alive; -1: none. */
export function elect(
  partition: Pick<PartitionState, 'replicas' | 'isr'>,
  alive: (brokerId: number) => boolean,
): number {
  return partition.replicas.find((id) => partition.isr.includes(id) && alive(id)) ?? -1
}

export function sameMembers(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id))
}

export function sameOrder(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id, place) => other[place] === id)
}
