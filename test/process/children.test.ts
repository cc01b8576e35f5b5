/** Programs that this suite starts end with it, and so do those that they have started. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'

const CHILDREN = new URL('../../jepsen/beds/children.js', import.meta.url).href
const LIMIT_MS = 10_000
const STEP_MS = 20

const starts = (code: string, more: string): string => `
  import { spawn } from 'node:child_process'
  import { endsWithThis } from ${JSON.stringify(CHILDREN)}
  const words = ['--input-type=module', '-e', ${JSON.stringify(code)}]
  endsWithThis(spawn(process.execPath, words, { detached: true, stdio: 'inherit' }), ${more})`
const TELLS = 'process.stdout.write(process.pid + "\\n"); setInterval(() => {}, 1000)'

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a program that is told to stop tells those that have children themselves', async () => {
  const outer = spawn(
    process.execPath,
    ['--input-type=module', '-e', starts(starts(TELLS, '"SIGKILL"'), '"SIGTERM"')],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const [told] = (await once(outer.stdout, 'data', { signal: AbortSignal.timeout(LIMIT_MS) })) as [Buffer]
  const pid = Number(told)
  assert.ok(isThere(pid))
  outer.kill('SIGTERM')
  const until = performance.now() + LIMIT_MS
  while (isThere(pid) && performance.now() < until) await wait(STEP_MS)
  const isLeft = isThere(pid)
  if (isLeft) process.kill(pid, 'SIGKILL')
  assert.equal(isLeft, false, 'the innermost one is still there')
})
