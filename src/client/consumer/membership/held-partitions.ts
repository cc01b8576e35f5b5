/**
 * HeldPartitions: what a member may read, and what it is just letting go of. Nothing is taken from a member before its shell has said that it is not read
 * any more: until then it counts as held, and nobody else is told that it is free.
 */
import { assert } from '../../../base/assert.js'
import type { Outbox } from './outbox.js'
import { keyOf, type TopicPartition, without } from './topic-partition.js'

export class HeldPartitions {
  readonly #outbox: Outbox
  readonly #held = new Map<string, TopicPartition>()
  #releasing: readonly TopicPartition[] | undefined

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  get all(): TopicPartition[] {
    return [...this.#held.values()]
  }

  get isEmpty(): boolean {
    return this.#held.size === 0
  }

  /** The shell has not answered yet. */
  get isReleasing(): boolean {
    return this.#releasing !== undefined
  }

  has(partition: TopicPartition): boolean {
    return this.#held.has(keyOf(partition))
  }

  /** Those that are held and not among these. */
  otherThan(partitions: readonly TopicPartition[]): TopicPartition[] {
    return without(this.#held.values(), new Set(partitions.map(keyOf)))
  }

  release(partitions: readonly TopicPartition[], lost: boolean): void {
    assert(this.#releasing === undefined, 'one release at a time')
    this.#releasing = partitions
    this.#outbox.tell({ type: 'release', partitions, lost })
  }

  /** False: nothing was to be released. */
  released(): boolean {
    if (this.#releasing === undefined) return false
    for (const partition of this.#releasing) this.#held.delete(keyOf(partition))
    this.#releasing = undefined
    return true
  }

  add(partitions: readonly TopicPartition[]): void {
    const added = without(partitions, this.#held)
    for (const partition of added) this.#held.set(keyOf(partition), partition)
    this.#outbox.tell({ type: 'assigned', added, all: this.all })
  }
}
