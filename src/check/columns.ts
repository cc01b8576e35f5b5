/** Numbers by the million: columns that grow, numbers by offset, and an order by a column. */

type Numbers = Float64Array | Int32Array | Int8Array | Uint8Array

/** A column that grows at its end. */
export class Column<Array extends Numbers> {
  #array: Array
  #length = 0

  constructor(empty: Array) {
    this.#array = empty
  }

  get length(): number {
    return this.#length
  }

  push(number: number): void {
    if (this.#length === this.#array.length) {
      const Same = this.#array.constructor as new (length: number) => Array
      const larger = new Same(Math.max(256, this.#length * 2))
      larger.set(this.#array)
      this.#array = larger
    }
    this.#array[this.#length++] = number
  }

  at(index: number): number {
    return this.#array[index]!
  }

  /** All of it, as long as nothing more comes. */
  get content(): Array {
    return this.#array.subarray(0, this.#length) as Array
  }
}

const PAGE = 1024

/** A number of 0 or more by offset, or by anything else that has few large gaps. */
export class NumbersByOffset {
  readonly #pages = new Map<number, Int32Array>()
  #latest = Number.NaN
  #latestPage: Int32Array = new Int32Array(0)

  /** -1: none. */
  get(offset: number): number {
    const page = this.#find(Math.floor(offset / PAGE))
    return page === undefined ? -1 : page[offset - this.#latest * PAGE]!
  }

  set(offset: number, number: number): void {
    const at = Math.floor(offset / PAGE)
    let page = this.#find(at)
    if (page === undefined) {
      this.#pages.set(at, (page = new Int32Array(PAGE).fill(-1)))
      this.#latest = at
      this.#latestPage = page
    }
    page[offset - at * PAGE] = number
  }

  /** Those that have a number, in order. */
  offsets(): Float64Array {
    const found = new Column(new Float64Array(0))
    for (const at of [...this.#pages.keys()].sort((a, b) => a - b)) {
      const page = this.#pages.get(at)!
      for (let n = 0; n < PAGE; n++) if (page[n] !== -1) found.push(at * PAGE + n)
    }
    return found.content
  }

  #find(at: number): Int32Array | undefined {
    if (at === this.#latest) return this.#latestPage
    const page = this.#pages.get(at)
    if (page === undefined) return undefined
    this.#latest = at
    this.#latestPage = page
    return page
  }
}

/** The items in the order of what they are ordered by; equal ones stay as they are. What is in order already costs one look. */
export function sortedBy(items: Int32Array, by: Float64Array): Int32Array {
  let from: Int32Array = items.slice()
  let isSorted = true
  for (let at = 1; at < from.length && isSorted; at++) isSorted = by[from[at - 1]!]! <= by[from[at]!]!
  if (isSorted) return from
  let to: Int32Array = new Int32Array(from.length)
  for (let width = 1; width < from.length; width *= 2) {
    for (let start = 0; start < from.length; start += 2 * width) {
      const middle = Math.min(start + width, from.length)
      const end = Math.min(start + 2 * width, from.length)
      let [left, right] = [start, middle]
      for (let at = start; at < end; at++) {
        const takesLeft = left < middle && (right === end || by[from[left]!]! <= by[from[right]!]!)
        to[at] = takesLeft ? from[left++]! : from[right++]!
      }
    }
    ;[from, to] = [to, from]
  }
  return from
}

/** The indices of a column, grouped by the number that stands there; without those below 0. Group n goes from `starts[n]` to `starts[n + 1]`. */
export function groupedBy(
  group: Int32Array,
  groups: number,
): { readonly starts: Int32Array; readonly items: Int32Array } {
  const starts = new Int32Array(groups + 1)
  for (let at = 0; at < group.length; at++) if (group[at]! >= 0) starts[group[at]! + 1]!++
  for (let at = 0; at < groups; at++) starts[at + 1]! += starts[at]!
  const next = starts.slice()
  const items = new Int32Array(starts[groups]!)
  for (let at = 0; at < group.length; at++) if (group[at]! >= 0) items[next[group[at]!]!++] = at
  return { starts, items }
}
