/**
 * ProducerIdBlock: hands out producer ids, each once in the life of the cluster, from a block that the controller gave to this broker.
 * Those who come while the next block is on its way wait for it.
 */
import { ErrorCode } from '../protocol/errors.js'
import type { ControllerChannel } from './controller/controller-channel.js'
import { brokerAsker } from './controller/envelope.js'

const ALLOCATE_TIMEOUT_MS = 5000
/** Who may wait for a block; the others are told to come again. */
const MAX_WAITING = 10_000

/** Undefined: none could be had in time. */
type Taken = (producerId: number | undefined) => void

export class ProducerIdBlock {
  readonly #channel: ControllerChannel
  readonly #brokerId: number
  readonly #brokerEpoch: () => number
  #next = 0
  #end = 0
  #asking = false
  readonly #waiting: Taken[] = []

  constructor(channel: ControllerChannel, brokerId: number, brokerEpoch: () => number) {
    this.#channel = channel
    this.#brokerId = brokerId
    this.#brokerEpoch = brokerEpoch
  }

  take(taken: Taken): void {
    if (this.#next < this.#end) return taken(this.#next++)
    if (this.#waiting.length >= MAX_WAITING) return taken(undefined)
    this.#waiting.push(taken)
    this.#ask()
  }

  #ask(): void {
    if (this.#asking) return
    this.#asking = true
    const request = { brokerId: this.#brokerId, brokerEpoch: this.#brokerEpoch() }
    const asker = brokerAsker(this.#brokerId)
    this.#channel.send('AllocateProducerIds', request, asker, ALLOCATE_TIMEOUT_MS, (answer) => {
      this.#asking = false
      const { errorCode = ErrorCode.NOT_CONTROLLER, producerIdStart = 0, producerIdLen = 0 } = answer?.reply ?? {}
      const waiting = this.#waiting.splice(0)
      if (errorCode !== ErrorCode.NONE) {
        for (const taken of waiting) taken(undefined)
        return
      }
      this.#next = producerIdStart
      this.#end = producerIdStart + producerIdLen
      for (const taken of waiting) this.take(taken)
    })
  }
}
