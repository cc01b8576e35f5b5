/**
 * LeadershipCheck: whether this broker led partitions as a request came, of which it tells what only their leader knows. Who was deposed meanwhile may not have heard of it, and another
 * may have acknowledged more. Those who might lead say so by asking on as followers, or the controller does; where neither can be reached nobody can say.
 */
import type { Broker } from '../broker.js'
import type { Partition } from '../partition.js'
import type { Call } from '../server/handler.js'

/** So long followers are waited for, and what else is to come true, for all partitions of a request together. */
const FOLLOWERS_WAIT_MS = 100
/** So long a controller is waited for besides: longer than it takes to elect another one. */
const CONTROLLER_WAIT_MS = 3000

/** As far as it is asked. */
export type LedPartition = Pick<Partition, 'leading' | 'inquire' | 'giveUpInquiry'>

export class LeadershipCheck {
  readonly #broker: Broker
  readonly #whenGone: Call<unknown>['whenGone']
  /** How many answers followers had been given when the request came. */
  readonly #answers: number
  #waitUntilMs: number | undefined
  /** Everything that had been decided by then is known here; false: no controller has said so in time. */
  #passed: boolean | undefined

  /** To be made when the request comes. */
  constructor(broker: Broker, call: Pick<Call<unknown>, 'whenGone'>) {
    this.#broker = broker
    this.#whenGone = (action) => call.whenGone(action)
    this.#answers = broker.fetchSessions.answers
  }

  /** It will be asked of these: their followers can answer meanwhile. */
  begin(partition: LedPartition): void {
    partition.inquire(this.#answers)
  }

  /**
   * Calls back when `isReady`, or there is no time left for that, and with whether it is known that this broker led the partition then, or leads it no more, which it says itself.
   * Not at all if the connection ends.
   */
  when(partition: LedPartition, isReady: () => boolean, go: (isKnown: boolean) => void): void {
    const { clock, replicas } = this.#broker
    const led = (): 'yes' | 'open' | 'unknown' =>
      this.#passed === true ? 'yes' : (partition.leading?.ledAt(this.#answers) ?? 'yes')
    if (led() === 'unknown') {
      return this.#askController((isPassed) => (isPassed ? this.when(partition, isReady, go) : go(false)))
    }
    this.#waitUntilMs ??= clock.monotonicMs() + FOLLOWERS_WAIT_MS
    const operation = {
      tryComplete: () => {
        if (!isReady() || led() !== 'yes') return false
        go(true)
        return true
      },
      expire: () => {
        if (led() === 'yes') return go(true)
        partition.giveUpInquiry(this.#answers)
        this.#askController(go)
      },
    }
    const cancel = replicas.fetches.tryCompleteOrWatch(operation, [partition], this.#waitUntilMs - clock.monotonicMs())
    if (cancel !== undefined) this.#whenGone(cancel)
  }

  /** Once for all partitions. */
  #askController(go: (isPassed: boolean) => void): void {
    if (this.#passed !== undefined) return go(this.#passed)
    let isGone = false
    const finish = (isPassed: boolean): void => {
      if (this.#passed !== undefined) return
      this.#passed = isPassed
      limit.cancel()
      if (!isGone) go(isPassed)
    }
    const limit = this.#broker.clock.timer(CONTROLLER_WAIT_MS, () => finish(false))
    this.#whenGone(() => {
      isGone = true
      finish(false)
    })
    this.#broker.barrier.pass(CONTROLLER_WAIT_MS, finish)
  }
}
