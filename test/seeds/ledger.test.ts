/** The ledger of hunts. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { Ledger } from './ledger.js'

test('a hunt goes on behind the last seeds of its profile, whoever has tried them', (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'ledger-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = path.join(directory, 'ledger.tsv')
  const first = new Ledger(file, 'abc')
  assert.equal(first.nextOf('replication'), 1)
  const chunk = { profile: 'replication', first: 1, seeds: 50, failed: [7, 9], acknowledged: 612, virtualSeconds: 10.4 }
  first.add(chunk)
  first.add({ ...chunk, profile: 'rf5', first: 101 })
  const second = new Ledger(file, 'def')
  second.add({ ...chunk, first: 51, failed: [] })
  assert.equal(second.nextOf('replication'), 101)
  assert.equal(second.nextOf('rf5'), 151)
  assert.equal(second.nextOf('rf3-os'), 1)
  assert.deepEqual(readFileSync(file, 'utf8').split('\n'), [
    'profile\tfirst\tseeds\tfailed\tacknowledged\tvirtual s\tcommit',
    'replication\t1\t50\t7 9\t612\t10\tabc',
    'rf5\t101\t50\t7 9\t612\t10\tabc',
    'replication\t51\t50\t\t612\t10\tdef',
    '',
  ])
})
