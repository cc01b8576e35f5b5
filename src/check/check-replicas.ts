/**
 * What replicas of a log hold, batch by batch, up to what all of them count as committed: the same bytes, from where the last of them begins. For logs
 * that are not compacted: each replica cleans its own.
 */
import type { Findings } from './anomalies.js'

export interface ReplicaSeen {
  readonly name: string
  readonly key: string
  readonly highWatermark: number
  /** In the order in which they stand. */
  readonly batches: readonly BatchSeen[]
}

export interface BatchSeen {
  readonly baseOffset: number
  readonly lastOffset: number
  /** Of all of its bytes. */
  readonly digest: string | number
}

export function checkReplicas(replicas: readonly ReplicaSeen[], findings: Findings): void {
  const byKey = new Map<string, ReplicaSeen[]>()
  for (const replica of replicas) {
    const others = byKey.get(replica.key)
    if (others === undefined) byKey.set(replica.key, [replica])
    else others.push(replica)
  }
  for (const [key, all] of byKey) {
    const end = Math.min(...all.map(({ highWatermark }) => highWatermark))
    // One without batches has none to compare, but must have what is committed.
    const start = Math.max(...all.map(({ batches }) => batches[0]?.baseOffset ?? 0))
    const [first, ...others] = all.map((replica) => within(replica, start, end))
    for (const [at, other] of others.entries()) {
      const length = Math.max(first!.length, other.length)
      for (let place = 0; place < length; place++) {
        const [a, b] = [first![place], other[place]]
        if (a !== undefined && b !== undefined && isSame(a, b)) continue
        const [name, otherName] = [all[0]!.name, all[at + 1]!.name]
        findings.add('replicas-differ', key, () => `below ${end} ${name} has ${told(a)}, ${otherName} has ${told(b)}`)
        break
      }
    }
  }
}

function within({ batches }: ReplicaSeen, start: number, end: number): BatchSeen[] {
  return batches.filter(({ baseOffset, lastOffset }) => lastOffset >= start && baseOffset < end)
}

function isSame(a: BatchSeen, b: BatchSeen): boolean {
  return a.baseOffset === b.baseOffset && a.lastOffset === b.lastOffset && a.digest === b.digest
}

function told(batch: BatchSeen | undefined): string {
  return batch === undefined ? 'nothing' : `${batch.baseOffset} to ${batch.lastOffset} (${batch.digest})`
}
