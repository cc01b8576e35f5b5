/** What elections go by: settings of the partition's topic, and whether the cluster keeps those who are eligible apart from those who are in sync. */
import { resolveTopicSetting } from '../config/topic-settings.js'
import { configsOf, type MetadataImage, type TopicImage } from '../metadata/image.js'
import { RESOURCE_TYPE_TOPIC } from '../metadata/records.js'
import { ELIGIBLE_LEADER_REPLICAS_VERSION } from '../metadata/release.js'
import type { DecisionContext } from './context.js'

/** The cluster as it is, with the settings that hold for all of it. */
export type ClusterView = Pick<DecisionContext, 'image' | 'settings'>

export interface ElectionRules {
  /** Who is not in sync may lead where nobody else can. */
  readonly unclean: boolean
  /** Whether those are kept apart who left the ISR and have all that was committed (KIP-966). */
  readonly keepsEligible: boolean
  readonly minInsyncReplicas: number
  /** A replica counts only for what it has flushed: a crash takes nothing of that. */
  readonly survivesCrashes: boolean
}

/** The settings that these come from. */
export const ELECTIONS_GO_BY: ReadonlySet<string> = new Set(['unclean.leader.election.enable', 'min.insync.replicas'])

export function keepsEligible({ features }: MetadataImage): boolean {
  return (features.get(ELIGIBLE_LEADER_REPLICAS_VERSION) ?? 0) >= 1
}

export function rulesOf({ image, settings }: ClusterView, { name }: TopicImage): ElectionRules {
  const ofTopic = configsOf(image, RESOURCE_TYPE_TOPIC, name)
  return {
    unclean: resolveTopicSetting(settings, ofTopic, 'unclean.leader.election.enable'),
    keepsEligible: keepsEligible(image),
    minInsyncReplicas: resolveTopicSetting(settings, ofTopic, 'min.insync.replicas'),
    survivesCrashes: resolveTopicSetting(settings, ofTopic, 'flush.policy') === 'commit',
  }
}
