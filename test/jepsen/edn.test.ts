/** Histories as EDN: forms there and back, and that a history gets the same verdict in either notation. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { EdnError, fromEdn, toEdn } from '../../jepsen/history/edn.js'
import { writeEdn } from '../../jepsen/history/edn-file.js'
import { judgePath } from '../../jepsen/history/judge-run.js'
import { STORIES } from './stories.js'
import { told } from './told-history.js'

test('an operation as Jepsen writes it', () => {
  const operation = {
    index: 3,
    type: 'info',
    process: 'nemesis',
    f: 'begin kill one',
    value: null,
    time: 5,
  }
  assert.equal(toEdn(operation), '{:index 3, :type :info, :process :nemesis, :f "begin kill one", :value nil, :time 5}')
  const poll = {
    type: 'ok',
    f: 'poll',
    value: [
      [
        'poll',
        {
          4: [
            [0, 7],
            [1, 'se"nd'],
          ],
        },
      ],
    ],
    'seek-to-beginning?': true,
  }
  assert.equal(
    toEdn(poll),
    '{:type :ok, :f :poll, :value [[:poll {4 [[0 7] [1 "se\\"nd"]]}]], :seek-to-beginning? true}',
  )
  const log = { 'rebalance-log': [{ type: 'assigned', keys: [1] }], error: ['NOT_LEADER', 'it: "gone"'] }
  assert.equal(toEdn(log), '{:rebalance-log [{:type :assigned, :keys [1]}], :error [:NOT_LEADER "it: \\"gone\\""]}')
})

test('forms that stand in histories are read', () => {
  for (const [text, value] of [
    ['{:a nil, 3 [true false] ; a comment\n}', { a: null, 3: [true, false] }],
    ['#jepsen.history.Op{:index 0, :f :send}', { index: 0, f: 'send' }],
    ['#{1 2}', [1, 2]],
    ['(1 -2 3N 4.5M 1e3)', [1, -2, 3, 4.5, 1000]],
    ['"a\\n\\u0041\\\\"', 'a\nA\\'],
    ['[:a/b c]', ['a/b', 'c']],
  ] as const) {
    assert.deepEqual(JSON.parse(JSON.stringify(fromEdn(text))), value, text)
  }
  for (const text of ['', '{', '[1', '{:a}', '"a', '1 2', '12x', ']', '#', '['.repeat(100)]) {
    assert.throws(() => fromEdn(text), EdnError, text)
  }
})

test('what is written is read as it was', () => {
  const value = fc.oneof(fc.nat(), fc.string(), fc.constant(null), fc.boolean())
  const operation = fc.dictionary(fc.stringMatching(/^[a-z][a-z?-]*$/), fc.oneof(value, fc.array(fc.array(value))))
  fc.assert(
    fc.property(operation, (each) => {
      assert.deepEqual(JSON.parse(JSON.stringify(fromEdn(toEdn(each)))), JSON.parse(JSON.stringify(each)))
    }),
  )
})

test('a history has the same anomalies as EDN', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lograft-edn-'))
  try {
    for (const [name, story] of Object.entries(STORIES)) {
      const lines = told(story)
      // What is no history cannot be written in another notation.
      if (/^(?:wrong|cut-off)/.test(name)) continue
      const [json, edn] = [join(directory, 'history.jsonl'), join(directory, 'history.edn')]
      writeFileSync(json, lines.map((line) => `${line}\n`).join(''))
      await writeEdn(json, edn)
      const [a, b] = [await judgePath(json), await judgePath(edn)]
      assert.deepEqual(b.judgement.anomalies, a.judgement.anomalies, name)
      assert.equal(b.judgement.verdict, a.judgement.verdict, name)
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('a send of several records that did not end well is several operations', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lograft-edn-'))
  try {
    const [json, edn] = [join(directory, 'history.jsonl'), join(directory, 'history.edn')]
    const lines = told(['1 1-4 info >0:1.0@3 >1:1.0! error:TIMED_OUT', '2 5-6 ok >0:2.0@4 >0:2.1@5'])
    writeFileSync(json, lines.map((line) => `${line}\n`).join(''))
    await writeEdn(json, edn)
    assert.deepEqual(readFileSync(edn, 'utf8').trimEnd().split('\n'), [
      '{:index 0, :type :invoke, :process 1000000000, :f :send, :value [[:send 0 1000000]], :time 1000000}',
      '{:index 1, :type :invoke, :process 1000000001, :f :send, :value [[:send 1 1000000]], :time 1000000}',
      '{:index 2, :type :ok, :process 1000000000, :f :send, :value [[:send 0 [3 1000000]]], :time 4000000, :error [:TIMED_OUT ""]}',
      '{:index 3, :type :info, :process 1000000001, :f :send, :value [[:send 1 1000000]], :time 4000000, :error [:TIMED_OUT ""]}',
      '{:index 4, :type :invoke, :process 2, :f :send, :value [[:send 0 2000000] [:send 0 2000001]], :time 5000000}',
      '{:index 5, :type :ok, :process 2, :f :send, :value [[:send 0 [4 2000000]] [:send 0 [5 2000001]]], :time 6000000}',
    ])
  } finally {
    rmSync(directory, { recursive: true })
  }
})
