/** Batches of a leader in the log of its follower: as they are, with the gaps that compaction leaves. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '../../src/io/disk.js'
import type { BatchView } from '../../src/records/batch.js'
import { BatchIterator } from '../../src/records/reader.js'
import { batchOf, SimulatedStore } from './simulated-store.js'

function received(baseOffset: number, epoch: number, count = 2): BatchView {
  const batch = batchOf(Array.from({ length: count }, (_, n) => `${baseOffset + n}`.padEnd(60)))
  batch.baseOffset = baseOffset
  batch.partitionLeaderEpoch = epoch
  return batch
}

function found(store: SimulatedStore): string[] {
  const { log } = store
  const batches: string[] = []
  let offset = log.startOffset
  const readOn = (): void => {
    if (offset >= log.logEndOffset) return
    const request = { offset, upToOffset: log.logEndOffset, maxBytes: 400, wholeFirstBatch: true }
    log.read(request, (error, read) => {
      if (read === undefined) throw error
      const iterator = new BatchIterator(read.bytes)
      while (iterator.next() === 'batch') {
        const { batch } = iterator
        batches.push(`${batch.baseOffset}-${batch.nextOffset} e${batch.partitionLeaderEpoch}`)
        offset = batch.nextOffset
      }
      read.release()
      readOn()
    })
  }
  store.turn(readOn)
  assert.ok(store.until(() => offset >= log.logEndOffset))
  return batches
}

test('they keep offsets and epochs over segments, gaps and a loss of power', () => {
  const store = new SimulatedStore('received', { segmentBytes: 700, checkpointIntervalMs: 20 }).reopened()
  const expected: string[] = []
  let offset = 5
  for (let n = 0; n < 30; n++) {
    const epoch = 1 + Math.floor(n / 10)
    const count = 1 + (n % 3)
    store.turn(() => assert.equal(store.log.appendAsIs(received(offset, epoch, count)), undefined))
    expected.push(`${offset}-${offset + count} e${epoch}`)
    offset += count + (n % 4 === 0 ? 100 : 0)
    if (n % 5 === 0) assert.ok(store.until(() => store.log.flushedEndOffset === store.log.nextOffset))
  }
  assert.ok(store.until(() => store.log.flushedEndOffset === store.log.nextOffset))
  assert.ok(store.log.segments.length > 3)
  assert.deepEqual(found(store), expected)
  const entries = store.log.state.epochs.entries()
  assert.deepEqual(
    entries.map(({ leaderEpoch }) => leaderEpoch),
    [1, 2, 3],
  )
  const digest = store.log.state.digest.toText()
  store.machine.losePower()
  store.reopened()
  assert.deepEqual(found(store), expected)
  assert.deepEqual(store.log.state.epochs.entries(), entries)
  assert.equal(store.log.state.digest.toText(), digest)
})

test('one that does not come next is refused, and nothing has changed', () => {
  const store = new SimulatedStore('refused').reopened()
  store.turn(() => assert.equal(store.log.appendAsIs(received(10, 4)), undefined))
  const refuse = (batch: BatchView, reason: RegExp): void =>
    store.turn(() => assert.match(store.log.appendAsIs(batch)!, reason))
  refuse(received(11, 4), /offset 11 comes where 12 is next/)
  refuse(received(0, 4), /offset 0 comes where 12 is next/)
  refuse(received(12, 3), /epoch 3 after 4/)
  refuse(received(12 + 2 ** 31, 4), /too far from 12/)
  assert.equal(store.log.nextOffset, 12)
  store.turn(() => assert.equal(store.log.appendAsIs(received(12, 5)), undefined))
  assert.ok(store.until(() => store.log.flushedEndOffset === 14))
  assert.deepEqual(found(store), ['10-12 e4', '12-14 e5'])
})

test('a log that has failed takes none', () => {
  const store = new SimulatedStore('failed').reopened()
  const { device } = store.machine
  device.faults.capacityBytes = device.usedBytes + 30
  store.turn(() => store.log.appendAsIs(received(0, 1, 20)))
  assert.ok(store.until(() => store.failures === 1))
  store.turn(() => assert.throws(() => store.log.appendAsIs(received(40, 1)), DiskError))
  device.faults.capacityBytes = Number.POSITIVE_INFINITY
  assert.ok(store.until(() => store.repairs === 1 || !store.log.failed))
  store.turn(() => assert.equal(store.log.appendAsIs(received(0, 1)), undefined))
})
