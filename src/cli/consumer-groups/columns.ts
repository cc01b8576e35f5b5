/** Columns as Java's printf makes them: cells are filled up to a width, and what is longer moves the rest of its line. */

/** What stands where there is nothing to say. */
export const MISSING = '-'

/** Widths by column; undefined: as it is, as the last one of a line. */
export function inColumns(cells: readonly (string | number)[], widths: readonly (number | undefined)[]): string {
  return cells.map((cell, n) => String(cell).padEnd(widths[n] ?? 0)).join(' ')
}

/** As wide as the widest of these, and not less than `least`. */
export function widthOf(least: number, cells: Iterable<string>): number {
  let width = least
  for (const cell of cells) width = Math.max(width, cell.length)
  return width
}
