/** README.md says what the code does. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { withTables } from './readme-tables.js'

const root = new URL('../../', import.meta.url)
const text = readFileSync(new URL('README.md', root), 'utf8')

test('the tables of the README are those of the code: npm run docs writes them', () => {
  assert.equal(text, withTables(text))
  assert.ok(text.split('\n').filter((line) => line.startsWith('| ')).length > 40)
})

test('the commands of the README exist', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: object }
  const named = [...text.matchAll(/`npm (?:run )?([a-z:]+)/g)].map(([, name]) => name!)
  const missing = named.filter((name) => !(name in scripts) && name !== 'install')
  assert.deepEqual(missing, [])
  for (const [, path] of text.matchAll(/\]\(([a-zA-Z/.]+)\)/g)) {
    assert.equal(existsSync(new URL(path!, root)), true, path)
  }
})
