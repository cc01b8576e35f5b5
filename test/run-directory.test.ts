/** A directory that others still write to when it is to go. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryDirectory } from './node-ports.js'
import { removeWritten } from './run-directory.js'

function failing(code: string, times: number): { remove: (path: string) => void; tries: () => number } {
  let tries = 0
  const remove = (): void => {
    if (tries++ < times) throw Object.assign(new Error(code), { code })
  }
  return { remove, tries: () => tries }
}

test('what is written to meanwhile is removed again, and given up in the end; what else goes wrong is told', () => {
  const soon = failing('ENOTEMPTY', 3)
  assert.deepEqual([removeWritten('x', soon.remove, 0), soon.tries()], [true, 4])
  const never = failing('ENOTEMPTY', Number.POSITIVE_INFINITY)
  assert.equal(removeWritten('x', never.remove, 0), false)
  assert.ok(never.tries() > 4)
  const denied = failing('EACCES', 1)
  assert.throws(() => removeWritten('x', denied.remove, 0), { code: 'EACCES' })
  assert.equal(denied.tries(), 1)
  const path = temporaryDirectory('written')
  mkdirSync(join(path, 'data'))
  writeFileSync(join(path, 'data', 'log'), 'x')
  assert.deepEqual([removeWritten(path), existsSync(path)], [true, false])
})
