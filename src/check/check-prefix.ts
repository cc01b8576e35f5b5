/**
 * What brokers show of the metadata is a prefix of one log, and never goes back: at one offset all show the same, and no broker shows an offset
 * before one that it has shown.
 */

/** A broker has shown what it knows at an offset. */
export interface Shown {
  /** One that is started again is another where only what it has in memory must not go back. */
  readonly broker: number | string
  readonly timeMs: number
  /** The offset of the last record in it; -1: nothing is in it. */
  readonly offset: number
  /** Says what it is: equal for equal content. */
  readonly content: string
}

export interface PrefixFinding {
  readonly anomaly: 'went back' | 'forked'
  readonly detail: string
}

/** Takes what is shown as it comes, in order of time. */
export class PrefixCheck {
  readonly findings: PrefixFinding[] = []
  /** How many offsets were shown by more than one broker. */
  compared = 0
  readonly #latest = new Map<number | string, Shown>()
  readonly #byOffset = new Map<number, { readonly first: Shown; isCompared: boolean }>()

  show(shown: Shown): void {
    const before = this.#latest.get(shown.broker)
    this.#latest.set(shown.broker, shown)
    if (before !== undefined && shown.offset < before.offset) {
      this.findings.push({ anomaly: 'went back', detail: `${told(shown)}, and before: ${told(before)}` })
    }
    const known = this.#byOffset.get(shown.offset)
    if (known === undefined) {
      this.#byOffset.set(shown.offset, { first: shown, isCompared: false })
      return
    }
    const { first } = known
    if (first.broker !== shown.broker && !known.isCompared) {
      known.isCompared = true
      this.compared++
    }
    if (first.content !== shown.content) {
      const detail = `${told(shown)} is ${shown.content}, and ${told(first)} is ${first.content}`
      this.findings.push({ anomaly: 'forked', detail })
    }
  }
}

function told({ broker, timeMs, offset }: Shown): string {
  return `broker ${broker} at ${timeMs.toFixed(3)} ms: offset ${offset}`
}
