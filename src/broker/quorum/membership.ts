/**
 * Membership: what a node that runs does so that the quorum has its voters. A controller becomes one of them by itself, after a founding as after
 * the loss of its disk (`controller.quorum.auto.join.enable`, KIP-853), and tells when its address is another. Where nobody leads for a
 * while, it says which voters are missing.
 */
import { type NamedController, namedController } from '../../config/named-controllers.js'
import type { Timer } from '../../io/clock.js'
import type { Address } from '../../io/network.js'
import type { Ports } from '../../io/ports.js'
import { type ErrorName, errorByCode } from '../../protocol/errors.js'
import { AddRaftVoter } from '../../protocol/messages/add-raft-voter.js'
import { RemoveRaftVoter } from '../../protocol/messages/remove-raft-voter.js'
import { UpdateRaftVoter } from '../../protocol/messages/update-raft-voter.js'
import type { Asked } from '../../raft/founding.js'
import { type MembershipStep, membershipStep, missingVoters } from '../../raft/membership.js'
import { isSameReplica, MAX_VOTERS, type Voter } from '../../raft/voter-set.js'
import { ClientConnection } from '../../rpc/client-connection.js'
import { KRAFT_VERSION } from './batches.js'
import { FoundingRounds } from './founding-round.js'
import type { Quorum } from './quorum.js'

const CHECK_MS = 250
/** So long a new voter may take to catch up; then it asks again. */
const ADD_MS = 5000
const ANSWER_MS = ADD_MS + 1000
/** Nobody leads, or the leader refuses: how often that is said. */
const COMPLAIN_MS = 5000

/** Why a voter is not added now, and is a moment later: others are changing the voters, or the leader is new. */
const SOON: ReadonlySet<ErrorName> = new Set([
  'REQUEST_TIMED_OUT',
  'NOT_LEADER_OR_FOLLOWER',
  'DUPLICATE_VOTER',
  'VOTER_NOT_FOUND',
])

export interface MembershipOptions {
  readonly clusterId: string
  /** This node, and where it serves controllers. */
  readonly self: Voter
  readonly named: readonly NamedController[]
  readonly isController: boolean
  /** Whether it becomes a voter where it is none. */
  readonly joins: boolean
  readonly quorum: Quorum
  /** This node must not go on: a sentence for the operator. */
  readonly lost: (sentence: string) => void
}

export class Membership {
  readonly #ports: Ports
  readonly #options: MembershipOptions
  #timer: Timer | undefined
  #leader: { readonly address: Address; readonly connection: ClientConnection } | undefined
  #rounds: FoundingRounds | undefined
  #ledMs: number
  #complainedMs = Number.NEGATIVE_INFINITY
  #stopped = false

  constructor(ports: Ports, options: MembershipOptions) {
    this.#ports = ports
    this.#options = options
    this.#ledMs = ports.clock.monotonicMs()
  }

  start(): void {
    this.#timer = this.#ports.clock.timer(CHECK_MS, () => this.#check())
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#rounds?.stop()
    this.#leader?.connection.close()
  }

  /** Who stands for election may still name the leader that it had. */
  get #isLed(): boolean {
    const { role } = this.#options.quorum
    return role === 'leader' || role === 'follower'
  }

  #again(): void {
    if (!this.#stopped) this.start()
  }

  #check(): void {
    const { quorum, self, joins, isController } = this.#options
    const nowMs = this.#ports.clock.monotonicMs()
    const { voters } = quorum
    const { nodeId, address } = quorum.leader()
    if (!this.#isLed) {
      if (nowMs - Math.max(this.#ledMs, this.#complainedMs) < COMPLAIN_MS) return this.#again()
      return this.#sayWhoIsMissing()
    }
    this.#ledMs = nowMs
    // Who has not caught up does not know yet who votes.
    if (!isController || voters === undefined || quorum.image === undefined) return this.#again()
    const step = membershipStep(self, voters, joins)
    if (step === undefined) {
      // Who names nobody has no others to wait for.
      if (this.#options.named.length > 0) this.#again()
      return
    }
    if (step.is === 'full') {
      this.#complain(`this controller cannot become a voter: there are ${MAX_VOTERS}`)
      return this.#again()
    }
    if (step.is === 'update' && nodeId === self.id) return this.#updateHere(step.voter)
    if (address === undefined) return this.#again()
    if (step.is === 'remove') this.#removeFormer(step.voter, address)
    else this.#ask(step, address)
  }

  /** The former one may be another process that runs under this id: then it stays, and this one goes. */
  #removeFormer(former: Voter, leader: Address): void {
    const { self, lost } = this.#options
    this.#askNamed(addressesOf([former]), (round) => {
      const alive = round.find(({ came }) => !('failure' in came) && isSameReplica(came, former))
      if (alive === undefined) return this.#ask({ is: 'remove', voter: former }, leader)
      lost(
        `${namedController(alive.whom)} is node ${self.id}, too, with another directory (${former.directoryId}): two nodes cannot have one node.id`,
      )
    })
  }

  #ask({ is, voter }: Exclude<MembershipStep, { is: 'full' }>, leader: Address): void {
    const { clusterId, quorum } = this.#options
    const { id: voterId, directoryId: voterDirectoryId, endpoints } = voter
    const listeners = endpoints.map(({ name, host, port }) => ({ name, host, port }))
    const connection = this.#connection(leader)
    const done = (error: Error | undefined, response: Answer | undefined): void => {
      if (this.#stopped) return
      const name = response && errorByCode(response.errorCode).name
      if (name === 'NONE') this.#ports.logger.info({ voterId, voterDirectoryId }, DONE[is])
      else if (name !== undefined && !SOON.has(name)) {
        this.#complain(`the leader refuses to ${is} voter ${voterId}: ${response?.errorMessage ?? name}`)
      } else this.#ports.logger.debug({ is, voterId, error: name ?? error?.message }, 'voters are not changed yet')
      this.#again()
    }
    if (is === 'remove') {
      connection.send(RemoveRaftVoter, 0, { clusterId, voterId, voterDirectoryId }, done)
    } else if (is === 'add') {
      const request = { clusterId, timeoutMs: ADD_MS, voterId, voterDirectoryId, listeners, ackWhenCommitted: true }
      connection.send(AddRaftVoter, 1, request, done)
    } else {
      const kRaftVersionFeature = { minSupportedVersion: 0, maxSupportedVersion: KRAFT_VERSION }
      const currentLeaderEpoch = quorum.leader().epoch
      const request = { clusterId, currentLeaderEpoch, voterId, voterDirectoryId, listeners, kRaftVersionFeature }
      connection.send(UpdateRaftVoter, 0, request, (error, response) =>
        done(error, response && { errorCode: response.errorCode, errorMessage: null }),
      )
    }
  }

  #updateHere(voter: Voter): void {
    const { quorum } = this.#options
    quorum.step({ kind: 'updateRaftVoter', currentLeaderEpoch: quorum.leader().epoch, voter }, () => this.#again())
  }

  #sayWhoIsMissing(): void {
    const { quorum, named } = this.#options
    const known = quorum.voters?.voters ?? []
    this.#askNamed(known.length > 0 ? addressesOf(known) : named, (round) => {
      const heard = round.flatMap(({ came }) => ('failure' in came ? [] : [came]))
      const voters =
        known.length > 0 ? known : (heard.find((each) => each.foundingVoters.length > 0)?.foundingVoters ?? [])
      const silent = round.flatMap(({ whom, came }) =>
        'failure' in came ? [`${namedController(whom)}: ${came.failure}`] : [],
      )
      const missing = missingVoters(voters, heard).map(({ voter, replacedBy }) =>
        replacedBy === undefined
          ? `voter ${voter.id} does not answer`
          : `voter ${voter.id} has lost its disk: node ${voter.id} answers with the directory ${replacedBy.directoryId}, not ${voter.directoryId}`,
      )
      if (!this.#isLed) {
        const sentences = missing.length > 0 ? missing : ['all voters answer']
        this.#complain(`nobody leads the quorum: ${sentences.join('; ')}`, silent)
      }
      this.#again()
    })
  }

  #askNamed(named: readonly NamedController[], done: (round: readonly Asked[]) => void): void {
    if (named.length === 0) return done([])
    this.#rounds?.stop()
    const rounds = new FoundingRounds(this.#ports, this.#options.self, named)
    this.#rounds = rounds
    rounds.ask((round) => {
      rounds.stop()
      if (!this.#stopped) done(round)
    })
  }

  #connection(address: Address): ClientConnection {
    const kept = this.#leader
    const isThere = kept?.address.host === address.host && kept.address.port === address.port
    if (kept !== undefined && isThere && kept.connection.usable) return kept.connection
    kept?.connection.close()
    const { clock, network } = this.#ports
    const clientId = `voter-${this.#options.self.id}`
    const connection = new ClientConnection({ clock, network, address, clientId, requestTimeoutMs: ANSWER_MS })
    this.#leader = { address, connection }
    return connection
  }

  #complain(sentence: string, silent: readonly string[] = []): void {
    const nowMs = this.#ports.clock.monotonicMs()
    if (nowMs - this.#complainedMs < COMPLAIN_MS) return
    this.#complainedMs = nowMs
    this.#ports.logger.warn(silent.length === 0 ? {} : { silent }, sentence)
  }
}

interface Answer {
  readonly errorCode: number
  readonly errorMessage: string | null
}

const DONE = {
  add: 'is a voter now',
  remove: 'the voter with the former directory is removed',
  update: 'voters know the new address',
}

function addressesOf(voters: readonly Voter[]): NamedController[] {
  return voters.flatMap(({ id, endpoints }) => endpoints.slice(0, 1).map(({ host, port }) => ({ id, host, port })))
}
