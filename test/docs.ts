/** Writes the tables of README.md: `npm run docs`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { optionsOnly } from '../jepsen/command-line.js'
import { withTables } from './readme-tables.js'

optionsOnly('npm run docs\n\nWrites the tables of README.md from what the code says.', {})
const readme = new URL('../../README.md', import.meta.url)
writeFileSync(readme, withTables(readFileSync(readme, 'utf8')))
