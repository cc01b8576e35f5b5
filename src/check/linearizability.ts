/**
 * Whether a history could have come from one object that does one thing at a time, each between its call and its answer (Herlihy and Wing): the search
 * of Wing and Gong with the configurations remembered that lead nowhere, as Lowe has it.
 *
 * A call without an answer may take effect at any time after it was made, or never. The search is bounded: where it passes the limit, the
 * history is not judged, and that is said.
 */

export interface Call<Value> {
  readonly process: number
  /** What was asked for; models know the names. */
  readonly f: string
  readonly value: Value
  readonly invokedMs: number
  /** Undefined: never answered. */
  readonly answeredMs: number | undefined
  /** `fail`: it certainly did not happen. `info`: nobody knows whether it did. */
  readonly outcome: 'ok' | 'fail' | 'info'
}

/** An object whose calls are judged. States are immutable. */
export interface Model<State, Value> {
  readonly initial: State
  /**
   * What may come of the call in this state; none: it cannot have been answered so. One without an answer may come to anything that it could have
   * done; that it never happened need not be among them.
   */
  step(state: State, call: Call<Value>): readonly State[]
  /** Equal for states that are equal. */
  key(state: State): string
}

export type Judgement =
  | { readonly verdict: 'linearizable'; readonly configurations: number }
  | { readonly verdict: 'not linearizable'; readonly detail: string }
  | { readonly verdict: 'could not judge'; readonly detail: string }

/** Configurations that are tried before the search gives up. */
const MAX_CONFIGURATIONS = 100_000

/** Everything about one key, in any order. */
export function checkLinearizable<State, Value>(
  calls: readonly Call<Value>[],
  model: Model<State, Value>,
  maxConfigurations = MAX_CONFIGURATIONS,
): Judgement {
  return new Search(calls, model, maxConfigurations).run()
}

/** What can be done next in a configuration: a call, and the state that comes of it. */
interface Choice<State> {
  readonly at: number
  readonly isAnswered: boolean
  readonly state: State
}

interface Frame<State> {
  readonly choices: readonly Choice<State>[]
  next: number
  /** The choice that was taken last. */
  taken: Choice<State> | undefined
}

class Search<State, Value> {
  readonly #model: Model<State, Value>
  readonly #limit: number
  /** In the order in which they were made. */
  readonly #answered: readonly Call<Value>[]
  readonly #open: readonly Call<Value>[]
  readonly #isDone: Uint8Array
  readonly #openDone: Uint8Array
  /** All answered ones before this are done. */
  #firstLeft = 0
  #done = 0
  readonly #seen = new Set<string>()
  #deepest = { done: -1, detail: '' }

  constructor(calls: readonly Call<Value>[], model: Model<State, Value>, limit: number) {
    this.#model = model
    this.#limit = limit
    const ordered = [...calls].sort((a, b) => a.invokedMs - b.invokedMs)
    this.#answered = ordered.filter(({ outcome }) => outcome === 'ok')
    this.#open = ordered.filter(({ outcome }) => outcome === 'info')
    this.#isDone = new Uint8Array(this.#answered.length)
    this.#openDone = new Uint8Array(this.#open.length)
  }

  run(): Judgement {
    const frames: Frame<State>[] = [this.#frame(this.#model.initial)]
    while (frames.length > 0) {
      if (this.#done === this.#answered.length) {
        return { verdict: 'linearizable', configurations: this.#seen.size }
      }
      const frame = frames.at(-1)!
      if (frame.taken !== undefined) this.#undo(frame.taken)
      const choice = frame.choices[frame.next++]
      frame.taken = choice
      if (choice === undefined) {
        frames.pop()
        continue
      }
      this.#do(choice)
      const key = this.#keyOf(choice.state)
      if (this.#seen.has(key)) continue
      if (this.#seen.size >= this.#limit) {
        const detail = `${this.#limit} configurations of ${this.#answered.length} answered and ${this.#open.length} open calls`
        return { verdict: 'could not judge', detail }
      }
      this.#seen.add(key)
      frames.push(this.#frame(choice.state))
    }
    return { verdict: 'not linearizable', detail: this.#deepest.detail }
  }

  #do({ at, isAnswered }: Choice<State>): void {
    if (!isAnswered) {
      this.#openDone[at] = 1
      return
    }
    this.#isDone[at] = 1
    this.#done++
    while (this.#isDone[this.#firstLeft] === 1) this.#firstLeft++
  }

  #undo({ at, isAnswered }: Choice<State>): void {
    if (!isAnswered) {
      this.#openDone[at] = 0
      return
    }
    this.#isDone[at] = 0
    this.#done--
    this.#firstLeft = Math.min(this.#firstLeft, at)
  }

  /** Answered calls come first: that a call without an answer took effect is only supposed where it must have. */
  #frame(state: State): Frame<State> {
    let earliestMs = Number.POSITIVE_INFINITY
    const left: number[] = []
    for (let at = this.#firstLeft; at < this.#answered.length; at++) {
      const { invokedMs, answeredMs } = this.#answered[at]!
      if (invokedMs > earliestMs) break
      if (this.#isDone[at] === 1) continue
      left.push(at)
      earliestMs = Math.min(earliestMs, answeredMs ?? Number.POSITIVE_INFINITY)
    }
    const choices: Choice<State>[] = []
    const next = left.filter((at) => this.#answered[at]!.invokedMs <= earliestMs)
    for (const at of next) {
      for (const after of this.#model.step(state, this.#answered[at]!)) {
        choices.push({ at, isAnswered: true, state: after })
      }
    }
    const key = this.#model.key(state)
    for (const [at, call] of this.#open.entries()) {
      if (call.invokedMs > earliestMs) break
      if (this.#openDone[at] === 1) continue
      for (const after of this.#model.step(state, call)) {
        // What changes nothing need not have happened.
        if (this.#model.key(after) !== key) choices.push({ at, isAnswered: false, state: after })
      }
    }
    if (this.#done > this.#deepest.done) {
      const refused = next.map((at) => told(this.#answered[at]!)).join('; ')
      this.#deepest = {
        done: this.#done,
        detail: `after ${this.#done} calls, in state ${key}, none can be next: ${refused}`,
      }
    }
    return { choices, next: 0, taken: undefined }
  }

  #keyOf(state: State): string {
    const later: number[] = []
    const untilMs = this.#answered[this.#firstLeft]?.answeredMs ?? 0
    for (let at = this.#firstLeft + 1; at < this.#answered.length; at++) {
      if (this.#answered[at]!.invokedMs > untilMs) break
      if (this.#isDone[at] === 1) later.push(at)
    }
    return `${this.#firstLeft},${later}|${this.#openDone.join('')}|${this.#model.key(state)}`
  }
}

function told<Value>({ process, f, value, invokedMs, answeredMs }: Call<Value>): string {
  return `${process}: ${f} ${JSON.stringify(value)} (${invokedMs.toFixed(0)} to ${answeredMs?.toFixed(0)} ms)`
}
