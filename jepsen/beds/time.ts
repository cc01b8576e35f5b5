/** Real time of a bed, and waiting until something is so, in whatever time a bed has. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { BedTime } from './bed.js'

const AGAIN_MS = 50

/** Since it was made. */
export class RealTime implements BedTime {
  readonly #startMs = performance.now()

  nowMs(): number {
    return performance.now() - this.#startMs
  }

  async wait(ms: number): Promise<void> {
    await sleep(ms)
  }
}

/** Asks until there is an answer; an error counts as none, and the last one is told when the time is up. */
export async function until<T>(
  time: BedTime,
  limitMs: number,
  what: string,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  const deadlineMs = time.nowMs() + limitMs
  let last = ''
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      last = `: ${(error as Error).message}`
    }
    if (time.nowMs() > deadlineMs) throw new Error(`${what}: not within ${limitMs} ms${last}`)
    await time.wait(AGAIN_MS)
  }
}
