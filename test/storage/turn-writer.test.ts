import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BufferPool } from '../../src/base/buffer-pool.js'
import { TurnWriter } from '../../src/storage/turn-writer.js'
import { FakeClock } from '../fake-clock.js'

test('every log that was scheduled is written once, at the end of the turn', () => {
  const clock = new FakeClock()
  const turns = new TurnWriter(clock, new BufferPool())
  const written: string[] = []
  const log = (name: string) => ({ writeTurn: () => void written.push(name) })
  const [a, b] = [log('a'), log('b')]
  for (const each of [a, b, a]) turns.schedule(each)
  assert.deepEqual(written, [])
  clock.drain()
  assert.deepEqual(written, ['a', 'b'])
  turns.schedule(b)
  clock.drain()
  assert.deepEqual(written, ['a', 'b', 'b'])
})

test('a log that is scheduled while logs are written is written later', () => {
  const clock = new FakeClock()
  const turns = new TurnWriter(clock, new BufferPool())
  const written: string[] = []
  const late = { writeTurn: () => void written.push('late') }
  turns.schedule({
    writeTurn: () => {
      turns.schedule(late)
      written.push('early')
    },
  })
  clock.drain()
  assert.deepEqual(written, ['early', 'late'])
})
