/** What a benchmark is: a name, what it needs, and rows of figures as its result. */

export interface BenchmarkContext {
  /** How many nodes, where that is left open; undefined: as the benchmark likes. */
  readonly nodes?: number
  /** How long, where that is left open. */
  readonly minutes?: number
  /** Without Apache Kafka next to it. */
  readonly alone: boolean
  /** A new, empty directory; it is removed at the end. */
  directory(): string
  /** A sentence for whoever watches. */
  note(sentence: string): void
}

export interface Benchmark {
  readonly name: string
  readonly about: string
  /** It takes minutes: only when it is named. */
  readonly onDemand?: true
  readonly run: (context: BenchmarkContext) => Promise<readonly Row[]>
}

export interface Row {
  readonly name: string
  readonly figures: readonly Figure[]
}

export interface Figure {
  readonly name: string
  /** `ratio` and `share` have none. */
  readonly unit: 'req/s' | 'us' | 'ms' | 'MB' | 'ratio' | 'count' | 'share'
  /** The median of the samples. */
  readonly value: number
  readonly samples: readonly number[]
}
