/** How often something took how long: counts in fixed classes, cheap enough for every request. */
const BOUNDS_MS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000] as const

export class Histogram {
  static readonly boundsMs: readonly number[] = BOUNDS_MS
  /** By class; the last one has no upper bound. */
  readonly counts: number[] = new Array(BOUNDS_MS.length + 1).fill(0)
  count = 0
  sumMs = 0

  add(ms: number): void {
    let at = 0
    while (at < BOUNDS_MS.length && ms > BOUNDS_MS[at]!) at++
    this.counts[at]!++
    this.count++
    this.sumMs += ms
  }
}
