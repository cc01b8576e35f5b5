import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchIterator } from '../../src/records/reader.js'
import { writeAtomically } from '../../src/storage/atomic-file.js'
import type { PartitionLog } from '../../src/storage/partition-log.js'
import { LOG_OPTIONS } from '../log-options.js'
import { batchOf, PARTITION, SimulatedStore, TOPIC_ID } from './simulated-store.js'

const SEEDS = 120

/** Appends batches of that epoch, and waits until they are durable. Returns where each ends. */
function fill(store: SimulatedStore, epoch: number, count: number): number[] {
  const ends: number[] = []
  for (let n = 0; n < count; n++) {
    store.turn(() => {
      const values = Array.from({ length: 1 + ((n * 7 + epoch) % 3) }, (_, at) => `e${epoch} ${n} ${at}`.padEnd(40))
      store.log.append(batchOf(values), epoch)
      ends.push(store.log.nextOffset)
    })
    if (n % 4 === 3) assert.ok(store.until(() => store.log.flushedEndOffset === ends.at(-1)))
  }
  assert.ok(store.until(() => store.log.flushedEndOffset === (ends.at(-1) ?? store.log.logEndOffset)))
  return ends
}

/** The batches in the log, by offset and epoch. */
function batches(store: SimulatedStore): string[] {
  const { log } = store
  const found: string[] = []
  let offset = log.startOffset
  const readOn = (): void => {
    if (offset >= log.logEndOffset) return
    const request = { offset, upToOffset: log.logEndOffset, maxBytes: 2000, wholeFirstBatch: true }
    log.read(request, (error, read) => {
      if (read === undefined) throw error
      const iterator = new BatchIterator(read.bytes)
      while (iterator.next() === 'batch') {
        const { batch } = iterator
        assert.equal(batch.crc, batch.computeCrc())
        assert.equal(batch.baseOffset, offset)
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

function newStore(seed: string): SimulatedStore {
  return new SimulatedStore(seed, { segmentBytes: 700, checkpointIntervalMs: 20 }).reopened()
}

test('a log with nothing in it begins anew in front of its start: it starts there, or where it did, whatever crash comes between', () => {
  const starts = new Set<string>()
  for (let seed = 0; seed < SEEDS; seed++) {
    const store = newStore(`in front ${seed}`)
    const random = store.simulation.random('test')
    const end = fill(store, 1, random.between(1, 12)).at(-1)!
    const { cuts } = store.running!.manager
    let emptied = false
    store.turn(() => cuts.restart(store.log, end, () => (emptied = true)))
    store.until(() => emptied)
    const start = random.below(end)
    const strike = (): void => (random.chance(0.6) ? store.machine.losePower() : store.machine.crash())
    if (random.chance(0.7)) store.machine.crashPoint = { operationsLeft: random.between(1, 12), strike }
    let done = false
    store.turn(() =>
      cuts.restart(store.log, start, (error) => {
        assert.equal(error, undefined)
        done = true
      }),
    )
    store.until(() => done)
    store.machine.crashPoint = undefined
    const place = (): string => `${store.log.startOffset} ${store.log.logEndOffset}`
    if (store.alive) {
      assert.equal(place(), `${start} ${start}`)
      fill(store, 5, 3)
      const after = batches(store)
      store.machine.losePower()
      store.reopened()
      assert.deepEqual([store.log.startOffset, batches(store)], [start, after], `seed ${seed}`)
      starts.add('lives')
      continue
    }
    store.reopened()
    assert.ok(place() === `${start} ${start}` || (!done && place() === `${end} ${end}`), `seed ${seed}: ${place()}`)
    starts.add(store.log.startOffset === start ? 'new' : 'old')
  }
  assert.deepEqual([...starts].toSorted(), ['lives', 'new', 'old'])
})

for (const kind of ['truncate', 'restart'] as const) {
  test(`a log that is cut (${kind}) is the old one or the new one after a crash, and the new one once that was said`, () => {
    let crashed = 0
    for (let seed = 0; seed < SEEDS; seed++) {
      const store = newStore(`${kind} ${seed}`)
      const random = store.simulation.random('test')
      const ends = [...fill(store, 1, random.between(1, 12)), ...fill(store, 2, random.between(0, 12))]
      if (random.chance(0.5)) store.pass(100)
      const before = batches(store)
      const kept = random.below(before.length + 1)
      const end = kept === 0 ? 0 : ends[kept - 1]!
      const newStart = ends.at(-1)! + random.below(20) + (random.chance(0.3) ? -ends.at(-1)! + 1 : 1)
      let done = false
      if (random.chance(0.7)) {
        const strike = (): void => (random.chance(0.6) ? store.machine.losePower() : store.machine.crash())
        store.machine.crashPoint = { operationsLeft: random.between(1, 30), strike }
      }
      const { cuts } = store.running!.manager
      const finish = (error: Error | undefined): void => {
        assert.equal(error, undefined)
        done = true
      }
      store.turn(() =>
        kind === 'truncate' ? cuts.truncate(store.log, end, finish) : cuts.restart(store.log, newStart, finish),
      )
      store.until(() => done)
      store.machine.crashPoint = undefined
      const expectCut = (): void => {
        assert.deepEqual(batches(store), kind === 'truncate' ? before.slice(0, kept) : [], `seed ${seed}`)
        assert.equal(store.log.logEndOffset, kind === 'truncate' ? end : newStart)
        assert.equal(store.log.flushedEndOffset, store.log.logEndOffset)
        if (kind === 'restart') assert.equal(store.log.startOffset, newStart)
      }
      if (done && store.alive) {
        expectCut()
        fill(store, 5, random.below(6))
        const after = batches(store)
        store.machine.losePower()
        store.reopened()
        assert.deepEqual(batches(store), after, `seed ${seed}: after it was done`)
        const known = store.log.state.epochs.entries().filter(({ startOffset }) => startOffset < store.log.logEndOffset)
        const epochs = known.map(({ leaderEpoch }) => leaderEpoch)
        assert.deepEqual(epochs, [...new Set(after.map((each) => Number(each.split('e')[1])))])
        continue
      }
      crashed++
      store.reopened()
      if (done) {
        expectCut()
        continue
      }
      const after = batches(store)
      if (store.log.startOffset > 0) {
        assert.equal(kind, 'restart')
        assert.deepEqual([store.log.startOffset, store.log.logEndOffset, after], [newStart, newStart, []])
        continue
      }
      assert.ok(after.length >= (kind === 'truncate' ? kept : 0), `seed ${seed}: less is left than was to stay`)
      assert.deepEqual(after, before.slice(0, after.length), `seed ${seed}`)
    }
    assert.ok(crashed > SEEDS / 5, `${crashed} crashes`)
  })
}

test('a log that has failed can be cut, and takes appends again', () => {
  const store = newStore('failed')
  const ends = fill(store, 1, 6)
  const { device } = store.machine
  device.faults.capacityBytes = device.usedBytes + 30
  store.turn(() => store.log.append(batchOf(['x'.repeat(500)]), 1))
  assert.ok(store.until(() => store.failures === 1))
  device.faults.capacityBytes = Number.POSITIVE_INFINITY
  let done = false
  store.turn(() => store.running!.manager.cuts.truncate(store.log, ends[2]!, () => (done = true)))
  assert.ok(store.until(() => done))
  assert.equal(store.log.failed, false)
  assert.equal(store.log.logEndOffset, ends[2])
  fill(store, 2, 2)
  assert.equal(batches(store).length, 5)
})

test('logs of one directory that are cut at the same time all are', () => {
  const store = newStore('several')
  const { manager } = store.running!
  const logs: PartitionLog[] = [store.log]
  for (const partition of [1, 2]) {
    const id = { topic: 't', partition, topicId: TOPIC_ID }
    store.turn(() => manager.open(id, LOG_OPTIONS, (error, log) => logs.push(log ?? assert.fail(error!.message))))
  }
  assert.ok(store.until(() => logs.length === 3))
  store.turn(() => {
    for (const log of logs) for (let n = 0; n < 4; n++) log.append(batchOf(['a', 'b']), 1)
  })
  assert.ok(store.until(() => logs.every(({ flushedEndOffset }) => flushedEndOffset === 8)))
  const done: number[] = []
  store.turn(() => {
    manager.cuts.truncate(logs[0]!, 2, () => done.push(0))
    manager.cuts.truncate(logs[1]!, 4, () => done.push(1))
    manager.cuts.restart(logs[2]!, 50, () => done.push(2))
  })
  assert.ok(store.until(() => done.length === 3))
  assert.deepEqual(done, [0, 1, 2])
  assert.deepEqual(
    logs.map(({ startOffset, logEndOffset }) => [startOffset, logEndOffset]),
    [
      [0, 2],
      [0, 4],
      [50, 50],
    ],
  )
})

test('inside a batch it is cut in front of that', () => {
  const store = newStore('inside')
  store.turn(() => store.log.append(batchOf(['a', 'b', 'c']), 1))
  store.turn(() => store.log.append(batchOf(['d', 'e', 'f']), 1))
  let done = false
  store.turn(() => store.running!.manager.cuts.truncate(store.log, 5, () => (done = true)))
  assert.ok(store.until(() => done))
  assert.deepEqual(batches(store), ['0-3 e1'])
})

test('what its owner is writing beside the log is left alone', () => {
  const store = newStore('beside')
  const ends = fill(store, 1, 6)
  let left = 2
  const done = (error: Error | undefined): void => {
    assert.equal(error, undefined)
    left--
  }
  store.machine.device.faults.stuckUntilMs = store.simulation.nowMs + 50
  store.turn(() => {
    writeAtomically(store.running!.ports.disk, PARTITION, 'beside', Buffer.from('text'), done)
    store.running!.manager.cuts.truncate(store.log, ends[2]!, done)
  })
  for (let n = 0; n < 50 && left > 0; n++) {
    store.turn(() =>
      writeAtomically(store.running!.ports.disk, PARTITION, `beside ${n}`, Buffer.from('text'), () => {}),
    )
    store.pass(1)
  }
  assert.ok(store.until(() => left === 0))
  store.pass(1000)
  assert.equal(store.running!.directory.offline, false)
  assert.ok(
    store
      .names()!
      .filter((name) => name.startsWith('beside'))
      .every((name) => !name.endsWith('.tmp')),
  )
})
