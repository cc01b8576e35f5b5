/**
 * LinkRules: what is wrong between hosts at the moment. Each fault adds a rule of its own and takes it away again, so that faults that overlap do not
 * heal one another. Between hosts that are spared nothing is wrong, whatever the rules say.
 */

/** One direction of some links. */
export interface LinkRule {
  readonly applies: (from: string, to: string) => boolean
  /** Packets are lost, and the system sends them again: bytes wait until the rule is gone. */
  readonly cuts?: boolean
  /** New connections are refused. */
  readonly refuses?: boolean
  /** Everything takes so much longer. */
  readonly extraDelayMs?: number
}

export class LinkRules {
  readonly #rules = new Set<LinkRule>()
  readonly #changed: () => void
  #spared: ReadonlySet<string> = new Set()

  /** `changed` is called when something may go that had to wait. */
  constructor(changed: () => void) {
    this.#changed = changed
  }

  /** Returns what takes the rule away again. */
  add(rule: LinkRule): () => void {
    this.#rules.add(rule)
    return () => {
      if (this.#rules.delete(rule)) this.#changed()
    }
  }

  /** All is well again. */
  clear(): void {
    this.#rules.clear()
    this.#changed()
  }

  /** From now on no rule is for links between these. */
  spare(hosts: ReadonlySet<string>): void {
    this.#spared = hosts
    this.#changed()
  }

  cuts(from: string, to: string): boolean {
    return this.#some(from, to, ({ cuts }) => cuts === true)
  }

  refuses(from: string, to: string): boolean {
    return this.#some(from, to, ({ refuses }) => refuses === true)
  }

  extraDelayMs(from: string, to: string): number {
    let sum = 0
    this.#some(from, to, ({ extraDelayMs = 0 }) => {
      sum += extraDelayMs
      return false
    })
    return sum
  }

  #some(from: string, to: string, found: (rule: LinkRule) => boolean): boolean {
    if (this.#rules.size === 0 || (this.#spared.has(from) && this.#spared.has(to))) return false
    for (const rule of this.#rules) if (rule.applies(from, to) && found(rule)) return true
    return false
  }
}
