/**
 * A history in the notation of `history.jsonl` as a file of EDN. Where a send of several records did not end well, each of them is written as an operation of a process of its own: Jepsen takes
 * an operation for a transaction, and would believe that all of it happened because one of it did.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { toEdn } from './edn.js'
import { type Parsed, parseOperation } from './parse-operation.js'
import { eachLine, HistoryError } from './read.js'

/** Processes that only stand in this file. */
const FIRST_PROCESS = 1_000_000_000
const MOST_HELD = 1 << 20

/** Lines that cannot be are an error; a last one that is cut off is left out. */
export async function writeEdn(from: string, to: string): Promise<void> {
  const apart = await sendsApart(from)
  const file = openSync(to, 'w')
  let held = ''
  let index = 0
  let process = FIRST_PROCESS
  const write = (operation: Parsed): void => {
    held += `${toEdn({ ...operation, index: index++ })}\n`
    if (held.length < MOST_HELD) return
    writeSync(file, held)
    held = ''
  }
  /** By process: those that do its parts. */
  const parts = new Map<number, readonly number[]>()
  try {
    await eachOperation(from, (operation) => {
      const { type, value } = operation
      const asked = value as readonly (readonly unknown[])[]
      if (!isApart(operation, apart)) return write(operation)
      const of = operation.process as number
      if (type === 'invoke')
        parts.set(
          of,
          asked.map(() => process++),
        )
      for (const [at, part] of asked.entries()) {
        const isAcknowledged = type === 'info' && Array.isArray(part[2])
        write({ ...operation, process: parts.get(of)![at]!, value: [part], type: isAcknowledged ? 'ok' : type })
      }
    })
    writeSync(file, held)
  } finally {
    closeSync(file)
  }
}

/** Indices of the lines that begin or end such a send. */
async function sendsApart(path: string): Promise<ReadonlySet<number>> {
  const apart = new Set<number>()
  const open = new Map<number | 'nemesis', number>()
  await eachOperation(path, ({ index, f, type, process, value }) => {
    if (f !== 'send' || (value as readonly unknown[]).length < 2) return
    if (type === 'invoke') open.set(process, index)
    else {
      if (type === 'info') apart.add(open.get(process)!).add(index)
      open.delete(process)
    }
  })
  for (const index of open.values()) apart.add(index)
  return apart
}

function isApart({ index }: Parsed, apart: ReadonlySet<number>): boolean {
  return apart.has(index)
}

async function eachOperation(path: string, visit: (operation: Parsed) => void): Promise<void> {
  let line = 0
  const look = (text: string): void => {
    line++
    let content: unknown
    try {
      content = JSON.parse(text)
    } catch {
      throw new HistoryError(`line ${line} is not JSON`)
    }
    const parsed = parseOperation(content)
    if (typeof parsed === 'string') throw new HistoryError(`line ${line} ${parsed}`)
    visit(parsed)
  }
  await eachLine(path, look, (rest) => {
    if (rest.endsWith('}')) look(rest)
  })
}
