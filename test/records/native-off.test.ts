/** The same tests without native packages: in a process of their own, because what is loaded stays loaded. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'

const compiled = new URL('./', import.meta.url)
const files = [
  new URL('../base/crc32c.test.js', compiled),
  new URL('../base/optional.test.js', compiled),
  ...readdirSync(new URL('compression/', compiled))
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => new URL(`compression/${name}`, compiled)),
  new URL('reader.test.js', compiled),
  new URL('validator.test.js', compiled),
]

for (const file of files) {
  test(`with LOGRAFT_NATIVE=off: ${file.pathname.split('/test/').at(-1)}`, () => {
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env
    const child = spawnSync(process.execPath, ['--enable-source-maps', '--test-reporter=tap', file.pathname], {
      env: { ...environment, LOGRAFT_NATIVE: 'off' },
      encoding: 'utf8',
      timeout: 60_000,
    })
    assert.equal(child.status, 0, child.stdout + child.stderr)
    assert.match(child.stdout, /# fail 0/)
    assert.doesNotMatch(child.stdout, /# pass 0\n/)
  })
}
