import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Heap } from '../../src/base/heap.js'

interface Item {
  readonly key: number
  readonly id: number
}

test('a heap gives its items by key, equal keys in order of arrival, whatever was popped or dropped meanwhile', () => {
  const command = fc.oneof(
    fc.record({ kind: fc.constant('push' as const), key: fc.nat({ max: 10 }) }),
    fc.record({ kind: fc.constant('pop' as const), key: fc.constant(0) }),
    fc.record({ kind: fc.constant('retain' as const), key: fc.nat({ max: 3 }) }),
  )
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const heap = new Heap<Item>()
      let model: Item[] = []
      commands.forEach(({ kind, key }, id) => {
        if (kind === 'push') {
          heap.push(key, { key, id })
          model.push({ key, id })
          model.sort((a, b) => a.key - b.key || a.id - b.id)
        } else if (kind === 'pop') {
          assert.equal(heap.peekKey(), model[0]?.key ?? Number.POSITIVE_INFINITY)
          assert.equal(heap.peek(), model[0] && heap.peek())
          assert.deepEqual(heap.pop(), model.shift())
        } else {
          const wanted = (item: Item): boolean => item.id % 4 !== key
          heap.retain(wanted)
          model = model.filter(wanted)
        }
        assert.equal(heap.size, model.length)
      })
      while (model.length > 0) assert.deepEqual(heap.pop(), model.shift())
      assert.equal(heap.pop(), undefined)
    }),
  )
})
