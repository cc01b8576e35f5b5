/** The randomness port. In production from the operating system, in the simulator from the seed. */
export interface Random {
  /** A whole number in [0, limit); limit at most 2^32. */
  below(limit: number): number
  bytes(length: number): Uint8Array
}
