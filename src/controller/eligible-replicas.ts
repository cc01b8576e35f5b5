/**
 * Eligible leader replicas (KIP-966): who has left the ISR of a partition and still has all that was committed, because nothing is committed while fewer
 * than `min.insync.replicas` are in sync. They may lead as those in sync may, so that an ISR can become empty and nothing is lost with its last member.
 *
 *   - Who leaves an ISR that is smaller than `min.insync.replicas` then, is eligible from then on, until as many are in sync again: then only those are.
 *   - Who may have lost something is eligible no more. It is remembered (`lastKnownElr`) for whoever has to choose when nobody is left, and is never chosen
 *     by itself.
 *
 * This holds only if every leader counts at least as many as the controller does. So as long as it is on, `min.insync.replicas` is set for the whole cluster or for
 * a topic, and not by the file of one node or for one broker.
 */
import { ALL_BROKERS } from '../metadata/effective-settings.js'
import { configKey, configsOf } from '../metadata/image.js'
import { type MetadataRecord, type PartitionState, RESOURCE_TYPE_BROKER } from '../metadata/records.js'
import type { ClusterView, ElectionRules } from './election-rules.js'

export const MIN_INSYNC = 'min.insync.replicas'

type Eligible = Pick<PartitionState, 'eligibleLeaderReplicas' | 'lastKnownElr'>

/** Who is eligible beside this ISR, where `isLost` says who may have lost something. In order of assignment. */
export function eligibleBeside(
  isr: readonly number[],
  partition: PartitionState,
  { minInsyncReplicas, keepsEligible: isOn }: ElectionRules,
  isLost: (brokerId: number) => boolean,
): Eligible {
  const { replicas, eligibleLeaderReplicas, lastKnownElr } = partition
  if (!isOn) return { eligibleLeaderReplicas, lastKnownElr }
  if (isr.length >= minInsyncReplicas) return { eligibleLeaderReplicas: [], lastKnownElr: [] }
  const hadAll = replicas.filter((id) => partition.isr.includes(id) || eligibleLeaderReplicas.includes(id))
  const eligible = hadAll.filter((id) => !isr.includes(id) && !isLost(id))
  const remembered = replicas.filter((id) => hadAll.includes(id) || lastKnownElr.includes(id))
  return {
    eligibleLeaderReplicas: eligible,
    lastKnownElr: remembered.filter((id) => !isr.includes(id) && !eligible.includes(id)),
  }
}

/** The records by which all leaders count by one `min.insync.replicas`, which stands in the metadata: that of the controller, if none does. */
export function oneMinInsyncForAll({ image, settings }: ClusterView): MetadataRecord[] {
  const records: MetadataRecord[] = []
  if (!configsOf(image, RESOURCE_TYPE_BROKER, ALL_BROKERS).has(MIN_INSYNC)) {
    records.push(minInsync(ALL_BROKERS, String(settings[MIN_INSYNC])))
  }
  const ofAll = configKey(RESOURCE_TYPE_BROKER, ALL_BROKERS)
  for (const [key, configs] of image.configs) {
    if (key.startsWith(ofAll) && key !== ofAll && configs.has(MIN_INSYNC)) {
      records.push(minInsync(key.slice(ofAll.length)))
    }
  }
  return records
}

/** No value: it is not set there any more. */
function minInsync(resourceName: string, value?: string): MetadataRecord {
  const resource = { resourceType: RESOURCE_TYPE_BROKER, resourceName, name: MIN_INSYNC }
  return { type: 'config', ...resource, ...(value === undefined ? {} : { value }) }
}
