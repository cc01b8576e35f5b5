import assert from 'node:assert/strict'
import { test } from 'node:test'
import { optional, packageFiles } from '../../src/base/optional.js'

test('a package that is not there is undefined, every time', () => {
  assert.equal(optional('lograft-no-such-package'), undefined)
  assert.equal(optional('lograft-no-such-package'), undefined)
  assert.equal(packageFiles('lograft-no-such-package'), undefined)
})

test('a package that is there is loaded once; LOGRAFT_NATIVE=off hides it', () => {
  const loaded = optional<{ test: unknown }>('node:test')
  if (process.env['LOGRAFT_NATIVE'] === 'off') {
    assert.equal(loaded, undefined)
  } else {
    assert.equal(loaded?.test, test)
    assert.equal(optional('node:test'), loaded)
  }
})

test('files of a package are read and evaluated beside its main file, whatever the switch says', () => {
  const files = packageFiles('pino')
  assert.ok(files !== undefined)
  assert.match(Buffer.from(files.read('package.json')).toString(), /"name": "pino"/)
  const first = files.evaluate<{ name: string }>('package.json')
  assert.equal(first.name, 'pino')
  assert.notEqual(files.evaluate('package.json'), first)
  assert.throws(() => files.read('no-such-file'))
})
