/** Logs that are cleaned: what is there afterwards, in which files, and what is known of it after a start. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchIterator } from '../../src/records/reader.js'
import type { LogCleaner } from '../../src/storage/log-cleaner.js'
import { appendKeyed, assertCompacted, readKeyed, startCleaner, type Written } from './compacted-store.js'
import { DATA, PARTITION, SimulatedStore } from './simulated-store.js'

const CHECKPOINT = `${DATA}/cleaner-offset-checkpoint`
const PRODUCER = 7

/** One record a batch, of so many keys in turn. */
function fill(store: SimulatedStore, written: Written, count: number, keys = 5): void {
  for (let n = 0; n < count; n++) {
    const at = written.length
    const producer = { producerId: PRODUCER, producerEpoch: 0, baseSequence: at }
    appendKeyed(store, written, [{ key: `key ${at % keys}`, value: `value ${at}` }], producer)
  }
}

function filled(seed: string | number, count = 60, options = {}): { store: SimulatedStore; written: Written } {
  const store = new SimulatedStore(seed, options).reopened()
  const written: Written = []
  store.turn(() => fill(store, written, count))
  store.turn(() => store.log.flush())
  assert.ok(store.until(() => store.log.flushedEndOffset === count))
  return { store, written }
}

function untilCleaned(store: SimulatedStore, cleaner: LogCleaner, cleanings = 1): void {
  assert.ok(store.until(() => cleaner.metrics.cleanings >= cleanings && !cleaner.busy))
}

function names(store: SimulatedStore, suffix: string): string[] {
  return store.names()!.filter((name) => name.endsWith(suffix))
}

function activeStart(store: SimulatedStore): number {
  return store.log.segments.at(-1)!.baseOffset
}

test('of each key the last record stays; small segments become one; reads find the next offset that is there', () => {
  const { store, written } = filled(1)
  const before = names(store, '.log').length
  assert.ok(before > 4)
  const cleaner = startCleaner(store, {}, { segmentBytes: 100_000 })
  untilCleaned(store, cleaner)
  store.pass(100)
  assert.equal(cleaner.metrics.cleanings, 1, 'there is nothing more to do')
  assert.equal(names(store, '.log').length, 2)
  const found = assertCompacted(store, written, 'cleaned')
  const cleanedUpTo = activeStart(store)
  assert.equal([...found.keys()].filter((offset) => offset < cleanedUpTo).length, 5)
  assert.equal(store.file(CHECKPOINT)!.content.toString(), `0\n1\nt 0 ${cleanedUpTo}\n`)
  for (let from = 0; from < written.length; from++) {
    const expected = [...found.keys()].filter((offset) => offset >= from)
    assert.deepEqual([...readKeyed(store, from)!.keys()], expected, `from ${from}`)
  }
  assert.ok(cleaner.metrics.recopyPercent > 0 && cleaner.metrics.recopyPercent < 100)
})

test('a log is as it was cleaned after a crash, a power loss and a stop, and is not cleaned again for nothing', () => {
  for (const end of ['crash', 'losePower', 'stop'] as const) {
    const { store, written } = filled(end, 60, { fileDeleteDelayMs: 500 })
    untilCleaned(store, startCleaner(store))
    const before = readKeyed(store)!
    if (end === 'stop') assert.equal(store.stop(), 'clean')
    else store.machine[end]()
    store.reopened()
    assert.equal(store.log.logEndOffset, written.length)
    assert.deepEqual(assertCompacted(store, written, end), before, end)
    assert.deepEqual(names(store, '.cleaned'), [])
    assert.deepEqual(names(store, '.swap'), [])
    assert.deepEqual(names(store, '.deleted'), [])
    const entry = store.log.state.producers.entry(PRODUCER)!
    assert.equal(entry.lastOffset, 59, end)
    const again = startCleaner(store)
    store.pass(200)
    assert.equal(again.metrics.cleanings, 0, end)
  }
})

test('what is known of producers can be read from a cleaned log alone', () => {
  const { store, written } = filled(1, 20)
  // All of what the producer did lies in what is cleaned: others follow it.
  store.turn(() => {
    for (let n = 0; n < 30; n++) appendKeyed(store, written, [{ key: `key ${n % 5}`, value: `later ${n}` }])
  })
  assert.ok(store.until(() => store.log.flushedEndOffset === 50))
  untilCleaned(store, startCleaner(store))
  assert.ok(!readKeyed(store)!.has(19), 'the last record of the producer went')
  store.machine.crash()
  for (const name of names(store, '.snapshot')) store.replaceFile(`${PARTITION}/${name}`, undefined)
  store.reopened()
  const entry = store.log.state.producers.entry(PRODUCER)!
  assert.deepEqual(
    entry.batches.map(({ lastOffset }) => lastOffset),
    [15, 16, 17, 18, 19],
  )
  assert.equal(entry.lastSequence, 19)
})

test('a log without its indexes, or with those of the time before, is read through and is the same', () => {
  const { store, written } = filled(1)
  const old = new Map(
    names(store, 'index').map((name) => [name, Buffer.from(store.file(`${PARTITION}/${name}`)!.content)]),
  )
  untilCleaned(store, startCleaner(store))
  store.machine.crash()
  for (const name of names(store, '.index')) store.replaceFile(`${PARTITION}/${name}`, undefined)
  store.reopened()
  assertCompacted(store, written, 'without indexes')
  store.machine.crash()
  for (const [name, content] of old) {
    if (store.file(`${PARTITION}/${name}`) !== undefined) store.replaceFile(`${PARTITION}/${name}`, content)
  }
  store.reopened()
  assertCompacted(store, written, 'with indexes of before')
})

test('a file that is lost from the middle of a cleaned log is missed', () => {
  const { store, written } = filled(1, 200)
  untilCleaned(store, startCleaner(store, {}, { segmentBytes: 500 }))
  assert.ok(names(store, '.log').length > 3)
  assertCompacted(store, written, 'several segments')
  store.machine.crash()
  store.replaceFile(`${PARTITION}/${names(store, '.log')[1]!}`, undefined)
  for (const name of names(store, '.index')) store.replaceFile(`${PARTITION}/${name}`, undefined)
  assert.ok(store.start())
  assert.equal(store.open(), false)
  assert.match(`${store.error?.message}`, /the next segment begins at \d+, not at \d+/)
})

test('with little memory a log is cleaned in several goes, each a part further', () => {
  const { store, written } = filled(1, 300)
  const cleaner = startCleaner(store, { dedupeBufferBytes: 24 * 4 })
  untilCleaned(store, cleaner, 3)
  assert.ok(store.until(() => store.running!.manager.cleanerOffsets.of('t', 0) === activeStart(store)))
  assertCompacted(store, written, 'in goes')
})

test('a batch with more keys than there is memory for makes a log uncleanable, and it says so', () => {
  const store = new SimulatedStore(1).reopened()
  const written: Written = []
  store.turn(() => {
    const records = Array.from({ length: 20 }, (_, n) => ({ key: `key ${n}`, value: 'v'.repeat(40) }))
    for (let n = 0; n < 5; n++) appendKeyed(store, written, records)
  })
  assert.ok(store.until(() => store.log.flushedEndOffset === 100))
  const cleaner = startCleaner(store, { dedupeBufferBytes: 24 * 10 })
  assert.ok(store.until(() => cleaner.uncleanable.count === 1))
  assert.equal(cleaner.uncleanable.bytes, store.log.sizeBytes)
  assert.equal(assertCompacted(store, written, 'as it was').size, 100)
})

test('damage makes a log uncleanable, and nothing of it is changed', () => {
  const { store } = filled(1)
  store.pass(20)
  const file = store.file(`${PARTITION}/${names(store, '.log')[1]!}`)!
  const before = names(store, '.log')
  const content = Buffer.from(file.content)
  content[content.length - 1]! ^= 1
  file.write(0, content)
  const cleaner = startCleaner(store)
  assert.ok(store.until(() => cleaner.uncleanable.count === 1))
  store.pass(100)
  assert.deepEqual(names(store, '.log'), before)
  assert.deepEqual(names(store, '.cleaned'), [])
  assert.equal(cleaner.metrics.cleanings, 0)
})

test('tombstones stay for their time and go in a cleaning after it', () => {
  const { store, written } = filled(1, 30)
  const cleaner = startCleaner(store, {}, { deleteRetentionMs: 3000 })
  const add = (deleted: string | undefined): void => {
    store.turn(() => {
      if (deleted !== undefined) appendKeyed(store, written, [{ key: deleted, value: null }])
      for (let n = 0; n < 20; n++) appendKeyed(store, written, [{ key: `other ${n % 3}`, value: `value ${n}` }])
    })
    assert.ok(store.until(() => store.log.flushedEndOffset === written.length))
  }
  add('key 2')
  const deletedAt = 30
  untilCleaned(store, cleaner)
  store.pass(1000)
  assert.ok(assertCompacted(store, written, 'at first').has(deletedAt))
  assert.ok(![...readKeyed(store)!.values()].some(({ key, value }) => key === 'key 2' && value !== null))
  add(undefined)
  store.pass(1000)
  assert.ok(assertCompacted(store, written, 'within its time').has(deletedAt))
  store.pass(2000)
  add(undefined)
  store.pass(1000)
  assert.ok(!assertCompacted(store, written, 'after it', true).has(deletedAt))
})

test('no more is read and written in a second than is allowed', () => {
  const durations = [Number.MAX_VALUE, 5000].map((ioBytesPerSecond) => {
    const { store, written } = filled(1)
    const cleaner = startCleaner(store, { ioBytesPerSecond })
    const sizeBytes = store.log.sizeBytes
    const startedMs = store.simulation.nowMs
    untilCleaned(store, cleaner)
    assertCompacted(store, written, `${ioBytesPerSecond} a second`)
    return { sizeBytes, durationMs: store.simulation.nowMs - startedMs }
  })
  const [fast, slow] = durations as [(typeof durations)[0], (typeof durations)[0]]
  // Everything but the active segment is read twice.
  assert.ok(slow.durationMs > (1000 * 1.5 * slow.sizeBytes) / 5000, `${slow.durationMs} ms`)
  assert.ok(fast.durationMs < slow.durationMs / 5)
})

test('a log whose front goes while it is cleaned is left as it is, and cleaned another time', () => {
  const { store, written } = filled(1)
  const cleaner = startCleaner(store, { ioBytesPerSecond: 20_000 })
  assert.ok(store.until(() => names(store, '.cleaned').length > 0))
  const startOffset = 20
  store.turn(() => store.log.advanceStart(startOffset, () => {}))
  assert.ok(store.until(() => store.log.startOffset === startOffset))
  store.turn(() =>
    store.running!.manager.retain([{ log: store.log, limits: undefined, committedOffset: () => written.length }]),
  )
  assert.ok(store.until(() => names(store, '.deleted').length > 0))
  untilCleaned(store, cleaner)
  store.pass(500)
  assert.deepEqual(names(store, '.cleaned'), [])
  const found = assertCompacted(store, written, 'cleaned behind it')
  assert.ok([...found.keys()].every((offset) => offset >= startOffset))
  store.machine.losePower()
  store.reopened()
  assert.deepEqual(assertCompacted(store, written, 'after a power loss'), found)
})

test('a cleaner that is stopped leaves nothing behind, and one that is not enabled does nothing', () => {
  const { store, written } = filled(1)
  const idle = startCleaner(store, { enabled: false })
  store.pass(500)
  assert.equal(idle.metrics.cleanings, 0)
  const cleaner = startCleaner(store, { ioBytesPerSecond: 20_000 })
  assert.ok(store.until(() => names(store, '.cleaned').length > 0))
  store.turn(() => cleaner.stop())
  store.pass(3000)
  assert.deepEqual(names(store, '.cleaned'), [])
  assert.equal(cleaner.metrics.cleanings, 0)
  assert.equal(assertCompacted(store, written, 'as it was').size, written.length)
})

test('where there is no room for what is made anew, the log stays as it is and takes appends', () => {
  const { store, written } = filled(1)
  const { device } = store.machine
  device.faults.capacityBytes = device.usedBytes + 150
  const cleaner = startCleaner(store)
  store.pass(1000)
  assert.equal(cleaner.metrics.cleanings, 0)
  assert.ok(store.running!.directory.takesAppends)
  assert.equal(assertCompacted(store, written, 'full').size, written.length)
  device.faults.capacityBytes = Number.POSITIVE_INFINITY
  untilCleaned(store, cleaner)
  assertCompacted(store, written, 'room again')
})

test('batches keep their bounds in the files, the last of a segment also without records', () => {
  const { store } = filled(1)
  untilCleaned(store, startCleaner(store, {}, { segmentBytes: 100_000 }))
  const file = store.file(`${PARTITION}/${names(store, '.log')[0]!}`)!
  const batches = new BatchIterator(file.content)
  let last = -1
  while (batches.next() === 'batch') {
    assert.ok(batches.batch.baseOffset > last)
    last = batches.batch.lastOffset
  }
  assert.equal(last + 1, activeStart(store))
})
