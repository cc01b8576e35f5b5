/** What a producer's performance test has measured, in the sentences of kafka-producer-perf-test.sh, which scripts read. */

/** Of more records than this not every latency is kept. */
const MOST_SAMPLES = 500_000
const MEGABYTE = 1024 * 1024

export interface FiguresOptions {
  /** How many are expected. */
  readonly records: number
  /** After this long a line is printed. */
  readonly intervalMs: number
  readonly startMs: number
  /** Behind a warm-up, which is not in these figures. */
  readonly isSteadyState?: boolean
}

class Sums {
  startMs: number
  count = 0
  bytes = 0
  latencyMs = 0
  maxLatencyMs = 0

  constructor(startMs: number) {
    this.startMs = startMs
  }

  add(latencyMs: number, bytes: number): void {
    this.count++
    this.bytes += bytes
    this.latencyMs += latencyMs
    this.maxLatencyMs = Math.max(this.maxLatencyMs, latencyMs)
  }

  /** Records a second, and MB. */
  rates(nowMs: number): readonly [number, number] {
    const seconds = Math.max(nowMs - this.startMs, 1) / 1000
    return [this.count / seconds, this.bytes / seconds / MEGABYTE]
  }

  get averageMs(): number {
    return this.count === 0 ? 0 : this.latencyMs / this.count
  }
}

export class PerformanceFigures {
  /** False: lines on the way are left out. */
  printing = true
  readonly #options: FiguresOptions
  readonly #every: number
  readonly #samples: Int32Array
  readonly #total: Sums
  #sampled = 0
  #window: Sums

  constructor(options: FiguresOptions) {
    const { records, startMs } = options
    this.#options = options
    this.#every = Math.max(1, Math.floor(records / MOST_SAMPLES))
    this.#samples = new Int32Array(Math.floor(records / this.#every) + 1)
    this.#total = new Sums(startMs)
    this.#window = new Sums(startMs)
  }

  get count(): number {
    return this.#total.count
  }

  /** Lines to print now. */
  record(latencyMs: number, bytes: number, nowMs: number): string {
    if (this.#total.count % this.#every === 0) this.#samples[this.#sampled++] = latencyMs
    this.#total.add(latencyMs, bytes)
    this.#window.add(latencyMs, bytes)
    if (nowMs - this.#window.startMs < this.#options.intervalMs) return ''
    const isFirst = this.#window.count === this.#total.count
    const head = this.#options.isSteadyState && isFirst ? 'In steady state.\n' : ''
    const line = this.printing ? `${windowLine(this.#window, nowMs)}\n` : ''
    this.#window = new Sums(nowMs)
    return head + line
  }

  total(nowMs: number): string {
    const [records, megabytes] = this.#total.rates(nowMs)
    const latencies = this.#samples.subarray(0, this.#sampled).sort()
    const at = (share: number): number => latencies[Math.floor(share * latencies.length)] ?? 0
    const percentiles = `${at(0.5)} ms 50th, ${at(0.95)} ms 95th, ${at(0.99)} ms 99th, ${at(0.999)} ms 99.9th.`
    const { count, averageMs, maxLatencyMs } = this.#total
    return (
      `${count}${this.#options.isSteadyState ? ' steady state' : ''} records sent, ` +
      `${records.toFixed(6)} records/sec (${megabytes.toFixed(2)} MB/sec), ` +
      `${averageMs.toFixed(2)} ms avg latency, ${maxLatencyMs.toFixed(2)} ms max latency, ${percentiles}\n`
    )
  }
}

function windowLine(sums: Sums, nowMs: number): string {
  const [records, megabytes] = sums.rates(nowMs)
  return (
    `${sums.count} records sent, ${records.toFixed(1)} records/sec (${megabytes.toFixed(2)} MB/sec), ` +
    `${sums.averageMs.toFixed(1)} ms avg latency, ${sums.maxLatencyMs.toFixed(1)} ms max latency.`
  )
}
