/** Within a simulation the ambient clock, timers and randomness throw; afterwards they are as they were. */
import assert from 'node:assert/strict'
import crypto, { randomBytes, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { TrapError, withTraps } from '../../src/sim/traps.js'

/** Each asks for something that must come through a port, and gives it back to the world if it got it. */
const TRAPPED: Record<string, () => unknown> = {
  setTimeout: () => clearTimeout(setTimeout(() => {}, 0)),
  setInterval: () => clearInterval(setInterval(() => {}, 1000)),
  setImmediate: () => clearImmediate(setImmediate(() => {})),
  queueMicrotask: () => queueMicrotask(() => {}),
  'new Date()': () => new Date().toISOString(),
  'Date()': () => Date(),
  'Date.now': () => Date.now(),
  'Math.random': () => Math.random(),
  'performance.now': () => performance.now(),
  'process.hrtime': () => process.hrtime(),
  'process.hrtime.bigint': () => process.hrtime.bigint(),
  'process.nextTick': () => process.nextTick(() => {}),
  'crypto.randomBytes': () => crypto.randomBytes(4),
  'crypto.randomInt': () => crypto.randomInt(10),
  'crypto.randomUUID': () => crypto.randomUUID(),
  'crypto.randomFillSync': () => crypto.randomFillSync(Buffer.alloc(4)),
  'a named import of randomUUID': () => randomUUID(),
  'a named import of randomBytes': () => randomBytes(4),
  'globalThis.crypto.randomUUID': () => globalThis.crypto.randomUUID(),
  'globalThis.crypto.getRandomValues': () => globalThis.crypto.getRandomValues(new Uint8Array(4)),
}

function works(): void {
  for (const [name, call] of Object.entries(TRAPPED)) assert.doesNotThrow(call, name)
}

test('every trapped name throws within, and works before and after', () => {
  works()
  const before = [Object.getOwnPropertyDescriptor(globalThis, 'Date'), Math.random, process.hrtime, setTimeout]
  const caught: string[] = withTraps(() =>
    Object.keys(TRAPPED).filter((name) => {
      try {
        TRAPPED[name]!()
        return false
      } catch (error) {
        return error instanceof TrapError
      }
    }),
  )
  assert.deepEqual(caught, Object.keys(TRAPPED))
  works()
  const after = [Object.getOwnPropertyDescriptor(globalThis, 'Date'), Math.random, process.hrtime, setTimeout]
  assert.deepEqual(after, before)
  assert.equal(Object.getOwnPropertyDescriptor(performance, 'now'), undefined, 'it is the prototype that has it')
})

test('the traps are gone also after an error', () => {
  assert.throws(
    () =>
      withTraps(() => {
        throw new RangeError('out')
      }),
    RangeError,
  )
  works()
  assert.throws(() => withTraps(() => Date.now()), TrapError)
  works()
})

test('an error says what was called and which port has it', () => {
  assert.throws(() => withTraps(() => Math.random()), /Math\.random was called inside a simulation: .*random port/)
  assert.throws(() => withTraps(() => Date.now()), /Date\.now was called inside a simulation: .*clock port/)
})

test('within traps others may be set: the outer ones still hold when the inner ones are gone', () => {
  withTraps(() => {
    withTraps(() => assert.throws(() => Date.now(), TrapError))
    assert.throws(() => Date.now(), TrapError)
  })
  works()
})

test('dates of a given time are allowed, and are dates', () => {
  const texts = withTraps(() => {
    const date = new Date(1_700_000_000_123)
    assert.ok(date instanceof Date)
    assert.equal(Date.UTC(2001, 0, 1), 978_307_200_000)
    assert.equal(Date.parse('2001-01-01T00:00:00Z'), 978_307_200_000)
    return [date.toISOString(), new Date('2001-01-01T00:00:00Z').toISOString()]
  })
  assert.deepEqual(texts, ['2023-11-14T22:13:20.123Z', '2001-01-01T00:00:00.000Z'])
})

test('what the action returns comes back', () => {
  assert.equal(
    withTraps(() => 42),
    42,
  )
})
