/**
 * RecordDeletions: somebody deletes the front of some partition, now and then. It is asked for by name: where a topic of the same name is made meanwhile,
 * the request may strike that one.
 */
import type { Prng } from '../base/prng.js'
import type { DeleteOperation, Operation } from '../check/history.js'
import { ErrorCode } from '../protocol/errors.js'
import { DeleteRecords } from '../protocol/messages/delete-records.js'
import type { SimulatedClient } from './client.js'
import type { Invariants } from './invariants.js'
import { keyOf, type LivingTopic } from './topic-lives.js'
import type { World } from './world.js'

export interface RecordDeletionsOptions {
  readonly world: World
  readonly invariants: Invariants
  readonly client: SimulatedClient
  readonly process: number
  readonly record: (operation: Operation) => void
}

interface Asked {
  readonly name: string
  readonly partition: number
  readonly offset: number
  /** Of the partition that was meant. */
  readonly key: string
  /** Infinite: nobody knows when it arrives. */
  answeredMs: number
}

export class RecordDeletions {
  readonly #options: RecordDeletionsOptions
  readonly #random: Prng
  readonly #meanPauseMs: number
  readonly #asked: Asked[] = []
  #quiet = false
  #underWay = false

  constructor(options: RecordDeletionsOptions) {
    this.#options = options
    this.#random = options.world.simulation.random('delete records')
    this.#meanPauseMs = this.#random.pick([300, 1500])
    if (this.#random.chance(0.6)) this.#next()
  }

  /** Begins no other. */
  stop(): void {
    this.#quiet = true
  }

  get idle(): boolean {
    return !this.#underWay
  }

  /** What may have been deleted of topics that were made while a request for another one of their name was on its way. */
  strays(topics: readonly LivingTopic[]): Operation[] {
    return this.#asked.flatMap(({ name, partition, offset, key: meant, answeredMs }) =>
      topics
        .filter((topic) => topic.name === name && topic.bornMs <= answeredMs)
        .map((topic) => `${keyOf(topic)}-${partition}`)
        .filter((key) => key !== meant)
        .map((key) => this.#operation('info', key, offset)),
    )
  }

  #next(): void {
    const { world, client } = this.#options
    client.later(this.#random.exponential(this.#meanPauseMs), () => {
      if (this.#quiet) return
      if (world.partitions.length === 0 || !client.ready) return this.#next()
      this.#delete()
    })
  }

  #delete(): void {
    const { world, invariants, client, record } = this.#options
    const random = this.#random
    const { id, log, highWatermark } = random.pick(world.partitions)
    const { topic: name, topicId, partition } = id
    const { startOffset } = log
    const offset = random.chance(0.1) ? highWatermark : startOffset + random.below(highWatermark - startOffset + 1)
    const key = `${keyOf({ name, topicId })}-${partition}`
    const asked: Asked = { name, partition, offset, key, answeredMs: Number.POSITIVE_INFINITY }
    this.#asked.push(asked)
    record(this.#operation('invoke', key, offset))
    const answered = invariants.mayDelete(id, offset)
    const topics = [{ name, partitions: [{ partitionIndex: partition, offset }] }]
    this.#underWay = true
    client.call(DeleteRecords, { topics, timeoutMs: 1000 }, (_, response) => {
      this.#underWay = false
      const result = response?.topics[0]?.partitions[0]
      if (result !== undefined && result.errorCode !== ErrorCode.REQUEST_TIMED_OUT) {
        asked.answeredMs = world.simulation.nowMs
        answered()
      }
      record(this.#operation(result?.errorCode === ErrorCode.NONE ? 'ok' : 'info', key, offset))
      this.#next()
    })
  }

  #operation(type: DeleteOperation['type'], key: string, offset: number): DeleteOperation {
    const { process, world } = this.#options
    return { f: 'delete', type, key, offset, process, time: world.simulation.nowMs }
  }
}
