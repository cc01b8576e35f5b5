/**
 * Declared structures as JSON, in the form of Kafka's own converters: the fields of the version by their names, `bytes` and `records` in base64,
 * a uuid as its 22 characters, null where it is null. A tagged field at its default is left out. What JavaScript does not write as a number is text:
 * `"NaN"`, `"Infinity"`, `"-Infinity"`, `"-0"`; an int64 may be given as a text of digits.
 */
import { isUuid } from '../base/uuid.js'
import type { Fields, FieldType, PrimitiveKind } from './field.js'

export type JsonObject = { readonly [name: string]: unknown }

/** The JSON is not that of the structure: which field is wrong, and why. */
export class JsonError extends Error {
  override readonly name = 'JsonError'
}

/** Takes what decoding gives. */
export function toJson(fields: Fields, value: JsonObject, version: number): JsonObject {
  const json: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    if (!field.existsIn(version)) continue
    if (field.details.tag !== undefined && isSame(field.type, value[name], field.defaultValue)) continue
    json[name] = valueToJson(field.type, value[name], version)
  }
  return json
}

function valueToJson(type: FieldType, value: unknown, version: number): unknown {
  if (value === null) return null
  switch (type.kind) {
    case 'array':
      return (value as readonly unknown[]).map((each) => valueToJson(type.element, each, version))
    case 'struct':
      return toJson(type.fields, value as JsonObject, version)
    case 'bytes':
    case 'records':
      return toBase64(value as Uint8Array)
    case 'float64':
      return floatToJson(value as number)
    default:
      return value
  }
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function floatToJson(value: number): number | string {
  if (Object.is(value, -0)) return '-0'
  return Number.isFinite(value) ? value : String(value)
}

/** Whether two values of a type are equal, to the last field of the last element. */
function isSame(type: FieldType, a: unknown, b: unknown): boolean {
  if (a === b || a === null || b === null) return a === b
  switch (type.kind) {
    case 'array': {
      const [left, right] = [a as readonly unknown[], b as readonly unknown[]]
      return left.length === right.length && left.every((each, index) => isSame(type.element, each, right[index]))
    }
    case 'struct': {
      const [left, right] = [a as JsonObject, b as JsonObject]
      return Object.entries(type.fields).every(([name, field]) => isSame(field.type, left[name], right[name]))
    }
    case 'bytes':
    case 'records':
      return Buffer.compare(a as Uint8Array, b as Uint8Array) === 0
    default:
      return false
  }
}

/**
 * Gives what encoding takes. Fields that are left out stay so. Throws `JsonError`: for a name that is no field in any version, for a value that the
 * field's type does not have, and for null where this version does not take it. Whether it has the field at all is for the encoder to say.
 */
export function fromJson(fields: Fields, json: unknown, version: number): JsonObject {
  return structFromJson(fields, json, version, '')
}

function structFromJson(fields: Fields, json: unknown, version: number, path: string): JsonObject {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrong(path, json, 'an object')
  const value: Record<string, unknown> = {}
  for (const [name, each] of Object.entries(json)) {
    const inner = path === '' ? name : `${path}.${name}`
    const field = Object.hasOwn(fields, name) ? fields[name]! : undefined
    if (field === undefined) throw new JsonError(`${inner} is not a field`)
    if (each !== null) value[name] = valueFromJson(field.type, each, version, inner)
    else if (field.isNullableIn(version) || !field.existsIn(version)) value[name] = null
    else throw new JsonError(`${inner} is null, where null is not allowed`)
  }
  return value
}

function valueFromJson(type: FieldType, json: unknown, version: number, path: string): unknown {
  switch (type.kind) {
    case 'array':
      if (!Array.isArray(json)) throw wrong(path, json, 'an array')
      return json.map((each, index) => valueFromJson(type.element, each, version, `${path}[${index}]`))
    case 'struct':
      return structFromJson(type.fields, json, version, path)
    case 'bytes':
    case 'records':
      return bytesFromJson(json, path)
    case 'string':
      // The encoder would write U+FFFD for half of a pair.
      if (typeof json !== 'string' || !json.isWellFormed()) throw wrong(path, json, 'a text')
      return json
    case 'uuid':
      if (typeof json !== 'string' || !isUuid(json)) throw wrong(path, json, 'a uuid of 22 characters')
      return json
    case 'bool':
      if (typeof json !== 'boolean') throw wrong(path, json, 'true or false')
      return json
    case 'float64':
      return floatFromJson(json, path)
    default:
      return integerFromJson(type.kind, json, path)
  }
}

function bytesFromJson(json: unknown, path: string): Buffer {
  const bytes = typeof json === 'string' ? Buffer.from(json, 'base64') : undefined
  // Node skips what is not base64.
  if (bytes === undefined || bytes.toString('base64') !== json) throw wrong(path, json, 'bytes in base64')
  return bytes
}

function floatFromJson(json: unknown, path: string): number {
  if (typeof json === 'number') return json
  if (json === 'NaN' || json === 'Infinity' || json === '-Infinity' || json === '-0') return Number(json)
  throw wrong(path, json, 'a number')
}

const RANGES: Partial<Record<PrimitiveKind, readonly [least: number, most: number]>> = {
  int8: [-0x80, 0x7f],
  int16: [-0x8000, 0x7fff],
  uint16: [0, 0xffff],
  int32: [-0x8000_0000, 0x7fff_ffff],
  uint32: [0, 0xffff_ffff],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
}

function integerFromJson(kind: PrimitiveKind, json: unknown, path: string): number {
  const [least, most] = RANGES[kind]!
  const value = kind === 'int64' && typeof json === 'string' && /^-?\d+$/.test(json) ? Number(json) : json
  // JSON.parse has rounded what is beyond +-(2^53 - 1), and never back inside.
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw wrong(path, json, `a whole number from ${least} to ${most}`)
  }
  return value === 0 ? 0 : value
}

function wrong(path: string, json: unknown, wanted: string): JsonError {
  const text = JSON.stringify(json) ?? 'undefined'
  const shown = text.length > 40 ? `${text.slice(0, 40)}...` : text
  return new JsonError(`${path === '' ? 'json' : path} is ${shown}, and not ${wanted}`)
}
