/** Tells the controller in which directories the replicas of this broker are, where the metadata does not say so yet (KIP-858). */
import { type Uuid, ZERO_UUID } from '../base/uuid.js'
import type { Timer } from '../io/clock.js'
import type { Ports } from '../io/ports.js'
import { ErrorCode } from '../protocol/errors.js'
import type { ControllerChannel } from './controller/controller-channel.js'
import { brokerAsker } from './controller/envelope.js'

/** As many as Kafka puts into one request. */
const MAX_ASSIGNMENTS = 2250
const TIMEOUT_MS = 10_000
const RETRY_MS = 200

interface Assignment {
  readonly topicId: Uuid
  readonly partition: number
  readonly directoryId: Uuid
}

export class ReplicaDirectories {
  readonly #ports: Ports
  readonly #channel: ControllerChannel
  readonly #broker: { readonly nodeId: number; readonly brokerEpoch: () => number }
  /** By partition: what is still to be said. */
  readonly #wanted = new Map<string, Assignment>()
  #sending = false
  #stopped = false
  #timer: Timer | undefined

  constructor(
    ports: Ports,
    channel: ControllerChannel,
    broker: { readonly nodeId: number; readonly brokerEpoch: () => number },
  ) {
    this.#ports = ports
    this.#channel = channel
    this.#broker = broker
  }

  /** The replica is in this directory; the metadata says that it is in `assigned`. */
  opened(topicId: Uuid, partition: number, directoryId: Uuid, assigned: Uuid | undefined): void {
    if (directoryId === (assigned ?? ZERO_UUID)) return
    this.#wanted.set(`${topicId}-${partition}`, { topicId, partition, directoryId })
    if (!this.#sending && this.#timer === undefined) this.#later(0)
  }

  /** There is no replica of it here any more. */
  removed(topicId: Uuid, partition: number): void {
    this.#wanted.delete(`${topicId}-${partition}`)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #later(delayMs: number): void {
    this.#timer = this.#ports.clock.timer(delayMs, () => {
      this.#timer = undefined
      if (!this.#stopped) this.#send()
    })
  }

  #send(): void {
    const batch = [...this.#wanted].slice(0, MAX_ASSIGNMENTS)
    const brokerEpoch = this.#broker.brokerEpoch()
    if (batch.length === 0) return
    if (brokerEpoch === -1) return this.#later(RETRY_MS)
    const byDirectory = new Map<Uuid, Map<Uuid, { partitionIndex: number }[]>>()
    for (const [, { topicId, partition, directoryId }] of batch) {
      const topics = byDirectory.get(directoryId) ?? new Map<Uuid, { partitionIndex: number }[]>()
      topics.set(topicId, [...(topics.get(topicId) ?? []), { partitionIndex: partition }])
      byDirectory.set(directoryId, topics)
    }
    const directories = [...byDirectory].map(([id, topics]) => ({
      id,
      topics: [...topics].map(([topicId, partitions]) => ({ topicId, partitions })),
    }))
    this.#sending = true
    const { nodeId } = this.#broker
    this.#channel.send(
      'AssignReplicasToDirs',
      { brokerId: nodeId, brokerEpoch, directories },
      brokerAsker(nodeId),
      TIMEOUT_MS,
      (answer) => {
        this.#sending = false
        if (this.#stopped) return
        if (answer?.reply.errorCode !== ErrorCode.NONE) return this.#later(RETRY_MS)
        // What was refused one by one is of topics that are gone, or of a directory that went offline meanwhile.
        for (const [key, assignment] of batch) if (this.#wanted.get(key) === assignment) this.#wanted.delete(key)
        this.#send()
      },
    )
  }
}
