/** Directories of deleted topics, and a power loss while they are removed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atEveryOperation } from './crash-points.js'
import { DATA, type SimulatedStore, TOPIC_ID } from './simulated-store.js'

const ID = { topic: 't', partition: 0, topicId: TOPIC_ID }

function remove(store: SimulatedStore): void {
  store.turn(() => store.running!.manager.remove(ID, () => {}))
  store.pass(5000)
}

test('what a power loss brings back of a deleted partition under its old name says whose it is', () => {
  let back = 0
  const struck = atEveryOperation({
    seeds: 60,
    strikes: ['losePower'],
    prepare: (store) => {
      store.reopened()
      store.turn(() => store.append(['a value']))
      assert.ok(store.until(() => store.log.flushedEndOffset === 1))
    },
    run: remove,
    check: (store, where) => {
      const names = store.names()
      if (names === undefined) return
      back++
      assert.ok(names.includes('partition.metadata'), `${where}: ${names}`)
    },
  })
  assert.ok(struck > 200 && back > 50, `${struck} strikes, ${back} times it was back`)
})

test('one that is being removed when the node ends is removed by the next', () => {
  const store = atEveryOperation({
    seeds: 5,
    prepare: (store) => {
      store.reopened()
      store.turn(() => store.append(['a value']))
      assert.ok(store.until(() => store.log.flushedEndOffset === 1))
    },
    run: remove,
    check: (store, where) => {
      assert.ok(store.start(), where)
      store.turn(() => store.running!.manager.tidy(() => undefined))
      store.pass(5000)
      const { names } = store.machine.device.find(DATA) as { names: readonly string[] }
      assert.deepEqual(
        names.filter((name) => name.startsWith('t-0') && !name.endsWith('-stray')),
        [],
        where,
      )
    },
  })
  assert.ok(store > 10)
})
