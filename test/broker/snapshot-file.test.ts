import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { votersOf } from '../../src/broker/quorum/batches.js'
import {
  buildSnapshot,
  parseSnapshotFileName,
  readSnapshot,
  SnapshotError,
  snapshotFileName,
  writeSnapshot,
} from '../../src/broker/quorum/snapshot-file.js'
import { EMPTY_IMAGE, type MetadataImage } from '../../src/metadata/image.js'
import { imageOfRecords, recordsOf } from '../../src/metadata/image-records.js'
import type { MetadataRecord } from '../../src/metadata/records.js'
import { THIS_RELEASE } from '../../src/metadata/release.js'
import { VoterSet } from '../../src/raft/voter-set.js'
import { BatchIterator, readRecords } from '../../src/records/reader.js'
import { Machine } from '../../src/sim/machine.js'
import { SimulatedNetwork } from '../../src/sim/network.js'
import { Simulation } from '../../src/sim/simulation.js'
import { golden } from '../golden.js'
import { legalRecords } from '../metadata/legal-records.js'

const DIRECTORY = 'AAAAAAAAAAAAAAAAAAAABA'
const voters = new VoterSet([
  { id: 1, directoryId: DIRECTORY, endpoints: [{ name: 'CONTROLLER', host: 'a', port: 9093 }] },
  { id: 2, directoryId: 'AAAAAAAAAAAAAAAAAAAABQ', endpoints: [] },
])

function snapshotOf(image: MetadataImage): Buffer {
  const id = { offset: image.offset + 1, epoch: 3 }
  return buildSnapshot(id, { image, voters, lastContainedTimestamp: 1234 }, 5678)
}

test('an image becomes records and the same image again', () => {
  fc.assert(
    fc.property(legalRecords(), (records) => {
      const image = imageOfRecords(records, records.length - 1)
      const again = [...recordsOf(image)]
      assert.deepEqual(imageOfRecords(again, image.offset), image)
      assert.deepEqual([...recordsOf(imageOfRecords(again, image.offset))], again)
    }),
    { numRuns: 300 },
  )
})

test('a snapshot is read as it was built, and no byte of it can be another', () => {
  fc.assert(
    fc.property(legalRecords(), fc.nat(), fc.nat({ max: 254 }), (records, at, change) => {
      const image = imageOfRecords(records, records.length + 10)
      const id = { offset: image.offset + 1, epoch: 3 }
      const bytes = snapshotOf(image)
      const content = readSnapshot(id, bytes, THIS_RELEASE)
      assert.deepEqual(content.image, image)
      assert.deepEqual(content.voters, voters)
      assert.equal(content.lastContainedTimestamp, 1234)
      const cut = bytes.subarray(0, at % bytes.length)
      assert.throws(() => readSnapshot(id, cut, THIS_RELEASE), SnapshotError)
      const damaged = Buffer.from(bytes)
      damaged[at % bytes.length] = (damaged[at % bytes.length]! + 1 + change) % 256
      let read: MetadataImage | undefined
      try {
        read = readSnapshot(id, damaged, THIS_RELEASE).image
      } catch (error) {
        assert.ok(error instanceof SnapshotError, String(error))
      }
      // Base offset and epoch of a batch are not under its CRC, and nobody goes by them.
      if (read !== undefined) assert.deepEqual(read, image)
    }),
    { numRuns: 200 },
  )
})

test('a large image is many batches', () => {
  const records: MetadataRecord[] = []
  for (let n = 0; n < 20_000; n++) {
    records.push({
      type: 'config',
      resourceType: 2,
      resourceName: `t${n}`,
      name: 'retention.ms',
      value: 'x'.repeat(60),
    })
  }
  const image = imageOfRecords(records, 70_000)
  const bytes = snapshotOf(image)
  let batches = 0
  for (let at = 0; at < bytes.length; batches++) {
    const size = bytes.readInt32BE(at + 8) + 12
    assert.ok(size < 600 * 1024, `a batch of ${size} bytes`)
    at += size
  }
  assert.ok(batches >= 4)
  assert.deepEqual(readSnapshot({ offset: 70_001, epoch: 3 }, bytes, THIS_RELEASE).image, image)
})

test('snapshots are named by end and epoch', () => {
  assert.equal(snapshotFileName({ offset: 42, epoch: 3 }), '00000000000000000042-0000000003.checkpoint')
  assert.deepEqual(parseSnapshotFileName('00000000000000000042-0000000003.checkpoint'), { offset: 42, epoch: 3 })
  for (const name of [
    '00000000000000000042.log',
    '42-3.checkpoint',
    '00000000000000000042-0000000003.checkpoint.tmp',
  ]) {
    assert.equal(parseSnapshotFileName(name), undefined)
  }
})

test('a snapshot that is written survives a power loss with its name', () => {
  for (let seed = 0; seed < 20; seed++) {
    const simulation = new Simulation(`snapshot ${seed}`)
    const machine = new Machine(simulation, new SimulatedNetwork(simulation), 'node')
    const bytes = snapshotOf(EMPTY_IMAGE)
    const id = { offset: 0, epoch: 0 }
    machine.device.makeDurableDirectory('/data')
    let done = false
    machine.boot(
      (ports) =>
        writeSnapshot(ports, '/data/__cluster_metadata-0', id, bytes, (error) => {
          assert.equal(error, undefined)
          done = true
        }),
      () => {},
    )
    assert.ok(simulation.runUntil(() => done, 10_000))
    machine.losePower()
    let found: Uint8Array | undefined
    machine.boot(
      ({ disk }) => {
        found = disk.readFile(`/data/__cluster_metadata-0/${snapshotFileName(id)}`)
      },
      () => {},
    )
    assert.ok(simulation.runUntil(() => found !== undefined, 20_000))
    assert.deepEqual(Buffer.from(found!), bytes)
  }
})

test('the first batch is the one that Kafka writes, byte for byte', () => {
  const files = golden<{ readonly kind: string; readonly path: string; readonly hex: string }>('files.jsonl')
  const { hex, path } = files.find(({ kind }) => kind === 'metadata-snapshot')!
  const theirs = Buffer.from(hex, 'hex')
  const id = parseSnapshotFileName(path.split('/').at(-1)!)!
  const batches = new BatchIterator(theirs)
  assert.equal(batches.next(), 'batch')
  const { batch } = batches
  const header = readRecords(batch, 1e6)[0]!.value!
  const lastContainedTimestamp = Number(Buffer.from(header).readBigInt64BE(2))
  const content = { image: EMPTY_IMAGE, voters: votersOf(batch)!, lastContainedTimestamp }
  const ours = buildSnapshot(id, content, batch.maxTimestamp)
  assert.deepEqual(ours.subarray(0, batch.sizeBytes), theirs.subarray(0, batch.sizeBytes))
})
