/**
 * What was durable once and has rotted since. A batch: whoever reads it is told, and neither the node nor its memory suffers. An index entry, of which
 * nothing but the batches can tell that it is wrong: it costs time, and no records.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { BatchView, FIELD_AT } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { BatchIterator, RecordFormatError } from '../../src/records/reader.js'
import { DamagedBatchError } from '../../src/storage/log-damaged-error.js'
import { LogDirectory } from '../../src/storage/log-directory.js'
import { LogManager } from '../../src/storage/log-manager.js'
import type { LogOptions, PartitionLog } from '../../src/storage/partition-log.js'
import { LOG_OPTIONS } from '../log-options.js'
import { nodePorts, temporaryDirectory } from '../node-ports.js'

const path = temporaryDirectory('damaged-batch')
const unindexed = { ...LOG_OPTIONS, segmentBytes: 1024, indexIntervalBytes: 4096 }
const indexed = { ...unindexed, indexIntervalBytes: 100 }
const FIRST_TIMESTAMP = 1000

after(() => fs.rmSync(path, { recursive: true }))

/** Opens the log, and leaves it in order behind `use`. */
function withLog(use: (log: PartitionLog) => void | Promise<void>, options: LogOptions = unindexed): Promise<void> {
  const ports = nodePorts()
  return new Promise((resolve, reject) => {
    const directoryOptions = { path, nodeId: 1, reservedBytes: 0, onOffline: reject, onRoom: () => {} }
    LogDirectory.open(ports, directoryOptions, (error, directory) => {
      if (directory === undefined) return reject(error)
      const manager = new LogManager(ports, directory, { checkpointIntervalMs: 60_000, deleteDelayMs: 60_000 })
      const stop = (): void =>
        manager.closeClean((failure) =>
          failure === undefined
            ? directory.closeClean(1, (markerFailure) => (markerFailure ? reject(markerFailure) : resolve()))
            : reject(failure),
        )
      manager.open({ topic: 't', partition: 0, topicId: 'dDSbtSATTPSwRiEHkm4hSw' }, options, (openError, log) => {
        if (log === undefined) return reject(openError)
        Promise.resolve(log)
          .then(use)
          .then(stop)
          .catch((cause) => {
            manager.close()
            directory.abandon()
            reject(cause)
          })
      })
    })
  })
}

function append(log: PartitionLog): void {
  for (let n = 0; n < 40; n++) {
    const batch = buildBatch([{ key: null, value: Buffer.alloc(50, 0x61), timestamp: FIRST_TIMESTAMP + n }])
    log.append(new BatchView().reset(batch, 0), 0)
  }
}

for (const length of [-1000, 0, 48, 0x7fff_ff00]) {
  test(`a batch whose length has become ${length}`, async () => {
    fs.rmSync(path, { recursive: true })
    await withLog(append)
    const file = join(path, 't-0', '00000000000000000000.log')
    const bytes = fs.readFileSync(file)
    bytes.writeInt32BE(length, FIELD_AT.length)
    fs.writeFileSync(file, bytes)
    await withLog((log) => {
      assert.throws(() => log.batchAtTimestamp(FIRST_TIMESTAMP, 40), RecordFormatError)
      // The others are not affected.
      assert.equal(new BatchView().reset(log.batchAtTimestamp(FIRST_TIMESTAMP + 39, 40)!, 0).baseOffset, 39)
      for (const maxBytes of [10, 1_000_000]) {
        const request = { offset: 0, upToOffset: 40, maxBytes, wholeFirstBatch: true }
        log.read(request, (error, read) => {
          assert.equal(read, undefined)
          assert.ok(error instanceof DamagedBatchError && error.offset === 0, String(error))
        })
      }
    })
  })
}

/** The values of byte fields of batches in the first file, changed behind the back of a node. */
function rot(change: (bytes: Buffer, sizeBytes: number) => void): void {
  const file = join(path, 't-0', '00000000000000000000.log')
  const bytes = fs.readFileSync(file)
  change(bytes, new BatchView().reset(bytes, 0).sizeBytes)
  fs.writeFileSync(file, bytes)
}

function readAt(log: PartitionLog, offset: number): Promise<number[] | number> {
  const request = { offset, upToOffset: log.logEndOffset, maxBytes: 1_000_000, wholeFirstBatch: true }
  return new Promise((resolve, reject) =>
    log.read(request, (error, read) => {
      if (read === undefined) return error instanceof DamagedBatchError ? resolve(error.offset) : reject(error)
      const found: number[] = []
      const batches = new BatchIterator(read.bytes)
      while (batches.next() === 'batch') found.push(batches.batch.baseOffset)
      read.release()
      resolve(found)
    }),
  )
}

for (const [what, change] of [
  ['value', (bytes, size) => void bytes.writeUInt8(bytes.readUInt8(3 * size - 3) ^ 1, 3 * size - 3)],
  [
    'checksum',
    (bytes, size) => void bytes.writeUInt8(bytes.readUInt8(2 * size + FIELD_AT.crc) ^ 1, 2 * size + FIELD_AT.crc),
  ],
  ['offset, which no checksum holds,', (bytes, size) => void bytes.writeBigInt64BE(1n, 2 * size)],
  ['offset, to one that comes later,', (bytes, size) => void bytes.writeBigInt64BE(5n, 2 * size)],
  ['offset, to one that never came,', (bytes, size) => void bytes.writeBigInt64BE(1n << 40n, 2 * size)],
] as const satisfies readonly [string, (bytes: Buffer, size: number) => void][]) {
  test(`a batch whose ${what} has become another is not given away, and what stands before and behind it is`, async () => {
    fs.rmSync(path, { recursive: true })
    await withLog(append)
    rot(change)
    await withLog(async (log) => {
      // Which of two offsets is wrong cannot be told: then neither is given.
      const before = (await readAt(log, 0)) as number[]
      assert.ok(before.length > 0 && before.every((offset, n) => offset === n && n < 2), `${before}`)
      assert.equal(await readAt(log, 2), 2)
      // In the next segment.
      const [next] = (await readAt(log, 20)) as number[]
      assert.equal(next, 20)
    })
  })
}

async function readOffsets(log: PartitionLog): Promise<number[]> {
  const offsets: number[] = []
  for (let offset = 0; offset < log.logEndOffset; ) {
    const request = { offset, upToOffset: log.logEndOffset, maxBytes: 1, wholeFirstBatch: true }
    const first = await new Promise<number | undefined>((resolve, reject) =>
      log.read(request, (error, read) => {
        if (read === undefined) return reject(error)
        const batches = new BatchIterator(read.bytes)
        resolve(batches.next() === 'batch' ? batches.batch.baseOffset : undefined)
        read.release()
      }),
    )
    if (first !== offset) break
    offsets.push(offset++)
  }
  return offsets
}

const FILES: Readonly<Record<string, (names: readonly string[]) => string>> = {
  closed: (names) => names[0]!,
  active: (names) => names.at(-1)!,
}

for (const [which, choose] of Object.entries(FILES)) {
  for (const [at, by] of [
    [0, 1],
    [0, 3],
    [4, 1],
    [4, -1],
    [4, 131],
  ] as const) {
    const what = at === 0 ? 'offset' : 'position'
    test(`the ${what} of the last entry of the ${which} segment’s index has become another by ${by}`, async () => {
      fs.rmSync(path, { recursive: true })
      await withLog(append, indexed)
      const folder = join(path, 't-0')
      const names = fs.readdirSync(folder).filter((name) => name.endsWith('.index'))
      const file = join(folder, choose(names))
      const bytes = fs.readFileSync(file)
      assert.ok(bytes.length >= 8)
      bytes.writeInt32BE(bytes.readInt32BE(bytes.length - 8 + at) + by, bytes.length - 8 + at)
      fs.writeFileSync(file, bytes)
      await withLog(async (log) => {
        const count = log.logEndOffset
        assert.equal(count, 40)
        assert.deepEqual(await readOffsets(log), [...Array(count).keys()])
        append(log)
      }, indexed)
      await withLog(async (log) => assert.equal((await readOffsets(log)).length, 80), indexed)
    })
  }
}

test('an index entry far behind its closed segment does not stop a recovery that reads through that segment', async () => {
  fs.rmSync(path, { recursive: true })
  await withLog(append, indexed)
  const folder = join(path, 't-0')
  const names = fs.readdirSync(folder)
  const file = join(folder, names.filter((name) => name.endsWith('.index'))[0]!)
  const bytes = fs.readFileSync(file)
  // The last that is left is far behind all that follows it in the segment.
  const cut = bytes.subarray(0, 8)
  cut.writeInt32BE(0x0080_0201, 0)
  fs.writeFileSync(file, cut)
  // Without what spares the reading.
  for (const name of names.filter((each) => each.endsWith('.snapshot'))) fs.rmSync(join(folder, name))
  await withLog(async (log) => {
    assert.deepEqual(await readOffsets(log), [...Array(40).keys()])
    append(log)
  }, indexed)
  await withLog(async (log) => assert.equal((await readOffsets(log)).length, 80), indexed)
})
