import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { NodeClock } from '../../../src/io/node/clock.js'

test('deferred calls come at the end of the turn, in order, with those deferred meanwhile', async () => {
  const clock = new NodeClock()
  const seen: string[] = []
  clock.defer(() => {
    seen.push('first')
    clock.defer(() => seen.push('third'))
  })
  clock.defer(() => seen.push('second'))
  assert.equal(seen.length, 0)
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(seen, ['first', 'second', 'third'])
  clock.defer(() => seen.push('fourth'))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(seen.at(-1), 'fourth')
})

test('timers come when due, not when cancelled, and never at once for being long', async () => {
  const clock = new NodeClock()
  const seen: string[] = []
  const start = clock.monotonicMs()
  clock.timer(30, () => seen.push(`late by ${clock.monotonicMs() - start >= 30}`))
  clock.timer(20, () => seen.push('cancelled')).cancel()
  const long = clock.timer(2 ** 40, () => seen.push('long'))
  await sleep(80)
  assert.deepEqual(seen, ['late by true'])
  long.cancel()
})

test('after a stall sockets are read before overdue timers run', async () => {
  const clock = new NodeClock()
  const order: string[] = []
  const timer = new Promise<number>((resolve) =>
    clock.timer(5, (lateMs) => {
      order.push('timer')
      resolve(lateMs)
    }),
  )
  const until = performance.now() + 100
  while (performance.now() < until);
  // Stands for what the poll phase delivers.
  setImmediate(() => order.push('poll'))
  const lateMs = await timer
  assert.deepEqual(order, ['poll', 'timer'])
  assert.ok(lateMs >= 90)
})
