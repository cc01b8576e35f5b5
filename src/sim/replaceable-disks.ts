/**
 * ReplaceableDisks: which disk of a cluster may be replaced by an empty one, so that what the metadata promise still holds: of the controllers one at a time, and
 * the next only when all are voters again.
 */
import type { ClusterNode, ClusterWorld } from './cluster-world.js'

export class ReplaceableDisks {
  /** Nodes whose disk was replaced, and that are no voters again as far as is known. */
  readonly lost = new Set<ClusterNode>()
  readonly #world: ClusterWorld

  constructor(world: ClusterWorld) {
    this.#world = world
  }

  /** Whether the metadata can do without it; it is replaced then. */
  take(node: ClusterNode): boolean {
    const { controllers, plan } = this.#world
    if (plan.naming === 'none') return false
    if (node.role === 'broker') return true
    if (controllers.length < 3 || controllers.some(({ clusterId }) => clusterId === undefined)) return false
    const quorum = this.#world.leader?.node?.quorum
    // A voter is one again when that is committed.
    if (quorum === undefined || quorum.highWatermark < quorum.endOffset) return false
    const voters = quorum.describe().voters.filter(({ isVoter }) => isVoter)
    for (const each of this.lost) {
      const directoryId = each.node?.directory?.directoryId
      if (voters.some((voter) => voter.id === each.id && voter.directoryId === directoryId)) this.lost.delete(each)
    }
    if (this.lost.size > 0 || voters.length < controllers.length) return false
    this.lost.add(node)
    return true
  }
}
