/** Where the members of the quorum are: as the voters' own set says, else as somebody has told, else as the configuration names them. */
import type { Address } from '../io/network.js'
import { ANY_SERVER } from '../raft/messages.js'
import type { VoterEndpoint, VoterSet } from '../raft/voter-set.js'
import type { NamedServer } from './quorum-options.js'

/** Beyond that the one that was told of first is forgotten. */
const MAX_TOLD = 1000

export class QuorumAddresses {
  readonly #nodeId: number
  readonly #endpoints: readonly VoterEndpoint[]
  readonly #named: readonly NamedServer[]
  readonly #voters: () => VoterSet | undefined
  readonly #told = new Map<number, Address>()
  /** Whose turn it is to be asked of those who are named. */
  #turn = 0

  constructor(
    own: {
      readonly nodeId: number
      readonly endpoints: readonly VoterEndpoint[]
      readonly named: readonly NamedServer[]
    },
    voters: () => VoterSet | undefined,
  ) {
    this.#nodeId = own.nodeId
    this.#endpoints = own.endpoints
    this.#named = own.named
    this.#voters = voters
  }

  learn(nodeId: number, { host, port }: Address): void {
    if (nodeId < 0 || nodeId === this.#nodeId) return
    this.#told.delete(nodeId)
    this.#told.set(nodeId, { host, port })
    if (this.#told.size > MAX_TOLD) this.#told.delete(this.#told.keys().next().value!)
  }

  /** Undefined: not known. */
  of(nodeId: number): Address | undefined {
    const found = this.#find(nodeId)
    return found && { host: found.host, port: found.port }
  }

  #find(nodeId: number): Address | undefined {
    if (nodeId === ANY_SERVER) return this.#any()
    if (nodeId === this.#nodeId) return this.#endpoints[0]
    const voter = this.#voters()?.voters.find(({ id }) => id === nodeId)
    return voter?.endpoints[0] ?? this.#told.get(nodeId) ?? this.#named.find((each) => each.nodeId === nodeId)
  }

  #any(): Address | undefined {
    const isOwn = ({ host, port }: Address): boolean =>
      this.#endpoints.some((own) => own.host === host && own.port === port)
    const voters = this.#voters()?.voters.filter(({ id }) => id !== this.#nodeId) ?? []
    const others: Address[] = this.#named.filter((each) => each.nodeId !== this.#nodeId && !isOwn(each))
    const servers = others.length > 0 ? others : voters.flatMap(({ endpoints }) => endpoints[0] ?? [])
    return servers[this.#turn++ % Math.max(1, servers.length)]
  }
}
