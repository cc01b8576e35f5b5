/**
 * What every compression of record batches offers: pure functions from bytes to bytes, bounded in their output.
 *
 * Input of `decompress` is a peer's and may be anything: whatever cannot be decompressed, or would become larger than
 * the caller allows, is a `CompressionError`. Nothing here crashes, loops for ever or allocates more than about
 * `maxBytes`.
 */
export type CodecName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** The names by the id in a batch's attributes. Ids 5 to 7 mean nothing. */
export const CODEC_NAMES: readonly CodecName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

export interface Codec {
  /** 0 to 4, as in the attributes of a batch. */
  readonly id: number
  readonly name: CodecName
  /**
   * `level` as in Kafka's `compression.<codec>.level`: brought into range if it is not, ignored by codecs that have
   * none, and Kafka's default if absent. Of codec `none` input and output are the same object.
   */
  compress(bytes: Uint8Array, level?: number): Uint8Array
  /** The whole stream; throws `CompressionError` if it is broken or longer than `maxBytes` when decompressed. */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array
}

/** One way to run a codec; several give the same result at different speeds. */
export interface CodecImplementation extends Codec {
  /** Where the work is done: a package's name, `node:zlib`, or `plain` for JavaScript of our own. */
  readonly implementation: string
}

/** `too-large`: may be in order, but does not fit into what the caller allows. */
export type CompressionFault = 'broken' | 'too-large'

export class CompressionError extends Error {
  override readonly name = 'CompressionError'
  readonly fault: CompressionFault

  constructor(fault: CompressionFault, message: string) {
    super(message)
    this.fault = fault
  }
}

export function broken(codec: CodecName, what: string): CompressionError {
  return new CompressionError('broken', `${codec}: ${what}`)
}

export function tooLarge(codec: CodecName, maxBytes: number): CompressionError {
  return new CompressionError('too-large', `${codec}: more than ${maxBytes} bytes when decompressed`)
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high)
}
