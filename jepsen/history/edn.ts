/**
 * A history as EDN, one map a line, as Jepsen writes `history.edn` and reads it: names are keywords, and keys of the maps that polls give are numbers. And back: what of EDN stands
 * in histories, from Jepsen's own runs too.
 */

/** Of the values that are text in JSON, and keywords there. */
const KEYWORDS: ReadonlySet<string> = new Set(['send', 'poll'])
/** Fields whose text is a keyword. */
const KEYWORD_FIELDS: ReadonlySet<string> = new Set(['type', 'f', 'process'])

/** One line, without its end. `operation`: as it stands in `history.jsonl`. */
export function toEdn(operation: Readonly<Record<string, unknown>>): string {
  const fields = Object.entries(operation).map(([name, value]) => `:${name} ${fieldToEdn(name, value)}`)
  return `{${fields.join(', ')}}`
}

function fieldToEdn(name: string, value: unknown): string {
  if (KEYWORD_FIELDS.has(name) && typeof value === 'string') return keyword(value)
  if (name === 'error' && Array.isArray(value)) {
    return `[${value.map((each, at) => (at === 0 && typeof each === 'string' ? keyword(each) : ednOf(each))).join(' ')}]`
  }
  if (name === 'rebalance-log' && Array.isArray(value)) {
    return `[${value.map((event) => toEdn(event as Record<string, unknown>)).join(' ')}]`
  }
  return ednOf(value)
}

function ednOf(value: unknown): string {
  if (value === null || value === undefined) return 'nil'
  if (typeof value === 'string') return text(value)
  if (typeof value !== 'object') return String(value)
  if (Array.isArray(value)) {
    const isPart = KEYWORDS.has(value[0] as string) && isPartShape(value)
    return `[${value.map((each, at) => (isPart && at === 0 ? `:${value[0]}` : ednOf(each))).join(' ')}]`
  }
  const entries = Object.entries(value).map(([name, each]) => {
    return `${/^-?\d+$/.test(name) ? name : keyword(name)} ${ednOf(each)}`
  })
  return `{${entries.join(', ')}}`
}

/** And not a value that happens to be called so. */
function isPartShape(value: readonly unknown[]): boolean {
  return value[0] === 'send' ? value.length === 3 && typeof value[1] === 'number' : value.length <= 2
}

/** What cannot be a keyword is text. */
function keyword(name: string): string {
  return /^[A-Za-z*!_?$%&=<>.+-][\w*!?$%&=<>.+#/-]*$/.test(name) ? `:${name}` : text(name)
}

const ESCAPES: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function text(value: string): string {
  return `"${value.replace(/["\\\n\r\t]/g, (each) => ESCAPES[each]!)}"`
}

/** What of a text is no EDN. */
export class EdnError extends Error {
  override readonly name = 'EdnError'
}

/** Nested deeper it is not of a history. */
const DEEPEST = 32

/** A form as JSON has it: keywords and symbols are text, sets lists, names of maps text; tags of other types are passed over. */
export function fromEdn(source: string): unknown {
  const reader = new EdnReader(source)
  const value = reader.form(0)
  reader.end()
  return value
}

const CLOSES: Readonly<Record<string, string>> = { '[': ']', '(': ')', '{': '}' }
const UNESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' }

class EdnReader {
  readonly #source: string
  #at = 0

  constructor(source: string) {
    this.#source = source
  }

  end(): void {
    this.#skip()
    if (this.#at < this.#source.length) throw this.#wrong('more than one form')
  }

  form(depth: number): unknown {
    if (depth > DEEPEST) throw this.#wrong('nested too deeply')
    this.#skip()
    const first = this.#source[this.#at]
    if (first === undefined) throw this.#wrong('the end')
    if (first === '"') return this.#text()
    if (first === '{') return mapOf(this.#list(depth), () => this.#wrong('a map without a value'))
    if (first === '[' || first === '(') return this.#list(depth)
    if (first === '#') return this.#tagged(depth)
    return this.#atom()
  }

  #wrong(what: string): EdnError {
    return new EdnError(`${what} at character ${this.#at + 1}`)
  }

  #skip(): void {
    const blank = /(?:[\s,]|;[^\n]*)*/y
    blank.lastIndex = this.#at
    this.#at += blank.exec(this.#source)![0].length
  }

  #list(depth: number): unknown[] {
    const close = CLOSES[this.#source[this.#at]!]!
    this.#at++
    const items: unknown[] = []
    for (;;) {
      this.#skip()
      if (this.#source[this.#at] === close) {
        this.#at++
        return items
      }
      items.push(this.form(depth + 1))
    }
  }

  #tagged(depth: number): unknown {
    this.#at++
    if (this.#source[this.#at] === '{') return this.#list(depth)
    const tag = /[\w.*+!?$%&=<>/-]+/y
    tag.lastIndex = this.#at
    const found = tag.exec(this.#source)
    if (found === null) throw this.#wrong('a tag that is none')
    this.#at += found[0].length
    return this.form(depth + 1)
  }

  #text(): string {
    const whole = /"(?:[^"\\]|\\.)*"/sy
    whole.lastIndex = this.#at
    const found = whole.exec(this.#source)
    if (found === null) throw this.#wrong('a text without an end')
    this.#at += found[0].length
    return found[0]
      .slice(1, -1)
      .replace(/\\(?:u([\da-fA-F]{4})|(.))/gs, (_, code: string | undefined, each: string | undefined) =>
        code === undefined ? (UNESCAPES[each!] ?? each!) : String.fromCharCode(Number.parseInt(code, 16)),
      )
  }

  #atom(): unknown {
    const atom = /[^\s,;"()[\]{}]+/y
    atom.lastIndex = this.#at
    const found = atom.exec(this.#source)?.[0]
    if (found === undefined) throw this.#wrong(`${this.#source[this.#at]}`)
    this.#at += found.length
    if (found === 'nil') return null
    if (found === 'true' || found === 'false') return found === 'true'
    if (/^[+-]?\d/.test(found)) {
      const number = Number(found.replace(/[NM]$/, ''))
      if (Number.isNaN(number)) throw this.#wrong(`${found}, which is no number,`)
      return number
    }
    return found.startsWith(':') ? found.slice(1) : found
  }
}

function mapOf(items: readonly unknown[], wrong: () => Error): Readonly<Record<string, unknown>> {
  if (items.length % 2 !== 0) throw wrong()
  const map: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (let at = 0; at < items.length; at += 2) map[String(items[at])] = items[at + 1]
  return map
}
