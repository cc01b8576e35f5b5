/** lograft check on histories: its exit codes, and what it prints and writes. On a cluster it runs in test/process. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCommand } from './run-command.js'

const history = (name: string): string => fileURLToPath(new URL(`../../../jepsen/histories/${name}`, import.meta.url))

test('0: no anomaly and enough was tried; 1: anomalies; 2: it could not be judged', async () => {
  for (const [name, status, first] of [
    ['drawn-valid.jsonl', 0, 'valid'],
    ['lost-write-front.jsonl', 1, 'invalid'],
    ['clean-send-poll.jsonl', 2, 'unknown'],
    ['wrong-line.jsonl', 2, 'unknown'],
    ['node-ended-unasked', 1, 'invalid'],
    ['jepsen-lost-write.edn', 1, 'invalid'],
  ] as const) {
    const { stdout, stderr, ...result } = await runCommand(['check', '--history', history(name)])
    assert.deepEqual([result.status, stdout.split('\n')[0], stderr], [status, first, ''], name)
  }
  const little = await runCommand(['check', '--history', history('clean-send-poll.jsonl'), '--operations', '5'])
  assert.equal(little.status, 0, little.stdout)
})

test('an anomaly is told with the lines that show it, for people and for programs', async () => {
  const file = history('lost-write-front.jsonl')
  const lines = readFileSync(file, 'utf8').split('\n')
  const people = await runCommand(['check', '--history', file])
  assert.match(people.stdout, /^lost-write: 1\n {2}0: 1000000 at offset 0, of #1 /m)
  assert.ok(people.stdout.includes(`    ${lines[1]}\n`))
  const programs = await runCommand(['check', '--history', file, '--json'])
  const { verdict, anomalies, findings } = JSON.parse(programs.stdout) as {
    verdict: string
    anomalies: unknown
    findings: { anomaly: string; operations: unknown }[]
  }
  assert.deepEqual([programs.status, verdict, anomalies], [1, 'invalid', { 'lost-write': 1, unseen: 1 }])
  assert.deepEqual(findings.find(({ anomaly }) => anomaly === 'unseen')?.operations, [
    { index: 1, line: 2, text: lines[1] },
  ])
})

test('report and EDN are written where they are wanted', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lograft-check-'))
  try {
    const [report, edn] = [join(directory, 'report.html'), join(directory, 'history.edn')]
    const args = ['check', '--history', history('duplicate-one-reader.jsonl'), '--report', report, '--edn', edn]
    assert.equal((await runCommand(args)).status, 1)
    assert.match(readFileSync(report, 'utf8'), /^<!doctype html>[\s\S]*<h1 class="invalid">[\s\S]*<\/html>\n$/)
    const again = await runCommand(['check', '--history', edn, '--json'])
    const { anomalies } = JSON.parse(again.stdout) as { anomalies: Readonly<Record<string, number>> }
    assert.deepEqual(Object.keys(anomalies).sort(), ['duplicate', 'duplicate-nonzero', 'int-nonmonotonic-poll'])
  } finally {
    rmSync(directory, { recursive: true })
  }
})
