/** Closed segments are read at their own slow pace, and what has rotted in them is mended before anybody wants it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Partition } from '../../src/broker/partition.js'
import { Scrubber } from '../../src/broker/scrubber.js'
import { buildBatch } from '../../src/records/builder.js'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { DamagedBatchError } from '../../src/storage/log-damaged-error.js'
import { FakeClock } from '../fake-clock.js'
import { SimulatedCluster } from './cluster-rig.js'
import { agree, newTopic, produce, replicaOf } from './replicated.js'

const BATCH = Buffer.from(buildBatch([{ key: null, value: Buffer.alloc(900), timestamp: 1 }]))

interface Scrubbed {
  readonly partition: Partition
  /** Offsets that were read. */
  readonly read: number[]
  readonly rotted: number[]
}

/** A log of batches of one record, ten in a segment, the last of which is active. */
function logOf(count: number, options: { readonly highWatermark?: number; readonly damaged?: number } = {}): Scrubbed {
  const { highWatermark = count, damaged } = options
  const read: number[] = []
  const rotted: number[] = []
  const partition = {
    highWatermark,
    log: {
      startOffset: 0,
      closed: false,
      failed: false,
      segments: [...Array(Math.ceil(count / 10)).keys()].map((n) => ({ baseOffset: 10 * n })),
      read: (
        request: { offset: number; upToOffset: number; maxBytes: number },
        done: (error?: Error, read?: object) => void,
      ) => {
        const { offset, upToOffset, maxBytes } = request
        if (offset === damaged) return done(new DamagedBatchError('there', offset))
        const most = Math.max(1, Math.floor(maxBytes / BATCH.length))
        const end = Math.min(
          offset + most,
          upToOffset,
          damaged !== undefined && damaged > offset ? damaged : upToOffset,
        )
        const bytes = Buffer.concat(
          [...Array(end - offset).keys()].map((n) => {
            const batch = Buffer.from(BATCH)
            batch.writeBigInt64BE(BigInt(offset + n), 0)
            read.push(offset + n)
            return batch
          }),
        )
        done(undefined, { bytes, release() {} })
      },
    },
    rotted: (offset: number) => void rotted.push(offset),
  }
  return { partition: partition as unknown as Partition, read, rotted }
}

test('log.scrub.bytes.per.second says how much is read; the end of the log, and what is not committed, is not', () => {
  for (const bytesPerSecond of [3000, 20_000, 0]) {
    const clock = new FakeClock()
    const [log, open] = [logOf(105), logOf(105, { highWatermark: 7 })]
    const partitions = (): Partition[] => [log.partition, open.partition]
    const scrubber = new Scrubber(clock, { bytesPerSecond: () => bytesPerSecond, partitions })
    clock.advance(4500)
    const expected = 4 * bytesPerSecond
    assert.ok(scrubber.readBytes <= expected + BATCH.length, `${scrubber.readBytes} of ${expected}`)
    assert.ok(scrubber.readBytes >= Math.min(expected - 4 * BATCH.length, 107 * BATCH.length))
    if (bytesPerSecond < 20_000) continue
    clock.advance(10_000)
    assert.deepEqual(log.read, [...Array(100).keys()])
    assert.deepEqual(open.read, [...Array(7).keys()])
    scrubber.stop()
  }
})

test('everything is read once an hour at most', () => {
  const clock = new FakeClock()
  const log = logOf(25)
  const scrubber = new Scrubber(clock, { bytesPerSecond: () => 1_000_000, partitions: () => [log.partition] })
  clock.advance(3_590_000)
  assert.equal(log.read.length, 20)
  clock.advance(20_000)
  assert.equal(log.read.length, 40)
  scrubber.stop()
})

test('what has rotted is made known, and the next segments are read all the same', () => {
  const clock = new FakeClock()
  const log = logOf(45, { damaged: 13 })
  const scrubber = new Scrubber(clock, { bytesPerSecond: () => 1_000_000, partitions: () => [log.partition] })
  clock.advance(1500)
  assert.deepEqual(log.rotted, [13])
  assert.deepEqual(
    log.read,
    [...Array(13).keys(), ...Array(20).keys()].map((n, at) => (at < 13 ? n : n + 20)),
  )
  scrubber.stop()
})

test('what has rotted while a node was away is mended before anybody wants it', () => {
  const cluster = new SimulatedCluster('scrubbed')
  const topic = newTopic(cluster, 'cold', 1, 3, { 'segment.bytes': '1048576' })
  for (let n = 0; n < 8; n++) produce(cluster, topic, [`${n}`.padEnd(300_000)])
  const id = [1, 2, 3].find((each) => each !== cluster.partition('cold').leader)!
  const node = cluster.node(id)
  const { directory } = replicaOf(cluster, topic, id).log
  cluster.until(() => agree(cluster, topic, [1, 2, 3]), 'agreement', 5000)
  node.stop()
  cluster.until(() => node.node === undefined, 'it ends')
  const file = node.machine.find(`${directory}/00000000000000000000.log`)
  assert.ok(file instanceof SimulatedFile)
  const whole = Buffer.from(file.content)
  file.content.writeUInt8(file.content.readUInt8(900) ^ 4, 900)
  cluster.start(id)
  cluster.until(() => node.node!.broker!.repairs.mended === 1, 'it is mended', 10_000)
  assert.equal(Buffer.compare(whole, file.content), 0)
})
