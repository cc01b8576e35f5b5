import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BatchView } from '../../src/records/batch.js'
import { LogCursor } from '../../src/sim/log-cursor.js'
import { batchOf, PARTITION, SimulatedStore } from '../storage/simulated-store.js'

function batchAt(baseOffset: number, count: number): BatchView {
  const batch = batchOf(Array.from({ length: count }, (_, n) => `${baseOffset + n}`))
  batch.baseOffset = baseOffset
  batch.partitionLeaderEpoch = 1
  return batch
}

test('a log that begins anew in front of where it did is read again, from its first batch on', () => {
  const store = new SimulatedStore('anew').reopened()
  const { cuts } = store.running!.manager
  const cursor = new LogCursor(store.machine, PARTITION)
  const read = (): string[] =>
    // Each is looked at before the next one comes: they are one view.
    Array.from(
      cursor.batchesUpTo(Number.POSITIVE_INFINITY),
      ({ baseOffset, nextOffset }) => `${baseOffset}-${nextOffset}`,
    )
  let done = false
  store.turn(() => cuts.restart(store.log, 10, () => (done = true)))
  assert.ok(store.until(() => done))
  assert.deepEqual(read(), [])
  done = false
  const { bytes, start, sizeBytes } = batchAt(8, 5)
  store.turn(() => cuts.beginWith(store.log, bytes.subarray(start, start + sizeBytes), () => (done = true)))
  assert.ok(store.until(() => done))
  store.turn(() => store.log.appendAsIs(batchAt(13, 2)))
  assert.ok(store.until(() => store.log.flushedEndOffset === 15))
  assert.deepEqual(read(), ['8-13', '13-15'])
  assert.deepEqual(read(), [])
})
