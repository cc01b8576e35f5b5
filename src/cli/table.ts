/** Rows in columns, as wide as their widest entry. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [n, cell] of row.entries()) widths[n] = Math.max(widths[n] ?? 0, String(cell).length)
  }
  return rows
    .map((row) =>
      row
        .map((cell, n) => String(cell).padEnd(widths[n]!))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}
