/**
 * The order graph of a key, as Jepsen draws it: a row for each operation, a column for each offset, and in it what the operation wrote or read there. Columns are those around what findings
 * are about; where different values were seen at an offset, each has a colour.
 */
import { type HistoryColumns, OF_POLL, OUTCOMES } from '../../src/check/history-columns.js'
import type { Told } from '../history/judge.js'
import { escaped } from './markup.js'

export const MOST_KEYS = 20
const MOST_ROWS = 120
const MOST_COLUMNS = 60
/** Offsets on each side of one that a finding is about. */
const AROUND = 5

const LABEL = 210
const CELL_WIDTH = 74
const CELL_HEIGHT = 18
const COLORS = ['#fdd', '#ddf', '#dfd', '#ffd', '#fdf', '#dff', '#eed', '#edf']
const OUTLINES: Readonly<Record<string, string>> = { ok: '#888', info: '#e80', fail: '#d3a' }
const KINDS = ['send', 'poll', 'txn']

interface Cell {
  readonly row: number
  readonly offset: number
  readonly value: number
  /** `w?`: a send of which nobody was told where it stands, where its value was read. */
  readonly does: 'w' | 'w?' | 'r'
}

/** Keys that findings are about, in the order of findings. */
export function offendingKeys(findings: readonly Told[], { values }: HistoryColumns): readonly string[] {
  const known = new Set(values.keys)
  return [...new Set(findings.map(({ key }) => key))].filter((key) => known.has(key))
}

/** Undefined: nothing of it has an offset. */
export function orderGraph(history: HistoryColumns, key: string, findings: readonly Told[]): string | undefined {
  const cells = cellsOf(history, history.values.keys.indexOf(key))
  if (cells.length === 0) return undefined
  const indices = new Set(findings.filter((each) => each.key === key).flatMap(({ operations = [] }) => operations))
  const isAccused = (row: number): boolean => indices.has(history.index?.[row] ?? row)
  const offsets = columnsOf(cells, isAccused)
  const isShown = new Set(offsets)
  const shown = cells.filter(({ offset }) => isShown.has(offset))
  const rows = rowsOf(shown, isAccused)
  const byRow = new Map<number, Cell[]>(rows.map((row) => [row, []]))
  for (const cell of shown) byRow.get(cell.row)?.push(cell)
  const colors = colorsOf(shown)
  const drawn = rows.map((row, at) => drawRow(history, row, at + 1, byRow.get(row)!, offsets, colors, isAccused(row)))
  const head = offsets.map((offset, at) => {
    return `<text x="${LABEL + at * CELL_WIDTH + CELL_WIDTH / 2}" y="13" text-anchor="middle">${offset}</text>`
  })
  const [width, height] = [LABEL + offsets.length * CELL_WIDTH, (rows.length + 1) * CELL_HEIGHT]
  return `<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" class="order">${head.join('')}${drawn.join('')}</svg>`
}

function cellsOf({ kind, firstPart, firstValue, part, key, numbers, offsets }: HistoryColumns, of: number): Cell[] {
  const cells: Cell[] = []
  /** By value: where it was read first. */
  const read = new Map<number, number>()
  const unplaced: { readonly row: number; readonly value: number }[] = []
  for (let row = 0; row < kind.length; row++) {
    for (let at = firstPart[row]!; at < firstPart[row + 1]!; at++) {
      if (key[at] !== of) continue
      for (let place = firstValue[at]!; place < firstValue[at + 1]!; place++) {
        const offset = offsets[place]!
        const value = numbers[place]!
        if ((part[at]! & OF_POLL) !== 0) {
          cells.push({ row, offset, value, does: 'r' })
          if (!read.has(value)) read.set(value, offset)
        } else if (offset >= 0) cells.push({ row, offset, value, does: 'w' })
        else unplaced.push({ row, value })
      }
    }
  }
  for (const { row, value } of unplaced) {
    const offset = read.get(value)
    if (offset !== undefined) cells.push({ row, offset, value, does: 'w?' })
  }
  return cells
}

/** What is around the offsets of who is accused, from the first one on; of everything, where that is nobody. */
function columnsOf(cells: readonly Cell[], isAccused: (row: number) => boolean): number[] {
  const all = [...new Set(cells.map(({ offset }) => offset))].sort((a, b) => a - b)
  if (all.length <= MOST_COLUMNS) return all
  const byAccused = cells.filter(({ row }) => isAccused(row))
  const counts = new Map<number, number>()
  for (const { offset } of byAccused) counts.set(offset, (counts.get(offset) ?? 0) + 1)
  // Of a reader that was given much only the offsets matter that others who are accused had, too.
  const most = Math.max(0, ...counts.values())
  const places = new Map(all.map((offset, place) => [offset, place]))
  const wanted = new Set<number>()
  for (const [offset, count] of [...counts].sort(([a], [b]) => a - b)) {
    if (count < most || wanted.size >= MOST_COLUMNS) continue
    const place = places.get(offset)!
    for (let at = place - AROUND; at <= place + AROUND; at++) {
      const near = all[at]
      if (near !== undefined && wanted.size < MOST_COLUMNS) wanted.add(near)
    }
  }
  return wanted.size === 0 ? all.slice(0, MOST_COLUMNS) : [...wanted].sort((a, b) => a - b)
}

function rowsOf(cells: readonly Cell[], isAccused: (row: number) => boolean): number[] {
  const all = [...new Set(cells.map(({ row }) => row))]
  const accused = all.filter(isAccused).slice(0, MOST_ROWS)
  const others = all.filter((row) => !isAccused(row)).slice(0, MOST_ROWS - accused.length)
  return [...accused, ...others].sort((a, b) => a - b)
}

/** By offset and value, where an offset has several. */
function colorsOf(cells: readonly Cell[]): ReadonlyMap<string, string> {
  const byOffset = new Map<number, Set<number>>()
  for (const { offset, value } of cells) byOffset.set(offset, (byOffset.get(offset) ?? new Set()).add(value))
  const colors = new Map<string, string>()
  for (const [offset, values] of byOffset) {
    if (values.size < 2) continue
    for (const [at, value] of [...values].entries()) colors.set(`${offset} ${value}`, COLORS[at % COLORS.length]!)
  }
  return colors
}

function drawRow(
  { values, kind, outcome, process, index, invokedMs, completedMs }: HistoryColumns,
  row: number,
  line: number,
  cells: readonly Cell[],
  offsets: readonly number[],
  colors: ReadonlyMap<string, string>,
  isAccused: boolean,
): string {
  const ended = OUTCOMES[outcome[row]!]!
  const [y, textY] = [line * CELL_HEIGHT, line * CELL_HEIGHT + 13]
  const name = `#${index?.[row] ?? row} ${KINDS[kind[row]!] ?? ''} of ${process[row]}, ${ended}`
  const when = `${name}, ${invokedMs[row]!.toFixed(3)} to ${completedMs[row]!.toFixed(3)} ms`
  const drawn = cells.map(({ offset, value, does }) => {
    const x = LABEL + offsets.indexOf(offset) * CELL_WIDTH
    const fill = colors.get(`${offset} ${value}`) ?? '#fff'
    const text = `${does}${values.text(value)}`
    return `<rect x="${x}" y="${y}" width="${CELL_WIDTH}" height="${CELL_HEIGHT}" fill="${fill}" stroke="${OUTLINES[ended]}"/><text x="${x + 3}" y="${textY}">${escaped(text, 12)}</text>`
  })
  const weight = isAccused ? ' font-weight="bold"' : ''
  return `<g><title>${escaped(when)}</title><text x="0" y="${textY}"${weight}>${escaped(name, 40)}</text>${drawn.join('')}</g>`
}
