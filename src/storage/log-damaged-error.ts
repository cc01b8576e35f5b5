/** The log cannot be used; the message says what was found. */
export class LogDamagedError extends Error {
  override readonly name = 'LogDamagedError'
}
