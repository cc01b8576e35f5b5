/** What elections go by: settings of the partition's topic, and whether the cluster keeps those who are eligible apart from those who are in sync. */
import { resolveTopicSettings, type TopicSettings } from '../config/topic-settings.js'
import { configsOf, type TopicImage } from '../metadata/image.js'
import { RESOURCE_TYPE_TOPIC } from '../metadata/records.js'
import type { DecisionContext } from './context.js'

/** The cluster as it is, with the settings that hold for all of it. */
export type ClusterView = Pick<DecisionContext, 'image' | 'settings'>

export interface ElectionRules {
  /** Who is not in sync may lead where nobody else can. */
  readonly unclean: boolean
}

export function rulesOf(view: ClusterView, topic: TopicImage): ElectionRules {
  const settings = topicSettingsOf(view, topic)
  return { unclean: settings['unclean.leader.election.enable'] }
}

export function topicSettingsOf({ image, settings }: ClusterView, { name }: TopicImage): TopicSettings {
  return resolveTopicSettings(settings, configsOf(image, RESOURCE_TYPE_TOPIC, name))
}
