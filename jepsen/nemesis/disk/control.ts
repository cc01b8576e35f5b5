/** The page of memory that a node shares with the suite: what its disk is to do, and how often it did. Layout as in `interposed.c`. */
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs'

const PAGE_BYTES = 4096
const WORD_BYTES = 4
const VERSION = 1

const SETTINGS = { flushesToFail: 1, writeError: 2, flushDelayMs: 3 } as const
const COUNTS = {
  failedFlushes: 4,
  failedWrites: 5,
  slowedFlushes: 6,
  /** Of the journal: what it says is then not all. */
  troubles: 7,
  flushes: 8,
  writes: 9,
  /** Processes that the library was loaded into. */
  attached: 10,
} as const

export const ALWAYS = 0xffffffff
export const WRITE_ERRORS = { EIO: 5, ENOSPC: 28 } as const

export type DiskCounts = Readonly<Record<keyof typeof COUNTS, number>>

export class DiskControl {
  readonly path: string

  /** Makes the file, with nothing set. */
  constructor(path: string) {
    this.path = path
    const page = Buffer.alloc(PAGE_BYTES)
    page.writeUInt32LE(VERSION, 0)
    writeFileSync(path, page)
  }

  set(name: keyof typeof SETTINGS, value: number): void {
    const word = Buffer.alloc(WORD_BYTES)
    word.writeUInt32LE(value)
    const file = openSync(this.path, 'r+')
    writeSync(file, word, 0, WORD_BYTES, SETTINGS[name] * WORD_BYTES)
    closeSync(file)
  }

  counts(): DiskCounts {
    const page = Buffer.alloc(PAGE_BYTES)
    const file = openSync(this.path, 'r')
    readSync(file, page, 0, PAGE_BYTES, 0)
    closeSync(file)
    const entries = Object.entries(COUNTS).map(([name, word]) => [name, page.readUInt32LE(word * WORD_BYTES)])
    return Object.fromEntries(entries)
  }
}
