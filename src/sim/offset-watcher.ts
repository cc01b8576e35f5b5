/**
 * OffsetWatcher: asks the leader of one partition now and then where the log begins and ends for consumers, and keeps what it was told. A leader in
 * whose place another one was elected, and who has not heard of it, may tell of a beginning that is over, as in Kafka: that is not kept. Of an end that is over nobody may tell.
 */
import type { OffsetListed } from '../check/check-watermarks.js'
import { ErrorCode } from '../protocol/errors.js'
import { ListOffsets } from '../protocol/messages/list-offsets.js'
import type { SimulatedClient } from './client.js'
import { ELSEWHERE } from './producer.js'

const LATEST = -1
const EARLIEST = -2
const EARLIEST_CHANCE_IN = 5

export interface OffsetWatcherOptions {
  readonly process: number
  readonly topic: string
  readonly partition: number
  readonly key: string
  readonly pauseMs: number
  /** Of the leader that the client is connected to, and the latest that there is. */
  readonly leaderEpoch: () => number
  readonly latestEpoch: () => number
  readonly now: () => number
  readonly record: (listed: OffsetListed) => void
}

export class OffsetWatcher {
  /** What it was told by leaders that were none any more. */
  outdated = 0
  readonly #client: SimulatedClient
  readonly #options: OffsetWatcherOptions

  constructor(client: SimulatedClient, options: OffsetWatcherOptions) {
    this.#client = client
    this.#options = options
    this.#next()
  }

  #next(): void {
    const { random } = this.#client.ports
    this.#client.later(random.below(2 * this.#options.pauseMs), () => this.#client.whenReady(() => this.#ask()))
  }

  #ask(): void {
    const { process, topic, partition, key, leaderEpoch, latestEpoch, now, record } = this.#options
    const isEarliest = this.#client.ports.random.below(EARLIEST_CHANCE_IN) === 0
    const timestamp = isEarliest ? EARLIEST : LATEST
    const currentLeaderEpoch = leaderEpoch()
    const wanted = { partitionIndex: partition, currentLeaderEpoch, timestamp }
    const invokedMs = now()
    const body = { replicaId: -1, topics: [{ name: topic, partitions: [wanted] }] }
    this.#client.call(ListOffsets, body, (_, response) => {
      const found = response?.topics[0]?.partitions[0]
      if (found?.errorCode === ErrorCode.NONE) {
        const of = isEarliest ? 'earliest' : 'latest'
        if (isEarliest && currentLeaderEpoch < latestEpoch()) this.outdated++
        else record({ process, key, of, offset: found.offset, invokedMs, completedMs: now() })
      } else if (found !== undefined && ELSEWHERE.has(found.errorCode)) this.#client.leave()
      this.#next()
    })
  }
}
