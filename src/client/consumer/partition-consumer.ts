/**
 * PartitionConsumer: reads partitions that it is given, from offsets that it is given, without a group. Each leader is asked for its partitions with
 * one Fetch at a time.
 */
import { ZERO_UUID } from '../../base/uuid.js'
import { ErrorCode } from '../../protocol/errors.js'
import { Fetch } from '../../protocol/messages/fetch.js'
import { EARLIEST, LATEST, listOffsets } from '../admin/list-offsets.js'
import { ClientError, serverError } from '../client-error.js'
import type { ClusterClient } from '../cluster-client.js'
import { groupBy } from '../group-by.js'
import { type ConsumedRecord, readFetched } from './fetched.js'

/** With Kafka's names and defaults. */
export interface PartitionConsumerOptions {
  /** `isolation.level` is read_committed. */
  readonly committed?: boolean
  /** `auto.offset.reset`: where to go on when the position is not there any more. */
  readonly reset?: 'earliest' | 'latest' | 'none'
  /** `fetch.max.wait.ms`, 500 */
  readonly maxWaitMs?: number
  /** `fetch.min.bytes`, 1 */
  readonly minBytes?: number
  /** `fetch.max.bytes`, 50 MiB */
  readonly maxBytes?: number
  /** `max.partition.fetch.bytes`, 1 MiB */
  readonly partitionMaxBytes?: number
}

export interface Assignment {
  readonly topic: string
  readonly partition: number
  readonly offset: number | 'earliest' | 'latest'
}

interface Position {
  readonly topic: string
  readonly partition: number
  offset: number
  highWatermark: number | undefined
  /** Still to be asked for. */
  wanted: 'earliest' | 'latest' | undefined
}

/** Errors after which another look at the metadata helps. */
const STALE: ReadonlySet<number> = new Set([
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_LEADER_EPOCH,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.INCONSISTENT_TOPIC_ID,
  ErrorCode.REPLICA_NOT_AVAILABLE,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.OFFSET_NOT_AVAILABLE,
])

const PAUSE_AFTER_STALE_MS = 100

export class PartitionConsumer {
  readonly #client: ClusterClient
  readonly #options: Required<PartitionConsumerOptions>
  readonly #positions: Position[]
  #located = false
  /** Who is asked first: so that none starves behind others that always have something. */
  #turn = 0

  constructor(client: ClusterClient, assignments: readonly Assignment[], options: PartitionConsumerOptions = {}) {
    this.#client = client
    this.#options = {
      committed: options.committed ?? false,
      reset: options.reset ?? 'latest',
      maxWaitMs: options.maxWaitMs ?? 500,
      minBytes: options.minBytes ?? 1,
      maxBytes: options.maxBytes ?? 52_428_800,
      partitionMaxBytes: options.partitionMaxBytes ?? 1_048_576,
    }
    this.#positions = assignments.map(({ topic, partition, offset }) => {
      const wanted = typeof offset === 'number' ? undefined : offset
      return { topic, partition, offset: typeof offset === 'number' ? offset : -1, highWatermark: undefined, wanted }
    })
  }

  /** Of each partition the next offset that `poll` gives, and how far it could read. */
  get positions(): readonly { topic: string; partition: number; offset: number; highWatermark: number | undefined }[] {
    return this.#positions
  }

  /** What came within the time, in order for each partition; empty if nothing did. Rejects with `ClientError`. */
  async poll(timeoutMs: number): Promise<ConsumedRecord[]> {
    const { clock } = this.#client.ports
    const deadlineMs = clock.monotonicMs() + timeoutMs
    for (;;) {
      const records = await this.#pollOnce(Math.max(0, deadlineMs - clock.monotonicMs()))
      if (records.length > 0 || clock.monotonicMs() >= deadlineMs) return records
    }
  }

  async #pollOnce(remainingMs: number): Promise<ConsumedRecord[]> {
    await this.#locate()
    const byLeader = groupBy(this.#positions, ({ topic, partition }) => this.#client.view.leaderOf(topic, partition))
    if (byLeader.has(undefined)) await this.#lookAgain()
    byLeader.delete(undefined)
    const waitMs = Math.round(Math.min(this.#options.maxWaitMs, remainingMs))
    const answers = await Promise.all([...byLeader].map(([leader, those]) => this.#fetch(leader!, those, waitMs)))
    this.#turn++
    return answers.flat()
  }

  async #fetch(leader: number, positions: readonly Position[], maxWaitMs: number): Promise<ConsumedRecord[]> {
    const { minBytes, maxBytes, partitionMaxBytes, committed } = this.#options
    const first = this.#turn % positions.length
    const inTurn = [...positions.slice(first), ...positions.slice(0, first)]
    const topics = [...groupBy(inTurn, ({ topic }) => topic)].map(([topic, those]) => ({
      topic,
      topicId: this.#client.view.topics.get(topic)?.topicId ?? ZERO_UUID,
      partitions: those.map(({ partition, offset }) => ({ partition, fetchOffset: offset, partitionMaxBytes })),
    }))
    const body = { maxWaitMs, minBytes, maxBytes, isolationLevel: committed ? 1 : 0, topics }
    const found: ConsumedRecord[] = []
    let problem: ClientError | undefined
    const stale: number[] = []
    try {
      const connection = await this.#client.connection({ nodeId: leader })
      await new Promise<void>((resolve, reject) => {
        // What is read must be taken while the answer's bytes are there.
        connection.call(Fetch, body, (error, response) => {
          if (response === undefined) return reject(new ClientError('NETWORK_EXCEPTION', error!.message, true))
          try {
            if (response.errorCode !== ErrorCode.NONE) throw serverError(response.errorCode, 'fetching')
            for (const { topic, topicId, partitions } of response.responses) {
              for (const part of partitions) {
                const position = positions.find(
                  (each) => each.partition === part.partitionIndex && this.#isTopic(each.topic, topic, topicId),
                )
                if (position === undefined) continue
                if (part.errorCode === ErrorCode.NONE) found.push(...this.#advance(position, part))
                else if (STALE.has(part.errorCode)) stale.push(part.errorCode)
                else problem ??= this.#outOfRange(position, part.errorCode)
              }
            }
            resolve()
          } catch (thrown) {
            reject(thrown)
          }
        })
      })
    } catch (error) {
      if (!(error instanceof ClientError && error.retriable)) throw error
      stale.push(ErrorCode.NETWORK_EXCEPTION)
    }
    if (problem !== undefined) throw problem
    if (stale.length > 0) await this.#lookAgain()
    return found
  }

  #isTopic(name: string, answered: string, answeredId: string): boolean {
    return answered === '' ? this.#client.view.topics.get(name)?.topicId === answeredId : answered === name
  }

  #advance(
    position: Position,
    part: {
      readonly records: Uint8Array | null
      readonly highWatermark: number
      readonly abortedTransactions: readonly { producerId: number; firstOffset: number }[] | null
    },
  ): ConsumedRecord[] {
    position.highWatermark = part.highWatermark
    if (part.records === null || part.records.length === 0) return []
    const aborted = this.#options.committed ? part.abortedTransactions : null
    const { records, nextOffset } = readFetched(part.records, position, aborted)
    position.offset = nextOffset
    return records
  }

  /** Undefined: the position is looked for again. */
  #outOfRange(position: Position, errorCode: number): ClientError | undefined {
    const { topic, partition, offset } = position
    if (errorCode !== ErrorCode.OFFSET_OUT_OF_RANGE) return serverError(errorCode, `${topic}-${partition}`)
    const { reset } = this.#options
    if (reset === 'none') return serverError(errorCode, `offset ${offset} of ${topic}-${partition}`)
    position.wanted = reset
    this.#located = false
    return undefined
  }

  /** Turns `earliest` and `latest` into offsets. */
  async #locate(): Promise<void> {
    if (this.#located) return
    const wanted = this.#positions.filter(({ wanted: where }) => where !== undefined)
    const others = this.#positions.filter(({ wanted: where }) => where === undefined)
    const queries = wanted.map(({ topic, partition, wanted: where }) => ({
      topic,
      partition,
      timestamp: where === 'earliest' ? EARLIEST : LATEST,
    }))
    // Also finds the leaders, and says which topic does not exist.
    const topics = new Set(this.#positions.map(({ topic }) => topic))
    await this.#client.topics([...topics])
    for (const { topic, partition } of others) {
      if (this.#client.view.partition(topic, partition) !== undefined) continue
      throw new ClientError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic} has no partition ${partition}`)
    }
    const found = await listOffsets(this.#client, queries, { committed: this.#options.committed })
    wanted.forEach((position, n) => {
      position.offset = found[n]!.offset
      position.wanted = undefined
    })
    await this.#client.refresh([...topics])
    this.#located = true
  }

  async #lookAgain(): Promise<void> {
    await this.#client.pause(PAUSE_AFTER_STALE_MS)
    await this.#client.refresh([...new Set(this.#positions.map(({ topic }) => topic))])
  }
}
