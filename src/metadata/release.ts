/**
 * What a release of lograft works with: the levels of its features, and with them the kinds of records that it writes and reads. A cluster
 * may have nodes of several releases; its level says what all of them understand, and nothing newer is written before it is raised.
 *
 *     lograft.version 1   the first
 *     lograft.version 2   topics can be deleted: the record RemoveTopic
 *     lograft.version 3   brokers can be forgotten: the record UnregisterBroker; refusals are as current as decisions: NoOp
 *
 *     eligible.leader.replicas.version 1   those are kept apart who left the ISR and still have all that was committed (KIP-966); a cluster begins without
 *
 *     group.version 1   the protocol of consumer groups (KIP-848)
 */
import type { MetadataImage } from './image.js'
import type { FeatureRange, MetadataRecord } from './records.js'

export const LOGRAFT_VERSION = 'lograft.version'
export const ELIGIBLE_LEADER_REPLICAS_VERSION = 'eligible.leader.replicas.version'
export const GROUP_VERSION = 'group.version'

export interface Release {
  readonly features: readonly FeatureRange[]
}

export const THIS_RELEASE: Release = {
  features: [
    { name: LOGRAFT_VERSION, minLevel: 1, maxLevel: 3 },
    { name: ELIGIBLE_LEADER_REPLICAS_VERSION, minLevel: 0, maxLevel: 1 },
    { name: GROUP_VERSION, minLevel: 0, maxLevel: 1 },
  ],
}

/** Where a new cluster begins: with everything but replicas that may lead without being in sync, which somebody has to want. */
export function firstLevel({ name, minLevel, maxLevel }: FeatureRange): number {
  return name === ELIGIBLE_LEADER_REPLICAS_VERSION ? minLevel : maxLevel
}

/** The level of `lograft.version` from which on records of a kind are written; the others always were. */
export const RECORDS_SINCE = { removeTopic: 2, unregisterBroker: 3, noOp: 3 } as const

const since: Partial<Readonly<Record<MetadataRecord['type'], number>>> = RECORDS_SINCE

/** Whether a release can read records of this kind. */
export function knowsRecord({ features }: Release, type: MetadataRecord['type']): boolean {
  const level = since[type]
  if (level === undefined) return true
  return features.some(({ name, maxLevel }) => name === LOGRAFT_VERSION && maxLevel >= level)
}

/** A sentence if the release must not run at the levels of the cluster. */
export function unsupportedLevel({ features }: MetadataImage, release: Release): string | undefined {
  for (const [name, level] of features) {
    const range = release.features.find((feature) => feature.name === name)
    if (range === undefined || level < range.minLevel || level > range.maxLevel) {
      const known = range === undefined ? 'does not know it' : `knows it from ${range.minLevel} to ${range.maxLevel}`
      return `the cluster is at level ${level} of ${name}, and this release of lograft ${known}`
    }
  }
  return undefined
}
