/** What holds on a node by the metadata: the settings that it was started with, changed by what was set since. */
import { withDynamic } from '../config/dynamic-settings.js'
import type { NodeSettings } from '../config/node-settings.js'
import { configsOf, type MetadataImage } from './image.js'
import { RESOURCE_TYPE_BROKER } from './records.js'

/** The resource of this name stands for all brokers. */
export const ALL_BROKERS = ''

/** What was set for all brokers and for this one; the same maps for as long as nothing changes. */
export function dynamicConfigs(
  image: MetadataImage,
  nodeId: number,
): { readonly ofCluster: ReadonlyMap<string, string>; readonly ofBroker: ReadonlyMap<string, string> } {
  return {
    ofCluster: configsOf(image, RESOURCE_TYPE_BROKER, ALL_BROKERS),
    ofBroker: configsOf(image, RESOURCE_TYPE_BROKER, String(nodeId)),
  }
}

/** The settings of a node as they are now. */
export class EffectiveSettings {
  readonly #started: NodeSettings
  readonly #nodeId: number
  #ofCluster: ReadonlyMap<string, string> | undefined
  #ofBroker: ReadonlyMap<string, string> | undefined
  #current: NodeSettings

  /** `started`: by the file and the command line. */
  constructor(started: NodeSettings, nodeId: number) {
    this.#started = started
    this.#nodeId = nodeId
    this.#current = started
  }

  /** The same object for as long as nothing changes. */
  at(image: MetadataImage): NodeSettings {
    const { ofCluster, ofBroker } = dynamicConfigs(image, this.#nodeId)
    if (ofCluster !== this.#ofCluster || ofBroker !== this.#ofBroker) {
      this.#current = withDynamic(this.#started, ofCluster, ofBroker)
      this.#ofCluster = ofCluster
      this.#ofBroker = ofBroker
    }
    return this.#current
  }
}
