/** What somebody may have meant who mistyped a name: the one that the fewest edits away is, if these are few. */
const MOST_EDITS = 3

export function nearest(mistyped: string, names: readonly string[]): string | undefined {
  let best: string | undefined
  let fewest = MOST_EDITS + 1
  for (const name of names) {
    if (Math.abs(name.length - mistyped.length) > MOST_EDITS) continue
    const edits = distance(mistyped, name)
    if (edits < fewest) {
      fewest = edits
      best = name
    }
  }
  return best
}

/** Levenshtein's: insertions, deletions and replacements, row by row. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
