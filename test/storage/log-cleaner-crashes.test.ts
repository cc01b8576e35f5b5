/** A cleaning that is struck at each of its disk operations: by a crash of the process, by a loss of power, and at the start that follows, too. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appendKeyed, assertCompacted, startCleaner, type Written } from './compacted-store.js'
import { atEveryOperation } from './crash-points.js'
import { SimulatedStore } from './simulated-store.js'

const KEYS = 4
/** Of two closed segments and an active one. */
const BATCHES = 12

/** Batches of one to three records, some of which delete their key; the last ones stay in the active segment. */
function fill(store: SimulatedStore, written: Written, batches: number): void {
  store.turn(() => {
    for (let batch = 0; batch < batches; batch++) {
      const records = Array.from({ length: 1 + (batch % 3) }, (_, n) => {
        const at = written.length + n
        return { key: `key ${(at * 7) % KEYS}`, value: at % 11 === 3 ? null : `value ${at}` }
      })
      appendKeyed(store, written, records, batch % 2 === 0 ? { codec: 'gzip' } : {})
    }
  })
  assert.ok(store.until(() => store.log.logEndOffset === written.length))
  store.turn(() => store.log.flush())
  assert.ok(store.until(() => store.log.flushedEndOffset === written.length))
}

/** Segments become larger than they are, so that several become one. */
const CLEANING = { deleteRetentionMs: 30, segmentBytes: 1500 } as const

function cleanAll(store: SimulatedStore): void {
  const cleaner = startCleaner(store, { backoffMs: 5 }, CLEANING)
  store.until(() => cleaner.metrics.cleanings > 0 && !cleaner.busy)
}

for (const flushPolicy of ['commit', 'os'] as const) {
  test(`a strike at every operation of a cleaning loses nothing and brings nothing back (${flushPolicy})`, () => {
    let written: Written = []
    const struck = atEveryOperation({
      options: { flushPolicy, fileDeleteDelayMs: 3 },
      seeds: 1,
      prepare: (store) => {
        written = []
        store.reopened()
        fill(store, written, BATCHES)
      },
      run: (store) => {
        cleanAll(store)
        store.pass(10)
      },
      check: (store, where) => {
        store.reopened()
        assert.equal(store.log.logEndOffset, written.length, where)
        assertCompacted(store, written, where, true)
        for (const suffix of ['.cleaned', '.swap', '.deleted']) {
          assert.ok(!store.names()!.some((name) => name.endsWith(suffix)), `${where}: ${suffix}`)
        }
        // Whatever was left: it goes on from there.
        fill(store, written, 4)
        cleanAll(store)
        assertCompacted(store, written, `${where}, cleaned again`, true)
        store.machine.losePower()
        store.reopened()
        assertCompacted(store, written, `${where}, cleaned again, after a power loss`, true)
      },
    })
    assert.ok(struck > 120, `${struck}`)
  })
}

/** A log in which a crash has struck the cleaning at this operation. */
function interruptedAt(store: SimulatedStore, operation: number): Written {
  const written: Written = []
  store.reopened()
  fill(store, written, BATCHES)
  store.machine.device.crashPoint = { operationsLeft: operation, strike: () => store.machine.crash() }
  cleanAll(store)
  store.pass(10)
  store.machine.device.crashPoint = undefined
  if (store.alive) store.machine.crash()
  return written
}

test('a strike at every operation of the start that ends an interrupted replacement', () => {
  const options = { fileDeleteDelayMs: 3 }
  /** One operation for each state of the files in which a replacement counts and has not come to its end. */
  const operations = new Map<string, number>()
  for (let operation = 1; operation < 90; operation++) {
    const store = new SimulatedStore('0', options)
    interruptedAt(store, operation)
    const names = store.names()!
    if (names.some((name) => name.endsWith('.log.swap'))) operations.set(names.join(), operation)
  }
  assert.ok(operations.size >= 5, `${operations.size}`)
  let written: Written = []
  for (const operation of operations.values()) {
    atEveryOperation({
      options,
      seeds: 1,
      prepare: (store) => {
        written = interruptedAt(store, operation)
      },
      run: (store) => void (store.start() && store.open()),
      check: (store, where) => {
        store.reopened()
        assertCompacted(store, written, `cleaning struck at ${operation}, ${where}`, true)
        assert.equal(store.log.logEndOffset, written.length)
      },
    })
  }
})
