/**
 * The frame of Kafka's small text files (`CheckpointFile`): the version, how many entries follow, one line for each.
 *
 *      0           version
 *      2           count
 *      3 1200      entries, their words with blanks between
 *      5 1900
 *
 * There is no checksum. The count and the newline at the very end show that the text is whole; it is only ever replaced by
 * rename.
 */
import { corrupt, ok, type Parsed } from './parsed.js'

const WHOLE_NUMBER = /^\d{1,16}$/

/** Entries in order, each as its words. An empty text is a file that was made and never written: no entries. */
export function parseCheckpointLines(text: string, version: number): Parsed<readonly (readonly string[])[]> {
  if (text === '') return ok([])
  const lines = text.split(/\r?\n/)
  if (lines.pop() !== '') return corrupt('the last line of a checkpoint is cut off')
  const [versionLine, countLine, ...entries] = lines
  if (versionLine !== String(version)) {
    return corrupt(`a checkpoint has version '${versionLine}' where ${version} is expected`)
  }
  if (countLine !== String(entries.length)) {
    return corrupt(`a checkpoint announces '${countLine ?? ''}' entries and has ${entries.length}`)
  }
  return ok(entries.map((line) => line.split(/\s+/)))
}

export function formatCheckpointLines(version: number, entries: readonly string[]): string {
  return [version, entries.length, ...entries, ''].join('\n')
}

/** A whole number from 0 to `maximum`, in decimal; undefined for any other text. */
export function parseWholeNumber(text: string | undefined, maximum = Number.MAX_SAFE_INTEGER): number | undefined {
  if (text === undefined || !WHOLE_NUMBER.test(text)) return undefined
  const value = Number(text)
  return value <= maximum ? value : undefined
}
