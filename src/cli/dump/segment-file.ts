/** Reads a segment or snapshot batch by batch: whatever its size, one batch is in memory. */
import fs from 'node:fs'
import { BatchView, MAGIC_V2 } from '../../records/batch.js'
import { BYTES_UP_TO_MAGIC, batchSizeAt, SIZE_CORRUPT } from '../../records/batch-size.js'

export interface FoundBatch {
  readonly position: number
  readonly sizeBytes: number
  readonly magic: number
  /** The whole batch. */
  readonly bytes: Buffer
  /** Of magic 2; undefined for older ones. */
  readonly batch: BatchView | undefined
}

export class SegmentFile {
  /** Where the last whole batch ends. */
  validBytes = 0
  readonly sizeBytes: number
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    this.sizeBytes = fs.statSync(path).size
  }

  /** Up to the end, `maxBytes`, or what is no batch. The view moves on with the next one. */
  *batches(maxBytes = Number.POSITIVE_INFINITY): Generator<FoundBatch> {
    const file = fs.openSync(this.#path, 'r')
    try {
      const head = Buffer.alloc(BYTES_UP_TO_MAGIC)
      const batch = new BatchView()
      let position = 0
      while (position < Math.min(this.sizeBytes, maxBytes)) {
        const read = fs.readSync(file, head, 0, head.length, position)
        const size = batchSizeAt(head, 0, read)
        // 0: too few bytes to tell.
        if (size === SIZE_CORRUPT || size === 0 || position + size > this.sizeBytes) return
        const bytes = Buffer.alloc(size)
        fs.readSync(file, bytes, 0, size, position)
        const magic = head[BYTES_UP_TO_MAGIC - 1]!
        const view = magic === MAGIC_V2 ? batch.reset(bytes, 0) : undefined
        yield { position, sizeBytes: size, magic, bytes, batch: view }
        position += size
        this.validBytes = position
      }
    } finally {
      fs.closeSync(file)
    }
  }

  /** The batch that begins at a position; undefined: there is none. */
  batchAt(position: number): BatchView | undefined {
    if (position >= this.sizeBytes) return undefined
    const file = fs.openSync(this.#path, 'r')
    try {
      const head = Buffer.alloc(BYTES_UP_TO_MAGIC)
      const read = fs.readSync(file, head, 0, head.length, position)
      const size = batchSizeAt(head, 0, read)
      if (size === SIZE_CORRUPT || size === 0 || position + size > this.sizeBytes) return undefined
      if (head[BYTES_UP_TO_MAGIC - 1] !== MAGIC_V2) return undefined
      const bytes = Buffer.alloc(size)
      fs.readSync(file, bytes, 0, size, position)
      return new BatchView().reset(bytes, 0)
    } finally {
      fs.closeSync(file)
    }
  }
}
