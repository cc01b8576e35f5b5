/** Prints what was measured: a machine note and one table for each benchmark. */
import type { Figure, Row } from './benchmark.js'
import type { Machine } from './lib/machine.js'
import { range } from './lib/statistics.js'

export function machineText(machine: Machine): string {
  const { cores, processor, memoryBytes, node, kernel, congestionControl, dataPath, freeBytes, loadBefore } = machine
  return [
    `${cores} cores (${processor}), ${gib(memoryBytes)} of memory, Node ${node}, ${kernel}`,
    `TCP congestion control ${congestionControl ?? 'unknown'}, data below ${dataPath} (${gib(freeBytes)} free), ` +
      `load before ${loadBefore.toFixed(2)}`,
  ].join('\n')
}

/** One line for a row, one column for each name of a figure. */
export function tableText(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap(({ figures }) => figures.map(titleOf)))]
  const lines = rows.map(({ name, figures }) => {
    const byTitle = new Map(figures.map((figure) => [titleOf(figure), figure]))
    return [name, ...columns.map((column) => cellText(byTitle.get(column)))]
  })
  const all = [['', ...columns], ...lines]
  const widths = all[0]!.map((_, column) => Math.max(...all.map((line) => line[column]!.length)))
  return all
    .map((line) =>
      line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  '),
    )
    .join('\n')
}

function titleOf({ name, unit }: Figure): string {
  return unit === 'ratio' || unit === 'share' ? name : `${name} ${unit}`
}

/** The median, and behind it how far the samples lie apart. */
function cellText(figure: Figure | undefined): string {
  if (figure === undefined) return ''
  const { value, samples } = figure
  if (Number.isNaN(value)) return '-'
  if (samples.length < 2 || value === 0) return numberText(value)
  const [smallest, largest] = range(samples)
  return `${numberText(value)} ±${Math.round(((largest - smallest) / 2 / value) * 100)}%`
}

function numberText(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(0)} GiB`
}
