/**
 * Files beside the batches (indexes, snapshots, the digest) that speak of more than there is: they are not believed, whether the log was stopped
 * in order or not.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicaDigest } from '../../src/log/replica-digest.js'
import { BatchIterator } from '../../src/records/reader.js'
import { LogDamagedError } from '../../src/storage/log-damaged-error.js'
import { DATA, PARTITION, SimulatedStore } from './simulated-store.js'

const RECOVERY_POINTS = `${DATA}/recovery-point-offset-checkpoint`
const DIGEST = `${PARTITION}/replica-digest-checkpoint`
const COUNT = 30

const valuesUpTo = (count: number): string[] => Array.from({ length: count }, (_, n) => `value ${n}`)

/** A log of this many batches of one idempotent producer that was stopped in order. */
function stopped(segmentBytes: number): SimulatedStore {
  const store = new SimulatedStore('stopped', { segmentBytes }).reopened()
  store.turn(() => {
    for (const [n, value] of valuesUpTo(COUNT).entries()) store.append([value], { id: 7, sequence: n })
  })
  assert.ok(store.until(() => store.log.flushedEndOffset === COUNT))
  assert.equal(store.stop(), 'clean')
  return store
}

function segments(store: SimulatedStore): string[] {
  return store.names()!.filter((name) => name.endsWith('.log'))
}

/** Where each batch of a file ends. */
function ends(content: Buffer): number[] {
  const all: number[] = []
  const batches = new BatchIterator(content)
  while (batches.next() === 'batch') all.push((all.at(-1) ?? 0) + batches.batch.sizeBytes)
  return all
}

/** The digest of the batches in the files, from an offset on. */
function digestOfBytes(store: SimulatedStore, fromOffset: number): ReplicaDigest {
  const digest = new ReplicaDigest()
  for (const name of segments(store)) {
    const batches = new BatchIterator(store.file(`${PARTITION}/${name}`)!.content)
    while (batches.next() === 'batch') {
      const { partitionLeaderEpoch, baseOffset, nextOffset, crc } = batches.batch
      if (baseOffset >= fromOffset) digest.append(partitionLeaderEpoch, baseOffset, nextOffset, crc)
    }
  }
  return digest
}

/** The log ends here, everything that it says fits, and it can be gone on with. */
function assertEndsAt(store: SimulatedStore, end: number): void {
  const { state, nextOffset, logEndOffset } = store.log
  assert.deepEqual([nextOffset, logEndOffset], [end, end])
  assert.deepEqual(store.values(), valuesUpTo(end))
  assert.ok(state.digest.endOffset <= end, `the digest speaks of ${state.digest.endOffset}`)
  assert.equal(state.producers.entry(7)?.lastSequence, end === 0 ? undefined : end - 1)
  for (let next = end; next < COUNT + 10; next++) {
    store.turn(() => assert.equal(store.append([`value ${next}`], { id: 7, sequence: next }), next))
  }
  assert.ok(store.until(() => store.log.flushedEndOffset === COUNT + 10))
  assert.deepEqual(store.values(), valuesUpTo(COUNT + 10))
  // One that started over is of fewer batches, and says so.
  const { current } = store.log.state.digest
  assert.deepEqual(current, digestOfBytes(store, current!.startOffset).current)
  assert.equal(current!.endOffset, COUNT + 10)
}

for (const segmentBytes of [600, 1 << 20]) {
  test(`a file of batches that is shorter than its index says is read through (segments of ${segmentBytes})`, () => {
    const all = ends(stopped(segmentBytes).file(`${PARTITION}/${segments(stopped(segmentBytes)).at(-1)!}`)!.content)
    for (let left = 0; left < all.length; left++) {
      const store = stopped(segmentBytes)
      const last = segments(store).at(-1)!
      const file = store.file(`${PARTITION}/${last}`)!
      file.truncate(left === 0 ? 0 : all[left - 1]!)
      file.endFlush(file.beginFlush(), true)
      // Without it nobody knows that there was more.
      store.replaceFile(RECOVERY_POINTS, undefined)
      store.reopened()
      assert.equal(store.running!.directory.lastStop, 'clean')
      assertEndsAt(store, Number.parseInt(last, 10) + left)
    }
  })

  test(`one that was counted as flushed is damaged if it is shorter (segments of ${segmentBytes})`, () => {
    for (const cut of [1, 40, 200]) {
      const store = stopped(segmentBytes)
      const file = store.file(`${PARTITION}/${segments(store).at(-1)!}`)!
      file.truncate(Math.max(0, file.sizeBytes - cut))
      file.endFlush(file.beginFlush(), true)
      assert.ok(store.start())
      assert.equal(store.open(), false, `${cut} bytes are gone`)
      assert.ok(store.error instanceof LogDamagedError, `${store.error}`)
      assert.match(store.error.message, /flushed up to (offset )?30/)
    }
  })

  test(`an index entry that lies behind the end of the batches is not believed (segments of ${segmentBytes})`, () => {
    for (const name of segments(stopped(segmentBytes))) {
      for (const beyond of [0, 1, 100_000]) {
        const store = stopped(segmentBytes)
        const path = `${PARTITION}/${name.replace('.log', '.index')}`
        const size = store.file(`${PARTITION}/${name}`)!.sizeBytes
        const entry = Buffer.alloc(8)
        entry.writeInt32BE(1_000_000, 0)
        entry.writeInt32BE(size + beyond, 4)
        const before = store.file(path)!.content
        store.replaceFile(path, Buffer.concat([before, entry]))
        store.reopened()
        assertEndsAt(store, COUNT)
      }
    }
  })
}

test('a digest of more than there is is not believed, after a stop in order and after a crash', () => {
  for (const how of ['clean', 'crash', 'losePower'] as const) {
    const store = stopped(600)
    if (how !== 'clean') {
      store.reopened()
      store.machine[how]()
    }
    const text = store.file(DIGEST)!.content.toString()
    const ahead = text.replace(/^(3 0 )30 /m, '$137 ')
    assert.notEqual(ahead, text, text)
    store.replaceFile(DIGEST, Buffer.from(ahead))
    store.reopened()
    assertEndsAt(store, COUNT)
  }
})

test('a snapshot of producers of more than there is is not believed', () => {
  for (const how of ['clean', 'crash', 'losePower'] as const) {
    const store = stopped(600)
    if (how !== 'clean') {
      store.reopened()
      store.machine[how]()
    }
    const name = (offset: number): string => `${PARTITION}/${String(offset).padStart(20, '0')}.snapshot`
    store.replaceFile(name(COUNT + 4), Buffer.from(store.file(name(COUNT))!.content))
    store.reopened()
    assertEndsAt(store, COUNT)
  }
})

test('the index files of a segment that grew after a stop in order are written again when it is closed', () => {
  const store = new SimulatedStore('grown', { segmentBytes: 1000, indexIntervalBytes: 100 }).reopened()
  const append = (count: number): void => {
    const endOffset = store.log.nextOffset + count
    store.turn(() => {
      for (let n = 0; n < count; n++) store.append(['a value', 'with a later one behind it'])
    })
    assert.ok(store.until(() => store.log.flushedEndOffset >= endOffset))
  }
  append(2)
  assert.equal(store.stop(), 'clean')
  const index = store.names()!.find((name) => name.endsWith('.index'))!
  const sizeBytes = store.file(`${PARTITION}/${index}`)!.content.length

  store.reopened()
  append(12)
  assert.ok(segments(store).length > 1)
  let written = false
  store.turn(() => store.log.writeRecoveryFiles((error) => (written = error === undefined)))
  assert.ok(store.until(() => written))
  assert.ok(store.file(`${PARTITION}/${index}`)!.content.length > sizeBytes)
})

test('the index files of a segment that grew after a stop in order are not believed after a crash', () => {
  const options = { segmentBytes: 1000, indexIntervalBytes: 100, checkpointIntervalMs: 1000 }
  const store = new SimulatedStore('grown, and crashed', options).reopened()
  const append = (): void => {
    const endOffset = store.log.nextOffset + 1
    store.turn(() => store.append(['a value']))
    assert.ok(store.until(() => store.log.flushedEndOffset === endOffset))
  }
  append()
  append()
  assert.equal(store.stop(), 'clean')

  store.reopened()
  const batchBytes = store.log.sizeBytes / store.log.logEndOffset
  while (store.log.sizeBytes + batchBytes <= options.segmentBytes) append()
  // The recovery point is written down, and right after that the segment is closed.
  store.pass(1500)
  append()
  assert.equal(store.log.segments.length, 2)
  const entries = store.log.segments[0]!.indexes.offsets.toBytes()
  store.machine.process!.kill()

  store.reopened()
  assert.deepEqual(store.log.segments[0]!.indexes.offsets.toBytes(), entries)
})

test('appends read nothing from the disk: what decides over the next segment is known when the log is open', () => {
  const store = stopped(1 << 20)
  store.reopened()
  const { faults } = store.machine.device
  store.turn(() => {
    faults.ioErrorChance = 1
    assert.equal(store.append(['one more']), COUNT)
    faults.ioErrorChance = 0
  })
  assert.ok(store.until(() => store.log.flushedEndOffset === COUNT + 1))
})
