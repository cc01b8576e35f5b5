/** Figures of a history: what is unseen over time, how old the news of who polls is, how often a member of a group was given a value. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consumeCounts, unseenSeries, worstRealtimeLag } from '../../src/check/lag.js'
import { columnsOfClients } from '../../src/check/to-columns.js'
import { tell as tellOperations } from './told-workload.js'

const tell = (lines: readonly string[]) => columnsOfClients(tellOperations(lines))

test('what is unseen grows with acknowledgements and shrinks with polls, in whichever order they come', () => {
  const series = unseenSeries(
    tell([
      '1 0-1 ok >x:a@0 >y:b@0',
      '1 1-2 info >x:c@1',
      '2 2-3 ok <x:a@0,c@1',
      '3 3-4 ok <y:z@1',
      '1 0-5 ok >y:z@1',
      '2 5-6 fail <y:b@0',
    ]),
  )
  assert.deepEqual(series, [
    { timeMs: 1, unseen: { x: 1, y: 1 } },
    { timeMs: 3, unseen: { y: 1 } },
    { timeMs: 4, unseen: { y: 1 } },
    { timeMs: 5, unseen: { y: 1 } },
  ])
})

test('a long series is thinned out and ends with the end', () => {
  const lines = Array.from({ length: 1001 }, (_, n) => `1 ${n}-${n + 1} ok >x:v${n}@${n}`)
  const series = unseenSeries(tell(lines))
  assert.ok(series.length <= 201 && series.length > 100)
  assert.deepEqual(series.at(-1), { timeMs: 1001, unseen: { x: 1001 } })
})

test('who has not seen what was there when it asked is that much behind', () => {
  const sends = ['1 0-10 ok >x:a@0', '1 11-20 ok >x:b@1']
  assert.equal(worstRealtimeLag(tell([...sends, '2 30-31 ok <x:a@0,b@1'])), undefined)
  const behind = { timeMs: 30, process: 2, key: 'x', lagMs: 10 }
  assert.deepEqual(worstRealtimeLag(tell([...sends, '2 30-31 ok <x:a@0'])), behind)
  assert.equal(worstRealtimeLag(tell([...sends, '2 15-31 ok <x:a@0'])), undefined, 'it asked before')
  assert.equal(worstRealtimeLag(tell([...sends, '2 30-31 fail <x:a@0'])), undefined)
  // What nobody told the offset of is there when something behind it is.
  assert.deepEqual(worstRealtimeLag(tell(['1 0-10 ok >x:b@5', '2 30-31 ok <x:a@0'])), { ...behind, lagMs: 20 })
})

test('an assignment begins anew with what it adds, a subscription forgets', () => {
  const history = ['1 0-10 ok >x:a@0', '1 0-10 ok >y:b@0', '2 11-12 ok <x:a@0']
  const poll = '2 30-31 ok <y:b@0'
  assert.equal(worstRealtimeLag(tell([...history, '2 13-14 ok assign x y', poll])), undefined)
  assert.deepEqual(worstRealtimeLag(tell([...history, '2 13-14 ok assign y', '2 15-16 ok assign x', poll])), {
    timeMs: 30,
    process: 2,
    key: 'x',
    lagMs: 20,
  })
  assert.equal(worstRealtimeLag(tell([...history, '2 13-14 ok assign y', '2 15-16 ok subscribe x', poll])), undefined)
  assert.equal(worstRealtimeLag(tell([...history, '2 13-14 fail assign z', poll])), undefined)
})

test('values are counted by process while it subscribes', () => {
  const history = ['1 0-1 ok >x:a@0', '2 1-2 ok <x:a@0', '2 2-3 ok subscribe x', '2 3-4 ok <x:a@0', '2 4-5 ok <x:a@0']
  const counts = (...lines: string[]): ReadonlyMap<number, number> => consumeCounts(tell([...history, ...lines]))
  assert.deepEqual(
    counts('3 1-1 ok subscribe x', '3 6-7 ok <x:a@0'),
    new Map([
      [1, 1],
      [2, 1],
    ]),
  )
  assert.deepEqual(counts('2 5-6 ok assign x', '2 6-7 ok <x:a@0'), new Map([[2, 1]]))
  assert.deepEqual(counts('2 5-6 fail assign x', '2 6-7 ok <x:a@0'), new Map([[3, 1]]))
})
