/**
 * ReplicatedDeletions: somebody deletes the front of a partition with several replicas, now and then. The leader answers when all who may lead have done so: what
 * it has answered is certain. What it has not may be gone, or not, or come back with another leader.
 */
import type { Prng } from '../base/prng.js'
import type { DeleteOperation, Operation } from '../check/history.js'
import { ErrorCode } from '../protocol/errors.js'
import { DeleteRecords } from '../protocol/messages/delete-records.js'
import type { SimulatedClient } from './client.js'
import { ELSEWHERE } from './producer.js'

const TIMEOUT_MS = 1000
/** How much of what there is goes. */
const MOST_OF_LOG = 0.6
const ALL_CHANCE = 0.1

/** What is known of a partition from outside. */
export interface DeletableLog {
  readonly startOffset: number
  readonly highWatermark: number
}

export interface ReplicatedDeletionsOptions {
  readonly topic: string
  readonly partition: number
  readonly key: string
  readonly process: number
  readonly meanPauseMs: number
  /** Undefined: nobody leads it. */
  readonly log: () => DeletableLog | undefined
  /** It is about to be asked for. */
  readonly mayDelete: (offset: number) => void
  readonly now: () => number
  readonly record: (operation: Operation) => void
}

export class ReplicatedDeletions {
  /** Requests that were followed, and those of which nobody knows. */
  done = 0
  unknown = 0
  readonly #client: SimulatedClient
  readonly #random: Prng
  readonly #options: ReplicatedDeletionsOptions
  #stopped = false

  constructor(client: SimulatedClient, random: Prng, options: ReplicatedDeletionsOptions) {
    this.#client = client
    this.#random = random
    this.#options = options
    this.#next()
  }

  /** Begins no other. */
  stop(): void {
    this.#stopped = true
  }

  #next(): void {
    const pauseMs = this.#random.exponential(this.#options.meanPauseMs)
    this.#client.laterWhenReady(
      pauseMs,
      () => this.#stopped,
      () => this.#delete(),
    )
  }

  #delete(): void {
    const { topic, partition, log, mayDelete } = this.#options
    const random = this.#random
    const found = log()
    if (found === undefined) return this.#next()
    const { startOffset, highWatermark } = found
    const share = random.chance(ALL_CHANCE) ? 1 : MOST_OF_LOG * random.float()
    const offset = startOffset + Math.floor(share * (highWatermark - startOffset))
    mayDelete(offset)
    this.#record('invoke', offset)
    const topics = [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }]
    this.#client.call(DeleteRecords, { topics, timeoutMs: TIMEOUT_MS }, (_, response) => {
      const errorCode = response?.topics[0]?.partitions[0]?.errorCode
      if (errorCode !== undefined && ELSEWHERE.has(errorCode)) this.#client.leave()
      const isDone = errorCode === ErrorCode.NONE
      if (isDone) this.done++
      else this.unknown++
      this.#record(isDone ? 'ok' : 'info', offset)
      this.#next()
    })
  }

  #record(type: DeleteOperation['type'], offset: number): void {
    const { key, process, now, record } = this.#options
    record({ f: 'delete', type, key, offset, process, time: now() })
  }
}
