/**
 * Where the members of the quorum are: the leader as it has said itself in this epoch, others as the voter set says, else as somebody has told, else as
 * the configuration names them.
 */
import type { Address } from '../../io/network.js'
import { ANY_SERVER } from '../../raft/messages.js'
import type { VoterEndpoint, VoterSet } from '../../raft/voter-set.js'
import type { NamedServer } from './options.js'

/** Beyond that the one that was told of first is forgotten. */
const MAX_TOLD = 1000

export class QuorumAddresses {
  readonly #nodeId: number
  readonly #endpoints: readonly VoterEndpoint[]
  readonly #named: readonly NamedServer[]
  readonly #now: () => { readonly epoch: number; readonly voters: VoterSet | undefined }
  /** The voter set may have an address that the leader had earlier. */
  #leader: { readonly nodeId: number; readonly epoch: number; readonly address: Address } | undefined
  readonly #told = new Map<number, Address>()
  /** Whose turn it is to be asked of those who are named. */
  #turn = 0

  constructor(
    own: {
      readonly nodeId: number
      readonly endpoints: readonly VoterEndpoint[]
      readonly named: readonly NamedServer[]
    },
    now: () => { readonly epoch: number; readonly voters: VoterSet | undefined },
  ) {
    this.#nodeId = own.nodeId
    this.#endpoints = own.endpoints
    this.#named = own.named
    this.#now = now
  }

  learn(nodeId: number, { host, port }: Address): void {
    if (nodeId < 0 || nodeId === this.#nodeId) return
    this.#told.delete(nodeId)
    this.#told.set(nodeId, { host, port })
    if (this.#told.size > MAX_TOLD) this.#told.delete(this.#told.keys().next().value!)
  }

  /** Who leads in this epoch has said where it is. */
  learnLeader(nodeId: number, epoch: number, { host, port }: Address): void {
    if (epoch < this.#now().epoch) return
    this.learn(nodeId, { host, port })
    this.#leader = { nodeId, epoch, address: { host, port } }
  }

  /** Undefined: not known. */
  of(nodeId: number): Address | undefined {
    const found = this.#find(nodeId)
    return found && { host: found.host, port: found.port }
  }

  #find(nodeId: number): Address | undefined {
    if (nodeId === ANY_SERVER) return this.#any()
    if (nodeId === this.#nodeId) return this.#endpoints[0]
    const { epoch, voters } = this.#now()
    if (this.#leader?.nodeId === nodeId && this.#leader.epoch === epoch) return this.#leader.address
    const voter = voters?.voters.find(({ id }) => id === nodeId)
    return voter?.endpoints[0] ?? this.#told.get(nodeId) ?? this.#named.find((each) => each.nodeId === nodeId)
  }

  #any(): Address | undefined {
    const isOwn = ({ host, port }: Address): boolean =>
      this.#endpoints.some((own) => own.host === host && own.port === port)
    const voters = this.#now().voters?.voters.filter(({ id }) => id !== this.#nodeId) ?? []
    const others: Address[] = this.#named.filter((each) => each.nodeId !== this.#nodeId && !isOwn(each))
    const servers = others.length > 0 ? others : voters.flatMap(({ endpoints }) => endpoints[0] ?? [])
    return servers[this.#turn++ % Math.max(1, servers.length)]
  }
}
