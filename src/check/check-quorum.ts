/**
 * What clients are told of a quorum hangs together: one leader for each epoch, and what a leader counts as committed never becomes less from one
 * answer to the next that was asked for after it.
 */

/** An answer of DescribeQuorum. */
export interface QuorumSeen {
  readonly invokedMs: number
  readonly answeredMs: number
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly highWatermark: number
}

export interface QuorumFinding {
  readonly anomaly: 'two leaders' | 'went back'
  readonly detail: string
}

export function checkQuorum(all: readonly QuorumSeen[]): QuorumFinding[] {
  const findings: QuorumFinding[] = []
  const byEpoch = new Map<number, QuorumSeen[]>()
  for (const seen of all) {
    const before = byEpoch.get(seen.leaderEpoch)
    if (before === undefined) byEpoch.set(seen.leaderEpoch, [seen])
    else before.push(seen)
  }
  for (const [epoch, answers] of byEpoch) {
    const other = answers.find(({ leaderId }) => leaderId !== answers[0]!.leaderId)
    if (other !== undefined) {
      const detail = `epoch ${epoch} is led by ${answers[0]!.leaderId} and by ${other.leaderId}`
      findings.push({ anomaly: 'two leaders', detail })
      continue
    }
    // In the order of the questions: the largest of what was answered before each.
    const answered = [...answers].sort((a, b) => a.answeredMs - b.answeredMs)
    let next = 0
    let latest = -1
    for (const { invokedMs, highWatermark } of [...answers].sort((a, b) => a.invokedMs - b.invokedMs)) {
      while (next < answered.length && answered[next]!.answeredMs < invokedMs) {
        latest = Math.max(latest, answered[next++]!.highWatermark)
      }
      if (highWatermark >= latest) continue
      const detail = `in epoch ${epoch} ${latest} was committed, and ${highWatermark} to who asked at ${invokedMs.toFixed(0)} ms`
      findings.push({ anomaly: 'went back', detail })
      break
    }
  }
  return findings
}
