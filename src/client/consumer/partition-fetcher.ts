/**
 * PartitionFetcher: asks the leaders of partitions for records, one Fetch at a time for each leader, and keeps what came until it is taken. Partitions may
 * come and go while it does. A leader is asked again for a partition when everything of it has been taken; another one than before is first asked whether what was
 * read is in its log (KIP-320).
 */
import { ZERO_UUID } from '../../base/uuid.js'
import { ErrorCode } from '../../protocol/errors.js'
import { Fetch } from '../../protocol/messages/fetch.js'
import { EARLIEST, LATEST, listOffsets } from '../admin/list-offsets.js'
import { ClientError, serverError } from '../client-error.js'
import type { ClusterClient } from '../cluster-client.js'
import { groupBy } from '../group-by.js'
import { type AbortedTransaction, type ConsumedRecord, readFetched } from './fetched.js'
import { keyOf, type TopicPartition } from './membership/topic-partition.js'
import { checkPositions, type PositionVerdict } from './position-check.js'

/** `auto.offset.reset`: where to go on when there is no position, or it is not there any more; by_duration: KIP-1106. */
export type OffsetReset = 'earliest' | 'latest' | 'none' | { readonly durationMs: number }

/** With Kafka's names and defaults. */
export interface FetchOptions {
  /** `isolation.level` is read_committed. */
  readonly committed?: boolean
  readonly reset?: OffsetReset
  /** `fetch.max.wait.ms`, 500 */
  readonly maxWaitMs?: number
  /** `fetch.min.bytes`, 1 */
  readonly minBytes?: number
  /** `fetch.max.bytes`, 50 MiB */
  readonly maxBytes?: number
  /** `max.partition.fetch.bytes`, 1 MiB */
  readonly partitionMaxBytes?: number
}

export interface Position extends TopicPartition {
  /** Of the next record that is given out. */
  readonly offset: number
  /** Of the last record that was given out; -1: unknown. */
  readonly leaderEpoch: number
  readonly highWatermark: number | undefined
}

interface Reading extends TopicPartition {
  /** From where the leader is asked. */
  fetchOffset: number
  leaderEpoch: number
  /** Of the record in front of `fetchOffset`; -1: unknown. */
  fetchedEpoch: number
  /** That of the leader whose log is known to have what stands in front of `fetchOffset`; -1: nobody's. */
  checkedIn: number
  highWatermark: number | undefined
  /** The offset is still to be found. */
  wanted: Exclude<OffsetReset, 'none'> | undefined
  isPaused: boolean
  waiting: ConsumedRecord[]
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

/** Whom the rest is asked while nobody leads it: a look at the metadata, as one more that is asked one at a time. */
const NOBODY = -1

export class PartitionFetcher {
  readonly #client: ClusterClient
  readonly #options: Required<FetchOptions>
  readonly #readings = new Map<string, Reading>()
  readonly #underWay = new Map<number, Promise<void>>()
  #problem: Error | undefined
  /** Who is asked first: so that none starves behind others that always have something. */
  #turn = 0

  constructor(client: ClusterClient, options: FetchOptions = {}) {
    this.#client = client
    this.#options = {
      committed: options.committed ?? false,
      reset: options.reset ?? 'latest',
      maxWaitMs: options.maxWaitMs ?? 500,
      minBytes: options.minBytes ?? 1,
      maxBytes: options.maxBytes ?? 52_428_800,
      partitionMaxBytes: options.partitionMaxBytes ?? 1_048_576,
    }
  }

  get positions(): Position[] {
    return [...this.#readings.values()].map(positionOf)
  }

  position(partition: TopicPartition): Position | undefined {
    const reading = this.#readings.get(keyOf(partition))
    return reading === undefined ? undefined : positionOf(reading)
  }

  /** Adds the partition, or goes elsewhere with it. Throws `ClientError` where there is no offset and no policy to find one. */
  seek(partition: TopicPartition, offset: number | OffsetReset, leaderEpoch = -1): void {
    const { topic, partition: number } = partition
    if (offset === 'none') throw withoutOffset(partition)
    const before = this.#readings.get(keyOf(partition))
    this.#readings.set(keyOf(partition), {
      topic,
      partition: number,
      fetchOffset: typeof offset === 'number' ? offset : -1,
      leaderEpoch,
      fetchedEpoch: leaderEpoch,
      checkedIn: -1,
      highWatermark: before?.highWatermark,
      wanted: typeof offset === 'number' ? undefined : offset,
      isPaused: before?.isPaused ?? false,
      waiting: [],
    })
  }

  remove(partition: TopicPartition): void {
    this.#readings.delete(keyOf(partition))
  }

  /** What waits of a paused partition is kept. Partitions that are not read are ignored. */
  pause(partitions: readonly TopicPartition[], isPaused: boolean): void {
    for (const partition of partitions) {
      const reading = this.#readings.get(keyOf(partition))
      if (reading !== undefined) reading.isPaused = isPaused
    }
  }

  get paused(): TopicPartition[] {
    return [...this.#readings.values()].filter(({ isPaused }) => isPaused).map(positionOf)
  }

  /** At most so many records that wait, in order for each partition. Throws what went wrong meanwhile. */
  take(most: number): ConsumedRecord[] {
    const problem = this.#problem
    this.#problem = undefined
    if (problem !== undefined) throw problem
    const taken: ConsumedRecord[] = []
    for (const reading of inTurn([...this.#readings.values()], this.#turn)) {
      if (reading.isPaused || reading.waiting.length === 0 || taken.length >= most) continue
      const room = most - taken.length
      const records = reading.waiting.length <= room ? reading.waiting : reading.waiting.slice(0, room)
      reading.waiting = records === reading.waiting ? [] : reading.waiting.slice(room)
      reading.leaderEpoch = records.at(-1)!.leaderEpoch
      if (taken.length === 0) taken.push(...records)
      else for (const record of records) taken.push(record)
    }
    return taken
  }

  /** Finds the offsets that are still to be found. False: there were none. Rejects with `ClientError`. */
  async locate(): Promise<boolean> {
    const readings = [...this.#readings.values()].filter(({ wanted }) => wanted !== undefined)
    if (readings.length === 0) return false
    const { committed } = this.#options
    const nowMs = this.#client.ports.clock.wallMs()
    const queries = readings.map(({ topic, partition, wanted }) => {
      return { topic, partition, timestamp: timestampOf(wanted!, nowMs) }
    })
    const found = await listOffsets(this.#client, queries, { committed })
    // No record is so young: what comes is.
    const late = queries.filter((_, n) => found[n]!.offset < 0).map((query) => ({ ...query, timestamp: LATEST }))
    const ends = late.length === 0 ? [] : await listOffsets(this.#client, late, { committed })
    readings.forEach((reading, n) => {
      const { offset } = found[n]!
      reading.fetchOffset = offset >= 0 ? offset : ends.find((end) => keyOf(end) === keyOf(reading))!.offset
      reading.wanted = undefined
      // Nothing was read there: whoever leads, it is right to begin with what the leader says.
      reading.leaderEpoch = reading.fetchedEpoch = -1
    })
    return true
  }

  /** Asks every leader that is not asked yet for what is missing. */
  pump(): void {
    const missing = [...this.#readings.values()].filter(
      ({ wanted, isPaused, waiting }) => wanted === undefined && !isPaused && waiting.length === 0,
    )
    const byLeader = groupBy(missing, ({ topic, partition }) => this.#client.view.leaderOf(topic, partition) ?? NOBODY)
    for (const [leader, readings] of byLeader) {
      if (this.#underWay.has(leader)) continue
      const asking = (leader === NOBODY ? this.#lookAgain() : this.#ask(leader, readings))
        .catch((error: Error) => {
          this.#problem ??= error
        })
        .finally(() => this.#underWay.delete(leader))
      this.#underWay.set(leader, asking)
    }
    this.#turn++
  }

  /** Resolves when one of those that are asked has answered; never if nobody is asked. */
  async arrival(): Promise<void> {
    await Promise.race(this.#underWay.values())
  }

  async #ask(leader: number, readings: readonly Reading[]): Promise<void> {
    const unchecked = readings.filter((reading) => this.#isUnchecked(reading))
    const isStale = unchecked.length > 0 ? await this.#check(leader, unchecked) : await this.#fetch(leader, readings)
    if (isStale) await this.#lookAgain()
  }

  #leaderEpochOf({ topic, partition }: TopicPartition): number {
    return this.#client.view.partition(topic, partition)?.leaderEpoch ?? -1
  }

  #isUnchecked(reading: Reading): boolean {
    const leaderEpoch = this.#leaderEpochOf(reading)
    return leaderEpoch >= 0 && reading.fetchedEpoch >= 0 && reading.checkedIn !== leaderEpoch
  }

  /** True: another look at the metadata helps. */
  async #check(leader: number, readings: readonly Reading[]): Promise<boolean> {
    const positions = readings.map((reading) => {
      const { topic, partition, fetchOffset: offset, fetchedEpoch } = reading
      return { topic, partition, offset, fetchedEpoch, leaderEpoch: this.#leaderEpochOf(reading) }
    })
    let verdicts: Map<string, PositionVerdict>
    try {
      verdicts = await checkPositions(this.#client, leader, positions)
    } catch (error) {
      if (!(error instanceof ClientError && error.retriable)) throw error
      return true
    }
    let isStale = false
    for (const [at, reading] of readings.entries()) {
      if (this.#readings.get(keyOf(reading)) !== reading) continue
      const verdict = verdicts.get(keyOf(reading))
      if (verdict?.type === 'there') reading.checkedIn = positions[at]!.leaderEpoch
      else if (verdict?.type === 'truncated') this.#truncated(reading, verdict, positions[at]!.leaderEpoch)
      else if (verdict === undefined || STALE.has(verdict.errorCode)) isStale = true
      else throw serverError(verdict.errorCode, keyOf(reading))
    }
    return isStale
  }

  #truncated(
    reading: Reading,
    { endOffset, endEpoch }: { readonly endOffset: number; readonly endEpoch: number },
    leaderEpoch: number,
  ): void {
    const { reset } = this.#options
    if (reset === 'none') {
      const end = endOffset < 0 ? 'is not known to its leader' : `ends at ${endOffset} in the log of its leader`
      const sentence = `${keyOf(reading)} was read up to offset ${reading.fetchOffset}, and epoch ${reading.fetchedEpoch} ${end}: what was read is gone, and auto.offset.reset is none`
      throw new ClientError('OFFSET_OUT_OF_RANGE', sentence)
    }
    if (endOffset < 0) {
      reading.wanted = reset
      return
    }
    reading.fetchOffset = endOffset
    reading.leaderEpoch = reading.fetchedEpoch = endEpoch
    reading.checkedIn = leaderEpoch
  }

  /** True: another look at the metadata helps. */
  async #fetch(leader: number, readings: readonly Reading[]): Promise<boolean> {
    const { minBytes, maxBytes, partitionMaxBytes, committed, maxWaitMs } = this.#options
    const leaderEpochs = new Map(readings.map((reading) => [reading, this.#leaderEpochOf(reading)]))
    const topics = [...groupBy(inTurn(readings, this.#turn), ({ topic }) => topic)].map(([topic, those]) => ({
      topic,
      topicId: this.#client.view.topics.get(topic)?.topicId ?? ZERO_UUID,
      partitions: those.map((reading) => {
        const { partition, fetchOffset } = reading
        return { partition, currentLeaderEpoch: leaderEpochs.get(reading)!, fetchOffset, partitionMaxBytes }
      }),
    }))
    const body = { maxWaitMs, minBytes, maxBytes, isolationLevel: committed ? 1 : 0, topics }
    let isStale = false
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
                const reading = readings.find(
                  (each) => each.partition === part.partitionIndex && this.#isTopic(each.topic, topic, topicId),
                )
                // It was taken away, or goes on elsewhere, while the leader was asked.
                if (reading === undefined || this.#readings.get(keyOf(reading)) !== reading) continue
                if (part.errorCode === ErrorCode.NONE) {
                  reading.checkedIn = leaderEpochs.get(reading)!
                  this.#advance(reading, part)
                } else if (STALE.has(part.errorCode)) isStale = true
                else this.#outOfRange(reading, part.errorCode)
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
      isStale = true
    }
    return isStale
  }

  #isTopic(name: string, answered: string, answeredId: string): boolean {
    return answered === '' ? this.#client.view.topics.get(name)?.topicId === answeredId : answered === name
  }

  #advance(
    reading: Reading,
    part: {
      readonly records: Uint8Array | null
      readonly highWatermark: number
      readonly abortedTransactions: readonly AbortedTransaction[] | null
    },
  ): void {
    reading.highWatermark = part.highWatermark
    if (part.records === null || part.records.length === 0) return
    const { topic, partition, fetchOffset: offset } = reading
    const aborted = this.#options.committed ? part.abortedTransactions : null
    const { records, nextOffset, lastEpoch } = readFetched(part.records, { topic, partition, offset }, aborted)
    reading.fetchOffset = nextOffset
    reading.fetchedEpoch = lastEpoch ?? reading.fetchedEpoch
    reading.waiting = records
  }

  #outOfRange(reading: Reading, errorCode: number): void {
    if (errorCode !== ErrorCode.OFFSET_OUT_OF_RANGE) throw serverError(errorCode, keyOf(reading))
    const { reset } = this.#options
    if (reset === 'none') throw serverError(errorCode, `offset ${reading.fetchOffset} of ${keyOf(reading)}`)
    reading.wanted = reset
  }

  async #lookAgain(): Promise<void> {
    await this.#client.pause(PAUSE_AFTER_STALE_MS)
    await this.#client.refresh([...new Set([...this.#readings.values()].map(({ topic }) => topic))])
  }
}

/** What is reported where a group has committed nothing and `auto.offset.reset` is none. */
export function withoutOffset(partition: TopicPartition): ClientError {
  return new ClientError(
    'OFFSET_OUT_OF_RANGE',
    `no offset is committed for ${keyOf(partition)}, and auto.offset.reset is none`,
  )
}

function positionOf({ topic, partition, fetchOffset, leaderEpoch, highWatermark, waiting }: Reading): Position {
  return { topic, partition, offset: waiting[0]?.offset ?? fetchOffset, leaderEpoch, highWatermark }
}

function timestampOf(wanted: Exclude<OffsetReset, 'none'>, nowMs: number): number {
  if (wanted === 'earliest') return EARLIEST
  return wanted === 'latest' ? LATEST : Math.max(0, nowMs - wanted.durationMs)
}

function inTurn<Value>(values: readonly Value[], turn: number): Value[] {
  const first = values.length === 0 ? 0 : turn % values.length
  return [...values.slice(first), ...values.slice(0, first)]
}
