/** Where the tables of the suites are. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseTable, type Row } from '../../jepsen/table.js'

/** The folder of the sources; this file runs from <root>/<build>/test/suites/. */
const SOURCES = fileURLToPath(new URL('../../../test/suites/', import.meta.url))

export function suitesPath(...names: readonly string[]): string {
  return SOURCES + names.join('/')
}

export function readTable<Column extends string>(path: string, columns: readonly Column[]): Row<Column>[] {
  return parseTable(readFileSync(path, 'utf8'), columns, path)
}
