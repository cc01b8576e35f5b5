/**
 * The compute port: pure work that would hold the event loop up (a recovery scan, recompression, compaction) and is worth
 * the 50-70 us of a hand-off. In production it runs in a worker, in the simulator inline after a delay.
 */
export interface Compute {
  /** The input's buffers belong to the job until `done`. An exception of the job comes as the error. */
  run<Input, Output>(job: Job<Input, Output>, input: Input, done: ComputeDone<Output>): void
}

export type ComputeDone<Output> = (error: Error | undefined, output: Output | undefined) => void

/** A pure function that another thread can find: `name` is an export of `module` (its `import.meta.url`) and is this job.
 * Input and output are structured-cloneable. */
export interface Job<Input, Output> {
  readonly module: string
  readonly name: string
  readonly run: (input: Input) => Output
}
