/** Who is what at this moment: drawn among the nodes that run, or asked of the cluster, whose newest answer counts. */
import type { Prng } from '../../src/base/prng.js'
import { findCoordinators } from '../../src/client/admin/coordinators.js'
import type { PartitionView } from '../../src/client/cluster-view.js'
import { groupBy } from '../../src/client/group-by.js'
import type { BedNode, TestBed } from '../beds/bed.js'
import { askAll } from './asking.js'
import type { Target } from './fault.js'

/** What of the cluster belongs to a run. */
export interface OfRun {
  isTopic(name: string): boolean
  readonly group: string
}

export interface PlacedPartition extends PartitionView {
  readonly topic: string
}

export class Targets {
  readonly #bed: TestBed
  readonly #ofRun: OfRun
  readonly #random: Prng

  constructor(bed: TestBed, ofRun: OfRun, random: Prng) {
    this.#bed = bed
    this.#ofRun = ofRun
    this.#random = random
  }

  /** Undefined: nobody knows, or nobody is. Within a few seconds. */
  readonly find = async (target: Target): Promise<readonly BedNode[] | undefined> => {
    const running = this.#bed.nodes.filter(({ isRunning }) => isRunning)
    if (running.length === 0) return undefined
    switch (target) {
      case 'one':
        return [this.#random.pick(running)]
      case 'all':
        return running
      case 'minority':
      case 'majority':
        return this.#share(target)
      case 'leader':
        return this.#those([this.#pick(await this.partitions())?.leader])
      case 'replicas but one': {
        const partition = this.#pick(await this.partitions())
        if (partition === undefined) return undefined
        const spared = this.#random.pick(partition.replicas)
        return this.#those(partition.replicas.filter((id) => id !== spared))
      }
      case 'controller':
        return this.#those([await this.controller()])
      case 'coordinator':
        return this.#those([await this.#coordinator()])
    }
  }

  /** Those of the run, in order. */
  async partitions(): Promise<readonly PlacedPartition[]> {
    const views = await askAll(this.#bed, async ({ client }) => {
      await client.refresh(null)
      return [...client.view.topics.values()].filter(({ name }) => this.#ofRun.isTopic(name))
    })
    const newest = new Map<string, PlacedPartition>()
    for (const { name, partitions } of views.flat()) {
      for (const partition of partitions) {
        const key = `${name}-${partition.partition}`
        const known = newest.get(key)
        if (known === undefined || known.leaderEpoch < partition.leaderEpoch) {
          newest.set(key, { topic: name, ...partition })
        }
      }
    }
    return [...newest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, partition]) => partition)
  }

  async controller(): Promise<number | undefined> {
    const answers = await askAll(this.#bed, ({ admin }) => admin.describeQuorum())
    return answers.toSorted((a, b) => b.leaderEpoch - a.leaderEpoch)[0]?.leaderId
  }

  async #coordinator(): Promise<number | undefined> {
    const { group } = this.#ofRun
    const answers = await askAll(this.#bed, async ({ client }) => (await findCoordinators(client, [group])).get(group))
    return answers.find((answer) => typeof answer === 'number')
  }

  #pick(partitions: readonly PlacedPartition[]): PlacedPartition | undefined {
    const led = partitions.filter(({ leader }) => leader >= 0)
    return led.length === 0 ? undefined : this.#random.pick(led)
  }

  #those(ids: readonly (number | undefined)[]): readonly BedNode[] | undefined {
    const nodes = this.#bed.nodes.filter(({ id, isRunning }) => isRunning && ids.includes(id))
    return nodes.length === 0 ? undefined : nodes
  }

  /** Of nodes with the same roles each: a minority of brokers and one of controllers. */
  #share(share: 'minority' | 'majority'): readonly BedNode[] | undefined {
    const byRoles = groupBy(this.#bed.nodes, ({ roles }) => roles.join())
    const nodes = [...byRoles.values()].flatMap((same) => {
      const running = same.filter(({ isRunning }) => isRunning)
      const half = Math.floor(running.length / 2)
      const wanted =
        share === 'minority'
          ? this.#random.between(1, Math.max(1, Math.ceil(running.length / 2) - 1))
          : this.#random.between(half + 1, Math.max(half + 1, running.length - 1))
      return shuffled(running, this.#random).slice(0, running.length < 3 && share === 'minority' ? 0 : wanted)
    })
    return nodes.length === 0 ? undefined : nodes
  }
}

export function shuffled<T>(items: readonly T[], random: Prng): T[] {
  const rest = [...items]
  return Array.from({ length: items.length }, () => rest.splice(random.below(rest.length), 1)[0]!)
}
