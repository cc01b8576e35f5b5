/**
 * Assertions stay on in production: one that fails means that the program is wrong, and stopping is the only safe answer.
 * What input, a peer or a disk can cause is an error value, never an assertion.
 */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** `message` carries the numbers; pass a function where building it costs something. */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new AssertionError(typeof message === 'string' ? message : message())
}

/** The branch of an exhaustive `switch` that no value can reach. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`)
}
