/** The files that hold a log on a simulated disk, as a start would find them, and the batches in them. */
import type { BatchView } from '../records/batch.js'
import { BatchIterator } from '../records/reader.js'
import type { SimulatedDirectory } from './disk-directory.js'
import { SimulatedFile } from './disk-file.js'

export interface LogFile {
  readonly baseOffset: number
  readonly file: SimulatedFile
}

/** In order. A replacement that counts (`segment-replacement.ts`) stands for those that it is made of, also before it has its name. */
export function logFilesIn(folder: SimulatedDirectory, endings: readonly string[] = ['.log']): LogFile[] {
  const named = (ending: string): LogFile[] =>
    folder.names.flatMap((name) => {
      const file = name.endsWith(ending) ? folder.get(name) : undefined
      return file instanceof SimulatedFile ? [{ baseOffset: Number.parseInt(name, 10), file }] : []
    })
  let files = endings.flatMap(named)
  for (const swap of named('.log.swap')) {
    let endOffset = swap.baseOffset
    for (const batch of batchesOf(swap.file.content)) endOffset = batch.nextOffset
    files = files.filter(({ baseOffset }) => baseOffset < swap.baseOffset || baseOffset >= endOffset)
    files.push(swap)
  }
  return files.sort((a, b) => a.baseOffset - b.baseOffset)
}

/** Whole ones, as far as they follow one another. */
export function* batchesOf(bytes: Uint8Array): Iterable<BatchView> {
  const batches = new BatchIterator(bytes)
  while (batches.next() === 'batch') yield batches.batch
}
