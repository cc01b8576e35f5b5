/** The flight recorder keeps the latest inputs, each half readable by itself, in bounded memory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlightRecorder } from '../../src/base/flight-recorder.js'

test('a state stands before the first input of a core in each half, and at the end', () => {
  const recorder = new FlightRecorder(3)
  let count = 0
  const track = recorder.track('a', 'counter', () => count)
  for (let n = 0; n < 5; n++) {
    track('add', 1)
    count++
  }
  assert.deepEqual(recorder.entries(), [
    { core: 'a', kind: 'counter', state: 2 },
    { core: 'a', input: 'add', args: [1] },
    { core: 'a', input: 'add', args: [1] },
    { core: 'a', kind: 'counter', state: 4 },
    { core: 'a', input: 'add', args: [1] },
    { core: 'a', kind: 'counter', state: 5 },
  ])
})

test('memory is bounded, and a core of which nothing is kept is forgotten', () => {
  const recorder = new FlightRecorder(10)
  let captured = 0
  recorder.track('quiet', 'any', () => captured++)('once')
  const track = recorder.track('loud', 'any', () => ({}))
  for (let n = 0; n < 1000; n++) track('tick', n)
  const entries = recorder.entries()
  assert.ok(entries.length <= 2 * 10 + 1)
  assert.deepEqual(entries.at(-2)?.args, [999])
  assert.ok(entries.every(({ core }) => core === 'loud'))
  assert.equal(captured, 1)
})

test('a core that is not there is recorded as null, one that is broken is left out at the end', () => {
  const recorder = new FlightRecorder()
  let broken = false
  recorder.track('none', 'any', () => undefined)('tick')
  recorder.track('broken', 'any', () => {
    if (broken) throw new Error('broken')
    return { a: Number.POSITIVE_INFINITY }
  })('tick')
  broken = true
  assert.equal(
    recorder.dump(),
    [
      '{"core":"none","kind":"any","state":null}',
      '{"core":"none","input":"tick","args":[]}',
      '{"core":"broken","kind":"any","state":{"a":{"$number":"Infinity"}}}',
      '{"core":"broken","input":"tick","args":[]}',
      '{"core":"none","kind":"any","state":null}',
      '',
    ].join('\n'),
  )
})
