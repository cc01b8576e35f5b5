/**
 * Frames: what stands around a message on a connection.
 *
 *     request    length int32 | key int16 | version int16 | correlation id int32 | client id string | tagged fields (1) | body
 *     response   length int32 | correlation id int32 | tagged fields (1) | body
 *
 * (1) from the version on in which the message is flexible; in a response not where the message says otherwise. The client id keeps its
 * 2-byte length in any case.
 */
import { DecodeError, type Reader } from '../base/bytes/reader.js'
import { EncodeError, type Writer } from '../base/bytes/writer.js'
import { type Fields, int16, int32, string } from './field.js'
import { type InOfMessage, type Message, type OutOfMessage, Schema } from './schema.js'

/** Version 2 is the flexible one. Version 0 was only ever used by one request between brokers. */
export const RequestHeader = new Schema({
  name: 'RequestHeader',
  versions: [0, 2],
  flexible: 2,
  fields: {
    requestApiKey: int16,
    requestApiVersion: int16,
    correlationId: int32,
    clientId: string.nullable().since(1).neverFlexible(),
  },
})

/** Version 1 is the flexible one. */
export const ResponseHeader = new Schema({
  name: 'ResponseHeader',
  versions: [0, 1],
  flexible: 1,
  fields: { correlationId: int32 },
})

export function requestHeaderVersion(message: Message, version: number): number {
  return message.request.isFlexible(version) ? 2 : 1
}

export function responseHeaderVersion(message: Message, version: number): number {
  return message.response.isFlexible(version) && !message.plainResponseHeader ? 1 : 0
}

/** What can be read of a request before it is known which API it is for. */
export interface RequestPrefix {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
}

/** Reads key, version and correlation id, and leaves the reader behind them. Throws `DecodeError`. */
export function decodeRequestPrefix(reader: Reader): RequestPrefix {
  return { apiKey: reader.int16(), apiVersion: reader.int16(), correlationId: reader.int32() }
}

/** Reads the rest of the header, which depends on the message: returns the client id. Throws `DecodeError`. */
export function decodeClientId(message: Message, version: number, reader: Reader): string | null {
  reader.position -= 8
  return RequestHeader.decode(requestHeaderVersion(message, version), reader).clientId
}

export interface RequestFrame<Request extends Fields> {
  readonly version: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly body: InOfMessage<Request>
}

/** Writes a whole frame. Throws `EncodeError`. */
export function encodeRequest<Request extends Fields>(
  writer: Writer,
  message: Message<Request, Fields>,
  frame: RequestFrame<Request>,
): void {
  const { version, correlationId, clientId, body } = frame
  const setLength = writer.openInt32()
  const start = writer.length
  RequestHeader.encode(requestHeaderVersion(message, version), writer, {
    requestApiKey: message.key,
    requestApiVersion: version,
    correlationId,
    clientId,
  })
  message.request.encode(version, writer, body)
  setLength(frameLength(writer.length - start))
}

export interface ResponseFrame<Response extends Fields> {
  readonly version: number
  readonly correlationId: number
  readonly body: InOfMessage<Response>
}

/** Writes a whole frame. Throws `EncodeError`. */
export function encodeResponse<Response extends Fields>(
  writer: Writer,
  message: Message<Fields, Response>,
  frame: ResponseFrame<Response>,
): void {
  const { version, correlationId, body } = frame
  const setLength = writer.openInt32()
  const start = writer.length
  writer.int32(correlationId)
  if (responseHeaderVersion(message, version) === 1) writer.uvarint(0)
  message.response.encode(version, writer, body)
  setLength(frameLength(writer.length - start))
}

/** Reads a response without its length. Throws `DecodeError`. */
export function decodeResponse<Response extends Fields>(
  message: Message<Fields, Response>,
  version: number,
  reader: Reader,
): { readonly correlationId: number; readonly body: OutOfMessage<Response> } {
  const { correlationId } = ResponseHeader.decode(responseHeaderVersion(message, version), reader)
  const body = message.response.decode(version, reader)
  if (reader.remaining > 0)
    throw new DecodeError(`${message.name}.response v${version}: ${reader.remaining} bytes are left`)
  return { correlationId, body }
}

function frameLength(length: number): number {
  if (length > 0x7fff_ffff) throw new EncodeError(`a frame of ${length} bytes`)
  return length
}
