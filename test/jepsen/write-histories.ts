/** Writes the histories of jepsen/histories that are told or drawn: `node dist/test/jepsen/write-histories.js`. What must be found in them is written by hand. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { optionsOnly } from '../../jepsen/command-line.js'
import { histories } from './all-histories.js'

const USAGE = `node dist/test/jepsen/write-histories.js

Writes the histories of jepsen/histories that are told or drawn.`

optionsOnly(USAGE, {})
const root = new URL('../../../jepsen/histories/', import.meta.url)

for (const [name, text] of histories()) {
  const path = fileURLToPath(new URL(name, root))
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
