import assert from 'node:assert/strict'
import fs from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Prng } from '../../src/base/prng.js'
import { BatchView } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { BatchIterator, readRecords } from '../../src/records/reader.js'
import { LogDirectory } from '../../src/storage/log-directory.js'
import { LogManager } from '../../src/storage/log-manager.js'
import type { LogOptions, PartitionLog } from '../../src/storage/partition-log.js'
import { LOG_OPTIONS } from '../log-options.js'
import { type MemoryLogger, nodePorts, temporaryDirectory } from '../node-ports.js'

const topicId = 'dDSbtSATTPSwRiEHkm4hSw'
const options: LogOptions = { ...LOG_OPTIONS, segmentBytes: 4096, indexIntervalBytes: 256 }

interface Store {
  readonly directory: LogDirectory
  readonly manager: LogManager
  readonly log: PartitionLog
  readonly logger: MemoryLogger
}

function open(path: string, overrides: Partial<LogOptions> = {}): Promise<Store> {
  const ports = nodePorts()
  return new Promise((resolve, reject) => {
    const directoryOptions = {
      path,
      nodeId: 1,
      reservedBytes: 0,
      onOffline: reject,
      onRoom: () => {},
    }
    LogDirectory.open(ports, directoryOptions, (error, directory) => {
      if (directory === undefined) return reject(error)
      const manager = new LogManager(ports, directory, { checkpointIntervalMs: 60_000, deleteDelayMs: 60_000 })
      manager.open({ topic: 't', partition: 0, topicId }, { ...options, ...overrides }, (openError, log) => {
        if (log === undefined) {
          manager.close()
          directory.abandon()
          return reject(openError)
        }
        resolve({ directory, manager, log, logger: ports.logger })
      })
    })
  })
}

/** Leaves as `kill -9` does: nothing is written down. */
function crash({ directory, manager }: Store): void {
  manager.close()
  directory.abandon()
}

function stop({ directory, manager }: Store): Promise<void> {
  return new Promise((resolve, reject) =>
    manager.closeClean((error) => {
      if (error !== undefined) return reject(error)
      directory.closeClean(1, (markerError) => (markerError === undefined ? resolve() : reject(markerError)))
    }),
  )
}

function append(log: PartitionLog, values: string[], epoch = 3, producer?: { id: number; sequence: number }): number {
  const bytes = buildBatch(
    values.map((value, n) => ({ key: null, value: Buffer.from(value), timestamp: 1000 + log.nextOffset + n })),
    producer ? { producerId: producer.id, producerEpoch: 0, baseSequence: producer.sequence } : {},
  )
  return log.append(new BatchView().reset(bytes, 0), epoch)
}

function until(condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => (condition() ? resolve() : void setImmediate(look))
    look()
  })
}

const flushed = ({ log }: Store): Promise<void> => until(() => log.flushedEndOffset === log.nextOffset)

async function readAll(log: PartitionLog, maxBytes = 1000): Promise<string[]> {
  const values: string[] = []
  for (let offset = log.startOffset; offset < log.logEndOffset; ) {
    const from = offset
    await new Promise<void>((resolve, reject) =>
      log.read({ offset, upToOffset: log.logEndOffset, maxBytes, wholeFirstBatch: true }, (error, read) => {
        if (read === undefined) return reject(error)
        const batches = new BatchIterator(read.bytes)
        while (batches.next() === 'batch') {
          for (const record of readRecords(batches.batch, 1e6)) {
            if (record.offset < offset) continue
            assert.equal(record.offset, offset++)
            values.push(Buffer.from(record.value!).toString())
          }
        }
        read.release()
        resolve()
      }),
    )
    assert.ok(offset > from, `nothing was read at offset ${from}`)
  }
  return values
}

test('what is appended in one turn is written once, read back, and durable soon', async () => {
  const path = temporaryDirectory('log')
  const store = await open(path)
  const expected: string[] = []
  for (let n = 0; n < 300; n++) {
    const values = Array.from({ length: 1 + (n % 4) }, (_, i) => `value ${n}.${i}`)
    assert.equal(append(store.log, values), expected.length)
    expected.push(...values)
  }
  assert.equal(store.log.logEndOffset, 0, 'nothing is written before the turn ends')
  await flushed(store)
  assert.deepEqual(await readAll(store.log), expected)
  assert.deepEqual(await readAll(store.log, 1), expected, 'a first batch comes whole however little is asked for')
  assert.deepEqual(await readAll(store.log, 1e6), expected)
  const segments = fs.readdirSync(join(path, 't-0')).filter((name) => name.endsWith('.log'))
  assert.ok(segments.length > 3, `${segments}`)
  await stop(store)
})

test('after a clean stop the log is as it was, without reading it through', async () => {
  const path = temporaryDirectory('log')
  let store = await open(path)
  const expected: string[] = []
  for (let round = 0; round < 5; round++) {
    for (let n = 0; n < 60; n++) {
      append(store.log, [`${round}/${n}`], round, { id: 7, sequence: expected.length })
      expected.push(`${round}/${n}`)
    }
    await flushed(store)
    const before = { digest: store.log.state.digest.toText(), epochs: store.log.state.epochs.toText() }
    await stop(store)
    assert.ok(fs.existsSync(join(path, '.kafka_cleanshutdown')))
    store = await open(path)
    assert.ok(!fs.existsSync(join(path, '.kafka_cleanshutdown')), 'gone before anything is appended')
    assert.equal(store.directory.lastStop, 'clean')
    assert.deepEqual(store.logger.complaints, [])
    assert.equal(store.log.nextOffset, expected.length)
    assert.equal(store.log.flushedEndOffset, expected.length)
    assert.deepEqual(await readAll(store.log), expected)
    assert.deepEqual({ digest: store.log.state.digest.toText(), epochs: store.log.state.epochs.toText() }, before)
    assert.equal(store.log.state.producers.entry(7)?.lastSequence, expected.length - 1)
  }
  crash(store)
})

test('after a crash the log ends with its last whole batch, wherever the tail was torn', async () => {
  const random = new Prng('torn')
  for (let round = 0; round < 25; round++) {
    const path = temporaryDirectory('log')
    const store = await open(path)
    const ends: number[] = []
    const expected: string[] = []
    for (let n = 0; n < 120; n++) {
      append(store.log, [`value ${n}`], 3, { id: 9, sequence: n })
      expected.push(`value ${n}`)
      ends.push(expected.length)
    }
    await flushed(store)
    const digest = store.log.state.digest.toText()
    crash(store)

    const folder = join(path, 't-0')
    const last = fs
      .readdirSync(folder)
      .filter((name) => name.endsWith('.log'))
      .at(-1)!
    const file = join(folder, last)
    const size = fs.statSync(file).size
    const batchBytes = size / (120 - Number.parseInt(last, 10))
    const keep = random.below(size + 1)
    if (round % 3 === 0) fs.truncateSync(file, keep)
    else if (round % 3 === 1) {
      const bytes = fs.readFileSync(file)
      if (keep < size) bytes[keep]! ^= 1 + random.below(255)
      fs.writeFileSync(file, bytes)
    } else fs.appendFileSync(file, Buffer.alloc(random.below(200), random.below(256)))
    const whole = round % 3 === 2 ? size : keep

    const again = await open(path)
    assert.equal(again.directory.lastStop, 'processCrash')
    const left = Number.parseInt(last, 10) + Math.floor(whole / batchBytes)
    // A flipped base offset or leader epoch is outside the CRC; it may still fit.
    if (round % 3 !== 1) assert.equal(again.log.nextOffset, left)
    if (left === 120) assert.equal(again.log.state.digest.toText(), digest)
    const got = await readAll(again.log)
    assert.deepEqual(got, expected.slice(0, got.length))
    assert.equal(again.log.state.producers.entry(9)?.lastSequence, got.length - 1)
    assert.equal(append(again.log, ['next'], 4), got.length)
    await flushed(again)
    assert.deepEqual(await readAll(again.log), [...expected.slice(0, got.length), 'next'])
    await stop(again)
  }
})

test('damage below the recovery point is an error, not a shorter log', async () => {
  const path = temporaryDirectory('log')
  const store = await open(path)
  for (let n = 0; n < 200; n++) append(store.log, [`value ${n}`])
  await flushed(store)
  await stop(store)
  const again = await open(path)
  append(again.log, ['more'])
  await flushed(again)
  crash(again)
  const folder = join(path, 't-0')
  const last = fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .at(-1)!
  fs.truncateSync(join(folder, last), 70)
  await assert.rejects(open(path), /flushed up to offset 200/)
})

test('lost or damaged index files are built again', async () => {
  const path = temporaryDirectory('log')
  const expected: string[] = []
  const store = await open(path)
  for (let n = 0; n < 300; n++) {
    append(store.log, [`value ${n}`])
    expected.push(`value ${n}`)
  }
  await flushed(store)
  await stop(store)
  const folder = join(path, 't-0')
  const files = (): Map<string, Buffer> =>
    new Map(
      fs
        .readdirSync(folder)
        .filter((name) => /index$/.test(name))
        .map((name) => [name, fs.readFileSync(join(folder, name))]),
    )
  const before = files()
  let n = 0
  for (const name of before.keys()) {
    if (n++ % 2 === 0) fs.rmSync(join(folder, name))
    else fs.truncateSync(join(folder, name), 5)
  }
  const again = await open(path)
  assert.deepEqual(await readAll(again.log), expected)
  await stop(again)
  assert.deepEqual(files(), before)
})

test('records are found by time', async () => {
  const store = await open(temporaryDirectory('log'))
  for (let n = 0; n < 200; n++) append(store.log, [`value ${n}`])
  await flushed(store)
  assert.equal(store.log.maxTimestamp, 1199)
  for (const offset of [0, 1, 57, 199]) {
    const bytes = store.log.batchAtTimestamp(1000 + offset, 200)
    assert.equal(new BatchView().reset(bytes!, 0).baseOffset, offset)
  }
  assert.equal(new BatchView().reset(store.log.batchAtTimestamp(5, 200)!, 0).baseOffset, 0)
  assert.equal(store.log.batchAtTimestamp(1200, 200), undefined)
  assert.equal(store.log.batchAtTimestamp(1150, 100), undefined, 'behind the bound')
  crash(store)
})

test('a directory is for one node, one process, one topic', async () => {
  const path = temporaryDirectory('log')
  const store = await open(path)
  await assert.rejects(open(path), /in use by another node/)
  await stop(store)
  const meta = join(path, 'meta.properties')
  const content = fs.readFileSync(meta, 'utf8')
  fs.writeFileSync(meta, content.replace('node.id=1', 'node.id=2'))
  await assert.rejects(open(path), /belongs to node 2, this is node 1/)
  fs.writeFileSync(meta, 'version=1\n')
  await assert.rejects(open(path), /damaged/)
  fs.rmSync(meta)
  await assert.rejects(open(path), /holds t-0 but no meta.properties/)
  fs.writeFileSync(meta, content)
  fs.writeFileSync(join(path, 't-0/partition.metadata'), 'version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ')
  // What belongs to another topic is put aside, and nothing of it is used.
  await stop(await open(path))
  const names = fs.readdirSync(path).filter((name) => name.startsWith('t-0'))
  assert.equal(names.length, 2)
  assert.match(names[1]!, /^t-0\.[0-9a-f]{32}-stray$/)
  assert.match(fs.readFileSync(join(path, names[1]!, 'partition.metadata'), 'utf8'), /AAAAAAAAAAAAAAAAAAAAAQ$/)
})

test('how the last run ended is told by the markers', async () => {
  const path = temporaryDirectory('log')
  const first = await open(path)
  assert.equal(first.directory.lastStop, 'new')
  crash(first)
  const second = await open(path)
  assert.equal(second.directory.lastStop, 'processCrash')
  await stop(second)
  const third = await open(path)
  assert.equal(third.directory.lastStop, 'clean')
  crash(third)
  fs.writeFileSync(join(path, '.lograft_running'), JSON.stringify({ version: 0, bootId: 'of another boot' }))
  const fourth = await open(path)
  assert.equal(fourth.directory.lastStop, 'unclean')
  await stop(fourth)
  // Between the markers of a clean stop and of a start nothing is certain.
  fs.writeFileSync(join(path, '.lograft_running'), 'damaged')
  const fifth = await open(path)
  assert.equal(fifth.directory.lastStop, 'unclean')
  crash(fifth)
})
