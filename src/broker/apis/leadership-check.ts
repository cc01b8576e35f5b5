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
  /** How many answers followers had been given when the request came. */
  readonly #answers: number
  /** Of which followers are to tell. */
  #open: LedPartition[] = []
  #waitUntilMs: number | undefined
  /** Ends what is waited for now. */
  #cancel: (() => void) | undefined
  /** Everything that had been decided by then is known here; false: no controller has said so in time. */
  #passed: boolean | undefined
  #isGone = false

  /** To be made when the request comes. It hears when the connection ends, and nobody else does by this call. */
  constructor(broker: Broker, call: Pick<Call<unknown>, 'whenGone'>) {
    this.#broker = broker
    this.#answers = broker.fetchSessions.answers
    call.whenGone(() => {
      this.#isGone = true
      this.#giveUpInquiries()
      this.#cancel?.()
    })
  }

  /** The connection has ended. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** It will be asked of these: their followers can answer meanwhile. */
  begin(partitions: Iterable<LedPartition>): void {
    this.#open = [...partitions].filter((partition) => partition.inquire(this.#answers))
    const { fetches, followers } = this.#broker.replicas
    if (this.#open.length > 0) fetches.check(followers)
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
      expire: () => (led() === 'yes' ? go(true) : this.#askController(go)),
    }
    const waitMs = this.#waitUntilMs - clock.monotonicMs()
    this.#cancel = replicas.inquiries.tryCompleteOrWatch(operation, [partition], waitMs)
  }

  /** Once for all partitions; followers are not waited for any longer. */
  #askController(go: (isPassed: boolean) => void): void {
    if (this.#passed !== undefined) return go(this.#passed)
    this.#giveUpInquiries()
    const finish = (isPassed: boolean): void => {
      if (this.#passed !== undefined) return
      this.#passed = isPassed
      limit.cancel()
      if (!this.#isGone) go(isPassed)
    }
    const limit = this.#broker.clock.timer(CONTROLLER_WAIT_MS, () => finish(false))
    this.#cancel = () => finish(false)
    this.#broker.barrier.pass(CONTROLLER_WAIT_MS, finish)
  }

  #giveUpInquiries(): void {
    for (const partition of this.#open.splice(0)) partition.giveUpInquiry(this.#answers)
  }
}
