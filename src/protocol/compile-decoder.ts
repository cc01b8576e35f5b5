/**
 * Compiles a declaration into the function that decodes one version of it: straight-line code, one object literal per structure, with the
 * same properties in every version so that whoever reads them stays monomorphic.
 *
 * Bounded: a length is checked against what is left before anything is allocated; limits as in Kafka 4.4 (1,000,000 elements, 10,000 tagged
 * fields).
 */
import { DecodeError, type Reader } from '../base/bytes/reader.js'
import type { Field, Fields, FieldType, PrimitiveKind } from './field.js'

const MAX_ELEMENTS = 1_000_000
const MAX_TAGGED_FIELDS = 10_000
const LONGEST_STRING_BYTES = 0x7fff

export type Decoder = (reader: Reader) => unknown

/** `traced` code keeps note of where it is, for error messages; it is only run when the other has failed. */
export function compileDecoder(fields: Fields, version: number, flexible: boolean, trace?: string[]): Decoder {
  const compiler = new DecoderCompiler(version, flexible, trace !== undefined)
  const root = compiler.struct(fields)
  const source = `'use strict';\n${compiler.source}\nreturn ${root};`
  const make = new Function('constants', 'checks', 'trace', source) as (
    constants: readonly unknown[],
    checks: typeof CHECKS,
    trace: string[] | undefined,
  ) => Decoder
  return make(compiler.constants, CHECKS, trace)
}

class DecoderCompiler {
  readonly constants: unknown[] = []
  source = ''
  readonly #version: number
  readonly #flexible: boolean
  readonly #traced: boolean
  #names = 0

  constructor(version: number, flexible: boolean, traced: boolean) {
    this.#version = version
    this.#flexible = flexible
    this.#traced = traced
  }

  /** Adds the function for a structure and gives its name. */
  struct(fields: Fields): string {
    const name = this.#name('struct')
    const body: string[] = []
    const locals = new Map<string, string>()
    const tagged: [string, Field<unknown, unknown, boolean>, string][] = []
    for (const [key, field] of Object.entries(fields)) {
      const local = this.#name('f')
      locals.set(key, local)
      const present = field.existsIn(this.#version)
      if (present && field.details.tag === undefined) body.push(this.#read(local, key, field))
      else {
        body.push(`let ${local} = ${this.#constant(field.defaultValue)};`)
        if (present) tagged.push([key, field, local])
      }
    }
    if (this.#flexible) body.push(this.#readTagged(tagged))
    const literal = [...locals].map(([key, local]) => `${key}: ${local}`).join(', ')
    this.source += `function ${name}(r) {\n${body.join('\n')}\nreturn { ${literal} };\n}\n`
    return name
  }

  #read(local: string, key: string, field: Field<unknown, unknown, boolean>): string {
    const flexible = this.#flexible && !field.details.neverFlexible
    const tagged = field.details.tag !== undefined
    const code = this.#value(local, field.type, field.isNullableIn(this.#version), flexible, tagged)
    return this.#traced ? `trace.push(${JSON.stringify(key)});\n${code}\ntrace.pop();` : code
  }

  /** Code that declares `local` and reads a value of the type into it. */
  #value(local: string, type: FieldType, nullable: boolean, flexible: boolean, tagged = false): string {
    switch (type.kind) {
      case 'array':
        return this.#array(local, type.element, nullable, flexible)
      case 'struct': {
        const read = `${this.struct(type.fields)}(r)`
        // As a tagged field, the marker is a varint.
        const present = tagged ? 'checks.isTaggedPresent(r.uvarint())' : 'checks.isPresent(r.int8())'
        return nullable ? `const ${local} = ${present} ? ${read} : null;` : `const ${local} = ${read};`
      }
      case 'string':
      case 'bytes':
      case 'records': {
        const length = this.#length(type.kind, flexible)
        const take = type.kind === 'string' ? 'r.utf8' : 'r.slice'
        const size = this.#name('n')
        return nullable
          ? `const ${size} = ${length};\nconst ${local} = ${size} === -1 ? null : ${take}(${size});`
          : `const ${local} = ${take}(checks.notNull(${length}));`
      }
      default:
        return `const ${local} = r.${type.kind}();`
    }
  }

  #array(local: string, element: FieldType, nullable: boolean, flexible: boolean): string {
    const count = this.#name('n')
    const index = this.#name('i')
    const item = this.#name('e')
    const smallest = smallestSize(element, this.#version, this.#flexible)
    const trace = this.#traced ? `trace.push(${index});\n` : ''
    const untrace = this.#traced ? `\ntrace.pop();` : ''
    const lines = [
      `const ${count} = ${this.#length('array', flexible)};`,
      `let ${local} = null;`,
      `if (${count} !== -1) {`,
      `checks.elements(${count}, ${smallest}, r);`,
      `${local} = new Array(${count});`,
      `for (let ${index} = 0; ${index} < ${count}; ${index}++) {`,
      `${trace}${this.#value(item, element, false, flexible)}`,
      `${local}[${index}] = ${item};${untrace}`,
      `}`,
      nullable ? '}' : '} else checks.notNull(-1);',
    ]
    return lines.join('\n')
  }

  /** An expression for the length that stands before a value; -1 for null. */
  #length(kind: PrimitiveKind | 'array', flexible: boolean): string {
    // Two bytes of length hold no more than a string may have; a varint does.
    if (flexible) return kind === 'string' ? 'checks.stringLength(r.uvarint() - 1)' : 'r.uvarint() - 1'
    return kind === 'string' ? 'r.int16()' : 'r.int32()'
  }

  #readTagged(tagged: [string, Field<unknown, unknown, boolean>, string][]): string {
    const count = this.#name('n')
    const index = this.#name('i')
    const tag = this.#name('t')
    const end = this.#name('end')
    const cases = tagged.map(([key, field, local]) => {
      const temporary = this.#name('v')
      const read = this.#read(temporary, key, field)
      return `case ${field.details.tag}: {\n${read}\n${local} = ${temporary};\nchecks.filled(r.position, ${end});\nbreak;\n}`
    })
    return [
      `const ${count} = r.uvarint();`,
      `if (${count} !== 0) {`,
      `checks.taggedFields(${count});`,
      `for (let ${index} = 0; ${index} < ${count}; ${index}++) {`,
      `const ${tag} = r.uvarint();`,
      `const ${end} = checks.taggedEnd(r.uvarint(), r);`,
      `switch (${tag}) {`,
      ...cases,
      `default: r.position = ${end};`,
      '}',
      '}',
      '}',
    ].join('\n')
  }

  #constant(value: unknown): string {
    if (typeof value !== 'object' || value === null) return value === undefined ? 'undefined' : JSON.stringify(value)
    return `constants[${this.constants.push(value) - 1}]`
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`
  }
}

/** What the compiled code calls where it is not hot, or must not go on. */
const CHECKS = {
  notNull(length: number): number {
    if (length === -1) throw new DecodeError('null, where null is not allowed')
    return length
  },
  stringLength(length: number): number {
    if (length > LONGEST_STRING_BYTES) {
      throw new DecodeError(`a string of ${length} bytes, ${LONGEST_STRING_BYTES} are allowed`)
    }
    return length
  },
  isPresent(marker: number): boolean {
    if (marker !== -1 && marker !== 1) throw new DecodeError(`a structure begins with ${marker}, neither 1 nor null`)
    return marker === 1
  },
  isTaggedPresent(marker: number): boolean {
    if (marker > 1) throw new DecodeError(`a tagged structure begins with ${marker}, neither 1 nor null`)
    return marker === 1
  },
  elements(count: number, smallestBytes: number, reader: Reader): void {
    if (count < 0) throw new DecodeError(`an array of ${count} elements`)
    if (count > MAX_ELEMENTS) throw new DecodeError(`an array of ${count} elements, ${MAX_ELEMENTS} are allowed`)
    if (count * smallestBytes > reader.remaining) {
      throw new DecodeError(`an array of ${count} elements, ${reader.remaining} bytes are left`)
    }
  },
  taggedFields(count: number): void {
    if (count > MAX_TAGGED_FIELDS) throw new DecodeError(`${count} tagged fields, ${MAX_TAGGED_FIELDS} are allowed`)
  },
  taggedEnd(sizeBytes: number, reader: Reader): number {
    if (sizeBytes > reader.remaining) {
      throw new DecodeError(`a tagged field of ${sizeBytes} bytes, ${reader.remaining} are left`)
    }
    return reader.position + sizeBytes
  },
  filled(position: number, end: number): void {
    if (position !== end) throw new DecodeError(`a tagged field that ends at ${end} is read up to ${position}`)
  },
}

/** The fewest bytes that an element takes: a count that promises more elements than there is room for is refused. */
function smallestSize(type: FieldType, version: number, flexible: boolean): number {
  switch (type.kind) {
    case 'bool':
    case 'int8':
      return 1
    case 'int16':
    case 'uint16':
      return 2
    case 'int32':
    case 'uint32':
      return 4
    case 'int64':
    case 'float64':
      return 8
    case 'uuid':
      return 16
    case 'string':
      return flexible ? 1 : 2
    case 'bytes':
    case 'records':
    case 'array':
      return flexible ? 1 : 4
    case 'struct': {
      let size = flexible ? 1 : 0
      for (const field of Object.values(type.fields)) {
        if (!field.existsIn(version) || field.details.tag !== undefined) continue
        const nullableStruct = field.type.kind === 'struct' && field.isNullableIn(version)
        size += nullableStruct ? 1 : smallestSize(field.type, version, flexible && !field.details.neverFlexible)
      }
      return size
    }
  }
}
