/** CompiledExpressions: keeps what expressions have become, as far as there is room: those that were wanted last. */
import { type Meter, RegularExpression } from './regular-expression.js'
import type { SyntaxProblem } from './syntax.js'

/** Instructions and characters of all that are kept; a few megabytes. The last one is always kept. */
const MAX_KEPT = 100_000

export class CompiledExpressions {
  /** By text, the last wanted at the end. */
  readonly #kept = new Map<string, RegularExpression>()
  #size = 0

  /** What it costs to compile is counted where it has to be. */
  get(text: string, meter?: Meter): RegularExpression | SyntaxProblem {
    const known = this.#kept.get(text)
    if (known !== undefined) {
      this.#kept.delete(text)
      this.#kept.set(text, known)
      return known
    }
    const compiled = RegularExpression.compile(text, meter)
    if (!(compiled instanceof RegularExpression)) return compiled
    this.#kept.set(text, compiled)
    this.#size += sizeOf(text, compiled)
    for (const [first, expression] of this.#kept) {
      if (this.#size <= MAX_KEPT || this.#kept.size === 1) break
      this.#kept.delete(first)
      this.#size -= sizeOf(first, expression)
    }
    return compiled
  }
}

function sizeOf(text: string, { instructions }: RegularExpression): number {
  return text.length + instructions
}
