/** The controller of the model world, for one partition: it decides at once and forgets nothing. What it may do is what `src/controller` may do. */
import type { IsrProposal, ProposalAnswer } from '../../src/replication/isr-proposal.js'
import type { ModelPartition } from './model-partition.js'

/** What the metadata says. */
export interface PartitionView {
  readonly version: number
  readonly leader: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  /** Brokers in use, with the epochs of their incarnations. */
  readonly usable: ReadonlyMap<number, number>
}

export class ModelController {
  readonly #world: ModelPartition
  readonly #epochs = new Map<number, number>()
  readonly #fenced = new Set<number>()
  #nextBrokerEpoch = 1
  view: PartitionView

  constructor(world: ModelPartition, ids: readonly number[]) {
    this.#world = world
    this.view = {
      version: 0,
      leader: ids[0]!,
      leaderEpoch: 0,
      partitionEpoch: 0,
      replicas: ids,
      isr: ids,
      usable: new Map(),
    }
    for (const id of ids) this.#fenced.add(id)
  }

  /** Returns the broker's epoch. */
  register(id: number): number {
    const epoch = this.#nextBrokerEpoch++
    this.#epochs.set(id, epoch)
    this.#fenced.delete(id)
    this.#leave(id)
    this.look()
    return epoch
  }

  fence(id: number): void {
    if (this.#fenced.has(id)) return
    this.#world.note(`fence ${id}`)
    this.#fenced.add(id)
    this.#leave(id)
  }

  isUsable(id: number): boolean {
    return !this.#fenced.has(id)
  }

  /** Another leader, though the one that there is may be well. */
  elect(id: number): void {
    const { leader, isr } = this.view
    if (leader === id || !isr.includes(id) || this.#fenced.has(id)) return
    this.#world.note(`elect ${id}`)
    this.#become(id, isr)
  }

  /** Who lives is in use again; and somebody leads who may. */
  look(): void {
    for (const { id, lives } of this.#world.replicas) {
      if (!lives || !this.#fenced.delete(id)) continue
      this.#change({ isr: this.view.isr, isOfBrokers: true })
    }
    const { leader, isr, replicas } = this.view
    if (leader > 0) return
    const heir = isr.find((id) => !this.#fenced.has(id))
    if (heir !== undefined) return this.#become(heir, isr)
    if (!this.#world.options.uncleanElection) return
    const other = replicas.find((id) => !this.#fenced.has(id))
    if (other !== undefined) {
      this.#world.note(`unclean ${other}`)
      this.#become(other, [other])
    }
  }

  alterPartition(from: number, fromEpoch: number, proposal: IsrProposal): ProposalAnswer {
    const { leader, leaderEpoch, partitionEpoch } = this.view
    if (this.#epochs.get(from) !== fromEpoch) return { kind: 'refused' }
    if (leader !== from || proposal.leaderEpoch !== leaderEpoch) return { kind: 'superseded' }
    if (proposal.partitionEpoch !== partitionEpoch) return { kind: 'superseded' }
    for (const { brokerId, brokerEpoch } of proposal.isr) {
      const isSame = brokerEpoch === -1 || brokerEpoch === this.#epochs.get(brokerId)
      if (!isSame || this.#fenced.has(brokerId)) return { kind: 'refused' }
    }
    const isr = proposal.isr.map(({ brokerId }) => brokerId)
    if (proposal.handsOver === true) {
      this.#become(isr[0]!, isr)
      return { kind: 'superseded' }
    }
    this.#change({ isr })
    return { kind: 'accepted', isr, partitionEpoch: this.view.partitionEpoch }
  }

  /** It is no leader any more, and in sync only if nobody else is. */
  #leave(id: number): void {
    const { leader, isr } = this.view
    const others = isr.filter((each) => each !== id)
    const left = others.length === 0 ? isr : others
    if (leader === id) {
      const heir = left.find((each) => each !== id && !this.#fenced.has(each))
      this.#change({ leader: heir ?? -1, isr: left, isNewLeader: true })
    } else this.#change({ isr: left })
  }

  #become(leader: number, isr: readonly number[]): void {
    this.#change({ leader, isr, isNewLeader: true })
  }

  #change(to: {
    readonly leader?: number
    readonly isr: readonly number[]
    readonly isNewLeader?: boolean
    readonly isOfBrokers?: boolean
  }): void {
    const { view } = this
    const { leader = view.leader, isr, isNewLeader = false, isOfBrokers = false } = to
    const usable = new Map([...this.#epochs].filter(([id]) => !this.#fenced.has(id)))
    this.view = {
      version: view.version + 1,
      leader,
      leaderEpoch: view.leaderEpoch + (isNewLeader ? 1 : 0),
      partitionEpoch: view.partitionEpoch + (isOfBrokers ? 0 : 1),
      replicas: view.replicas,
      isr,
      usable,
    }
    this.#world.publish(this.view)
  }
}
