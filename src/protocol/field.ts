/**
 * The notation in which messages are declared: a value for each of Kafka's types, and words that say in which versions a field exists, when
 * it may be null, and what it is when it is absent. Immutable: each word gives a new field.
 *
 *     { groupId: string, generationId: int32, groupInstanceId: string.nullable().since(3), rack: string.tag(0).since(4) }
 *
 * TypeScript knows two types of each field: what decoding gives (every field is there), and what encoding takes (what has a default of its
 * own, or does not exist in every version, may be left out).
 */

/** How a field is written; `struct` and `array` hold others. */
export type FieldType =
  | { readonly kind: PrimitiveKind }
  | { readonly kind: 'array'; readonly element: FieldType }
  | { readonly kind: 'struct'; readonly fields: Fields }

export type PrimitiveKind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint16'
  | 'uint32'
  | 'float64'
  | 'string'
  | 'bytes'
  | 'records'
  | 'uuid'

export type Fields = Readonly<Record<string, Field<unknown, unknown, boolean>>>

/** Past every version. */
export const NEWEST = 0x7fff

interface Details {
  readonly since: number
  readonly until: number
  /** The first version in which it may be null; above `NEWEST`: never. */
  readonly nullableSince: number
  readonly nullableUntil: number
  readonly tag: number | undefined
  readonly ignorable: boolean
  readonly hasDefault: boolean
  readonly defaultValue: unknown
  /** Its lengths stay as they were before flexible versions. */
  readonly neverFlexible: boolean
}

const PLAIN: Details = {
  since: 0,
  until: NEWEST,
  nullableSince: NEWEST + 1,
  nullableUntil: NEWEST,
  tag: undefined,
  ignorable: false,
  hasDefault: false,
  defaultValue: undefined,
  neverFlexible: false,
}

/** `Out`: what decoding gives. `In`: what encoding takes. `Optional`: whether encoding takes its absence. */
export class Field<out Out, out In, out Optional extends boolean = false> {
  /** For type inference only. */
  declare readonly types: { readonly out: Out; readonly in: In; readonly optional: Optional }
  readonly type: FieldType
  readonly details: Details

  constructor(type: FieldType, details: Details = PLAIN) {
    this.type = type
    this.details = details
  }

  /** It exists from this version on. */
  since(version: number): Field<Out, In, true> {
    return new Field(this.type, { ...this.details, since: version })
  }

  /** This is the last version that has it. */
  until(version: number): Field<Out, In, true> {
    return new Field(this.type, { ...this.details, until: version })
  }

  /** It may be null, from this version on and up to the other. */
  nullable(since = 0, until = NEWEST): Field<Out | null, In | null, Optional> {
    return new Field(this.type, { ...this.details, nullableSince: since, nullableUntil: until })
  }

  /** What it is where it is absent, instead of zero or empty. */
  default<Value extends In | undefined>(
    value: Value,
  ): Field<Out | (undefined extends Value ? undefined : never), In, true> {
    return new Field(this.type, { ...this.details, hasDefault: true, defaultValue: value })
  }

  /** A tagged field: written only if it is not at its default. */
  tag(number: number): Field<Out, In, true> {
    return new Field(this.type, { ...this.details, tag: number })
  }

  /** Whatever it is, it may be dropped when a version without it is written. */
  ignorable(): Field<Out, In, Optional> {
    return new Field(this.type, { ...this.details, ignorable: true })
  }

  neverFlexible(): Field<Out, In, Optional> {
    return new Field(this.type, { ...this.details, neverFlexible: true })
  }

  existsIn(version: number): boolean {
    return version >= this.details.since && version <= this.details.until
  }

  isNullableIn(version: number): boolean {
    return version >= this.details.nullableSince && version <= this.details.nullableUntil
  }

  get defaultValue(): unknown {
    return this.details.hasDefault ? this.details.defaultValue : zeroOf(this.type)
  }
}

type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K]['types']['optional'] extends true ? K : never
}[keyof F]

/** What decoding gives for these fields. */
export type OutOf<F extends Fields> = { readonly [K in keyof F]: F[K]['types']['out'] }

/** What encoding takes for these fields. */
export type InOf<F extends Fields> = { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: F[K]['types']['in'] } & {
  readonly [K in OptionalKeys<F>]?: F[K]['types']['in'] | undefined
}

function primitive<T>(kind: PrimitiveKind): Field<T, T> {
  return new Field<T, T>({ kind })
}

export const bool = primitive<boolean>('bool')
export const int8 = primitive<number>('int8')
export const int16 = primitive<number>('int16')
export const int32 = primitive<number>('int32')
/** A number: values beyond +-(2^53 - 1) are refused when they are read. */
export const int64 = primitive<number>('int64')
export const uint16 = primitive<number>('uint16')
export const uint32 = primitive<number>('uint32')
export const float64 = primitive<number>('float64')
export const string = primitive<string>('string')
/** Decoded as a view on the given bytes. */
export const bytes = primitive<Uint8Array>('bytes')
/** Record batches, as they stand. Decoded as a view on the given bytes. */
export const records = primitive<Uint8Array>('records')
/** 22 characters, see `base/uuid.ts`. */
export const uuid = primitive<string>('uuid')

export function array<Out, In>(element: Field<Out, In, boolean>): Field<readonly Out[], readonly In[]> {
  return new Field({ kind: 'array', element: element.type })
}

export function struct<F extends Fields>(fields: F): Field<OutOf<F>, InOf<F>> {
  return new Field({ kind: 'struct', fields })
}

/** Zero, empty, or a structure of defaults. `records` are null. */
function zeroOf(type: FieldType): unknown {
  switch (type.kind) {
    case 'bool':
      return false
    case 'string':
      return ''
    case 'bytes':
      return NO_BYTES
    case 'records':
      return null
    case 'uuid':
      return 'AAAAAAAAAAAAAAAAAAAAAA'
    case 'array':
      return NO_ELEMENTS
    case 'struct':
      return Object.freeze(
        Object.fromEntries(Object.entries(type.fields).map(([name, field]) => [name, field.defaultValue])),
      )
    default:
      return 0
  }
}

const NO_BYTES = new Uint8Array(0)
const NO_ELEMENTS: readonly unknown[] = Object.freeze([])
