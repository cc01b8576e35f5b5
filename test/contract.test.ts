/** What `contract.tsv` names exists, and each promise is named once. What the files show they show themselves. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const root = new URL('../../', import.meta.url)
const lines = readFileSync(new URL('test/contract.tsv', root), 'utf8').trimEnd().split('\n')
const rows = lines.slice(2).map((line) => line.split('\t'))

test('every promise that is said to work is shown by something that exists', () => {
  assert.equal(lines[1], 'id\titem\tshown by\tnote')
  assert.ok(rows.length > 0)
  for (const [id, item, shownBy] of rows) {
    assert.match(id!, /^S\d{3}$/)
    assert.ok(item !== undefined && shownBy !== undefined, id)
    for (const path of shownBy.split(' ')) assert.ok(existsSync(new URL(path, root)), `${id}: ${path}`)
  }
})

test('each is named once, in order', () => {
  const ids = rows.map(([id]) => id!)
  assert.deepEqual(ids, [...new Set(ids)].sort())
})
