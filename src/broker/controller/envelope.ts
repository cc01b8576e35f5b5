/**
 * What stands in an Envelope (KIP-590): a request with its header and without its length, the principal that asked, as Kafka's default builder
 * writes it, and the address of the client; and in the answer a response with its header.
 */
import { Reader } from '../../base/bytes/reader.js'
import { Writer } from '../../base/bytes/writer.js'
import type { Fields } from '../../protocol/field.js'
import { decodeResponse, encodeRequest, encodeResponse } from '../../protocol/frame.js'
import type { Envelope } from '../../protocol/messages/envelope.js'
import { DefaultPrincipalData } from '../../protocol/messages/records/principal.js'
import type { InferInput, InOfMessage, Message, OutOfMessage } from '../../protocol/schema.js'
import type { Principal } from '../server/stages.js'

/** Who wants something of the controller. */
export interface Asker {
  readonly principal: Principal
  /** The address from which it came. */
  readonly host: string
}

/** A broker that asks for its own sake. */
export function brokerAsker(brokerId: number): Asker {
  return { principal: { type: 'User', name: `broker-${brokerId}` }, host: '' }
}

const PRINCIPAL_VERSION = 0
const CLIENT_ID = 'lograft-forwarding'
const LENGTH_BYTES = 4

/** Throws `EncodeError`. */
export function wrapRequest<Request extends Fields>(
  message: Message<Request, Fields>,
  version: number,
  body: InOfMessage<Request>,
  { principal, host }: Asker,
): InferInput<typeof Envelope.request> {
  const writer = new Writer()
  encodeRequest(writer, message, { version, correlationId: 0, clientId: CLIENT_ID, body })
  return {
    requestData: writer.toBuffer().subarray(LENGTH_BYTES),
    requestPrincipal: principalBytes(principal),
    clientHostAddress: hostBytes(host),
  }
}

export function wrapResponse<Response extends Fields>(
  message: Message<Fields, Response>,
  version: number,
  correlationId: number,
  body: InOfMessage<Response>,
): Buffer {
  const writer = new Writer()
  encodeResponse(writer, message, { version, correlationId, body })
  return writer.toBuffer().subarray(LENGTH_BYTES)
}

/** Throws `DecodeError`. */
export function unwrapResponse<Response extends Fields>(
  message: Message<Fields, Response>,
  version: number,
  bytes: Uint8Array,
): OutOfMessage<Response> {
  return decodeResponse(message, version, new Reader(bytes)).body
}

export function principalBytes({ type, name }: Principal): Buffer {
  const writer = new Writer(64)
  writer.int16(PRINCIPAL_VERSION)
  DefaultPrincipalData.encode(PRINCIPAL_VERSION, writer, { type, name, tokenAuthenticated: false })
  return writer.toBuffer()
}

/** Throws `DecodeError`. */
export function readPrincipal(bytes: Uint8Array): Principal {
  const reader = new Reader(bytes)
  const { type, name } = DefaultPrincipalData.decode(reader.int16(), reader)
  return { type, name }
}

/** 4 bytes of an IPv4 address, 16 of an IPv6 one; of a host that is known by a name, zeros. */
export function hostBytes(host: string): Buffer {
  const v4 = /^(?:::ffff:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/i.exec(host)
  if (v4 !== null) return Buffer.from(v4.slice(1).map(Number))
  if (!/^[0-9a-f:]+$/i.test(host) || !host.includes(':')) return Buffer.alloc(4)
  const [head = '', tail] = host.split('::')
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((part) => Number.parseInt(part, 16))
  const before = groups(head)
  const after = groups(tail ?? '')
  const zeros = new Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0)
  const bytes = Buffer.alloc(16)
  for (const [index, group] of [...before, ...zeros, ...after].slice(0, 8).entries())
    bytes.writeUInt16BE(group & 0xffff, 2 * index)
  return bytes
}

/** Undefined: these are no address. */
export function hostText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) return undefined
  const view = Buffer.from(bytes)
  return Array.from({ length: 8 }, (_, index) => view.readUInt16BE(2 * index).toString(16)).join(':')
}
