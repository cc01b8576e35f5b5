/** Histories in files, a line at a time, so that the text of a file is never in memory as a whole. */
import fs from 'node:fs'
import type { OffsetListed } from '../../src/check/check-watermarks.js'
import type { HistoryColumns } from '../../src/check/history-columns.js'
import { HistoryEncoder } from '../../src/check/history-file.js'
import { HistoryReader } from '../../src/check/history-reader.js'

const CHUNK_BYTES = 1 << 20
const NEWLINE = 10

export interface HistoryWriter {
  readonly encoder: HistoryEncoder
  readonly close: () => void
}

export function writeHistory(path: string, about: Readonly<Record<string, unknown>>): HistoryWriter {
  const descriptor = fs.openSync(path, 'w')
  let lines: string[] = []
  let characters = 0
  const flush = (): void => {
    fs.writeSync(descriptor, lines.join(''))
    lines = []
    characters = 0
  }
  const encoder = new HistoryEncoder((line) => {
    lines.push(line)
    characters += line.length
    if (characters >= CHUNK_BYTES) flush()
  }, about)
  const close = (): void => {
    encoder.end()
    flush()
    fs.closeSync(descriptor)
  }
  return { encoder, close }
}

export interface ReadHistory {
  readonly history: HistoryColumns
  readonly listed: readonly OffsetListed[]
  readonly about: Readonly<Record<string, unknown>>
}

export function readHistory(path: string): ReadHistory {
  const reader = new HistoryReader()
  const descriptor = fs.openSync(path, 'r')
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES)
    let rest = Buffer.alloc(0)
    for (let read = -1; read !== 0; ) {
      read = fs.readSync(descriptor, chunk)
      const bytes = Buffer.concat([rest, chunk.subarray(0, read)])
      let start = 0
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        reader.line(bytes.toString('utf8', start, end))
        start = end + 1
      }
      rest = Buffer.from(bytes.subarray(start))
    }
  } finally {
    fs.closeSync(descriptor)
  }
  return { history: reader.build(), listed: reader.listed, about: reader.about }
}
