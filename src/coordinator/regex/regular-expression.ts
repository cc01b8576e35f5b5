/**
 * Regular expressions in linear time: the tree becomes a program for a machine that is in many states at once (Thompson's construction), and each
 * character of a text takes every state at most once. A member of a group may send any expression; none of them can hold up the coordinator.
 */
import type { CharacterSet } from './character-set.js'
import { PERL_CLASSES } from './character-set.js'
import { type Assertion, parseRegularExpression, SyntaxProblem, type Tree } from './syntax.js'

/** How many instructions an expression may become. */
export const MAX_INSTRUCTIONS = 50_000
/** How many pieces of its tree may be written out: those that become no instruction, too. */
const MAX_PIECES = 4 * MAX_INSTRUCTIONS
/** What a character to read or a piece to write costs, in steps of matching. */
const COMPILING_STEPS = 10
/** In bytes: it has to fit into the key of a record, whose strings have a length of 16 bits. */
export const MAX_EXPRESSION_BYTES = 32_767

type Instruction =
  | { readonly kind: 'one'; readonly set: CharacterSet }
  | { readonly kind: 'assertion'; readonly assertion: Assertion }
  /** Goes on at both. */
  | { readonly kind: 'fork'; first: number; second: number }
  | { readonly kind: 'matched' }

interface Program {
  readonly instructions: Instruction[]
  /** Of the tree, that were written out. */
  pieces: number
}

/** For who wants to know what it has cost. */
export interface Meter {
  /** States that were entered, and what it cost to ask whether they go on; what compiling costs in the time of as many. */
  steps: number
}

export class RegularExpression {
  readonly #program: readonly Instruction[]
  /** For matching; each match leaves them as they are. */
  #sets: readonly [StateSet, StateSet] | undefined

  private constructor(program: readonly Instruction[]) {
    this.#program = program
  }

  get instructions(): number {
    return this.#program.length
  }

  /** RE2's syntax; otherwise what is wrong with it. */
  static compile(text: string, meter: Meter = { steps: 0 }): RegularExpression | SyntaxProblem {
    if (Buffer.byteLength(text) > MAX_EXPRESSION_BYTES) {
      return new SyntaxProblem(`it is longer than ${MAX_EXPRESSION_BYTES} bytes`)
    }
    const { tree, looked } = parseRegularExpression(text)
    meter.steps += COMPILING_STEPS * looked
    if (tree instanceof SyntaxProblem) return tree
    const program: Program = { instructions: [], pieces: 0 }
    const isWritten = emit(tree, program)
    meter.steps += COMPILING_STEPS * program.pieces
    if (!isWritten) return new SyntaxProblem(`it becomes more than ${MAX_INSTRUCTIONS} instructions`)
    program.instructions.push({ kind: 'matched' })
    return new RegularExpression(program.instructions)
  }

  /** Whether the whole text matches. */
  matches(text: string, meter?: Meter): boolean {
    if (this.#sets === undefined) {
      const { length } = this.#program
      this.#sets = [new StateSet(length), new StateSet(length)]
      if (meter !== undefined) meter.steps += length
    }
    let [states, next] = this.#sets
    states.clear()
    let before: number | undefined
    let at = 0
    let after = text.codePointAt(0)
    this.#enter(states, 0, before, after)
    while (after !== undefined) {
      if (meter !== undefined) meter.steps += states.size
      if (states.size === 0) return false
      at += after > 0xffff ? 2 : 1
      before = after
      after = text.codePointAt(at)
      next.clear()
      for (let i = 0; i < states.size; i++) {
        const state = states.at(i)
        const instruction = this.#program[state]!
        if (instruction.kind !== 'one') continue
        if (meter !== undefined) meter.steps += instruction.set.cost
        if (instruction.set.has(before)) this.#enter(next, state + 1, before, after)
      }
      const left = states
      states = next
      next = left
    }
    if (meter !== undefined) meter.steps += states.size
    return states.has(this.#program.length - 1)
  }

  /** The state and all that are reached from it without a character. */
  #enter(states: StateSet, first: number, before: number | undefined, after: number | undefined): void {
    const pending = [first]
    for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
      if (!states.add(state)) continue
      const instruction = this.#program[state]!
      if (instruction.kind === 'fork') pending.push(instruction.second, instruction.first)
      else if (instruction.kind === 'assertion' && holds(instruction.assertion, before, after)) pending.push(state + 1)
    }
  }
}

/** States in the order in which they were entered, each once. */
class StateSet {
  readonly #order: Int32Array
  readonly #places: Int32Array
  size = 0

  constructor(states: number) {
    this.#order = new Int32Array(states)
    this.#places = new Int32Array(states)
  }

  at(place: number): number {
    return this.#order[place]!
  }

  has(state: number): boolean {
    const place = this.#places[state]!
    return place < this.size && this.#order[place] === state
  }

  add(state: number): boolean {
    if (this.has(state)) return false
    this.#places[state] = this.size
    this.#order[this.size++] = state
    return true
  }

  clear(): void {
    this.size = 0
  }
}

/** Writes the tree behind what is there; false: it became too large. */
function emit(tree: Tree, program: Program): boolean {
  // What becomes nothing also takes its time, as often as it is repeated.
  if (++program.pieces > MAX_PIECES || program.instructions.length >= MAX_INSTRUCTIONS) return false
  switch (tree.kind) {
    case 'one':
      program.instructions.push({ kind: 'one', set: tree.set })
      return true
    case 'assertion':
      program.instructions.push({ kind: 'assertion', assertion: tree.assertion })
      return true
    case 'all':
      return tree.parts.every((part) => emit(part, program))
    case 'any':
      return emitAny(tree.options, program)
    case 'repeat':
      return emitRepeat(tree.part, tree.least, tree.most, program)
  }
}

function fork(program: Program): { kind: 'fork'; first: number; second: number } {
  const instruction = {
    kind: 'fork' as const,
    first: program.instructions.length + 1,
    second: program.instructions.length + 1,
  }
  program.instructions.push(instruction)
  return instruction
}

function emitAny(options: readonly Tree[], program: Program): boolean {
  const ends: { first: number; second: number }[] = []
  for (const [i, option] of options.entries()) {
    const last = i === options.length - 1
    const branch = last ? undefined : fork(program)
    if (!emit(option, program)) return false
    if (branch === undefined) continue
    ends.push(fork(program))
    branch.second = program.instructions.length
  }
  for (const end of ends) end.first = end.second = program.instructions.length
  return true
}

function emitRepeat(part: Tree, least: number, most: number | undefined, program: Program): boolean {
  for (let i = 0; i < least; i++) if (!emit(part, program)) return false
  if (most === undefined) {
    const loop = program.instructions.length
    const enter = fork(program)
    if (!emit(part, program)) return false
    const again = fork(program)
    again.first = again.second = loop
    enter.second = program.instructions.length
    return true
  }
  const exits: { second: number }[] = []
  for (let i = least; i < most; i++) {
    exits.push(fork(program))
    if (!emit(part, program)) return false
  }
  for (const exit of exits) exit.second = program.instructions.length
  return true
}

const NEWLINE = 0x0a
const WORD = PERL_CLASSES.get('w')!

function isWord(codePoint: number | undefined): boolean {
  return codePoint !== undefined && WORD.has(codePoint)
}

/** Between two characters; undefined: there is none on that side. */
function holds(assertion: Assertion, before: number | undefined, after: number | undefined): boolean {
  switch (assertion) {
    case 'text begins':
      return before === undefined
    case 'text ends':
      return after === undefined
    case 'line begins':
      return before === undefined || before === NEWLINE
    case 'line ends':
      return after === undefined || after === NEWLINE
    case 'word boundary':
      return isWord(before) !== isWord(after)
    case 'no word boundary':
      return isWord(before) === isWord(after)
  }
}
