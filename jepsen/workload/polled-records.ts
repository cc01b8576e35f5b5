/** PolledRecords: what the polls of one operation gave, as the history has it; where the operation began to read in each partition, and where it has come to. Within a poll, rebalances come first. */
import type { Polled } from '../drivers/driver.js'
import type { Key, Keyspace, Place, PollPart, Value } from '../history/operation.js'
import { valueIn } from './values.js'

export class PolledRecords {
  readonly parts: PollPart[] = []
  /** Of each partition the first offset. */
  readonly first: (Place & { readonly offset: number })[] = []
  /** What is of no key: sentences. */
  readonly strangers: string[] = []
  /** Behind what was polled of each key, in the order in which it came and went; undefined: it was rebalanced since. */
  readonly positions = new Map<Key, number | undefined>()
  readonly #keyspace: Keyspace
  readonly #begun = new Set<Key>()
  readonly #rebalances: { readonly type: 'revoked' | 'assigned' | 'lost'; readonly keys: readonly Key[] }[] = []
  #generation: number | undefined

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace
  }

  add({ records, rebalances, generation }: Polled): void {
    for (const { type, places } of rebalances) {
      const keys = places.flatMap((place) => this.#keyspace.keyOf(place) ?? [])
      if (keys.length > 0) this.#rebalances.push({ type, keys })
      for (const key of keys) this.positions.set(key, undefined)
    }
    const byKey: Record<string, (readonly [number, Value])[]> = {}
    for (const { topic, partition, offset, payload } of records) {
      const key = this.#keyspace.keyOf({ topic, partition })
      if (key === undefined) {
        this.strangers.push(`a record of ${topic}-${partition} at ${offset}, which nobody of this run has asked for`)
        continue
      }
      if (!this.#begun.has(key)) {
        this.#begun.add(key)
        this.first.push({ topic, partition, offset })
      }
      byKey[key] ??= []
      byKey[key].push([offset, valueIn(key, payload)])
      this.positions.set(key, offset + 1)
    }
    this.parts.push(['poll', byKey])
    this.#generation = generation
  }

  /** Beside the value. */
  get more(): Readonly<Record<string, unknown>> {
    return {
      ...(this.#rebalances.length === 0 ? {} : { 'rebalance-log': this.#rebalances }),
      ...(this.#generation === undefined ? {} : { generation: this.#generation }),
    }
  }
}
