/** What every decision of the controller is made from besides the request: handed in, never looked up. */
import type { NodeSettings } from '../config/node-settings.js'
import type { Random } from '../io/random.js'
import type { MetadataImage } from '../metadata/image.js'
import type { Release } from '../metadata/release.js'

export interface DecisionContext {
  /** Everything that was decided so far. */
  readonly image: MetadataImage
  /** The offset that the first record of the decision gets. */
  readonly nextOffset: number
  /** Of this node, as they are now. */
  readonly settings: NodeSettings
  readonly clusterId: string
  /** What this node can work with. */
  readonly release: Release
  readonly random: Random
  /** Whether something was heard of a broker lately, whatever the records say of it. */
  readonly isAlive: (brokerId: number) => boolean
}
