/** The lines of a history that show findings, picked out of its file. */
import { eachLine } from './read.js'

/** Lines that are picked, for all findings together, and characters of each. */
const MOST_LINES = 2_000
const LONGEST = 2_000

/** By index. */
export async function linesAt(path: string, indices: Iterable<number>): Promise<ReadonlyMap<number, string>> {
  const wanted = new Set<number>()
  for (const index of indices) if (wanted.size < MOST_LINES) wanted.add(index)
  const found = new Map<number, string>()
  if (wanted.size === 0) return found
  let at = 0
  const look = (text: string): void => {
    if (wanted.has(at)) found.set(at, text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}...`)
    at++
  }
  await eachLine(path, look, look)
  return found
}
