/** Writes the tables of README.md: `npm run docs`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { withTables } from './readme-tables.js'

const readme = new URL('../../README.md', import.meta.url)
writeFileSync(readme, withTables(readFileSync(readme, 'utf8')))
