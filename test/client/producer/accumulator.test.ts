/** When which batch goes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Accumulator, sizeOf } from '../../../src/client/producer/accumulator.js'

const record = { value: Buffer.alloc(100) }
const ready = (): boolean => true
const ignore = (): void => {}

test('a batch waits for its linger, and goes at once when everything has to', () => {
  const accumulator = new Accumulator({ batchBytes: 10_000, lingerMs: 5 })
  accumulator.append('t', 0, record, ignore, 100)
  accumulator.append('t', 0, record, ignore, 104)
  assert.equal(accumulator.take(104, false, ready).length, 0)
  assert.equal(accumulator.nextReadyMs(false), 105)
  const [batch] = accumulator.take(105, false, ready)
  assert.equal(batch!.records.length, 2)
  accumulator.append('t', 1, record, ignore, 105)
  assert.equal(accumulator.take(105, true, ready)[0]!.partition, 1)
})

test('a full batch does not wait, and the next record begins another', () => {
  const size = sizeOf(record)
  const accumulator = new Accumulator({ batchBytes: 61 + 2 * size, lingerMs: 1000 })
  assert.deepEqual(
    [1, 2, 3].map(() => accumulator.append('t', 0, record, ignore, 0)),
    [false, false, true],
  )
  assert.equal(accumulator.take(0, false, ready)[0]!.records.length, 2)
})

test('of a partition one batch is on its way; one that is put back goes first, with the same bytes, and not too soon', () => {
  const accumulator = new Accumulator({ batchBytes: 0, lingerMs: 0 })
  for (let n = 0; n < 3; n++) accumulator.append('t', 0, { value: Buffer.from([n]) }, ignore, 0)
  const [first] = accumulator.take(0, false, ready)
  assert.deepEqual(accumulator.take(0, true, ready), [])
  assert.deepEqual(accumulator.waiting(), [])
  first!.bytes = Buffer.from('sent')
  accumulator.putBack(first!, 50)
  assert.deepEqual(accumulator.take(49, true, ready), [])
  assert.equal(accumulator.nextReadyMs(true), 50)
  assert.equal(accumulator.take(50, false, ready)[0], first)
  accumulator.finish(first!)
  assert.deepEqual(accumulator.take(50, false, ready)[0]!.records[0]!.value, Buffer.from([1]))
})

test('what is buffered is counted until it is through', () => {
  const accumulator = new Accumulator({ batchBytes: 1000, lingerMs: 0 })
  accumulator.append('t', 0, record, ignore, 0)
  assert.equal(accumulator.bufferedBytes, sizeOf(record))
  const [batch] = accumulator.take(0, true, ready)
  assert.equal(accumulator.isEmpty, false)
  accumulator.finish(batch!)
  assert.deepEqual([accumulator.bufferedBytes, accumulator.isEmpty], [0, true])
})
