/**
 * How a setting is declared: once, with Kafka's name, type, default, bounds and what it does. Parsing, checking, help,
 * documentation and DescribeConfigs are all read from the declaration.
 */

/** Kafka's types of settings (`ConfigDef.Type`). */
export type SettingType = 'boolean' | 'string' | 'int' | 'long' | 'double' | 'list' | 'password'

/**
 * Whether a setting of a node can be changed while it runs (KIP-226): not at all, for one broker by its id, or also for all of them at once.
 */
export type Dynamic = 'read-only' | 'per-broker' | 'cluster-wide'

export interface Setting<T> {
  readonly type: SettingType
  /** One sentence for operators. */
  readonly doc: string
  /** As it would be written in a file; undefined where the value comes from elsewhere (see `doc`). */
  readonly default: string | undefined
  /** What may be written, for error messages. */
  readonly allowed: string
  /** Undefined if the text is not allowed. */
  readonly parse: (text: string) => T | undefined
  readonly importance: Importance
  /** Undefined: as the settings of topics that fall back to it say (`dynamicOf`). */
  readonly dynamic: Dynamic | undefined
  /** Whether it may be left unset: its value is then undefined, Kafka's null. */
  readonly optional: boolean
}

export type Importance = 'high' | 'medium' | 'low'

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
  /** Default: medium. */
  readonly importance?: Importance
  readonly dynamic?: Dynamic
}

function declared<T>(
  type: SettingType,
  options: Options,
  allowed: string,
  parse: (text: string) => T | undefined,
): Setting<T> {
  const { doc, importance = 'medium', dynamic } = options
  return { type, doc, default: options.default, allowed, parse, importance, dynamic, optional: false }
}

/** A whole number within bounds, or one that stands alone outside of them. */
export function integer(
  options: Options & { readonly min?: number; readonly max?: number; readonly or?: number },
): Setting<number> {
  const { min = -0x8000_0000, max = 0x7fff_ffff, or } = options
  return declared(
    'int',
    options,
    `a whole number from ${min} to ${max}${or === undefined ? '' : `, or ${or}`}`,
    (text) => {
      const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN
      return value === or || (value >= min && value <= max) ? value : undefined
    },
  )
}

/** A whole number of 64 bits, Kafka's `long`. Above 2^53 - 1 it counts as 2^53 - 1, which is for ever in every unit; its text stays. */
export function long(options: Options & { readonly min?: number }): Setting<number> {
  const { min = Number.MIN_SAFE_INTEGER } = options
  return declared('long', options, `a whole number from ${min} to ${LARGEST_LONG}`, (text) => {
    if (!/^[+-]?\d+$/.test(text.trim()) || wholeNumber(text) > LARGEST_LONG) return undefined
    const value = Math.min(Number(text), Number.MAX_SAFE_INTEGER)
    return value >= min ? value : undefined
  })
}

const LARGEST_LONG = 0x7fff_ffff_ffff_ffffn

/** Of digits with or without a sign. */
export function wholeNumber(text: string): bigint {
  return BigInt(text.trim().replace(/^\+/, ''))
}

/** A number with or without a fraction, within bounds. */
export function double(options: Options & { readonly min: number; readonly max: number }): Setting<number> {
  const { min, max } = options
  return declared('double', options, `a number from ${min} to ${max}`, (text) => {
    const value = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text.trim()) ? Number(text) : Number.NaN
    return value >= min && value <= max ? value : undefined
  })
}

export function boolean(options: Options): Setting<boolean> {
  return declared('boolean', options, 'true or false', (text) => {
    const word = text.trim().toLowerCase()
    return word === 'true' ? true : word === 'false' ? false : undefined
  })
}

export function string(options: Options): Setting<string> {
  return declared('string', options, 'text', (text) => text.trim())
}

/** Text that is never shown: not in errors, logs or descriptions. */
export function password(options: Options): Setting<string> {
  return declared('password', options, 'text', (text) => text)
}

/** Comma-separated; empty text is the empty list. */
export function list(options: Options): Setting<readonly string[]> {
  return declared('list', options, 'a list with commas between', (text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  )
}

export function oneOf<T extends string>(values: readonly T[], options: Options): Setting<T> {
  return declared('string', options, values.join(' or '), (text) =>
    values.find((value) => value.toLowerCase() === text.trim().toLowerCase()),
  )
}

/** A non-empty set out of these words, written with commas between. */
export function someOf<T extends string>(values: readonly T[], options: Options): Setting<ReadonlySet<T>> {
  return declared('list', options, `one or more of ${values.join(', ')}, with commas between`, (text) => {
    const chosen = new Set<T>()
    for (const word of text.split(',')) {
      const value = values.find((each) => each === word.trim())
      if (value === undefined || chosen.has(value)) return undefined
      chosen.add(value)
    }
    return chosen
  })
}

/** The same, but it may be left unset. */
export function optional<T>(setting: Setting<T>): Setting<T | undefined> {
  return { ...setting, default: undefined, optional: true }
}

/** What a table of settings gives when it is parsed. */
export type Values<Table extends Record<string, Setting<unknown>>> = {
  readonly [Key in keyof Table]: Table[Key] extends Setting<infer T> ? T : never
}

/** Parses one value or throws `ConfigError` with key, value and what is allowed. */
export function parseSetting<T>(setting: Setting<T>, key: string, text: string): T {
  const value = setting.parse(text)
  if (value === undefined) {
    const shown = setting.type === 'password' ? '' : `=${text}`
    throw new ConfigError(key, `${key}${shown} is not allowed: it must be ${setting.allowed}`)
  }
  return value
}

/** A value as it would be written in a file. */
export function valueText(value: unknown): string {
  if (value instanceof Set) return [...value].join(',')
  return Array.isArray(value) ? value.join(',') : String(value)
}
