/** Asks all that are named whether they belong to a cluster, each over a connection that is kept as long as it holds. */
import { canonicalText, type NamedController } from '../../config/named-controllers.js'
import type { Ports } from '../../io/ports.js'
import { ErrorCode, errorByCode } from '../../protocol/errors.js'
import { DescribeFounding } from '../../protocol/messages/describe-founding.js'
import type { Infer } from '../../protocol/schema.js'
import { type Asked, type FoundingAnswer, isPossible } from '../../raft/founding.js'
import type { ReplicaKey } from '../../raft/voter-set.js'
import { ClientConnection } from '../../rpc/client-connection.js'

/** Who has not answered by then counts as not there in this round. */
const ANSWER_MS = 2000

export class FoundingRounds {
  readonly #ports: Ports
  readonly #self: ReplicaKey
  readonly #named: readonly NamedController[]
  readonly #text: string
  readonly #connections = new Map<NamedController, ClientConnection>()
  #stopped = false

  constructor(ports: Ports, self: ReplicaKey, named: readonly NamedController[]) {
    this.#ports = ports
    this.#self = self
    this.#named = named
    this.#text = canonicalText(named)
  }

  /** `done` gets one entry for each that is named, when the last of them has answered or failed. */
  ask(done: (round: readonly Asked[]) => void): void {
    const round: Asked[] = []
    for (const whom of this.#named) {
      this.#ask(whom, (came) => {
        round.push({ whom, came })
        if (round.length === this.#named.length && !this.#stopped) done(round)
      })
    }
  }

  stop(): void {
    this.#stopped = true
    for (const connection of [...this.#connections.values()]) connection.close()
  }

  #ask(whom: NamedController, done: (came: Asked['came']) => void): void {
    const { id: nodeId, directoryId } = this.#self
    const request = { nodeId, directoryId, named: this.#text }
    this.#connection(whom).send(DescribeFounding, 0, request, (error, response) => {
      if (response === undefined) return done({ failure: error!.message })
      const { errorCode } = response
      if (errorCode !== ErrorCode.NONE) return done({ failure: errorByCode(errorCode).name })
      const answer = answerOf(response)
      done(isPossible(answer) ? answer : { failure: 'it answers what cannot be' })
    })
  }

  #connection(whom: NamedController): ClientConnection {
    const kept = this.#connections.get(whom)
    if (kept?.usable === true) return kept
    const { clock, network } = this.#ports
    const connection = new ClientConnection({
      clock,
      network,
      address: { host: whom.host, port: whom.port },
      clientId: `founding-${this.#self.id}`,
      requestTimeoutMs: ANSWER_MS,
    })
    this.#connections.set(whom, connection)
    return connection
  }
}

function answerOf(response: Infer<typeof DescribeFounding.response>): FoundingAnswer {
  const { nodeId, directoryId, named, clusterId, formattedFor, foundingVoters, endpoints } = response
  return {
    id: nodeId,
    directoryId,
    endpoints,
    named,
    clusterId: clusterId ?? undefined,
    formattedFor: formattedFor ?? undefined,
    foundingVoters: foundingVoters.map((voter) => ({
      id: voter.nodeId,
      directoryId: voter.directoryId,
      endpoints: voter.endpoints,
    })),
  }
}
