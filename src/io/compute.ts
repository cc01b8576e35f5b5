/**
 * The compute port: pure work that would hold the event loop up (a recovery scan, recompression, compaction) and is worth
 * the 50-70 us of a hand-off. In production it runs in workers, in the simulator inline after a delay.
 */
export interface Compute {
  /**
   * Jobs of a lane run one after the other, in the order in which they came; those of one lane never wait for the other's. The input's buffers belong
   * to the job until `done`. An exception of the job comes as the error.
   */
  run<Input, Output>(job: Job<Input, Output>, input: Input, done: ComputeDone<Output>): void
}

export type ComputeDone<Output> = (error: Error | undefined, output: Output | undefined) => void

/** `request`: a client waits for it. `background`: nobody does, and it may take long. */
export type Lane = 'request' | 'background'

/** A pure function that another thread can find: `name` is an export of `module` (its `import.meta.url`) and is this job.
 * Input and output are structured-cloneable. */
export interface Job<Input, Output> {
  readonly module: string
  readonly name: string
  readonly lane: Lane
  readonly run: (input: Input) => Output
}
