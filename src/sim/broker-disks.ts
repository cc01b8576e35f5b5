/**
 * BrokerDisks: somebody takes a broker away, waits until nobody counts on what it has any more, and gives it an empty disk: then it comes back. That is legal at any
 * time: it is fenced, and neither in sync nor eligible anywhere. Where it was in sync last, it gets its old disk back.
 */
import type { Prng } from '../base/prng.js'
import type { MetadataImage } from '../metadata/image.js'
import type { ClusterNode, ClusterWorld } from './cluster-world.js'

const LOOK_EVERY_MS = 300
/** A broker is fenced when its session is over. */
const PATIENCE_MS = 15_000

export interface BrokerDisksOptions {
  readonly meanPauseMs: number
  /** The newest that is committed. */
  readonly image: () => MetadataImage | undefined
  /** Whether the metadata can do without what a controller has; it is replaced then. */
  readonly mayReplace: (node: ClusterNode) => boolean
}

export class BrokerDisks {
  replaced = 0
  readonly #world: ClusterWorld
  readonly #random: Prng
  readonly #options: BrokerDisksOptions
  #stopped = false

  constructor(world: ClusterWorld, random: Prng, options: BrokerDisksOptions) {
    this.#world = world
    this.#random = random
    this.#options = options
    this.#next()
  }

  /** Whoever is away stays so, as long as nobody else starts it. */
  stop(): void {
    this.#stopped = true
  }

  #next(): void {
    const { simulation, brokers } = this.#world
    simulation.schedule(this.#random.exponential(this.#options.meanPauseMs), 'an operator looks for a disk', () => {
      if (this.#stopped) return
      const node = this.#random.pick(brokers)
      if (node.node === undefined) return this.#next()
      node.restart = false
      node.crash()
      this.#wait(node, simulation.nowMs + PATIENCE_MS)
    })
  }

  #wait(node: ClusterNode, untilMs: number): void {
    const { simulation } = this.#world
    simulation.schedule(LOOK_EVERY_MS, 'an operator looks at a broker that is away', () => {
      if (this.#stopped) return
      const isReplaced = this.#isDispensable(node) && (node.role === 'broker' || this.#options.mayReplace(node))
      if (!isReplaced && simulation.nowMs < untilMs) return this.#wait(node, untilMs)
      if (isReplaced) {
        this.replaced++
        node.replaceDisk()
      }
      node.restart = true
      node.start()
      this.#next()
    })
  }

  #isDispensable({ id }: ClusterNode): boolean {
    const image = this.#options.image()
    if (image?.brokers.get(id)?.fenced !== true) return false
    for (const { partitions } of image.topicsById.values()) {
      for (const { isr, eligibleLeaderReplicas, lastKnownElr } of partitions) {
        if ([isr, eligibleLeaderReplicas, lastKnownElr].some((ids) => ids.includes(id))) return false
      }
    }
    return true
  }
}
