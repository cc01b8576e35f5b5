/** Whether batches that were read of a log are those that were written: a disk may rot, and nobody is given what has. */
import { BatchIterator } from '../records/reader.js'

export interface SoundBatches {
  /** So many bytes from the beginning are in order. */
  readonly bytes: number
  /** What follows is none; false: nothing follows, or a batch of which only the beginning is there. */
  readonly isDamaged: boolean
}

/**
 * From the beginning of a batch on, which reaches `fromOffset`; none reaches `upToOffset`. The first one is there as a whole; `isWhole`: the last one is, too.
 *
 * Offsets stand outside of the checksum, so they have to follow upon one another. Where they do not, it may be that of the batch before.
 */
export function soundBatches(
  bytes: Uint8Array,
  {
    fromOffset,
    upToOffset,
    isWhole,
  }: { readonly fromOffset: number; readonly upToOffset: number; readonly isWhole: boolean },
): SoundBatches {
  const batches = new BatchIterator(bytes)
  let nextOffset = fromOffset
  let before = 0
  for (;;) {
    const { position } = batches
    const step = batches.next()
    if (step === 'end') return { bytes: position, isDamaged: false }
    if (step === 'partial') return { bytes: position, isDamaged: isWhole || position === 0 }
    const { batch } = batches
    if (step !== 'batch' || batch.nextOffset > upToOffset || batch.computeCrc() !== batch.crc) {
      return { bytes: position, isDamaged: true }
    }
    const follows = position === 0 ? batch.lastOffset >= fromOffset : batch.baseOffset >= nextOffset
    if (!follows) return { bytes: before, isDamaged: true }
    nextOffset = batch.nextOffset
    before = position
  }
}
