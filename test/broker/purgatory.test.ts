import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type DelayedOperation, Purgatory } from '../../src/broker/purgatory.js'
import { FakeClock } from '../fake-clock.js'

class Operation implements DelayedOperation {
  ready = false
  readonly log: string[] = []

  tryComplete(): boolean {
    if (this.ready) this.log.push('completed')
    return this.ready
  }

  expire(): void {
    this.log.push('expired')
  }
}

test('what is ready is completed at once, what may not wait expires at once', () => {
  const purgatory = new Purgatory<string>(new FakeClock())
  const ready = new Operation()
  ready.ready = true
  purgatory.tryCompleteOrWatch(ready, ['a'], 100)
  assert.deepEqual(ready.log, ['completed'])
  const hasty = new Operation()
  purgatory.tryCompleteOrWatch(hasty, ['a'], 0)
  assert.deepEqual(hasty.log, ['expired'])
  assert.equal(purgatory.size, 0)
})

test('any of its keys completes an operation, once', () => {
  const clock = new FakeClock()
  const purgatory = new Purgatory<string>(clock)
  const operation = new Operation()
  purgatory.tryCompleteOrWatch(operation, ['a', 'b'], 100)
  purgatory.check('b')
  assert.deepEqual(operation.log, [])
  operation.ready = true
  purgatory.check('c')
  assert.deepEqual(operation.log, [])
  purgatory.check('b')
  purgatory.check('a')
  clock.advance(1000)
  assert.deepEqual(operation.log, ['completed'])
})

test('time that is up expires, in order, and a closed purgatory holds nothing', () => {
  const clock = new FakeClock()
  const purgatory = new Purgatory<string>(clock)
  const [late, early, never] = [new Operation(), new Operation(), new Operation()]
  purgatory.tryCompleteOrWatch(late, ['a'], 200)
  purgatory.tryCompleteOrWatch(early, ['a'], 100)
  purgatory.tryCompleteOrWatch(never, ['a'], 10_000)
  clock.advance(150)
  assert.deepEqual([late.log, early.log], [[], ['expired']])
  clock.advance(50)
  assert.deepEqual(late.log, ['expired'])
  purgatory.close()
  assert.deepEqual(never.log, ['expired'])
  assert.equal(purgatory.size, 0)
  assert.equal(clock.timers, 0)
})

test('an operation that completes another of the same key loses none', () => {
  const purgatory = new Purgatory<string>(new FakeClock())
  const inner = new Operation()
  const outer: DelayedOperation & { ready: boolean } = {
    ready: false,
    tryComplete() {
      if (!this.ready) return false
      purgatory.tryCompleteOrWatch(inner, ['a'], 100)
      return true
    },
    expire() {},
  }
  const waiting = new Operation()
  purgatory.tryCompleteOrWatch(outer, ['a'], 100)
  purgatory.tryCompleteOrWatch(waiting, ['a'], 100)
  outer.ready = true
  purgatory.check('a')
  assert.equal(purgatory.size, 2)
  inner.ready = waiting.ready = true
  purgatory.check('a')
  assert.deepEqual([inner.log, waiting.log], [['completed'], ['completed']])
})

test('every operation ends exactly once, whatever the order of checks and time', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('watch' as const),
      a: fc.nat({ max: 4 }),
      b: fc.nat({ max: 4 }),
      n: fc.nat({ max: 300 }),
    }),
    fc.record({ kind: fc.constant('ready' as const), a: fc.nat(), b: fc.nat({ max: 4 }), n: fc.constant(0) }),
    fc.record({ kind: fc.constant('advance' as const), a: fc.constant(0), b: fc.constant(0), n: fc.nat({ max: 100 }) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const clock = new FakeClock()
      const purgatory = new Purgatory<number>(clock)
      const operations: Operation[] = []
      for (const { kind, a, b, n } of steps) {
        if (kind === 'watch') {
          const operation = new Operation()
          operations.push(operation)
          purgatory.tryCompleteOrWatch(operation, a === b ? [a] : [a, b], n)
        } else if (kind === 'ready' && operations.length > 0) {
          operations[a % operations.length]!.ready = true
          purgatory.check(b)
        } else clock.advance(n)
      }
      assert.equal(purgatory.size, operations.filter(({ log }) => log.length === 0).length)
      clock.advance(1000)
      for (const { log } of operations) assert.equal(log.length, 1)
    }),
  )
})

test('a hundred thousand completed operations leave nothing behind', () => {
  const clock = new FakeClock()
  const purgatory = new Purgatory<string>(clock)
  for (let n = 0; n < 100_000; n++) {
    const operation = new Operation()
    purgatory.tryCompleteOrWatch(operation, ['a'], 30_000)
    operation.ready = true
    purgatory.check('a')
  }
  assert.equal(purgatory.size, 0)
  assert.ok(purgatory.deadlines < 2048, `${purgatory.deadlines} deadlines`)
})
