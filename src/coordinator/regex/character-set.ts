/**
 * Sets of characters (code points) as RE2's classes have them: ranges, the classes of Perl and POSIX, Unicode's general categories and scripts,
 * and what is made of them in brackets. Without regard to case a set has a character if it has one that differs from it in case only.
 */

/** Tells whether a code point is in it. */
export interface CharacterSet {
  has(codePoint: number): boolean
}

export const MAX_CODE_POINT = 0x10ffff

class Ranges implements CharacterSet {
  readonly #ranges: readonly (readonly [number, number])[]

  constructor(ranges: readonly (readonly [number, number])[]) {
    this.#ranges = ranges
  }

  has(codePoint: number): boolean {
    return this.#ranges.some(([low, high]) => low <= codePoint && codePoint <= high)
  }
}

/** One range; both ends are in it. */
export function range(low: number, high: number): CharacterSet {
  return new Ranges([[low, high]])
}

export const EVERYTHING = range(0, MAX_CODE_POINT)

/** What is in one of several sets, or in none of them. */
export class Union implements CharacterSet {
  readonly #members: readonly CharacterSet[]
  readonly #negated: boolean

  constructor(members: readonly CharacterSet[], negated: boolean) {
    this.#members = members
    this.#negated = negated
  }

  has(codePoint: number): boolean {
    return this.#members.some((member) => member.has(codePoint)) !== this.#negated
  }
}

/** A set without regard to case. */
export class Folded implements CharacterSet {
  readonly #set: CharacterSet

  constructor(set: CharacterSet) {
    this.#set = set
  }

  has(codePoint: number): boolean {
    return this.#set.has(codePoint) || otherCases(codePoint).some((other) => this.#set.has(other))
  }
}

/** Characters whose lower or upper case is a letter that does not lead back to them: the long s, and the signs of Kelvin and Ångström. */
const ODD_CASES = new Map([
  [0x73, 0x17f],
  [0x53, 0x17f],
  [0x6b, 0x212a],
  [0x4b, 0x212a],
  [0xe5, 0x212b],
  [0xc5, 0x212b],
])

function otherCases(codePoint: number): number[] {
  const text = String.fromCodePoint(codePoint)
  const cases: number[] = []
  for (const other of [text.toLowerCase(), text.toUpperCase()]) {
    if ([...other].length !== 1) continue
    cases.push(other.codePointAt(0)!)
  }
  // The long s is upper-cased to S, and that is the s.
  for (const other of [...cases]) {
    const lower = String.fromCodePoint(other).toLowerCase()
    if ([...lower].length === 1) cases.push(lower.codePointAt(0)!)
  }
  const odd = ODD_CASES.get(codePoint)
  if (odd !== undefined) cases.push(odd)
  return cases
}

const DIGITS: readonly (readonly [number, number])[] = [[0x30, 0x39]]
const UPPER: readonly (readonly [number, number])[] = [[0x41, 0x5a]]
const LOWER: readonly (readonly [number, number])[] = [[0x61, 0x7a]]

/** By the letter behind the backslash; the capital is what is not in it. */
export const PERL_CLASSES: ReadonlyMap<string, CharacterSet> = new Map([
  ['d', new Ranges(DIGITS)],
  [
    's',
    new Ranges([
      [0x09, 0x0a],
      [0x0c, 0x0d],
      [0x20, 0x20],
    ]),
  ],
  ['w', new Ranges([...DIGITS, ...UPPER, [0x5f, 0x5f], ...LOWER])],
])

/** By the name between `[:` and `:]`. */
export const POSIX_CLASSES: ReadonlyMap<string, CharacterSet> = new Map([
  ['alnum', new Ranges([...DIGITS, ...UPPER, ...LOWER])],
  ['alpha', new Ranges([...UPPER, ...LOWER])],
  ['ascii', range(0, 0x7f)],
  [
    'blank',
    new Ranges([
      [0x09, 0x09],
      [0x20, 0x20],
    ]),
  ],
  [
    'cntrl',
    new Ranges([
      [0x00, 0x1f],
      [0x7f, 0x7f],
    ]),
  ],
  ['digit', new Ranges(DIGITS)],
  ['graph', range(0x21, 0x7e)],
  ['lower', new Ranges(LOWER)],
  ['print', range(0x20, 0x7e)],
  [
    'punct',
    new Ranges([
      [0x21, 0x2f],
      [0x3a, 0x40],
      [0x5b, 0x60],
      [0x7b, 0x7e],
    ]),
  ],
  [
    'space',
    new Ranges([
      [0x09, 0x0d],
      [0x20, 0x20],
    ]),
  ],
  ['upper', new Ranges(UPPER)],
  ['word', new Ranges([...DIGITS, ...UPPER, [0x5f, 0x5f], ...LOWER])],
  ['xdigit', new Ranges([...DIGITS, [0x41, 0x46], [0x61, 0x66]])],
])

const GENERAL_CATEGORY = /^(?:C[cfos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?)$/

/** The tables of Unicode that JavaScript brings with it. */
class UnicodeClass implements CharacterSet {
  readonly #pattern: RegExp

  constructor(pattern: RegExp) {
    this.#pattern = pattern
  }

  has(codePoint: number): boolean {
    return this.#pattern.test(String.fromCodePoint(codePoint))
  }
}

/** What `\p{name}` names: a general category in its short form, a script by its name, or Any; undefined: there is no such class. */
export function unicodeClass(name: string): CharacterSet | undefined {
  if (name === 'Any') return EVERYTHING
  if (GENERAL_CATEGORY.test(name)) return new UnicodeClass(new RegExp(`^\\p{${name}}$`, 'u'))
  if (!/^[A-Z][A-Za-z_]+$/.test(name)) return undefined
  try {
    return new UnicodeClass(new RegExp(`^\\p{Script=${name}}$`, 'u'))
  } catch {
    return undefined
  }
}
