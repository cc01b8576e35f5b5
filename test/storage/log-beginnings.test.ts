/** A log that starts in the middle of its first batch, because its leader's does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '../../src/io/disk.js'
import { BatchIterator } from '../../src/records/reader.js'
import { batchOf, SimulatedStore } from './simulated-store.js'

const SEEDS = 80

/** A batch of a leader, as bytes. */
function received(baseOffset: number, count: number, epoch: number): Uint8Array {
  const batch = batchOf(Array.from({ length: count }, (_, n) => `e${epoch} ${baseOffset + n}`.padEnd(40)))
  batch.baseOffset = baseOffset
  batch.partitionLeaderEpoch = epoch
  return new Uint8Array(batch.bytes.subarray(batch.start, batch.start + batch.sizeBytes))
}

function fill(store: SimulatedStore, epoch: number, count: number): void {
  for (let n = 0; n < count; n++) {
    store.turn(() => store.log.append(batchOf([`${epoch} ${n}`.padEnd(40), `${n}`.padEnd(40)]), epoch))
  }
  assert.ok(store.until(() => store.log.flushedEndOffset === store.log.nextOffset))
}

/** The batches that can be read from where the log starts, by offset and epoch. */
function batches(store: SimulatedStore): string[] {
  const { log } = store
  const found: string[] = []
  let offset = log.startOffset
  const readOn = (): void => {
    if (offset >= log.logEndOffset) return
    const request = { offset, upToOffset: log.logEndOffset, maxBytes: 300, wholeFirstBatch: true }
    log.read(request, (error, read) => {
      if (read === undefined) throw error
      const iterator = new BatchIterator(read.bytes)
      while (iterator.next() === 'batch') {
        const { batch } = iterator
        assert.equal(batch.crc, batch.computeCrc())
        found.push(`${batch.baseOffset}-${batch.nextOffset} e${batch.partitionLeaderEpoch}`)
        offset = batch.nextOffset
      }
      read.release()
      readOn()
    })
  }
  store.turn(readOn)
  assert.ok(store.until(() => offset >= log.logEndOffset))
  return found
}

/** Nothing in this log counts; what was in it before may still stand in front of its start. */
function emptied(seed: string): { readonly store: SimulatedStore; readonly startOffset: number } {
  const store = new SimulatedStore(seed, { segmentBytes: 500, checkpointIntervalMs: 20 }).reopened()
  const random = store.simulation.random('emptied')
  fill(store, 2, random.below(8))
  fill(store, 3, random.below(8))
  if (random.chance(0.5)) store.pass(100)
  const end = store.log.logEndOffset
  let left = true
  const done = (error: Error | undefined): void => {
    assert.equal(error, undefined)
    left = false
  }
  const isRestarted = end < 4 || random.chance(0.5)
  const startOffset = isRestarted ? end + 4 + random.below(30) : end
  if (isRestarted) store.turn(() => store.running!.manager.cuts.restart(store.log, startOffset, done))
  else store.turn(() => store.log.advanceStart(startOffset, done))
  assert.ok(store.until(() => !left))
  if (random.chance(0.3)) store.pass(100)
  if (random.chance(0.3)) {
    assert.equal(store.stop(), 'clean')
    store.reopened()
  }
  // As a follower does before it asks.
  store.log.state.epochs.truncateFromEnd(store.log.nextOffset)
  return { store, startOffset }
}

test('it has the batch or nothing after a crash, starts where it did, and has the batch for good once that was said', () => {
  let crashed = 0
  let hadBatch = 0
  for (let seed = 0; seed < SEEDS; seed++) {
    const { store, startOffset } = emptied(`begins ${seed}`)
    const random = store.simulation.random('test')
    const baseOffset = startOffset - random.between(1, 3)
    const count = startOffset - baseOffset + random.between(1, 3)
    const epoch = random.between(0, 4)
    const expected = [`${baseOffset}-${baseOffset + count} e${epoch}`]
    if (random.chance(0.7)) {
      const strike = (): void => (random.chance(0.6) ? store.machine.losePower() : store.machine.crash())
      store.machine.crashPoint = { operationsLeft: random.between(1, 30), strike }
    }
    let done = false
    const finish = (error: Error | undefined): void => {
      assert.equal(error, undefined)
      done = true
    }
    const { cuts } = store.running!.manager
    store.turn(() => cuts.beginWith(store.log, received(baseOffset, count, epoch), finish))
    store.until(() => done)
    store.machine.crashPoint = undefined
    const expectBatch = (): void => {
      const { log } = store
      assert.deepEqual(batches(store), expected, `seed ${seed}`)
      assert.deepEqual([log.startOffset, log.logEndOffset], [startOffset, baseOffset + count], `seed ${seed}`)
      assert.equal(log.flushedEndOffset, log.logEndOffset)
      assert.deepEqual(log.state.epochs.entries(), [{ leaderEpoch: epoch, startOffset }], `seed ${seed}`)
      assert.equal(log.state.producers.endOffset, log.logEndOffset)
      assert.equal(log.state.digest.endOffset, log.logEndOffset)
      assert.deepEqual(log.state.digest.points().length, 1)
    }
    if (!done || !store.alive) {
      crashed++
      store.reopened()
      if (done || store.log.logEndOffset > startOffset) {
        if (!done) hadBatch++
        expectBatch()
      } else {
        assert.deepEqual(batches(store), [])
        assert.deepEqual([store.log.startOffset, store.log.logEndOffset], [startOffset, startOffset], `seed ${seed}`)
      }
      continue
    }
    expectBatch()
    fill(store, 5, random.below(12))
    if (random.chance(0.5)) store.pass(100)
    const after = batches(store)
    assert.equal(after[0], expected[0])
    const how = random.pick(['losePower', 'crash', 'stop'] as const)
    if (how === 'stop') assert.equal(store.stop(), 'clean')
    else store.machine[how]()
    store.reopened()
    assert.deepEqual(batches(store), after, `seed ${seed}: after ${how}`)
    assert.equal(store.log.startOffset, startOffset)
  }
  assert.ok(crashed > SEEDS / 5 && hadBatch > 0, `${crashed} crashes, ${hadBatch} with the batch`)
})

test('where there is no room for it the log is as it was, and it may be tried again', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { store, startOffset } = emptied(`full ${seed}`)
    const { device } = store.machine
    const batch = received(startOffset - 1, 200, 4)
    let outcome: Error | 'done' | undefined
    const begin = (): void => {
      outcome = undefined
      store.turn(() =>
        store.running!.manager.cuts.beginWith(store.log, batch, (error) => {
          outcome = error ?? 'done'
        }),
      )
      assert.ok(store.until(() => outcome !== undefined))
    }
    device.faults.capacityBytes = device.usedBytes + 500
    for (let n = 0; n < 3; n++) {
      begin()
      assert.ok((outcome as unknown) instanceof DiskError, `seed ${seed}`)
      store.pass(100)
    }
    assert.deepEqual([store.log.startOffset, store.log.logEndOffset], [startOffset, startOffset])
    device.faults.capacityBytes = Number.POSITIVE_INFINITY
    begin()
    assert.equal(outcome, 'done')
    assert.deepEqual(batches(store), [`${startOffset - 1}-${startOffset + 199} e4`])
  }
})

test('no more batches are kept than there is room for, until the logs have begun with them', () => {
  const store = new SimulatedStore('kept').reopened()
  const { cuts } = store.running!.manager
  let done = 0
  const finish = (error: Error | undefined): void => {
    assert.equal(error, undefined)
    done++
  }
  store.turn(() => cuts.restart(store.log, 10, finish))
  assert.equal(cuts.takesBatches, true)
  assert.ok(store.until(() => done === 1))
  const batch = batchOf(['', 'x'.repeat(16 * 1024 * 1024)])
  batch.baseOffset = 9
  batch.partitionLeaderEpoch = 1
  store.turn(() => cuts.beginWith(store.log, batch.bytes.subarray(batch.start, batch.start + batch.sizeBytes), finish))
  assert.equal(cuts.takesBatches, false)
  assert.ok(store.until(() => done === 2))
  assert.equal(cuts.takesBatches, true)
  assert.deepEqual(batches(store), ['9-11 e1'])
})
