/** How many of the first `count` values are at or below `limit`; the values must never fall. Binary search. */
export function countUpTo(values: ArrayLike<number>, count: number, limit: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle]! <= limit) low = middle + 1
    else high = middle
  }
  return low
}
