/** What somebody may have meant who mistyped a name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from '../../src/base/nearest.js'

const NAMES = ['num.partitions', 'num.io.threads', 'log.dirs', 'node.id']

test('the nearest name, if it is near', () => {
  assert.equal(nearest('num.partitons', NAMES), 'num.partitions')
  assert.equal(nearest('log.dir', NAMES), 'log.dirs')
  assert.equal(nearest('noed.id', NAMES), 'node.id')
  assert.equal(nearest('log.dirs', NAMES), 'log.dirs')
  assert.equal(nearest('ssl.keystore.location', NAMES), undefined)
  assert.equal(nearest('', NAMES), undefined)
})
