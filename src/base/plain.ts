/**
 * Plain data as JSON has it, and back: what JSON cannot say (maps, sets, big integers, numbers that are not finite) becomes an object with
 * one key that begins with `$`. A key whose value is undefined is left out.
 */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain }

/** Throws a `TypeError` for what is not data: functions and symbols. */
export function toPlain(value: unknown): Plain {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : { $number: String(value) }
    case 'bigint':
      return { $bigint: String(value) }
    case 'undefined':
      return null
    case 'object':
      return value === null ? null : plainObject(value)
    default:
      throw new TypeError(`a ${typeof value} is not data`)
  }
}

/** The inverse; maps and sets are new ones. */
export function fromPlain(plain: Plain): unknown {
  if (typeof plain !== 'object' || plain === null) return plain
  if (isList(plain)) return plain.map(fromPlain)
  if ('$map' in plain) return new Map((plain['$map'] as [Plain, Plain][]).map(([k, v]) => [fromPlain(k), fromPlain(v)]))
  if ('$set' in plain) return new Set((plain['$set'] as Plain[]).map(fromPlain))
  if ('$bigint' in plain) return BigInt(plain['$bigint'] as string)
  if ('$number' in plain) return Number(plain['$number'])
  return Object.fromEntries(Object.entries(plain).map(([key, value]) => [key, fromPlain(value)]))
}

/** Where two differ first, as a path with both values; undefined: nowhere. The order of keys counts for nothing. */
export function plainDifference(left: Plain | undefined, right: Plain | undefined, path = ''): string | undefined {
  if (left === right) return undefined
  if (!isNested(left) || !isNested(right) || isList(left) !== isList(right)) {
    return `${path === '' ? 'all' : path}: ${shown(left)} and ${shown(right)}`
  }
  const [a, b] = [left as Readonly<Record<string, Plain>>, right as Readonly<Record<string, Plain>>]
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const difference = plainDifference(a[key], b[key], path === '' ? key : `${path}.${key}`)
    if (difference !== undefined) return difference
  }
  return undefined
}

function plainObject(value: object): Plain {
  if (Array.isArray(value)) return value.map(toPlain)
  if (value instanceof Map) return { $map: [...value].map(([key, each]) => [toPlain(key), toPlain(each)]) }
  if (value instanceof Set) return { $set: [...value].map(toPlain) }
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  return Object.fromEntries(entries.map(([key, each]) => [key, toPlain(each)]))
}

function isList(value: unknown): value is readonly Plain[] {
  return Array.isArray(value)
}

function isNested(value: Plain | undefined): value is Exclude<Plain, null | boolean | number | string> {
  return typeof value === 'object' && value !== null
}

const LONGEST_SHOWN = 200

function shown(value: Plain | undefined): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value)
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text
}
