/** Arbitrary values for a declaration: what any version of it may hold, with nulls, odd text, extremes and tagged fields. */
import fc from 'fast-check'
import { uuidFromBytes } from '../../src/base/uuid.js'
import type { Field, Fields, FieldType } from '../../src/protocol/field.js'
import type { Schema } from '../../src/protocol/schema.js'

/** A value as decoding gives it: every field is there, those that the version lacks at their default. */
export function arbitraryOf<F extends Fields>(
  schema: Schema<F>,
  version: number,
): fc.Arbitrary<Record<string, unknown>> {
  return structOf(schema.fields, version)
}

function structOf(fields: Fields, version: number): fc.Arbitrary<Record<string, unknown>> {
  const model: Record<string, fc.Arbitrary<unknown>> = {}
  for (const [name, field] of Object.entries(fields)) model[name] = fieldOf(field, version)
  return fc.record(model, { noNullPrototype: true })
}

function fieldOf(field: Field<unknown, unknown, boolean>, version: number): fc.Arbitrary<unknown> {
  if (!field.existsIn(version)) return fc.constant(field.defaultValue)
  const value = anyValue(field.type, version)
  const some = field.details.hasDefault || field.details.tag !== undefined ? [fc.constant(field.defaultValue)] : []
  const nothing = field.isNullableIn(version) ? [fc.constant(null)] : []
  return fc.oneof(
    { arbitrary: value, weight: 4 },
    ...[...some, ...nothing].map((arbitrary) => ({ arbitrary, weight: 1 })),
  )
}

function anyValue(type: FieldType, version: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'bool':
      return fc.boolean()
    case 'int8':
      return fc.integer({ min: -0x80, max: 0x7f })
    case 'int16':
      return fc.integer({ min: -0x8000, max: 0x7fff })
    case 'int32':
      return fc.integer()
    case 'int64':
      return fc.maxSafeInteger()
    case 'uint16':
      return fc.integer({ min: 0, max: 0xffff })
    case 'uint32':
      return fc.integer({ min: 0, max: 0xffff_ffff })
    case 'float64':
      return fc.double({ noNaN: true })
    case 'string':
      return fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.toWellFormed())
    case 'bytes':
    case 'records':
      return fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map(uuidFromBytes)
    case 'array':
      return fc.array(anyValue(type.element, version), { maxLength: 4 })
    case 'struct':
      return structOf(type.fields, version)
  }
}
