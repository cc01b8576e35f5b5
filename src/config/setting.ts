/**
 * How a setting is declared: once, with Kafka's name, type, default, bounds and what it does. Parsing, checking, help and
 * documentation are all read from the declaration.
 */
export interface Setting<T> {
  /** One sentence for operators. */
  readonly doc: string
  /** As it would be written in a file; undefined where the value comes from elsewhere (see `doc`). */
  readonly default: string | undefined
  /** What may be written, for error messages. */
  readonly allowed: string
  /** Undefined if the text is not allowed. */
  readonly parse: (text: string) => T | undefined
}

/** Says which key, which value and what is allowed; `line` where it came from a file. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly key: string

  constructor(key: string, message: string) {
    super(message)
    this.key = key
  }
}

interface Options {
  readonly default?: string
  readonly doc: string
}

/** A whole number within bounds. */
export function integer(options: Options & { readonly min?: number; readonly max?: number }): Setting<number> {
  const { min = -0x8000_0000, max = 0x7fff_ffff } = options
  return {
    doc: options.doc,
    default: options.default,
    allowed: `a whole number from ${min} to ${max}`,
    parse: (text) => {
      const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN
      return value >= min && value <= max ? value : undefined
    },
  }
}

/** A whole number of up to 2^53 - 1; Kafka's `Long.MAX_VALUE` is taken for the largest there is. */
export function long(options: Options & { readonly min?: number }): Setting<number> {
  const { min = Number.MIN_SAFE_INTEGER } = options
  return {
    doc: options.doc,
    default: options.default,
    allowed: `a whole number of at least ${min}`,
    parse: (text) => {
      if (!/^[+-]?\d+$/.test(text.trim())) return undefined
      const value = Math.min(Number(text), Number.MAX_SAFE_INTEGER)
      return value >= min ? value : undefined
    },
  }
}

export function boolean(options: Options): Setting<boolean> {
  return {
    doc: options.doc,
    default: options.default,
    allowed: 'true or false',
    parse: (text) => {
      const word = text.trim().toLowerCase()
      return word === 'true' ? true : word === 'false' ? false : undefined
    },
  }
}

export function string(options: Options): Setting<string> {
  return { doc: options.doc, default: options.default, allowed: 'text', parse: (text) => text.trim() }
}

/** Comma-separated; empty text is the empty list. */
export function list(options: Options): Setting<readonly string[]> {
  return {
    doc: options.doc,
    default: options.default,
    allowed: 'a list with commas between',
    parse: (text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
  }
}

export function oneOf<T extends string>(values: readonly T[], options: Options): Setting<T> {
  return {
    doc: options.doc,
    default: options.default,
    allowed: values.join(' or '),
    parse: (text) => values.find((value) => value === text.trim().toLowerCase()),
  }
}

/** A non-empty set out of these words, written with commas between. */
export function someOf<T extends string>(values: readonly T[], options: Options): Setting<ReadonlySet<T>> {
  return {
    doc: options.doc,
    default: options.default,
    allowed: `one or more of ${values.join(', ')}, with commas between`,
    parse: (text) => {
      const chosen = new Set<T>()
      for (const word of text.split(',')) {
        const value = values.find((each) => each === word.trim())
        if (value === undefined || chosen.has(value)) return undefined
        chosen.add(value)
      }
      return chosen
    },
  }
}

/** What a table of settings gives when it is parsed. */
export type Values<Table extends Record<string, Setting<unknown>>> = {
  readonly [Key in keyof Table]: Table[Key] extends Setting<infer T> ? T : never
}

/** Parses one value or throws `ConfigError` with key, value and what is allowed. */
export function parseSetting<T>(setting: Setting<T>, key: string, text: string): T {
  const value = setting.parse(text)
  if (value === undefined) {
    throw new ConfigError(key, `${key}=${text} is not allowed: it must be ${setting.allowed}`)
  }
  return value
}
