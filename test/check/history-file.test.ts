/** Histories as lines: what was written is what is read, and lines that cannot be are told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OffsetListed } from '../../src/check/check-watermarks.js'
import { type Operation, selfDescribing } from '../../src/check/history.js'
import { HistoryEncoder } from '../../src/check/history-file.js'
import { HistoryFormatError, HistoryReader } from '../../src/check/history-reader.js'
import { columnsOf } from '../../src/check/to-columns.js'

const v = (sequence: number): string => selfDescribing('a-0', 3, sequence)
const send = { f: 'send', key: 'a-0', process: 3, acks: -1, producer: 'p3' } as const
const plain = { f: 'send', key: 'b-0', process: 4, acks: 1 } as const
const history: Operation[] = [
  { ...send, type: 'invoke', time: 1, value: v(0), sequence: 0 },
  { ...send, type: 'invoke', time: 1.0009765625, value: v(1), sequence: 1 },
  { ...send, type: 'ok', time: 2, value: v(0), sequence: 0, offset: 0 },
  { f: 'fault', type: 'info', kind: 'crash', process: 0, time: 2 },
  { ...plain, type: 'invoke', time: 3, value: 'of "any" kind', recordKey: 'k', deletes: true },
  { ...plain, type: 'info', time: 4, value: 'of "any" kind', recordKey: 'k', deletes: true },
  { ...plain, type: 'invoke', time: 4, value: selfDescribing('b-0', 4, 2 ** 45) },
  { ...plain, type: 'fail', time: 5, value: selfDescribing('b-0', 4, 2 ** 45) },
  { f: 'delete', type: 'invoke', key: 'a-0', offset: 1, process: 5, time: 5 },
  { f: 'delete', type: 'ok', key: 'a-0', offset: 1, process: 5, time: 6 },
  { ...plain, acks: 0, type: 'invoke', time: 6, value: 'a-0/3/0/abc' },
  { ...plain, acks: 0, type: 'ok', time: 6, value: 'a-0/3/0/abc', offset: -1 },
  {
    f: 'poll',
    type: 'ok',
    key: 'a-0',
    process: 6,
    time: 7,
    records: [
      [0, v(0)],
      [1, 'damaged'],
      [2, v(1)],
    ],
    seek: true,
    highWatermark: 3,
  },
  { f: 'poll', type: 'ok', key: 'b-0', process: 7, time: 8, records: [], final: true, startOffset: 2 },
]
const listed: OffsetListed = { process: 8, key: 'b-0', of: 'latest', offset: 4, invokedMs: 8, completedMs: 9 }

function linesOf(operations: readonly Operation[]): string[] {
  const lines: string[] = []
  const encoder = new HistoryEncoder((line) => void lines.push(line), { seed: 7 })
  for (const operation of operations) encoder.operation(operation)
  encoder.listed(listed)
  encoder.end()
  return lines
}

function read(lines: readonly string[]) {
  const reader = new HistoryReader()
  for (const line of lines) reader.line(line)
  return { history: reader.build(), listed: reader.listed, about: reader.about }
}

test('what was written is what is read', () => {
  const lines = linesOf(history)
  assert.ok(lines.every((line) => line.indexOf('\n') === line.length - 1))
  const { history: columns, listed: answers, about } = read(lines)
  const { values, ...expected } = columnsOf(history)
  const { values: readValues, ...others } = columns
  assert.deepEqual(others, expected)
  assert.deepEqual(readValues.keys, values.keys)
  const texts = (of: typeof values): string[] => Array.from({ length: of.count }, (_, number) => of.text(number))
  assert.deepEqual(texts(readValues), texts(values))
  assert.deepEqual(
    texts(values).map((_, number) => readValues.belongs(number)),
    texts(values).map((_, number) => values.belongs(number)),
  )
  assert.deepEqual(answers, [listed])
  assert.equal(about['seed'], 7)
})

test('a value that describes itself is the same, however it is written', () => {
  const lines = linesOf(history.slice(0, 3))
  const asText = lines.map((line) => line.replace(/,3,0\]\n$/, `,${JSON.stringify(v(0))}]\n`))
  assert.notDeepEqual(asText, lines)
  assert.equal(read(asText).history.values.count, read(lines).history.values.count)
})

test('a line that cannot be is told', () => {
  const lines = linesOf(history)
  const fails = (altered: readonly string[], why: RegExp): void => {
    assert.throws(
      () => read(altered),
      (error) => error instanceof HistoryFormatError && why.test(error.message),
    )
  }
  fails(lines.slice(0, -1), /cut off/)
  fails(lines.slice(1), /line 1 does not begin a history/)
  fails([lines[0]!.replace('"version":1', '"version":2'), ...lines.slice(1)], /version 2/)
  fails([...lines.slice(0, 5), ...lines.slice(6)], /were in front of it/)
  fails([...lines, lines[2]!], /after the end/)
  fails([lines[0]!, lines[2]!], /line 2 is of a key that has no name/)
  fails([lines[0]!, lines[1]!, lines[4]!], /line 3 ends what has not begun/)
  fails([lines[0]!, '["x"]\n'], /line 2 begins with x/)
  fails([lines[0]!, '["k"\n'], /line 2 is not JSON/)
  fails([lines[0]!, lines[1]!, '["i",0,1,1,-1,null,null,null]\n'], /line 3 has no value/)
})
