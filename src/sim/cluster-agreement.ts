/**
 * ClusterAgreement: whether nodes of a cluster agree: one leader, whom all know, and the brokers of them unfenced and with everything applied that is committed to
 * them. And which nodes are enough to go on: the core of a cluster.
 */
import type { Prng } from '../base/prng.js'
import type { ClusterNode, ClusterWorld } from './cluster-world.js'

/** On a link that is slower a follower may hear of its leader too late. */
const SLOW_MS = 300

export class ClusterAgreement {
  readonly #world: ClusterWorld
  /**
   * A node outside of the core may lead it, if a majority hears of it; those of the core that do not, because of a fault that stays, follow nobody and
   * cannot depose it. That is so in every Raft with a pre-vote.
   */
  readonly #cutOff = new Set<ClusterNode>()

  constructor(world: ClusterWorld) {
    this.#world = world
  }

  /** Those of them that a leader outside of them can reach, if one leads. */
  connectedOf(nodes: readonly ClusterNode[]): readonly ClusterNode[] {
    this.#lookAtLinks(nodes)
    return nodes.filter((node) => !this.#cutOff.has(node))
  }

  holds(nodes: readonly ClusterNode[]): boolean {
    const isApart = this.#world.plan.naming === 'none'
    let leader: { readonly leaderId: number; readonly leaderEpoch: number } | undefined
    for (const node of nodes) {
      const quorum = node.node?.quorum
      if (quorum === undefined) return false
      const { nodeId: leaderId, epoch: leaderEpoch } = quorum.leader()
      if (leaderId < 0) return false
      if (isApart) {
        if (leaderId !== node.id) return false
      } else if (leader === undefined) leader = { leaderId, leaderEpoch }
      else if (leader.leaderId !== leaderId || leader.leaderEpoch !== leaderEpoch) return false
      const { image } = quorum
      if (image === undefined) return false
      const { broker } = node.node!
      if (broker !== undefined) {
        if (!node.serving || broker.image.brokers.get(node.id)?.fenced !== false) return false
        if (broker.image !== image) return false
      }
    }
    return true
  }

  /** All agree, and are where the others are: nobody asks for anything any more. */
  isLevel(): boolean {
    const { nodes, plan } = this.#world
    if (plan.naming === 'none') return true
    return this.holds(nodes) && new Set(nodes.map(({ node }) => node!.quorum!.highWatermark)).size === 1
  }

  #lookAtLinks(nodes: readonly ClusterNode[]): void {
    const { leader, network } = this.#world
    if (leader === undefined || nodes.includes(leader)) return this.#cutOff.clear()
    const isWell = (from: string, to: string): boolean =>
      !network.rules.cuts(from, to) &&
      !network.rules.refuses(from, to) &&
      network.rules.extraDelayMs(from, to) < SLOW_MS
    for (const node of nodes) {
      if (!isWell(node.host, leader.host) || !isWell(leader.host, node.host)) this.#cutOff.add(node)
    }
  }
}

/**
 * Those that are enough to go on: a majority of the voters whose disks are those that they voted with, and some brokers. As long as not all know
 * their cluster, all controllers.
 */
export function coreOf(
  { nodes, controllers, brokers, plan }: ClusterWorld,
  random: Prng,
  lost: ReadonlySet<ClusterNode>,
): readonly ClusterNode[] {
  if (plan.naming === 'none') return nodes
  const isFounded = controllers.every(({ clusterId }) => clusterId !== undefined)
  const sound = controllers.filter((node) => !lost.has(node))
  const majority = (controllers.length >> 1) + 1
  const chosen = isFounded && sound.length >= majority ? some(random, sound, majority) : controllers
  const core = new Set(chosen)
  const others = brokers.filter((node) => !core.has(node))
  if (chosen.every(({ role }) => role === 'controller')) core.add(random.pick(others))
  for (const node of others) if (random.chance(0.3)) core.add(node)
  return nodes.filter((node) => core.has(node))
}

/** How the nodes stand, for a report. */
export function standingOf({ nodes }: ClusterWorld): string {
  return nodes
    .map((node) => {
      const quorum = node.node?.quorum
      if (quorum === undefined) return `${node.host} ${node.node === undefined ? 'down' : 'starting'}`
      const { nodeId: leaderId, epoch: leaderEpoch } = quorum.leader()
      const applied = node.node?.broker?.image.offset
      return `${node.host} leader ${leaderId} in ${leaderEpoch}, committed ${quorum.highWatermark} of ${quorum.endOffset}, applied ${applied}${node.serving ? '' : ', not serving'}`
    })
    .join('; ')
}

/** So many of them, at random, in their order. */
export function some<T>(random: Prng, items: readonly T[], count: number): T[] {
  const left = [...items]
  while (left.length > count) left.splice(random.below(left.length), 1)
  return left
}
