/**
 * LeaderLocator: finds the leader of one partition by asking any broker for its metadata, again and again until one names a leader, and of no older epoch
 * than one that was named before.
 */
import type { Address } from '../io/network.js'
import { ErrorCode } from '../protocol/errors.js'
import { Metadata } from '../protocol/messages/metadata.js'
import type { ClientConnection } from '../rpc/client-connection.js'
import { askAround } from './asked-around.js'
import type { ClientPorts, Locator } from './client.js'

export interface LeaderPlace {
  readonly topicId: string
  readonly partition: number
}

export class LeaderLocator implements Locator {
  /** Of the leader that was found last. */
  leaderEpoch = -1
  readonly #ports: ClientPorts
  readonly #brokers: () => Address
  readonly #place: LeaderPlace

  /** `brokers`: one of them at a time, whoever it is. */
  constructor(ports: ClientPorts, brokers: () => Address, place: LeaderPlace) {
    this.#ports = ports
    this.#brokers = brokers
    this.#place = place
  }

  readonly locate = (found: (address: Address) => void): void =>
    askAround<Address>(this.#ports, this.#brokers, (connection, answered) => this.#ask(connection, answered), found)

  #ask(connection: ClientConnection, done: (address: Address | undefined) => void): void {
    const { topicId, partition } = this.#place
    const topics = [{ topicId, name: null }]
    const body = { topics, allowAutoTopicCreation: false, includeTopicAuthorizedOperations: false }
    connection.call(Metadata, body, (_, response) => {
      const named = response?.topics[0]?.partitions.find(({ partitionIndex }) => partitionIndex === partition)
      const broker = response?.brokers.find(({ nodeId }) => nodeId === named?.leaderId)
      if (named?.errorCode !== ErrorCode.NONE || broker === undefined) return done(undefined)
      if (named.leaderEpoch < this.leaderEpoch) return done(undefined)
      this.leaderEpoch = named.leaderEpoch
      done({ host: broker.host, port: broker.port })
    })
  }
}
