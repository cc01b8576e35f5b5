/** The report says what was found, shows nothing of a history as markup, and stays small. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from '../../jepsen/history/judge.js'
import type { Judged } from '../../jepsen/history/judge-run.js'
import { HistoryReader } from '../../jepsen/history/read.js'
import type { RunFile } from '../../jepsen/history/run-file.js'
import { faultBands, reportHtml } from '../../jepsen/report/html.js'
import { judgedText } from '../../jepsen/report/text.js'
import { MOST_BUCKETS, Timeline } from '../../jepsen/report/timeline.js'
import { drawn } from './drawn-history.js'
import { told } from './told-history.js'

function judged(lines: readonly string[], run: RunFile = { settings: {} }): { judged: Judged; html: string } {
  const timeline = new Timeline()
  const reader = new HistoryReader(run.settings, (pair) => timeline.ended(pair))
  for (const line of lines) reader.line(line)
  const history = reader.build()
  const found = { path: 'history.jsonl', run, judgement: judge(history, run), lines: new Map(lines.entries()), history }
  return { judged: found, html: reportHtml(found, timeline) }
}

/** Elements that are opened and not closed, or the other way round. */
function unbalanced(html: string): string[] {
  const open: string[] = []
  for (const [, slash, name, self] of html.matchAll(/<(\/?)([a-z0-9]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (self === '/' || /^(?:meta|doctype)$/.test(name!)) continue
    if (slash !== '/') open.push(name!)
    else if (open.pop() !== name) return [`</${name}>`]
  }
  return open
}

test('verdict, reasons, faults, the order of the key, and how to run it again', () => {
  const { html } = judged(
    [
      ...told([
        '1 1-3 ok >0:1.0@0',
        '2 2-4 info >0:2.0!',
        '3 5-6 ok <0:1.0@0',
        '4 5-6 ok <0:2.0@0',
        '! 2 begin kill one',
      ]),
    ],
    {
      settings: { acks: 1 },
      command: 'npm run jepsen -- --seed 7',
      bed: { kind: 'lograft', target: 'lograft 0.1', nodes: 3 },
      backends: [{ name: 'signals', faults: ['kill one'] }],
      unasked: [{ node: 2, atMs: 1500, detail: 'exit code 1' }],
    },
  )
  for (const part of [
    '<h1 class="invalid">invalid</h1>',
    'inconsistent-offsets, once: key 0: offset 0 has 1000000 and 2000000',
    'acks=1: what a leader alone has acknowledged may be lost with it',
    'node 2 ended unasked after 1.5 s: exit code 1',
    'npm run jepsen -- --seed 7',
    'signals: kill one',
    '<h3>Key 0</h3>',
    '>w1000000</text>',
    '>w?2000000</text>',
    '>r2000000</text>',
    '>kill one</span>',
  ]) {
    assert.ok(html.includes(part), part)
  }
  assert.deepEqual(unbalanced(html), [])
  assert.doesNotMatch(html, /https?:|<script|<link/)
})

test('nothing of a history is markup', () => {
  const evil = '<script>alert(1)</script>"\'&\u0007'
  const lines = [
    { type: 'invoke', process: 1, f: 'send', value: [['send', 0, 1]], time: 1 },
    { type: 'ok', process: 1, f: 'send', value: [['send', 0, [0, 1]]], time: 2, error: [evil, evil] },
    { type: 'invoke', process: 1, f: 'poll', value: [['poll']], time: 3 },
    { type: 'ok', process: 1, f: 'poll', value: [['poll', { 0: [[1, evil]] }]], time: 4 },
    { type: 'info', process: 'nemesis', f: evil, value: { what: evil }, time: 5 },
    { type: 'info', process: 'nemesis', f: `begin ${evil}`, value: null, time: 6 },
    { type: 'invoke', process: 1, f: 'create-topic', value: [evil, null], time: 7 },
    { type: 'ok', process: 1, f: 'create-topic', value: [evil, 'A'], time: 8 },
    { type: 'invoke', process: 1, f: 'create-topic', value: [evil, null], time: 9 },
    { type: 'ok', process: 1, f: 'create-topic', value: [evil, evil], time: 10 },
  ].map((fields, index) => JSON.stringify({ index, ...fields }))
  const { html } = judged(lines, {
    settings: {},
    command: evil,
    seed: evil,
    drivers: [evil],
    bed: { kind: evil, target: evil, nodes: 1 },
    unasked: [{ node: 1, atMs: 1, detail: evil }],
    troubles: [evil],
  })
  assert.ok(html.includes('&lt;script&gt;'))
  assert.doesNotMatch(html, /<script|\p{Cc}(?<!\n)/u)
  assert.deepEqual(unbalanced(html), [])
})

test('a long run with much that is wrong makes no long report', () => {
  const lines = drawn({ seed: 3, operations: 4_000 })
    .map((line) => JSON.parse(line) as { type: string; f: string; value: unknown })
    .map((operation) => {
      if (operation.f !== 'poll' || operation.type !== 'ok') return JSON.stringify(operation)
      // Everybody is given everything one place too far, and twice.
      const shifted = JSON.stringify(operation.value).replace(/\[(\d+),(\d+)\]/g, (_, offset, value) => {
        return `[${Number(offset)},${value}],[${Number(offset) + 1},${value}]`
      })
      return JSON.stringify({ ...operation, value: JSON.parse(shifted) })
    })
  const { html, judged: found } = judged(lines)
  assert.equal(found.judgement.verdict, 'invalid')
  assert.ok(found.judgement.anomalies['duplicate']! > 500, JSON.stringify(found.judgement.anomalies))
  assert.ok(html.length < 1_500_000, String(html.length))
  assert.ok(judgedText(found).length < 50_000)
  assert.deepEqual(unbalanced(html), [])
})

test('buckets grow with the run, and nothing is lost of the counts', () => {
  const timeline = new Timeline()
  const invoked = { index: 0, type: 'invoke', time: 0, process: 1, f: 'send', value: [] } as const
  const hours = 5
  for (let at = 0; at < hours * 3_600; at++) {
    const common = { invoked, ended: undefined, index: 0, process: 1 }
    timeline.ended({
      ...common,
      outcome: 'ok',
      invokedMs: at * 1_000,
      completedMs: at * 1_000 + (at % 100 === 0 ? 900 : 9),
    })
  }
  assert.equal(timeline.total('send', 'ok'), hours * 3_600)
  assert.ok(timeline.buckets <= MOST_BUCKETS && timeline.buckets > MOST_BUCKETS / 2)
  for (const rate of timeline.rates('send', 'ok').slice(0, -1)) assert.equal(rate, 1)
  const [median] = timeline.quantiles('send', 0.5)
  const [longest] = timeline.quantiles('send', 1)
  assert.ok(median! >= 9 && median! < 11, String(median))
  assert.ok(longest! >= 900 && longest! < 1_080, String(longest))
})

test('a fault is shaded from when it began until it ended', () => {
  const struck = (timeMs: number, f: string, value: unknown) => ({ index: 0, timeMs, f, value })
  const bands = faultBands(
    [
      struck(10, 'begin kill one', null),
      struck(12, 'begin kill one', { what: 'killed' }),
      struck(15, 'begin pause', null),
      struck(16, 'begin pause', { what: 'nothing' }),
      struck(20, 'phase', 'heal'),
      struck(30, 'end kill one', null),
      struck(31, 'end kill one', { what: 'started' }),
      struck(40, 'begin kill one', null),
    ],
    100,
  )
  assert.deepEqual(bands, [
    { name: 'kill one', fromMs: 10, toMs: 31 },
    { name: 'kill one', fromMs: 40, toMs: 100 },
  ])
})
