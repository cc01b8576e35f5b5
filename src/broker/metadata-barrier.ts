/**
 * MetadataBarrier: has this broker know everything that had been decided about the cluster by now. The active controller says where the metadata log ends, once that is
 * committed and so nobody else is the controller, and the broker has applied all up to there.
 *
 * One question is under way at a time. Who comes meanwhile waits for the next one: the answer to this one may be older.
 */
import type { Clock } from '../io/clock.js'
import type { ControllerChannel } from './controller/controller-channel.js'
import { brokerAsker } from './controller/envelope.js'

export interface MetadataBarrierOptions {
  readonly clock: Clock
  readonly nodeId: number
  readonly channel: ControllerChannel
  readonly whenApplied: (endOffset: number, go: (isApplied: boolean) => void) => void
}

type Passed = (isPassed: boolean) => void

export class MetadataBarrier {
  readonly #options: MetadataBarrierOptions
  #waiting: Passed[] = []
  #asking = false

  constructor(options: MetadataBarrierOptions) {
    this.#options = options
  }

  /** Calls back with whether it knows that now, in so long at the most; who comes while others wait may wait as long as they do besides. */
  pass(timeoutMs: number, passed: Passed): void {
    this.#waiting.push(passed)
    if (!this.#asking) this.#ask(timeoutMs)
  }

  /** Of no partition: it changes nothing, and the answer is one that clients may go by. */
  #ask(timeoutMs: number): void {
    const { clock, nodeId, channel, whenApplied } = this.#options
    const waiting = this.#waiting
    this.#waiting = []
    this.#asking = true
    let isDone = false
    const done = (isPassed: boolean): void => {
      if (isDone) return
      isDone = true
      limit.cancel()
      this.#asking = false
      for (const passed of waiting) passed(isPassed)
      if (this.#waiting.length > 0 && !this.#asking) this.#ask(timeoutMs)
    }
    const limit = clock.timer(timeoutMs, () => done(false))
    const request = { timeoutMs, topics: [] }
    channel.send('ListPartitionReassignments', request, brokerAsker(nodeId), timeoutMs, (answer) => {
      if (answer === undefined || answer.endOffset < 0) done(false)
      else whenApplied(answer.endOffset, done)
    })
  }
}
