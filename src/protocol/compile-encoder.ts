/**
 * Compiles a declaration into the function that encodes one version of it. What is left out is at its default; a field that the version does
 * not have must be at its default too, unless it may be ignored: a value that would get lost is an `EncodeError`.
 */
import { EncodeError, Writer } from '../base/bytes/writer.js'
import type { Field, Fields, FieldType } from './field.js'

const LONGEST_STRING_BYTES = 0x7fff

export type Encoder = (writer: Writer, value: unknown) => void

type AnyField = Field<unknown, unknown, boolean>

export function compileEncoder(fields: Fields, version: number, flexible: boolean): Encoder {
  const compiler = new EncoderCompiler(version, flexible)
  const root = compiler.struct(fields)
  const source = `'use strict';\n${compiler.source}\nreturn ${root};`
  const make = new Function('constants', 'checks', source) as (
    constants: readonly unknown[],
    checks: typeof CHECKS,
  ) => Encoder
  return make(compiler.constants, CHECKS)
}

class EncoderCompiler {
  readonly constants: unknown[] = []
  source = ''
  readonly #version: number
  readonly #flexible: boolean
  #names = 0

  constructor(version: number, flexible: boolean) {
    this.#version = version
    this.#flexible = flexible
  }

  /** Adds the function for a structure and gives its name. */
  struct(fields: Fields): string {
    const name = this.#name('struct')
    const body: string[] = []
    const tagged: [string, AnyField][] = []
    for (const [key, field] of Object.entries(fields)) {
      if (!field.existsIn(this.#version)) {
        if (!field.details.ignorable) body.push(this.#mustBeDefault(key, field))
      } else if (field.details.tag !== undefined) tagged.push([key, field])
      else {
        const local = this.#name('f')
        body.push(`let ${local} = v.${key};`)
        body.push(`if (${local} === undefined) ${local} = ${this.#default(key, field)};`)
        body.push(this.#write('w', local, field, key))
      }
    }
    if (this.#flexible) body.push(this.#writeTagged(tagged))
    this.source += `function ${name}(w, v) {\n${body.join('\n')}\n}\n`
    return name
  }

  /** A field without a default of its own must be given: the types say so, and this is for callers without types. */
  #default(key: string, field: AnyField): string {
    const { details } = field
    const required = !details.hasDefault && details.since === 0 && details.tag === undefined
    return required ? `checks.missing(${JSON.stringify(key)})` : this.#constant(field.defaultValue)
  }

  #write(writer: string, local: string, field: AnyField, key: string): string {
    const flexible = this.#flexible && !field.details.neverFlexible
    const tagged = field.details.tag !== undefined
    return this.#value(writer, local, field.type, field.isNullableIn(this.#version), flexible, key, tagged)
  }

  #value(
    writer: string,
    local: string,
    type: FieldType,
    nullable: boolean,
    flexible: boolean,
    key: string,
    tagged = false,
  ): string {
    const w = writer
    const onNull = (code: string): string =>
      nullable
        ? `if (${local} === null) ${code} else `
        : `if (${local} === null) checks.isNull(${JSON.stringify(key)}); else `
    switch (type.kind) {
      case 'array': {
        const index = this.#name('i')
        const item = this.#name('e')
        const element = this.#value(w, item, type.element, false, flexible, key)
        const length = flexible ? `${w}.uvarint(${local}.length + 1)` : `${w}.int32(${local}.length)`
        const loop = `for (let ${index} = 0; ${index} < ${local}.length; ${index}++) {\nconst ${item} = ${local}[${index}];\n${element}\n}`
        return `${onNull(flexible ? `${w}.uvarint(0);` : `${w}.int32(-1);`)}{\n${length};\n${loop}\n}`
      }
      case 'struct': {
        const write = `${this.struct(type.fields)}(${w}, ${local});`
        // As a tagged field, the marker is a varint: 1 is the same byte, null is not.
        const nothing = tagged ? `${w}.uvarint(0);` : `${w}.int8(-1);`
        return nullable ? `if (${local} === null) ${nothing} else {\n${w}.int8(1);\n${write}\n}` : write
      }
      case 'string': {
        const nothing = flexible ? `${w}.uvarint(0);` : `${w}.int16(-1);`
        return `${onNull(nothing)}checks.${flexible ? 'compactString' : 'string'}(${w}, ${local});`
      }
      case 'bytes':
      case 'records': {
        const nothing = flexible ? `${w}.uvarint(0);` : `${w}.int32(-1);`
        const length = flexible ? `${w}.uvarint(${local}.length + 1)` : `${w}.int32(${local}.length)`
        return `${onNull(nothing)}{\n${length};\n${w}.raw(${local});\n}`
      }
      default:
        return `${w}.${type.kind}(${local});`
    }
  }

  #writeTagged(tagged: [string, AnyField][]): string {
    if (tagged.length === 0) return 'w.uvarint(0);'
    tagged.sort(([, a], [, b]) => a.details.tag! - b.details.tag!)
    const count = this.#name('n')
    const before: string[] = [`let ${count} = 0;`]
    const after: string[] = [`w.uvarint(${count});`]
    for (const [key, field] of tagged) {
      const local = this.#name('f')
      const present = this.#name('p')
      const part = this.#name('w')
      before.push(
        `const ${local} = v.${key};`,
        `const ${present} = ${local} !== undefined && !(${this.#isDefault(local, field)});`,
        `if (${present}) ${count}++;`,
      )
      after.push(
        `if (${present}) {`,
        `const ${part} = checks.writer();`,
        this.#write(part, local, field, key),
        `w.uvarint(${field.details.tag});`,
        `checks.append(w, ${part});`,
        '}',
      )
    }
    return [...before, ...after].join('\n')
  }

  #mustBeDefault(key: string, field: AnyField): string {
    return `if (v.${key} !== undefined && !(${this.#isDefault(`v.${key}`, field)})) checks.lost(${JSON.stringify(key)}, ${this.#version});`
  }

  /** An expression that says whether the value is the default. */
  #isDefault(local: string, field: AnyField): string {
    const { defaultValue } = field
    if (defaultValue === null || typeof defaultValue !== 'object') {
      return `${local} === ${defaultValue === undefined ? 'undefined' : JSON.stringify(defaultValue)}`
    }
    switch (field.type.kind) {
      case 'array':
      case 'bytes':
      case 'records':
        return `${local} !== null && ${local}.length === 0`
      case 'struct': {
        const parts = Object.entries(field.type.fields).map(([key, inner]) => {
          const each = `${local}.${key}`
          return `(${each} === undefined || ${this.#isDefault(each, inner)})`
        })
        return `${local} !== null && ${parts.join(' && ')}`
      }
      default:
        return `${local} === ${this.#constant(defaultValue)}`
    }
  }

  #constant(value: unknown): string {
    if (typeof value !== 'object' || value === null) return value === undefined ? 'undefined' : JSON.stringify(value)
    return `constants[${this.constants.push(value) - 1}]`
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`
  }
}

/** What the compiled code calls. */
const CHECKS = {
  string(writer: Writer, text: string): void {
    const length = Buffer.byteLength(text)
    if (length > LONGEST_STRING_BYTES) throw new EncodeError(`a string of ${length} bytes, ${LONGEST_STRING_BYTES} fit`)
    writer.int16(length)
    writer.utf8(text, length)
  },
  compactString(writer: Writer, text: string): void {
    const length = Buffer.byteLength(text)
    if (length > LONGEST_STRING_BYTES) throw new EncodeError(`a string of ${length} bytes, ${LONGEST_STRING_BYTES} fit`)
    writer.uvarint(length + 1)
    writer.utf8(text, length)
  },
  writer(): Writer {
    return new Writer(128)
  },
  append(writer: Writer, part: Writer): void {
    writer.uvarint(part.length)
    for (const chunk of part.chunks()) writer.raw(chunk)
  },
  missing(key: string): never {
    throw new EncodeError(`${key} is missing`)
  },
  isNull(key: string): never {
    throw new EncodeError(`${key} is null, where null is not allowed`)
  },
  lost(key: string, version: number): never {
    throw new EncodeError(`${key} is set, and version ${version} does not have it`)
  },
}
