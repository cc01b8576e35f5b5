import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DigestRing } from '../../src/log/digest-ring.js'

interface State {
  readonly endOffset: number
  readonly leaderEpoch: number
  readonly high: number
  readonly low: number
}

function statesOf(ring: DigestRing): State[] {
  return Array.from({ length: ring.count }, (_, index) => ({
    endOffset: ring.endOffset(index),
    leaderEpoch: ring.leaderEpoch(index),
    high: ring.high(index),
    low: ring.low(index),
  }))
}

test('a ring keeps the newest states, through truncations at either end', () => {
  const command = fc.record({
    kind: fc.constantFrom('push', 'push', 'push', 'push', 'push', 'push', 'push', 'truncate', 'drop'),
    step: fc.integer({ min: 1, max: 6 }),
    bits: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  })
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 17, 40),
      fc.array(command, { maxLength: 150, size: 'max' }),
      (capacity, commands) => {
        const ring = new DigestRing(capacity)
        let model: State[] = []
        let leaderEpoch = 0
        for (const { kind, step, bits } of commands) {
          if (kind === 'push') {
            if (step === 6) leaderEpoch++
            const state = {
              endOffset: (model.at(-1)?.endOffset ?? 2 ** 50) + step,
              leaderEpoch,
              high: bits,
              low: ~bits >>> 0,
            }
            ring.push(state.endOffset, state.leaderEpoch, state.high, state.low)
            model = [...model, state].slice(-capacity)
          } else if (kind === 'truncate') {
            model = model.slice(0, Math.max(0, model.length - step))
            ring.truncate(model.length)
          } else {
            ring.dropUpToEpoch(leaderEpoch - step)
            model = model.filter((state) => state.leaderEpoch > leaderEpoch - step)
          }
          assert.deepEqual(statesOf(ring), model)
        }
        for (const { endOffset } of model) {
          assert.equal(model[ring.lastUpTo(endOffset)]?.endOffset, endOffset)
          const before = model.findLastIndex((state) => state.endOffset <= endOffset - 1)
          assert.equal(ring.lastUpTo(endOffset - 1), before)
        }
      },
    ),
    { seed: 16, numRuns: 200 },
  )
})

test('what only a bug can do is an assertion', () => {
  const ring = new DigestRing(2)
  ring.push(10, 0, 1, 2)
  assert.throws(() => ring.push(10, 0, 1, 2), /does not rise/)
  assert.throws(() => ring.truncate(2), /2 of 1 states/)
  assert.throws(() => new DigestRing(0))
})
