/**
 * Records that are read, changed and written in one transaction: each source record has one visible target, and each target a source. What stands in a
 * target says which it was made of: transformed-twice, not-transformed, phantom.
 */
import type { Findings } from './anomalies.js'

export interface SourceRecord {
  readonly key: string
  readonly offset: number
}

/** A record that readers of what is committed are given. */
export interface TargetRecord {
  readonly key: string
  readonly offset: number
  readonly source: SourceRecord
}

/** `isComplete`: all of the sources had been worked through when the targets were read. */
export function checkTransforms(
  sources: readonly SourceRecord[],
  targets: readonly TargetRecord[],
  isComplete: boolean,
  findings: Findings,
): void {
  const left = new Set(sources.map(idOf))
  const made = new Map<string, TargetRecord>()
  for (const target of targets) {
    const id = idOf(target.source)
    const before = made.get(id)
    // The same record may be read by several.
    if (before !== undefined && before.key === target.key && before.offset === target.offset) continue
    if (before !== undefined) {
      findings.add(
        'transformed-twice',
        target.key,
        () => `offset ${target.offset} is made of ${id}, as ${idOf(before)} is`,
      )
      continue
    }
    made.set(id, target)
    if (left.delete(id)) continue
    findings.add('phantom', target.key, () => `offset ${target.offset} is made of ${id}, which is not there`)
  }
  if (!isComplete) return
  for (const id of left)
    findings.add('not-transformed', id.slice(0, id.lastIndexOf('@')), () => `nothing is made of ${id}`)
}

function idOf({ key, offset }: SourceRecord): string {
  return `${key}@${offset}`
}
