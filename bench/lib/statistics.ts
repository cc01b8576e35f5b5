/** What is made of repeated measurements: the median, because one disturbed run must not move a figure. */

/** NaN for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The smallest and the largest. */
export function range(values: readonly number[]): readonly [smallest: number, largest: number] {
  return [Math.min(...values), Math.max(...values)]
}
