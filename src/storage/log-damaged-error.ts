/** The log cannot be used; the message says what was found. */
export class LogDamagedError extends Error {
  override readonly name = 'LogDamagedError'
}

/** A batch that was in order when it was written is not any more. The rest of the log is as it was. */
export class DamagedBatchError extends Error {
  override readonly name = 'DamagedBatchError'
  /** At it or before it: where it begins cannot always be told. */
  readonly offset: number

  constructor(directory: string, offset: number) {
    super(`${directory}: the batch at offset ${offset} has rotted`)
    this.offset = offset
  }
}
