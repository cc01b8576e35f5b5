/** The randomness port, from the operating system. */
import { randomBytes, randomInt } from 'node:crypto'
import type { Random } from '../random.js'

export class NodeRandom implements Random {
  below(limit: number): number {
    return limit <= 1 ? 0 : randomInt(limit)
  }

  bytes(length: number): Uint8Array {
    return randomBytes(length)
  }
}
