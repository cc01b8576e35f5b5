/**
 * A binary min-heap by a numeric key. Items of equal key come out in the order in which they went in, so that whatever
 * is driven by a heap is deterministic.
 */
export class Heap<T> {
  #entries: Entry<T>[] = []
  #sequence = 0

  get size(): number {
    return this.#entries.length
  }

  push(key: number, item: T): void {
    const entries = this.#entries
    const entry: Entry<T> = { key, sequence: this.#sequence++, item }
    let at = entries.length
    entries.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(entry, entries[parent]!)) break
      entries[at] = entries[parent]!
      at = parent
    }
    entries[at] = entry
  }

  /** The smallest key; Infinity when empty. */
  peekKey(): number {
    return this.#entries.length === 0 ? Number.POSITIVE_INFINITY : this.#entries[0]!.key
  }

  peek(): T | undefined {
    return this.#entries[0]?.item
  }

  pop(): T | undefined {
    const entries = this.#entries
    const top = entries[0]
    if (top === undefined) return undefined
    const last = entries.pop()!
    if (entries.length > 0) this.#sink(0, last)
    return top.item
  }

  /** Drops every item for which `wanted` is false. */
  retain(wanted: (item: T) => boolean): void {
    this.#entries = this.#entries.filter((entry) => wanted(entry.item))
    for (let at = (this.#entries.length >> 1) - 1; at >= 0; at--) this.#sink(at, this.#entries[at]!)
  }

  #sink(at: number, entry: Entry<T>): void {
    const entries = this.#entries
    for (;;) {
      let child = 2 * at + 1
      if (child >= entries.length) break
      if (child + 1 < entries.length && before(entries[child + 1]!, entries[child]!)) child++
      if (!before(entries[child]!, entry)) break
      entries[at] = entries[child]!
      at = child
    }
    entries[at] = entry
  }
}

interface Entry<T> {
  readonly key: number
  readonly sequence: number
  readonly item: T
}

function before<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.key < b.key || (a.key === b.key && a.sequence < b.sequence)
}
