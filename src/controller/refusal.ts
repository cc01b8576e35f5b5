/** Why a part of a request is refused, while the others may go on. */
import type { ErrorName } from '../protocol/errors.js'

export class Refusal {
  readonly error: ErrorName
  readonly message: string

  constructor(error: ErrorName, message: string) {
    this.error = error
    this.message = message
  }
}

/** The names that stand there more than once. */
export function repeated<T>(values: Iterable<T>): Set<T> {
  const seen = new Set<T>()
  const again = new Set<T>()
  for (const value of values) (seen.has(value) ? again : seen).add(value)
  return again
}
