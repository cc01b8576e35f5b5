/**
 * Schema: a declared structure with its versions, ready to encode and decode. Code for a version and a direction is compiled on first use.
 * Message: a request, its response, and what is to be known of the API.
 */
import { DecodeError, type Reader } from '../base/bytes/reader.js'
import { EncodeError, type Writer } from '../base/bytes/writer.js'
import { compileDecoder, type Decoder } from './compile-decoder.js'
import { compileEncoder, type Encoder } from './compile-encoder.js'
import type { Fields, InOf, OutOf } from './field.js'

/** First and last version, both included. */
export type VersionRange = readonly [first: number, last: number]

export interface SchemaOptions<F extends Fields> {
  /** For error messages: `Fetch.request`. */
  readonly name: string
  readonly versions: VersionRange
  /** The first version with compact lengths and tagged fields. */
  readonly flexible: number | 'never'
  readonly fields: F
}

export class Schema<F extends Fields> {
  readonly name: string
  readonly versions: VersionRange
  readonly fields: F
  readonly #flexible: number | 'never'
  readonly #decoders: (Decoder | undefined)[] = []
  readonly #encoders: (Encoder | undefined)[] = []

  constructor(options: SchemaOptions<F>) {
    this.name = options.name
    this.versions = options.versions
    this.fields = options.fields
    this.#flexible = options.flexible
  }

  isFlexible(version: number): boolean {
    return this.#flexible !== 'never' && version >= this.#flexible
  }

  knows(version: number): boolean {
    return version >= this.versions[0] && version <= this.versions[1]
  }

  /**
   * Reads one value from the reader's place on; what follows it is left alone. Throws `DecodeError`, which names the field. `bytes` and
   * `records` are views on the reader's bytes.
   */
  decode(version: number, reader: Reader): OutOf<F> {
    const start = reader.position
    const decoder = (this.#decoders[version] ??= this.#compileDecoder(version))
    try {
      return decoder(reader) as OutOf<F>
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      reader.position = start
      throw this.#locate(version, reader, error)
    }
  }

  /** Throws `EncodeError`. `records` of 16 KiB and more are taken by reference. */
  encode(version: number, writer: Writer, value: InOf<F>): void {
    const encoder = (this.#encoders[version] ??= this.#compileEncoder(version))
    try {
      encoder(writer, value)
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error
      throw new EncodeError(`${this.name} v${version}: ${error.message}`)
    }
  }

  #compileDecoder(version: number): Decoder {
    if (!this.knows(version)) throw new DecodeError(this.#unknown(version))
    return compileDecoder(this.fields, version, this.isFlexible(version))
  }

  #compileEncoder(version: number): Encoder {
    if (!this.knows(version)) throw new EncodeError(this.#unknown(version))
    return compileEncoder(this.fields, version, this.isFlexible(version))
  }

  #unknown(version: number): string {
    return `${this.name} has versions ${this.versions[0]} to ${this.versions[1]}, not ${version}`
  }

  /** Decodes once more, with code that knows where it is. */
  #locate(version: number, reader: Reader, error: DecodeError): DecodeError {
    if (!this.knows(version)) return error
    const trace: (string | number)[] = []
    try {
      compileDecoder(this.fields, version, this.isFlexible(version), trace as string[])(reader)
    } catch {
      const path = trace.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('')
      return new DecodeError(`${this.name} v${version} ${path.replace(/^\./, '')}: ${error.message}`)
    }
    return error
  }
}

export interface MessageOptions<Request extends Fields, Response extends Fields> {
  readonly name: string
  /** Kafka's API key. */
  readonly key: number
  /** All that can be encoded and decoded; what is served is said by the handler. */
  readonly versions: VersionRange
  readonly flexible: number | 'never'
  readonly request: Request
  readonly response: Response
  /** The response header stays as it was before flexible versions. */
  readonly plainResponseHeader?: true
}

export interface Message<Request extends Fields = Fields, Response extends Fields = Fields> {
  readonly name: string
  readonly key: number
  readonly versions: VersionRange
  readonly plainResponseHeader: boolean
  readonly request: Schema<Request>
  readonly response: Schema<Response>
}

export function message<Request extends Fields, Response extends Fields>(
  options: MessageOptions<Request, Response>,
): Message<Request, Response> {
  const { name, key, versions, flexible, request, response, plainResponseHeader = false } = options
  return {
    name,
    key,
    versions,
    plainResponseHeader,
    request: new Schema({ name: `${name}.request`, versions, flexible, fields: request }),
    response: new Schema({ name: `${name}.response`, versions, flexible, fields: response }),
  }
}

export type OutOfMessage<F extends Fields> = OutOf<F>
export type InOfMessage<F extends Fields> = InOf<F>

/** What decoding gives. */
export type Infer<S> = S extends Schema<infer F> ? OutOf<F> : never
/** What encoding takes. */
export type InferInput<S> = S extends Schema<infer F> ? InOf<F> : never
