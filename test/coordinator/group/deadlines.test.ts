import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Deadline, Deadlines } from '../../../src/coordinator/group/deadlines.js'

test('deadlines come in order, as they were set last', () => {
  const step = fc.record({ deadline: fc.nat({ max: 5 }), atMs: fc.option(fc.nat({ max: 100 }), { nil: undefined }) })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const deadlines = new Deadlines()
      const all = Array.from({ length: 6 }, () => new Deadline(() => {}))
      const model = new Map<Deadline, number>()
      for (const { deadline, atMs } of steps) {
        const each = all[deadline]!
        if (atMs === undefined) {
          deadlines.clear(each)
          model.delete(each)
        } else {
          deadlines.set(each, atMs)
          model.set(each, atMs)
        }
        assert.equal(deadlines.nextMs(), Math.min(Number.POSITIVE_INFINITY, ...model.values()))
      }
      while (model.size > 0) {
        const next = Math.min(...model.values())
        assert.equal(deadlines.takeDue(next - 1), undefined)
        const due = deadlines.takeDue(next)!
        assert.equal(model.get(due), next)
        model.delete(due)
      }
      assert.equal(deadlines.takeDue(1000), undefined)
    }),
  )
})

test('what was cleared does not pile up', () => {
  const deadlines = new Deadlines()
  for (let i = 0; i < 100_000; i++) {
    const each = new Deadline(() => {})
    deadlines.set(each, 1_000_000 + i)
    deadlines.clear(each)
  }
  assert.ok(deadlines.queued < 5000, `${deadlines.queued} lie there`)
  const each = new Deadline(() => {})
  deadlines.set(each, 5)
  assert.equal(deadlines.takeDue(5), each)
})
