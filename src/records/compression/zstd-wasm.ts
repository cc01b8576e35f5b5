/**
 * Zstd compiled to WebAssembly: the package `@bokuweb/zstd-wasm`, started synchronously and driven below its own
 * functions, which start only asynchronously, make a context for every call and guess the size of what a stream has
 * written.
 *
 * One instance is kept. Its memory never shrinks, so after a large job it is dropped, and made anew when next needed.
 */
import { packageFiles } from '../../base/optional.js'
import { CompressionError } from './codec.js'

export interface ZstdWasm {
  /** Throws `CompressionError` if there is no memory. */
  compress(bytes: Buffer, level: number): Buffer
  /**
   * The frames in `bytes`, if they fit into `capacityBytes`; throws `CompressionError` if not, or if they are broken.
   */
  decompress(bytes: Buffer, capacityBytes: number): Buffer
  /** The memory of the instance that is kept; 0 if none is. */
  keptBytes(): number
}

/** Memory (16 MB at the start) from which on an instance is not kept. */
const RETIRE_FROM_BYTES = 64 * 1024 * 1024

/** ZSTD_error_dstSize_tooSmall, negated as zstd's functions return it. */
const OUTPUT_TOO_SMALL = -70

/** What of the package's Emscripten module is used. Pointers, sizes and results are int32; `_malloc` gives 0 for no. */
interface EmscriptenModule {
  instantiateWasm?: (imports: object, receive: (instance: object) => void) => object
  init(): void
  /** Replaced when the memory grows. */
  readonly HEAPU8: Uint8Array
  _malloc(size: number): number
  _free(pointer: number): void
  _ZSTD_isError(result: number): number
  _ZSTD_compressBound(size: number): number
  _ZSTD_createCCtx(): number
  _ZSTD_createDCtx(): number
  _ZSTD_compress_usingDict(
    context: number,
    to: number,
    toBytes: number,
    from: number,
    fromBytes: number,
    dictionary: number,
    dictionaryBytes: number,
    level: number,
  ): number
  _ZSTD_decompress_usingDict(
    context: number,
    to: number,
    toBytes: number,
    from: number,
    fromBytes: number,
    dictionary: number,
    dictionaryBytes: number,
  ): number
}

/** TypeScript knows it only together with the browser. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => object
}

interface Instance {
  readonly module: EmscriptenModule
  readonly compressContext: number
  readonly decompressContext: number
}

/** Undefined if the package is absent or does not start. */
export function loadZstdWasm(): ZstdWasm | undefined {
  const files = packageFiles('@bokuweb/zstd-wasm')
  if (files === undefined) return undefined
  let kept: Instance | undefined
  let compiled: object

  const start = (): Instance => {
    const { Module: module } = files.evaluate<{ Module: EmscriptenModule }>('zstd.js')
    // Emscripten's way to bring an instance of one's own; without it the start is asynchronous.
    module.instantiateWasm = (imports, receive) => {
      receive(new WebAssembly.Instance(compiled, imports))
      return {}
    }
    module.init()
    const instance: Instance = {
      module,
      compressContext: module._ZSTD_createCCtx(),
      decompressContext: module._ZSTD_createDCtx(),
    }
    if (instance.compressContext === 0 || instance.decompressContext === 0) throw new Error('zstd has no memory')
    return instance
  }

  const run = (
    bytes: Buffer,
    outputBytes: (module: EmscriptenModule) => number,
    work: (instance: Instance, to: number, toBytes: number, from: number) => number,
  ): Buffer => {
    const instance = (kept ??= start())
    // Kept again at the end: a trap in there may leave the instance in any state.
    kept = undefined
    const { module } = instance
    const toBytes = outputBytes(module)
    const from = module._malloc(Math.max(bytes.length, 1))
    const to = module._malloc(Math.max(toBytes, 1))
    if (from === 0 || to === 0) throw new CompressionError('too-large', `zstd: no memory for ${toBytes} bytes`)
    module.HEAPU8.set(bytes, from)
    const result = work(instance, to, toBytes, from)
    const failed = module._ZSTD_isError(result) !== 0
    const output = failed ? undefined : Buffer.from(module.HEAPU8.subarray(to, to + result))
    module._free(from)
    module._free(to)
    if (module.HEAPU8.length < RETIRE_FROM_BYTES) kept = instance
    if (output !== undefined) return output
    if (result === OUTPUT_TOO_SMALL) throw new CompressionError('too-large', `zstd: more than ${toBytes} bytes`)
    throw new CompressionError('broken', `zstd: error ${-result}`)
  }

  const guarded: typeof run = (bytes, outputBytes, work) => {
    try {
      return run(bytes, outputBytes, work)
    } catch (error) {
      if (error instanceof CompressionError) throw error
      throw new CompressionError('broken', `zstd: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  try {
    compiled = new WebAssembly.Module(files.read('zstd.wasm'))
    kept = start()
  } catch {
    return undefined
  }
  return {
    keptBytes: () => kept?.module.HEAPU8.length ?? 0,
    compress: (bytes, level) =>
      guarded(
        bytes,
        (module) => module._ZSTD_compressBound(bytes.length),
        ({ module, compressContext }, to, toBytes, from) =>
          module._ZSTD_compress_usingDict(compressContext, to, toBytes, from, bytes.length, 0, 0, level),
      ),
    decompress: (bytes, capacityBytes) =>
      guarded(
        bytes,
        () => capacityBytes,
        ({ module, decompressContext }, to, toBytes, from) =>
          module._ZSTD_decompress_usingDict(decompressContext, to, toBytes, from, bytes.length, 0, 0),
      ),
  }
}
