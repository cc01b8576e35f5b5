/** The golden record batches, one entry per batch of magic 2. */
import { golden } from '../golden.js'

export interface GoldenRecord {
  readonly offset: number
  readonly timestamp: number
  readonly sequence?: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly { readonly key: string; readonly value: string | null }[]
}

export interface GoldenBatch {
  readonly case: string
  readonly codec: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly magic: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly sizeInBytes: number
  readonly crc: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly maxTimestamp: number
  readonly baseTimestamp: number
  readonly count: number
  readonly leaderEpoch: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly lastSequence: number
  readonly transactional: boolean
  readonly control: boolean
  readonly records: readonly GoldenRecord[]
  readonly bytes: Buffer
}

export interface GoldenVector {
  readonly case: string
  readonly hex: string
  readonly magic?: number
  readonly batches?: readonly GoldenBatch[]
}

export function goldenVectors(): GoldenVector[] {
  return golden<GoldenVector>('batches.jsonl.gz')
}

/** Magic 0 and 1 are left out, vectors of several batches are taken apart. */
export function goldenBatches(): GoldenBatch[] {
  const batches: GoldenBatch[] = []
  for (const vector of goldenVectors()) {
    const bytes = Buffer.from(vector.hex, 'hex')
    let at = 0
    for (const batch of vector.batches ?? [vector as unknown as GoldenBatch]) {
      if (batch.magic !== 2) continue
      batches.push({ ...batch, case: vector.case, bytes: bytes.subarray(at, at + batch.sizeInBytes) })
      at += batch.sizeInBytes
    }
  }
  return batches
}

export function fromBase64(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text, 'base64')
}
