/** PartitionConsumer: reads partitions that it is given, from offsets that it is given, without a group. */
import { ClientError } from '../client-error.js'
import type { ClusterClient } from '../cluster-client.js'
import type { ConsumedRecord } from './fetched.js'
import { type FetchOptions, PartitionFetcher, type Position } from './partition-fetcher.js'

export type PartitionConsumerOptions = FetchOptions

export interface Assignment {
  readonly topic: string
  readonly partition: number
  readonly offset: number | 'earliest' | 'latest'
}

export class PartitionConsumer {
  readonly #client: ClusterClient
  readonly #fetcher: PartitionFetcher
  readonly #assignments: readonly Assignment[]
  #isFound = false

  constructor(client: ClusterClient, assignments: readonly Assignment[], options: PartitionConsumerOptions = {}) {
    this.#client = client
    this.#fetcher = new PartitionFetcher(client, options)
    this.#assignments = assignments
    for (const assignment of assignments) this.#fetcher.seek(assignment, assignment.offset)
  }

  /** Of each partition the next offset that `poll` gives, and how far it could read. */
  get positions(): readonly Position[] {
    return this.#fetcher.positions
  }

  /** What came within the time, in order for each partition; empty if nothing did. Rejects with `ClientError`. */
  async poll(timeoutMs: number): Promise<ConsumedRecord[]> {
    const { clock } = this.#client.ports
    const deadlineMs = clock.monotonicMs() + timeoutMs
    await this.#find()
    for (;;) {
      await this.#fetcher.locate()
      this.#fetcher.pump()
      const leftMs = deadlineMs - clock.monotonicMs()
      let timer: { cancel(): void } | undefined
      const isOver = new Promise<void>((resolve) => {
        timer = clock.timer(Math.max(0, leftMs), () => resolve())
      })
      await Promise.race([this.#fetcher.arrival(), isOver])
      timer?.cancel()
      const records = this.#fetcher.take(Number.POSITIVE_INFINITY)
      if (records.length > 0 || clock.monotonicMs() >= deadlineMs) return records
    }
  }

  /** Finds the leaders, and says which topic or partition does not exist. */
  async #find(): Promise<void> {
    if (this.#isFound) return
    await this.#client.topics([...new Set(this.#assignments.map(({ topic }) => topic))])
    for (const { topic, partition } of this.#assignments) {
      if (this.#client.view.partition(topic, partition) !== undefined) continue
      throw new ClientError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} has no partition ${partition}`)
    }
    this.#isFound = true
  }
}
