/**
 * Writes single records (`record-cursor.ts` has the drawing) into memory that somebody else has measured and reserved.
 */
import { NULL_LENGTH } from './record-cursor.js'

/** A record to be written. What is absent: a null key or value, no headers, no timestamp (-1), the next offset. */
export interface RecordInput {
  readonly key?: Uint8Array | null
  readonly value?: Uint8Array | null
  readonly headers?: readonly { readonly key: string; readonly value: Uint8Array | null }[]
  /** Milliseconds since 1970. */
  readonly timestamp?: number
  readonly offset?: number
}

/** The bytes of the record behind its length, which is what the length says. */
export function recordBodyBytes(record: RecordInput, timestampDelta: number, offsetDelta: number): number {
  const headers = record.headers ?? NO_HEADERS
  let size = 1 + varlongBytes(timestampDelta) + varintBytes(offsetDelta)
  size += nullableBytes(record.key) + nullableBytes(record.value) + varintBytes(headers.length)
  for (const { key, value } of headers) {
    const keyBytes = Buffer.byteLength(key)
    size += varintBytes(keyBytes) + keyBytes + nullableBytes(value)
  }
  return size
}

/** The whole record, whose body takes so many bytes. */
export function recordBytes(bodyBytes: number): number {
  return varintBytes(bodyBytes) + bodyBytes
}

/** Writes the record at `target[at]`; returns where it ends. */
export function encodeRecord(
  target: Buffer,
  at: number,
  bodyBytes: number,
  record: RecordInput,
  timestampDelta: number,
  offsetDelta: number,
): number {
  at = writeVarint(target, at, bodyBytes)
  target[at++] = 0
  at = writeVarlong(target, at, timestampDelta)
  at = writeVarint(target, at, offsetDelta)
  at = writeNullable(target, at, record.key)
  at = writeNullable(target, at, record.value)
  const headers = record.headers ?? NO_HEADERS
  at = writeVarint(target, at, headers.length)
  for (const { key, value } of headers) {
    const keyBytes = Buffer.byteLength(key)
    at = writeVarint(target, at, keyBytes)
    at += target.write(key, at, keyBytes, 'utf8')
    at = writeNullable(target, at, value)
  }
  return at
}

const NO_HEADERS = [] as const

function nullableBytes(bytes: Uint8Array | null | undefined): number {
  return bytes == null ? 1 : varintBytes(bytes.length) + bytes.length
}

function writeNullable(target: Buffer, at: number, bytes: Uint8Array | null | undefined): number {
  if (bytes == null) return writeVarint(target, at, NULL_LENGTH)
  at = writeVarint(target, at, bytes.length)
  target.set(bytes, at)
  return at + bytes.length
}

export function varintBytes(value: number): number {
  const bits = 32 - Math.clz32(((value << 1) ^ (value >> 31)) | 1)
  return Math.ceil(bits / 7)
}

export function writeVarint(target: Buffer, at: number, value: number): number {
  let raw = ((value << 1) ^ (value >> 31)) >>> 0
  for (; raw > 0x7f; raw >>>= 7) target[at++] = (raw & 0x7f) | 0x80
  target[at++] = raw
  return at
}

export function varlongBytes(value: number): number {
  if ((value | 0) === value) return varintBytes(value)
  let count = 1
  for (let rest = Math.floor(magnitude(value) / 64); rest > 0; rest = Math.floor(rest / 128)) count++
  return count
}

export function writeVarlong(target: Buffer, at: number, value: number): number {
  if ((value | 0) === value) return writeVarint(target, at, value)
  // The zigzag code is twice the magnitude, plus 1 for a negative: that bit and six of the magnitude make the first
  // byte.
  const whole = magnitude(value)
  let septet = (whole % 64) * 2 + (value < 0 ? 1 : 0)
  for (let rest = Math.floor(whole / 64); rest > 0; rest = Math.floor(rest / 128)) {
    target[at++] = septet | 0x80
    septet = rest % 128
  }
  target[at++] = septet
  return at
}

function magnitude(value: number): number {
  return value < 0 ? -(value + 1) : value
}
