/** Limits of time for what real processes and networks do. */
import { setTimeout as sleep } from 'node:timers/promises'

const AGAIN_MS = 50

/** Rejects when the time is up; what was promised goes on unheard. */
export async function within<T>(limitMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${limitMs} ms`)), limitMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Asks until there is an answer; an error counts as none, and the last one is told when the time is up. */
export async function until<T>(limitMs: number, what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadlineMs = performance.now() + limitMs
  let last = ''
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      last = `: ${(error as Error).message}`
    }
    if (performance.now() > deadlineMs) throw new Error(`${what} did not come within ${limitMs} ms${last}`)
    await sleep(AGAIN_MS)
  }
}
