/** What is written down of the high watermark of a log holds for what has stayed of it, and for nothing that comes in its place, whenever the process or the power goes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LOG_OPTIONS } from '../log-options.js'
import { atEveryOperation } from './crash-points.js'
import { batchOf, DATA, SimulatedStore, TOPIC_ID } from './simulated-store.js'

const NAME = 't-0'
const FILE = `${DATA}/replication-offset-checkpoint`
const COUNT = 12

function fill(store: SimulatedStore, count: number, what = 'value'): void {
  const endOffset = store.log.nextOffset + count
  store.turn(() => {
    for (let n = 0; n < count; n++) store.append([`${what} ${store.log.nextOffset}`])
  })
  store.until(() => store.log.settledEndOffset === endOffset && store.log.logEndOffset === endOffset)
}

function write(store: SimulatedStore, offset: number): void {
  const { highWatermarks } = store.running!.manager
  let done = false
  store.turn(() => {
    highWatermarks.set({ topic: 't', partition: 0, offset })
    highWatermarks.write(() => (done = true))
  })
  assert.ok(store.until(() => done))
}

function written(store: SimulatedStore): SimulatedStore {
  store.reopened()
  fill(store, COUNT)
  write(store, COUNT)
  assert.equal(store.file(FILE)!.content.toString(), `0\n1\nt 0 ${COUNT}\n`)
  return store
}

function highWatermark(store: SimulatedStore): number {
  return store.running!.manager.highWatermarks.of(NAME)
}

test('it is there after a crash, a power loss and a stop in order, which writes down what is new', () => {
  for (const end of ['crash', 'losePower', 'stop'] as const) {
    const store = written(new SimulatedStore(end))
    fill(store, 2)
    store.turn(() => store.running!.manager.highWatermarks.set({ topic: 't', partition: 0, offset: COUNT + 1 }))
    if (end === 'stop') assert.equal(store.stop(), 'clean')
    else store.machine[end]()
    store.reopened()
    assert.equal(highWatermark(store), end === 'stop' ? COUNT + 1 : COUNT, end)
  }
})

test('a log that is cut, and written on, is not believed from there on', () => {
  for (const cut of ['truncate', 'restart'] as const) {
    const cutAt = cut === 'truncate' ? 4 : COUNT + 5
    const struck = atEveryOperation({
      seeds: 4,
      prepare: (store) => void written(store),
      run: (store) => {
        let done = false
        store.turn(() => store.running!.manager.cuts[cut](store.log, cutAt, () => (done = true)))
        if (!store.until(() => done)) return
        fill(store, COUNT + 5, 'other')
      },
      check: (store, where) => {
        store.reopened()
        const { startOffset, logEndOffset } = store.log
        const end = highWatermark(store)
        assert.ok(end <= (startOffset > 0 ? startOffset : logEndOffset), `${where}: ${end} of ${logEndOffset}`)
        const values = startOffset > 0 ? [] : store.values()!.slice(0, end)
        for (const [offset, value] of values.entries()) assert.equal(value, `value ${offset}`, where)
      },
    })
    assert.ok(struck > 50, `${struck}`)
  }
})

test('a log that has lost its end is not believed to have it again when it is written on', () => {
  let shorter = 0
  for (let seed = 0; seed < 30; seed++) {
    const store = new SimulatedStore(seed, { flushPolicy: 'os', segmentBytes: 1 << 20 })
    written(store).machine.losePower()
    store.reopened()
    const { logEndOffset } = store.log
    assert.ok(highWatermark(store) <= logEndOffset)
    if (logEndOffset < COUNT) shorter++
    fill(store, COUNT)
    store.machine.crash()
    store.reopened()
    assert.equal(highWatermark(store), Math.min(COUNT, logEndOffset))
  }
  assert.ok(shorter > 5, `${shorter}`)
})

test('another topic of the same name inherits nothing', () => {
  const other = { topic: 't', partition: 0, topicId: 'AAAAAAAAAAAAAAAAAAAABA' }
  const open = (store: SimulatedStore, then: () => void): void =>
    store.running!.manager.open(other, LOG_OPTIONS, (error, log) => {
      if (log === undefined) return assert.ok(!store.alive, `${error}`)
      log.observer = { written() {}, flushed() {}, startMoved() {}, failed() {}, repaired() {} }
      for (let n = 0; n < COUNT; n++) log.append(batchOf(['other']), 3)
      then()
    })
  const struck = atEveryOperation({
    seeds: 4,
    prepare: (store) => void written(store),
    run: (store) => {
      let done = false
      const { manager } = store.running!
      store.turn(() => manager.remove({ ...other, topicId: TOPIC_ID }, () => open(store, () => (done = true))))
      if (!store.until(() => done)) return
      store.pass(100)
    },
    check: (store, where) => {
      assert.ok(store.start(), where)
      let opened = false
      store.turn(() => open(store, () => (opened = true)))
      assert.ok(
        store.until(() => opened),
        where,
      )
      assert.equal(highWatermark(store), 0, where)
    },
  })
  assert.ok(struck > 20, `${struck}`)
})

test('what is gone is not in the file after the next write, and nothing is written where there is nothing new', () => {
  const store = written(new SimulatedStore('gone'))
  const file = store.file(FILE)
  write(store, COUNT)
  assert.equal(store.file(FILE), file, 'it was not replaced')
  const { manager } = store.running!
  let removed = false
  store.turn(() => manager.remove({ topic: 't', partition: 0, topicId: TOPIC_ID }, () => (removed = true)))
  assert.ok(store.until(() => removed))
  store.turn(() => manager.highWatermarks.write(() => {}))
  store.pass(100)
  assert.equal(store.file(FILE)!.content.toString(), '0\n0\n')
})
