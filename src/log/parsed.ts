/**
 * What reading a file gives: its meaning, or one sentence on why it cannot be trusted. A damaged file is a normal result
 * here, never an exception: whoever reads it has a way to rebuild it.
 */
export type Parsed<T> = { readonly kind: 'ok'; readonly value: T } | Corrupt

export interface Corrupt {
  readonly kind: 'corrupt'
  /** For the log: what was found and where. */
  readonly reason: string
}

export function ok<T>(value: T): Parsed<T> {
  return { kind: 'ok', value }
}

export function corrupt(reason: string): Corrupt {
  return { kind: 'corrupt', reason }
}
