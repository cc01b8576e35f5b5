/** `lograft check --bootstrap` as a user runs it: on a node that keeps its promises nothing is found, and nothing of it is left there. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { fixedPort } from '../../jepsen/beds/fixed-port.js'
import { Prng } from '../../src/base/prng.js'
import { temporaryDirectory } from '../node-ports.js'
import { MAIN, SERVES, startServer } from './server-process.js'

const run = promisify(execFile)
const LONGEST_MS = 180_000

interface Ended {
  readonly code?: number
  readonly stdout: string
  readonly stderr: string
}

function lograft(...args: readonly string[]): Promise<Ended> {
  return run(process.execPath, [MAIN, ...args], { timeout: LONGEST_MS }).catch((error: Ended) => error)
}

test('a cluster is tried, judged, and left as it was', { timeout: 2 * LONGEST_MS }, async (t) => {
  const home = temporaryDirectory('check')
  t.after(() => rmSync(home, { recursive: true, force: true }))
  const port = await fixedPort(new Prng(`check ${process.pid}`))
  const server = startServer({ data: join(home, 'data'), port })
  t.after(() => server.end('SIGKILL'))
  await server.says(SERVES)
  const address = `127.0.0.1:${port}`
  const out = join(home, 'run')
  const words = ['check', '--bootstrap', address, '--time', '8s', '--rate', '400', '--out', out, '--json']
  const { code = 0, stdout, stderr } = await lograft(...words)
  const { verdict, reasons, anomalies, figures } = JSON.parse(stdout) as {
    verdict: string
    reasons: readonly string[]
    anomalies: unknown
    figures: { operations: number }
  }
  assert.deepEqual(anomalies, {}, reasons.join('\n'))
  // How much is done in this time depends on the machine, and nothing else may be missing.
  assert.ok(verdict === 'valid' || reasons.every((each) => /succeeded|never successful/.test(each)), reasons.join('\n'))
  assert.equal(code, verdict === 'valid' ? 0 : 2)
  assert.ok(figures.operations > 100, String(figures.operations))
  const prefix = /topics named (lograft-check-[0-9a-f]{8})-\*/.exec(stderr)?.[1]
  assert.ok(prefix !== undefined, stderr)
  assert.ok(stderr.indexOf(prefix) < stderr.indexOf('load:'), 'what is done is said before it begins')
  assert.match(stderr, /\d+ topics deleted/)
  const { stdout: topics } = await lograft('topics', '--list', '--bootstrap-server', address)
  assert.ok(!topics.includes(prefix), topics)
  for (const file of ['history.jsonl', 'run.json', 'report.html', 'verdict.json'])
    assert.ok(existsSync(join(out, file)), file)
  assert.match(readFileSync(join(out, 'report.html'), 'utf8'), /lograft check --bootstrap/)
  const again = await lograft('check', '--history', out, '--json')
  assert.equal((JSON.parse(again.stdout) as { verdict: string }).verdict, verdict)
})

test('where nobody answers it says so, and ends with 2', async () => {
  const { code, stdout, stderr } = await lograft('check', '--bootstrap', '127.0.0.1:1', '--time', '1s')
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /^lograft: [^\n]+\n$/)
})
