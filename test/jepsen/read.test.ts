/** Lines that cannot be are told by their number, and what the reader makes of those that can. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from '../../jepsen/history/judge.js'
import { HistoryError, HistoryReader, type ReadHistory } from '../../jepsen/history/read.js'
import { RunFileError, type RunSettings, readRunFile } from '../../jepsen/history/run-file.js'
import { told } from './told-history.js'

function read(lines: readonly string[], settings: RunSettings = {}): ReadHistory {
  const reader = new HistoryReader(settings)
  for (const line of lines) reader.line(line)
  return reader.build()
}

const begun = '{"index":0,"type":"invoke","process":1,"f":"send","value":[["send",0,5]],"time":1}'

/** What is wrong, and lines of which the last is. */
const WRONG: readonly (readonly [why: RegExp, ...lines: string[]])[] = [
  [/^line 1 is not JSON$/, '{"index":0'],
  [/^line 1 is not an object$/, '[1]'],
  [/^line 1 has the index 7, and not 0$/, begun.replace('"index":0', '"index":7')],
  [/^line 1 has the type "done"$/, begun.replace('invoke', 'done')],
  [/^line 1 has the process "someone"$/, begun.replace('"process":1', '"process":"someone"')],
  [/^line 1 has the process 2147483648$/, begun.replace('"process":1', '"process":2147483648')],
  [/^line 1 has the time null$/, begun.replace('"time":1', '"time":null')],
  [/^line 1 has the f "read", which is not known$/, begun.replace('"f":"send"', '"f":"read"')],
  [/^line 1 has the part \["poll"\]$/, begun.replace('["send",0,5]', '["poll"]')],
  [/^line 1 has the part \["send",0,-5\]$/, begun.replace('0,5', '0,-5')],
  [/^line 1 has the value null, which is not a list of parts$/, begun.replace('[["send",0,5]]', 'null')],
  [
    /^line 2 begins something of process 1, which has not ended what it began in line 1$/,
    begun,
    begun.replace('"index":0', '"index":1'),
  ],
  [/^line 1 ends what process 1 has not begun$/, begun.replace('invoke', 'ok')],
  [
    /^line 2 ends poll, and process 1 has begun send$/,
    begun,
    '{"index":1,"type":"ok","process":1,"f":"poll","value":[["poll"]],"time":2}',
  ],
  [
    /^line 2 ends something else than process 1 has begun in line 1$/,
    begun,
    begun.replace('"index":0,"type":"invoke"', '"index":1,"type":"ok"').replace('0,5', '0,[3,6]'),
  ],
  [
    /^line 1 is of the nemesis, and of type "ok"$/,
    '{"index":0,"type":"ok","process":"nemesis","f":"kill","value":null,"time":1}',
  ],
  [
    /^line 1 has the value \[0,"last",null\]$/,
    '{"index":0,"type":"invoke","process":1,"f":"list-offsets","value":[0,"last",null],"time":1}',
  ],
  [/^line 1 has the group undefined$/, '{"index":0,"type":"invoke","process":1,"f":"commit","value":{},"time":1}'],
  [
    /^line 1 has the value \{"a":1\}$/,
    '{"index":0,"type":"invoke","process":1,"f":"commit","group":"g","value":{"a":1},"time":1}',
  ],
  [/^line 1 has the rebalance-log 5$/, begun.replace('"time":1', '"time":1,"rebalance-log":5')],
]

test('a line that cannot be is told by its number', () => {
  for (const [why, ...lines] of WRONG) {
    assert.throws(
      () => read(lines),
      (error) => error instanceof HistoryError && why.test(error.message),
      String(why),
    )
  }
})

test('a line that is far too long is shown shortened', () => {
  const long = begun.replace('"send",0,5', `"send",0,"${'x'.repeat(100_000)}",1`)
  assert.throws(
    () => read([long]),
    (error) => error instanceof HistoryError && error.message.length < 200,
  )
})

test('a last line that is cut off is said, and the rest is read', () => {
  const reader = new HistoryReader()
  reader.line(begun)
  reader.lastLine('{"index":1,"ty')
  const history = reader.build()
  assert.deepEqual([history.isCutOff, history.lines, history.open], [true, 1, 1])
  const whole = new HistoryReader()
  whole.lastLine(begun)
  assert.equal(whole.build().isCutOff, false)
})

test('of a send of several records that did not end well each part has its own end', () => {
  const history = read(told(['1 1-4 info >0:1.0@3 >1:1.0! >0:1.1', '2 5-6 ok assign 0 start']))
  const { outcome, kind, isAlone, index } = history.columns
  assert.deepEqual([...kind], [0, 0, 0, 3])
  assert.deepEqual([...outcome], [0, 2, 0, 0])
  assert.deepEqual([...isAlone], [1, 1, 1, 0])
  assert.deepEqual([...index!], [1, 1, 1, 3])
  const asTransaction = read(told(['1 1-4 info >0:1.0@3 >1:1.0! >0:1.1']), { transactional: true })
  assert.deepEqual([...asTransaction.columns.outcome], [2])
})

test('a finding names the operations that show it', () => {
  const history = read(told(['1 1-2 ok >0:1.0@0', '1 3-4 ok >0:1.1@1', '9 5-6 ok assign 0 start', '9 7-8 ok <0:1.1@1']))
  const { findings } = judge(history)
  assert.deepEqual(
    findings.map(({ anomaly, operations }) => [anomaly, operations]),
    [
      ['lost-write', [1, 7]],
      ['unseen', [1]],
    ],
  )
})

test('a group of which a commit was lost that nobody knows is not asked where an offset comes from', () => {
  const lines = told(['1 1-2 ok >0:1.0@0', '2 3-4 ok subscribe 0', '3 9-10 ok committed g 0=1'])
  assert.deepEqual(Object.keys(judge(read(lines)).anomalies).sort(), ['offset-phantom', 'unseen'])
  const commit = { process: 4, f: 'commit', value: {}, time: 5e6, group: 'g' }
  const unclear = [
    ...lines.slice(0, 4),
    ...['invoke', 'info'].map((type) => JSON.stringify({ ...commit, type })),
    ...lines.slice(4),
  ]
  const indexed = unclear.map((line, index) => JSON.stringify({ ...(JSON.parse(line) as object), index }))
  const judgement = judge(read(indexed))
  assert.deepEqual(Object.keys(judgement.anomalies), ['unseen'])
  assert.deepEqual(Object.keys(judgement.observed), ['offset-phantom'])
})

test('the file of a run is looked at', () => {
  assert.deepEqual(readRunFile('{"settings":{"acks":1}}').settings, { acks: 1 })
  assert.deepEqual(readRunFile('{}').settings, {})
  for (const [text, why] of [
    ['{', /^run.json is not JSON/],
    ['[]', /^run.json is not an object$/],
    ['{"settings":{"acks":2}}', /^acks in run.json is 2$/],
    ['{"settings":{"kinds":["send",1]}}', /^kinds in run.json is \["send",1\]$/],
    ['{"unasked":5}', /^unasked in run.json is not a list$/],
  ] as const) {
    assert.throws(
      () => readRunFile(text),
      (error) => error instanceof RunFileError && why.test(error.message),
      text,
    )
  }
})
