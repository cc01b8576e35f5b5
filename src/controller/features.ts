/**
 * Feature levels: what every node of the cluster understands. The level of `lograft.version` decides which records and which
 * requests between nodes may be used; it is the first record of the metadata log.
 */
import type { MetadataImage } from '../metadata/image.js'
import type { FeatureRange, MetadataRecord } from '../metadata/records.js'

export const LOGRAFT_VERSION = 'lograft.version'

/** What this release can work with. */
export const SUPPORTED_FEATURES: readonly FeatureRange[] = [{ name: LOGRAFT_VERSION, minLevel: 1, maxLevel: 1 }]

/** The first records of a new cluster. */
export function firstRecords(): MetadataRecord[] {
  return SUPPORTED_FEATURES.map(({ name, maxLevel }) => ({ type: 'featureLevel', name, level: maxLevel }))
}

/** A sentence if this release must not run at the levels of the cluster. */
export function unsupportedLevel(image: MetadataImage): string | undefined {
  for (const [name, level] of image.features) {
    const range = SUPPORTED_FEATURES.find((feature) => feature.name === name)
    if (range === undefined || level < range.minLevel || level > range.maxLevel) {
      const known = range === undefined ? 'does not know it' : `knows it from ${range.minLevel} to ${range.maxLevel}`
      return `the cluster is at level ${level} of ${name}, and this release of lograft ${known}`
    }
  }
  return undefined
}
