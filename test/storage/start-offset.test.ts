/**
 * The front of a log: its start moves forward and never back, segments in front of it go, and the process or the power may go at every disk operation
 * of that.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RetentionLimits } from '../../src/log/retention.js'
import { BatchIterator, readRecords } from '../../src/records/reader.js'
import { LogDamagedError } from '../../src/storage/log-damaged-error.js'
import { atEveryOperation } from './crash-points.js'
import { DATA, PARTITION, SimulatedStore } from './simulated-store.js'

const START_OFFSETS = `${DATA}/log-start-offset-checkpoint`
const COUNT = 30

/** One record a batch: `value n` at offset n, by producer 7 with sequence n. */
function fill(store: SimulatedStore, from: number, count: number): void {
  for (let n = from; n < from + count; n++) store.append([`value ${n}`], { id: 7, sequence: n })
}

function filled(store: SimulatedStore): SimulatedStore {
  store.reopened()
  store.turn(() => fill(store, 0, COUNT))
  assert.ok(store.until(() => store.log.settledEndOffset === COUNT && store.log.logEndOffset === COUNT))
  if (store.log.flushedEndOffset < COUNT) store.turn(() => store.log.flush())
  assert.ok(store.until(() => store.log.flushedEndOffset === COUNT))
  return store
}

function retain(store: SimulatedStore, limits: Partial<RetentionLimits> | undefined): void {
  const { log } = store
  const all = limits === undefined ? undefined : { retentionMs: -1, retentionBytes: -1, ...limits }
  store.turn(() => store.running!.manager.retain([{ log, limits: all, committedOffset: () => log.logEndOffset }]))
}

/** What is read from the start on. */
function assertReadable(store: SimulatedStore, where: string): void {
  const { log } = store
  let next = log.startOffset
  const readOn = (): void => {
    if (next >= log.logEndOffset) return
    const request = { offset: next, upToOffset: log.logEndOffset, maxBytes: 500, wholeFirstBatch: true }
    log.read(request, (error, read) => {
      assert.equal(error, undefined, where)
      const batches = new BatchIterator(read!.bytes)
      const before = next
      while (batches.next() === 'batch') {
        for (const record of readRecords(batches.batch, 1e6)) {
          assert.equal(record.offset, next, where)
          assert.equal(Buffer.from(record.value!).toString(), `value ${next}`, where)
          next++
        }
      }
      read!.release()
      assert.ok(next > before, where)
      readOn()
    })
  }
  store.turn(readOn)
  assert.ok(
    store.until(() => next >= log.logEndOffset),
    where,
  )
}

function logNames(store: SimulatedStore): string[] {
  return store.names()!.filter((name) => name.endsWith('.log'))
}

test('a start that was moved is where the log starts after a crash, a power loss and a stop in order', () => {
  for (const end of ['crash', 'losePower', 'stop'] as const) {
    const store = filled(new SimulatedStore(end))
    let done = false
    store.turn(() =>
      store.log.advanceStart(17, (error) => {
        assert.equal(error, undefined)
        done = true
      }),
    )
    assert.ok(store.until(() => done))
    assert.equal(store.log.startOffset, 17)
    assert.equal(store.file(START_OFFSETS)!.content.toString(), '0\n1\nt 0 17\n')
    if (end === 'stop') assert.equal(store.stop(), 'clean')
    else store.machine[end]()
    store.reopened()
    assert.equal(store.log.startOffset, 17, end)
    assert.equal(store.log.logEndOffset, COUNT, end)
    assertReadable(store, end)
    // Backwards is no way.
    store.turn(() => store.log.advanceStart(3, () => {}))
    store.pass(50)
    assert.equal(store.log.startOffset, 17, end)
  }
})

test('segments in front of the start are renamed at once and removed after the delay; who reads them comes to an end', () => {
  const store = filled(new SimulatedStore(1, { fileDeleteDelayMs: 5000 }))
  const first = logNames(store)
  assert.ok(first.length > 3)
  store.turn(() => store.log.advanceStart(COUNT, () => {}))
  assert.ok(store.until(() => store.log.startOffset === COUNT))
  assert.deepEqual(logNames(store), first, 'the files wait for the next look')
  // A cold read that is under way while its segment goes.
  store.machine.device.faults.stuckUntilMs = store.simulation.nowMs + 100
  let bytes = 0
  store.turn(() => {
    const request = { offset: 0, upToOffset: 4, maxBytes: 10_000, wholeFirstBatch: true }
    store.log.read(request, (error, read) => {
      assert.equal(error, undefined)
      bytes = read!.bytes.length
      read!.release()
    })
  })
  retain(store, undefined)
  assert.ok(store.until(() => store.names()!.some((name) => name.endsWith('.log.deleted'))))
  assert.deepEqual(logNames(store), first.slice(-1))
  assert.ok(store.until(() => bytes > 0))
  store.pass(4000)
  assert.ok(store.names()!.some((name) => name.endsWith('.deleted')))
  store.pass(1500)
  assert.ok(!store.names()!.some((name) => name.endsWith('.deleted')))
})

test('what a crash left of removed segments is removed at the next start', () => {
  const store = filled(new SimulatedStore(1, { fileDeleteDelayMs: 5000 }))
  retain(store, { retentionBytes: 700 })
  assert.ok(store.until(() => store.names()!.some((name) => name.endsWith('.deleted'))))
  const { startOffset } = store.log
  store.machine.crash()
  store.reopened()
  assert.equal(store.log.startOffset, startOffset)
  assert.ok(!store.names()!.some((name) => name.endsWith('.deleted')))
  assertReadable(store, 'after the crash')
})

test('when all has expired the active segment is closed and goes, and the log goes on behind it', () => {
  const store = filled(new SimulatedStore(1))
  store.pass(10_000)
  retain(store, { retentionMs: 100 })
  assert.ok(store.until(() => store.log.startOffset === COUNT))
  assert.ok(store.until(() => logNames(store).length === 1))
  assert.deepEqual(logNames(store), [`${String(COUNT).padStart(20, '0')}.log`])
  store.turn(() => fill(store, COUNT, 3))
  assert.ok(store.until(() => store.log.flushedEndOffset === COUNT + 3))
  store.machine.losePower()
  store.reopened()
  assert.equal(store.log.startOffset, COUNT)
  assert.equal(store.log.logEndOffset, COUNT + 3)
  assertReadable(store, 'behind it')
})

test('what producers did in segments that are gone is still known after a start', () => {
  for (const end of ['losePower', 'stop'] as const) {
    const store = filled(new SimulatedStore(1))
    retain(store, { retentionBytes: 0 })
    assert.ok(store.until(() => store.log.startOffset === COUNT && logNames(store).length === 1))
    if (end === 'stop') store.stop()
    else store.machine.losePower()
    store.reopened()
    assert.equal(store.log.state.producers.entry(7)?.lastSequence, COUNT - 1, end)
  }
})

for (const flushPolicy of ['commit', 'os'] as const) {
  test(`a strike at every operation of retention moves no start back and loses nothing behind it (${flushPolicy})`, () => {
    let seen = 0
    const struck = atEveryOperation({
      options: { flushPolicy, fileDeleteDelayMs: 3 },
      seeds: 6,
      prepare: (store) => {
        filled(store)
        seen = 0
      },
      run: (store) => {
        const { log } = store
        const look = (): boolean => {
          seen = Math.max(seen, log.startOffset)
          return false
        }
        retain(store, { retentionBytes: 1300 })
        store.until(() => look() || logNames(store).length < 4)
        if (store.alive) store.turn(() => log.advanceStart(COUNT - 2, () => {}))
        store.until(() => look() || log.startOffset === COUNT - 2)
        if (store.alive) retain(store, undefined)
        store.simulation.runUntil(() => look() || !store.alive, store.simulation.nowMs + 20)
        if (store.alive) retain(store, { retentionBytes: 0 })
        store.simulation.runUntil(() => look() || !store.alive, store.simulation.nowMs + 20)
      },
      check: (store, where) => {
        store.reopened()
        const { log } = store
        assert.ok(log.startOffset >= seen, `${where}: starts at ${log.startOffset}, was seen at ${seen}`)
        assert.equal(log.logEndOffset, COUNT, where)
        assertReadable(store, where)
        assert.equal(log.state.producers.entry(7)?.lastSequence, COUNT - 1, where)
        assert.ok(!store.names()!.some((name) => name.endsWith('.deleted')), where)
      },
    })
    assert.ok(struck > 300, `${struck}`)
  })
}

test('what is removed in front of the start rests on nothing that a power loss may take', () => {
  let start = 0
  const struck = atEveryOperation({
    seeds: 12,
    strikes: ['losePower'],
    prepare: (store) => {
      filled(store)
      const first = Number.parseInt(logNames(store)[3]!, 10)
      start = first + 1
      store.turn(() => store.log.advanceStart(start, () => {}))
      assert.ok(store.until(() => store.log.startOffset === start))
      // The snapshot that all in front of it may go for is in the cache, and its flush fails; then the process ends.
      const snapshot = `${PARTITION}/${String(first).padStart(20, '0')}.snapshot`
      let ended = false
      store.turn(() => store.running!.manager.closeClean(() => (ended = true)))
      assert.ok(store.until(() => (store.file(snapshot)?.sizeBytes ?? 0) > 0))
      store.machine.device.faults.failedFlushChance = 1
      assert.ok(store.until(() => ended))
      store.machine.device.faults.failedFlushChance = 0
      store.machine.crash()
    },
    run: (store) => store.start() && store.open(),
    check: (store, where) => {
      store.reopened()
      assert.equal(store.log.startOffset, start, where)
      assert.equal(store.log.logEndOffset, COUNT, where)
      assertReadable(store, where)
      assert.equal(store.log.state.producers.entry(7)?.lastSequence, COUNT - 1, where)
    },
  })
  assert.ok(struck > 100, `${struck}`)
})

test('under `os` a log whose end was lost in front of its start begins anew there', () => {
  let anew = 0
  for (let seed = 0; seed < 40; seed++) {
    const store = new SimulatedStore(seed, { flushPolicy: 'os', segmentBytes: 1 << 20 }).reopened()
    store.turn(() => fill(store, 0, COUNT))
    assert.ok(store.until(() => store.log.logEndOffset === COUNT))
    store.turn(() => store.log.advanceStart(COUNT - 5, () => {}))
    assert.ok(store.until(() => store.log.startOffset === COUNT - 5))
    store.machine.losePower()
    store.reopened()
    const { startOffset, logEndOffset } = store.log
    assert.equal(startOffset, COUNT - 5)
    assert.ok(logEndOffset >= startOffset)
    if (logEndOffset === startOffset) anew++
    assertReadable(store, `seed ${seed}`)
    store.turn(() => fill(store, logEndOffset, 3))
    assert.ok(store.until(() => store.log.logEndOffset === logEndOffset + 3))
    store.stop()
    store.reopened()
    assert.equal(store.log.logEndOffset, logEndOffset + 3)
    assertReadable(store, `seed ${seed}, later`)
  }
  assert.ok(anew > 5, `${anew}`)
})

test('a log that begins behind its start offset is damaged', () => {
  const store = filled(new SimulatedStore(1))
  store.turn(() => store.log.advanceStart(3, () => {}))
  assert.ok(store.until(() => store.log.startOffset === 3))
  assert.equal(store.stop(), 'clean')
  store.replaceFile(`${PARTITION}/${'0'.padStart(20, '0')}.log`, undefined)
  assert.ok(store.start())
  assert.equal(store.open(), false)
  assert.ok(store.error instanceof LogDamagedError, `${store.error}`)
  assert.match(store.error.message, /begins at offset \d+, and was flushed up to 30: /)
})

test('a repair keeps the start of the log', () => {
  const store = filled(new SimulatedStore(1))
  store.turn(() => store.log.advanceStart(11, () => {}))
  assert.ok(store.until(() => store.log.startOffset === 11))
  const { device } = store.machine
  device.faults.capacityBytes = device.usedBytes + 10
  store.turn(() => fill(store, COUNT, 1))
  assert.ok(store.until(() => store.failures === 1))
  device.faults.capacityBytes = Number.POSITIVE_INFINITY
  store.turn(() => store.running!.manager.repairFailed())
  assert.ok(store.until(() => store.repairs === 1))
  assert.equal(store.log.startOffset, 11)
  assertReadable(store, 'repaired')
})

test('under `os` what is in front of the start may be lost with the power, and the log opens and starts where it did', () => {
  let start = 0
  let damaged = 0
  const struck = atEveryOperation({
    options: { flushPolicy: 'os', segmentBytes: 200, checkpointIntervalMs: 5 },
    strikes: ['losePower'],
    seeds: 12,
    prepare: (store) => {
      start = 0
      store.reopened()
    },
    run: (store) => {
      store.turn(() => fill(store, 0, 24))
      store.until(() => store.log.logEndOffset === 24)
      if (!store.alive) return
      store.turn(() =>
        store.log.advanceStart(17, (error) => {
          if (error === undefined) start = 17
        }),
      )
      store.pass(30)
    },
    check: (store, where) => {
      store.reopened()
      if (store.simulation.trace.some((line) => line.includes('left out'))) damaged++
      assert.ok(store.log.startOffset >= start, `${where}: starts at ${store.log.startOffset}`)
      assertReadable(store, where)
      const { nextOffset } = store.log
      store.turn(() => fill(store, nextOffset, 3))
      assert.ok(
        store.until(() => store.log.logEndOffset === nextOffset + 3),
        where,
      )
      assertReadable(store, where)
    },
  })
  assert.ok(struck > 30, `${struck}`)
  assert.ok(damaged > 0, 'nothing in front of the start was damaged')
})
