/** Tables as text: lines of fields between tabs under a line that names the columns; lines in front that begin with `#` say where it comes from. */

export type Row<Column extends string> = Readonly<Record<Column, string>>

/** Throws where a line has other columns than these. */
export function parseTable<Column extends string>(
  text: string,
  columns: readonly Column[],
  name: string,
): Row<Column>[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const header = lines.shift()
  if (header !== columns.join('\t')) throw new Error(`${name}: its columns are not ${columns.join(', ')}`)
  return lines.map((line) => {
    const fields = line.split('\t')
    if (fields.length !== columns.length) throw new Error(`${name}: ${line}: ${fields.length} fields`)
    return Object.fromEntries(columns.map((column, at) => [column, fields[at]!])) as Row<Column>
  })
}

/** What a field holds is one line. */
export function formatTable<Column extends string>(
  comments: readonly string[],
  columns: readonly Column[],
  rows: Iterable<Row<Column>>,
): string {
  const lines = [...comments.map((comment) => `# ${comment}`), columns.join('\t')]
  for (const row of rows) lines.push(columns.map((column) => row[column].replace(/[\t\n\r]+/g, ' ')).join('\t'))
  return `${lines.join('\n')}\n`
}
