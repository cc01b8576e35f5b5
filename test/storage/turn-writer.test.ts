import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BufferPool } from '../../src/base/buffer-pool.js'
import { TurnWriter } from '../../src/storage/turn-writer.js'
import { FakeClock } from '../fake-clock.js'

test('every log that was scheduled is written once, at the end of the turn', () => {
  const clock = new FakeClock()
  const turns = new TurnWriter(clock, new BufferPool())
  const written: string[] = []
  const log = (name: string) => ({
    writeTurn(done: () => void) {
      written.push(name)
      done()
    },
  })
  const [a, b] = [log('a'), log('b')]
  for (const each of [a, b, a]) turns.schedule(each)
  assert.deepEqual(written, [])
  clock.drain()
  assert.deepEqual(written, ['a', 'b'])
  turns.schedule(b)
  clock.drain()
  assert.deepEqual(written, ['a', 'b', 'b'])
})

test('copies live until the turn is over and all its writes are done, also when one of them came early', () => {
  const clock = new FakeClock()
  const pool = new BufferPool()
  const turns = new TurnWriter(clock, pool)
  const copy = turns.copy(Buffer.from('first'))
  // What a log does that closes a segment in the middle of a turn.
  turns.hold()()
  assert.equal(pool.keptBytes, 0, 'the turn goes on')
  let finish: (() => void) | undefined
  turns.schedule({ writeTurn: (done) => void (finish = done) })
  const second = turns.copy(Buffer.from('second'))
  assert.equal(copy.buffer, second.buffer)
  clock.drain()
  assert.equal(pool.keptBytes, 0, 'a write is on its way')
  turns.copy(Buffer.alloc(300_000, 7))
  assert.deepEqual([String(copy), String(second)], ['first', 'second'])
  finish!()
  assert.ok(pool.keptBytes > 0)
})
