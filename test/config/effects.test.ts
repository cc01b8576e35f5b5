/** Each setting names a test in which its value changes what happens: a setting that nothing shows to do something is not one. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { nodeSettings } from '../../src/config/node-settings.js'
import { topicSettings } from '../../src/config/topic-settings.js'

const root = new URL('../../../', import.meta.url)

const rows = readFileSync(new URL('test/config/effects.tsv', root), 'utf8')
  .split('\n')
  .slice(1)
  .filter((line) => line !== '')
  .map((line) => line.split('\t'))

test('every setting stands in the table once, and nothing else does', () => {
  const known = new Set([...Object.keys(nodeSettings), ...Object.keys(topicSettings)])
  assert.deepEqual(
    rows.map(([key]) => key).sort(),
    [...known].sort(),
    'test/config/effects.tsv wants a line for each setting: the key, a tab, and the test in which its value changes what happens',
  )
})

test('the test that is named is there, and speaks of the setting', () => {
  for (const [key, file, ...rest] of rows) {
    assert.deepEqual(rest, [], `${key}: a line has two columns`)
    assert.match(file!, /^test\/.*\.test\.ts$/, key)
    assert.ok(existsSync(new URL(file!, root)), `${key}: there is no ${file}`)
    const text = readFileSync(new URL(file!, root), 'utf8')
    assert.match(
      text,
      new RegExp(`(?<![\\w.])${key!.replaceAll('.', '\\.')}(?![\\w.])`),
      `${file} does not speak of ${key}`,
    )
  }
})
