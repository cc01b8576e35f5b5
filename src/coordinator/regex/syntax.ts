/**
 * The syntax of RE2 (as its flavour for Perl has it): the text of a regular expression becomes a tree. What RE2 does not know (back-references,
 * look-around, possessive repetition) is refused, and so is what would make the tree too deep or, unrolled, too large.
 */
import {
  type CharacterSet,
  EVERYTHING,
  Folded,
  MAX_CODE_POINT,
  PERL_CLASSES,
  POSIX_CLASSES,
  range,
  Union,
  unicodeClass,
} from './character-set.js'

/** RE2's: how often something may be asked to repeat, also by repetitions in one another. */
export const MAX_REPEAT = 1000
/** How deep groups may be in one another. */
export const MAX_DEPTH = 1000

export type Assertion = 'text begins' | 'text ends' | 'line begins' | 'line ends' | 'word boundary' | 'no word boundary'

export type Tree =
  | { readonly kind: 'one'; readonly set: CharacterSet }
  | { readonly kind: 'all'; readonly parts: readonly Tree[] }
  | { readonly kind: 'any'; readonly options: readonly Tree[] }
  /** Without `most` as often as it goes. */
  | { readonly kind: 'repeat'; readonly part: Tree; readonly least: number; readonly most: number | undefined }
  | { readonly kind: 'assertion'; readonly assertion: Assertion }

/** Why a text is not a regular expression: half a sentence. */
export class SyntaxProblem {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}

/** Also how many characters were looked at for it. */
export function parseRegularExpression(text: string): { readonly tree: Tree | SyntaxProblem; readonly looked: number } {
  const parser = new Parser([...text])
  return { tree: parser.parse(), looked: parser.looked }
}

interface Flags {
  readonly fold: boolean
  readonly lines: boolean
  readonly dotMatchesNewline: boolean
}

const NEWLINE = range(0x0a, 0x0a)
const NOT_NEWLINE = new Union([NEWLINE], true)
const SIMPLE_ESCAPES = new Map([
  ['a', 0x07],
  ['f', 0x0c],
  ['t', 0x09],
  ['n', 0x0a],
  ['r', 0x0d],
  ['v', 0x0b],
])
const ESCAPED_ASSERTIONS: ReadonlyMap<string, Assertion> = new Map([
  ['A', 'text begins'],
  ['z', 'text ends'],
  ['b', 'word boundary'],
  ['B', 'no word boundary'],
])

class Parser {
  readonly #text: readonly string[]
  readonly #names = new Set<string>()
  /** Characters, those included that are looked at again for the end of a class. */
  looked: number
  /** From where on no class of POSIX ends. */
  #noClassEndsFrom = Number.POSITIVE_INFINITY
  #at = 0
  #depth = 0
  #flags: Flags = { fold: false, lines: false, dotMatchesNewline: false }

  /** By code points. */
  constructor(text: readonly string[]) {
    this.#text = text
    this.looked = text.length
  }

  parse(): Tree | SyntaxProblem {
    try {
      const tree = this.#alternatives()
      if (this.#at < this.#text.length) this.#fail('a ) without its (')
      repetitions(tree)
      return tree
    } catch (problem) {
      if (problem instanceof SyntaxProblem) return problem
      throw problem
    }
  }

  #fail(reason: string): never {
    throw new SyntaxProblem(`${reason} at character ${this.#at + 1}`)
  }

  #peek(): string | undefined {
    return this.#text[this.#at]
  }

  #startsWith(text: string): boolean {
    for (let i = 0; i < text.length; i++) if (this.#text[this.#at + i] !== text[i]) return false
    return true
  }

  #take(text: string): boolean {
    const starts = this.#startsWith(text)
    if (starts) this.#at += text.length
    return starts
  }

  #alternatives(): Tree {
    const options = [this.#sequence()]
    while (this.#take('|')) options.push(this.#sequence())
    return options.length === 1 ? options[0]! : { kind: 'any', options }
  }

  #sequence(): Tree {
    const parts: Tree[] = []
    for (;;) {
      const next = this.#peek()
      if (next === undefined || next === '|' || next === ')') break
      if (this.#take('\\Q')) {
        this.#quoted(parts)
        continue
      }
      const atom = this.#atom()
      if (atom !== undefined) parts.push(this.#repeated(atom))
    }
    return parts.length === 1 ? parts[0]! : { kind: 'all', parts }
  }

  /** Up to `\E` everything stands for itself; what follows repeats its last character. */
  #quoted(parts: Tree[]): void {
    while (this.#at < this.#text.length && !this.#startsWith('\\E')) parts.push(this.#literal(this.#text[this.#at++]!))
    if (!this.#take('\\E') || parts.length === 0) return
    parts.push(this.#repeated(parts.pop()!))
  }

  #repeated(atom: Tree): Tree {
    const times = this.#repetition()
    if (times === undefined) return atom
    // Lazy or greedy is the same here: it is only asked whether the whole text matches.
    this.#take('?')
    const again = this.#at
    if (this.#repetition() !== undefined) {
      this.#at = again
      this.#fail('a repetition of a repetition')
    }
    return { kind: 'repeat', part: atom, ...times }
  }

  #repetition(): { readonly least: number; readonly most: number | undefined } | undefined {
    if (this.#take('*')) return { least: 0, most: undefined }
    if (this.#take('+')) return { least: 1, most: undefined }
    if (this.#take('?')) return { least: 0, most: 1 }
    return this.#counted()
  }

  /** A brace that does not look like a count stands for itself. */
  #counted(): { readonly least: number; readonly most: number | undefined } | undefined {
    const start = this.#at
    if (!this.#take('{')) return undefined
    const least = this.#number()
    let most = least
    if (least !== undefined && this.#take(',')) {
      most = this.#peek() === '}' ? undefined : this.#number()
      if (most === undefined && this.#peek() !== '}') this.#at = this.#text.length
    }
    if (least === undefined || !this.#take('}')) {
      this.#at = start
      return undefined
    }
    if (least > MAX_REPEAT || (most !== undefined && (most > MAX_REPEAT || most < least))) {
      this.#at = start
      this.#fail(`a count of repetitions that is not allowed (at most ${MAX_REPEAT})`)
    }
    return { least, most }
  }

  #number(): number | undefined {
    const start = this.#at
    while (isDigit(this.#peek())) this.#at++
    const digits = this.#text.slice(start, this.#at).join('')
    return digits === '' || (digits.length > 1 && digits.startsWith('0')) ? undefined : Number(digits)
  }

  #atom(): Tree | undefined {
    const character = this.#text[this.#at]!
    switch (character) {
      case '(':
        return this.#group()
      case '[':
        return { kind: 'one', set: this.#class() }
      case '.':
        this.#at++
        return { kind: 'one', set: this.#flags.dotMatchesNewline ? EVERYTHING : NOT_NEWLINE }
      case '^':
        this.#at++
        return { kind: 'assertion', assertion: this.#flags.lines ? 'line begins' : 'text begins' }
      case '$':
        this.#at++
        return { kind: 'assertion', assertion: this.#flags.lines ? 'line ends' : 'text ends' }
      case '*':
      case '+':
      case '?':
        return this.#fail('a repetition of nothing')
      case '{':
        if (this.#counted() !== undefined) this.#fail('a repetition of nothing')
        this.#at++
        return this.#literal(character)
      case '\\':
        return this.#escaped()
      default:
        this.#at++
        return this.#literal(character)
    }
  }

  #literal(character: string): Tree {
    const codePoint = character.codePointAt(0)!
    return { kind: 'one', set: this.#folded(range(codePoint, codePoint)) }
  }

  #folded(set: CharacterSet): CharacterSet {
    return this.#flags.fold ? new Folded(set) : set
  }

  /** Undefined: flags for what follows. */
  #group(): Tree | undefined {
    const flags = this.#flags
    this.#at++
    if (this.#take('?P<') || this.#take('?<')) this.#name()
    else if (this.#take('?') && this.#takeFlags()) return undefined
    if (++this.#depth > MAX_DEPTH) this.#fail(`more than ${MAX_DEPTH} groups in one another`)
    const tree = this.#alternatives()
    this.#depth--
    if (!this.#take(')')) this.#fail('a ( without its )')
    this.#flags = flags
    return tree
  }

  #name(): void {
    const start = this.#at
    while (/^\w$/.test(this.#peek() ?? '')) this.#at++
    const name = this.#text.slice(start, this.#at).join('')
    if (name === '' || !this.#take('>')) this.#fail('a name of a group that is not one')
    if (this.#names.has(name)) this.#fail(`a second group with the name ${name}`)
    this.#names.add(name)
  }

  /** Whether they are for what follows, and not for a group. */
  #takeFlags(): boolean {
    let negated = false
    let some = false
    for (;;) {
      const flag = this.#peek()
      this.#at++
      switch (flag) {
        case 'i':
          this.#flags = { ...this.#flags, fold: !negated }
          break
        case 'm':
          this.#flags = { ...this.#flags, lines: !negated }
          break
        case 's':
          this.#flags = { ...this.#flags, dotMatchesNewline: !negated }
          break
        case 'U':
          break
        case '-':
          if (negated) this.#fail('a second - in flags')
          negated = true
          some = false
          continue
        case ':':
        case ')':
          if (negated && !some) this.#fail('a - without flags')
          return flag === ')'
        default:
          this.#at--
          this.#fail('flags or a kind of group that RE2 does not know')
      }
      some = true
    }
  }

  #escaped(): Tree {
    const kind = this.#text[this.#at + 1]
    const assertion = ESCAPED_ASSERTIONS.get(kind ?? '')
    if (assertion !== undefined) {
      this.#at += 2
      return { kind: 'assertion', assertion }
    }
    // The end of a quotation that has ended already.
    if (kind === 'E') this.#fail('an escape that RE2 does not know')
    const named = this.#namedClass()
    if (named !== undefined) return { kind: 'one', set: named }
    const codePoint = this.#escapedCharacter()
    return { kind: 'one', set: this.#folded(range(codePoint, codePoint)) }
  }

  /** `\d`, `\pL`, `\p{Greek}` and their opposites, in brackets and outside. */
  #namedClass(): CharacterSet | undefined {
    if (this.#peek() !== '\\') return undefined
    const letter = this.#text[this.#at + 1] ?? ''
    const perl = PERL_CLASSES.get(letter.toLowerCase())
    if (perl !== undefined) {
      this.#at += 2
      return new Union([this.#folded(perl)], letter !== letter.toLowerCase())
    }
    if (letter !== 'p' && letter !== 'P') return undefined
    this.#at += 2
    let negated = letter === 'P'
    let name = this.#text[this.#at++] ?? ''
    if (name === '{') {
      const end = this.#text.indexOf('}', this.#at)
      if (end < 0) this.#fail('a name of a class without its }')
      name = this.#text.slice(this.#at, end).join('')
      this.#at = end + 1
      if (name.startsWith('^')) {
        negated = !negated
        name = name.slice(1)
      }
    }
    const set = unicodeClass(name)
    if (set === undefined) return this.#fail(`the class ${name}, which is not one of Unicode's,`)
    return new Union([this.#folded(set)], negated)
  }

  #escapedCharacter(): number {
    this.#at++
    const character = this.#text[this.#at++]
    if (character === undefined) return this.#fail('a \\ with nothing behind it')
    const simple = SIMPLE_ESCAPES.get(character)
    if (simple !== undefined) return simple
    if (character === 'x') return this.#hexadecimal()
    if (character >= '0' && character <= '7') return this.#octal(character)
    if (character.codePointAt(0)! < 0x80 && !/^\w$/.test(character)) return character.codePointAt(0)!
    if (character === '_') return character.codePointAt(0)!
    this.#at -= 2
    return this.#fail('an escape that RE2 does not know')
  }

  #hexadecimal(): number {
    let digits: string
    if (this.#take('{')) {
      const end = this.#text.indexOf('}', this.#at)
      digits = this.#text.slice(this.#at, Math.max(end, this.#at)).join('')
      this.#at = end + 1
    } else {
      digits = this.#text.slice(this.#at, this.#at + 2).join('')
      this.#at += 2
      if (digits.length < 2) digits = ''
    }
    const value = /^[0-9A-Fa-f]+$/.test(digits) ? Number.parseInt(digits, 16) : Number.NaN
    return value <= MAX_CODE_POINT ? value : this.#fail('a hexadecimal escape that is no character')
  }

  /** A single digit other than 0 would be a back-reference. */
  #octal(first: string): number {
    let digits = first
    while (digits.length < 3 && /^[0-7]$/.test(this.#peek() ?? '')) digits += this.#text[this.#at++]
    if (digits.length === 1 && first !== '0') this.#fail('a back-reference, which RE2 does not have,')
    return Number.parseInt(digits, 8)
  }

  #class(): CharacterSet {
    this.#at++
    const negated = this.#take('^')
    const members: CharacterSet[] = []
    let first = true
    while (first || this.#peek() !== ']') {
      if (this.#at >= this.#text.length) this.#fail('a [ without its ]')
      first = false
      const named = this.#posixClass() ?? this.#namedClass()
      if (named !== undefined) {
        members.push(named)
        continue
      }
      const low = this.#classCharacter()
      let high = low
      if (this.#peek() === '-' && this.#at + 1 < this.#text.length && this.#text[this.#at + 1] !== ']') {
        this.#at++
        high = this.#classCharacter()
        if (high < low) this.#fail('a range whose end comes before its beginning')
      }
      members.push(this.#folded(range(low, high)))
    }
    this.#at++
    return new Union(members, negated)
  }

  #posixClass(): CharacterSet | undefined {
    const close = this.#startsWith('[:') ? this.#posixClassEnd(this.#at + 2) : undefined
    if (close === undefined) return undefined
    const named = this.#text.slice(this.#at + 2, close).join('')
    const negated = named.startsWith('^')
    const set = POSIX_CLASSES.get(negated ? named.slice(1) : named)
    if (set === undefined) return this.#fail(`the class [:${named}:], which is not one of POSIX,`)
    this.#at = close + 2
    return new Union([this.#folded(set)], negated)
  }

  #posixClassEnd(from: number): number | undefined {
    for (let i = from; from < this.#noClassEndsFrom && i + 1 < this.#text.length; i++) {
      this.looked++
      if (this.#text[i] === ':' && this.#text[i + 1] === ']') return i
    }
    this.#noClassEndsFrom = Math.min(from, this.#noClassEndsFrom)
    return undefined
  }

  #classCharacter(): number {
    if (this.#peek() === '\\') return this.#escapedCharacter()
    const character = this.#text[this.#at]
    if (character === undefined) return this.#fail('a [ without its ]')
    this.#at++
    return character.codePointAt(0)!
  }
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= '0' && character <= '9'
}

/** How often the most repeated part of it is written out; refuses more than RE2 would. */
function repetitions(tree: Tree): number {
  switch (tree.kind) {
    case 'one':
    case 'assertion':
      return 1
    case 'all':
      return Math.max(1, ...tree.parts.map(repetitions))
    case 'any':
      return Math.max(1, ...tree.options.map(repetitions))
    case 'repeat': {
      const times = Math.max(tree.most ?? tree.least, 1) * repetitions(tree.part)
      if (times > MAX_REPEAT) throw new SyntaxProblem(`repetitions in one another for more than ${MAX_REPEAT} times`)
      return times
    }
  }
}
