/** The files of a stopped Apache Kafka broker: read, understood, written back byte for byte, and rebuilt from its segments. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LeaderEpochCache } from '../../src/log/leader-epoch-cache.js'
import { OffsetIndex } from '../../src/log/offset-index.js'
import { ProducerState } from '../../src/log/producer-state.js'
import { type RecoveryScanOutput, scanForRecovery } from '../../src/log/recovery-scan.js'
import { ReplicaDigest } from '../../src/log/replica-digest.js'
import { BatchTableCursor } from '../../src/log/scanned-batches.js'
import { SegmentIndexes } from '../../src/log/segment-indexes.js'
import { TimeIndex } from '../../src/log/time-index.js'
import { golden } from '../golden.js'
import { parsedValue } from './parsed.js'

interface GoldenBatch {
  readonly position: number
  readonly sizeInBytes: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly crc: number
  readonly maxTimestamp: number
  readonly leaderEpoch: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly transactional: boolean
  readonly control: boolean
  readonly records: readonly {
    readonly means?: { readonly control?: string; readonly coordinatorEpoch?: number }
  }[]
}

interface GoldenProducer {
  readonly producerId: number
  readonly epoch: number
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestamp: number
  readonly coordinatorEpoch: number
  readonly currentTxnFirstOffset: number
}

type GoldenFile = { readonly path: string; readonly hex: string } & (
  | {
      readonly kind: 'offset-index'
      readonly content: { baseOffset: number; entries: { offset: number; position: number }[] }
    }
  | {
      readonly kind: 'time-index'
      readonly content: { baseOffset: number; entries: { timestamp: number; offset: number }[] }
    }
  | { readonly kind: 'leader-epoch-checkpoint'; readonly text: string }
  | { readonly kind: 'producer-snapshot'; readonly content: { producerEntries: GoldenProducer[] } }
  | { readonly kind: 'segment'; readonly content: GoldenBatch[] }
)

const INDEX_BYTES = 10_485_760

const files = golden<GoldenFile>('files.jsonl')

function all<Kind extends GoldenFile['kind']>(kind: Kind): Extract<GoldenFile, { readonly kind: Kind }>[] {
  const found = files.filter((file) => file.kind === kind) as Extract<GoldenFile, { readonly kind: Kind }>[]
  assert.ok(found.length > 0, `no ${kind} among the vectors`)
  return found
}

function bytesOf(file: GoldenFile): Buffer {
  return Buffer.from(file.hex, 'hex')
}

/** The offset that a file is named by, and the folder that it stands in. */
function placeOf(file: GoldenFile): { readonly folder: string; readonly offset: number } {
  const [folder, name] = file.path.split('/')
  return { folder: folder!, offset: Number.parseInt(name!, 10) }
}

function scan(bytes: Uint8Array, baseOffset: number, leaderEpoch = -1): RecoveryScanOutput {
  return scanForRecovery({
    bytes,
    filePosition: 0,
    segmentBaseOffset: baseOffset,
    expectedOffset: baseOffset,
    leaderEpoch,
    maximumBatchBytes: 1_048_588,
  })
}

test('offset indexes', () => {
  for (const file of all('offset-index')) {
    const { baseOffset, entries } = file.content
    const preallocated = Buffer.concat([bytesOf(file), Buffer.alloc(INDEX_BYTES - bytesOf(file).length)])
    for (const bytes of [bytesOf(file), preallocated]) {
      const index = parsedValue(OffsetIndex.fromBytes(bytes, baseOffset, INDEX_BYTES))
      assert.deepEqual(
        Array.from({ length: index.count }, (_, slot) => index.entry(slot)),
        entries,
        file.path,
      )
      assert.equal(index.toBytes().toString('hex'), file.hex)
    }
  }
})

test('time indexes', () => {
  for (const file of all('time-index')) {
    const { baseOffset, entries } = file.content
    const index = parsedValue(TimeIndex.fromBytes(bytesOf(file), baseOffset, INDEX_BYTES))
    assert.deepEqual(
      Array.from({ length: index.count }, (_, slot) => index.entry(slot)),
      entries,
      file.path,
    )
    assert.equal(index.toBytes().toString('hex'), file.hex)
  }
})

test('leader epoch checkpoints', () => {
  for (const file of all('leader-epoch-checkpoint')) {
    const cache = parsedValue(LeaderEpochCache.fromText(file.text))
    assert.equal(cache.toText(), file.text)
    assert.equal(Buffer.from(cache.toText()).toString('hex'), file.hex)
    const lines = file.text.trimEnd().split('\n').slice(2)
    assert.deepEqual(
      cache.entries().map(({ leaderEpoch, startOffset }) => `${leaderEpoch} ${startOffset}`),
      lines,
    )
  }
})

test('producer snapshots', () => {
  for (const file of all('producer-snapshot')) {
    const state = parsedValue(ProducerState.restore(bytesOf(file), placeOf(file).offset))
    assert.deepEqual(
      [...state.entries()].map((entry) => ({
        producerId: entry.producerId,
        epoch: entry.producerEpoch,
        lastSequence: entry.lastSequence,
        lastOffset: entry.lastOffset,
        offsetDelta: entry.lastOffsetDelta,
        timestamp: entry.lastTimestamp,
        coordinatorEpoch: entry.coordinatorEpoch,
        currentTxnFirstOffset: entry.transactionFirstOffset ?? -1,
      })),
      file.content.producerEntries,
      file.path,
    )
    assert.equal(state.snapshot().toString('hex'), file.hex)
  }
})

test('segments scan clean, and each batch is told as Kafka tells it', () => {
  let batchCount = 0
  for (const file of all('segment')) {
    const output = scan(bytesOf(file), placeOf(file).offset)
    assert.deepEqual(output.stop, { kind: 'end' }, file.path)
    assert.equal(output.batchCount, file.content.length)
    const cursor = new BatchTableCursor(output.batches)
    for (const batch of file.content) {
      assert.equal(cursor.next(), true)
      const marker = batch.records[0]?.means
      const isMarker = marker?.control === 'COMMIT' || marker?.control === 'ABORT'
      assert.deepEqual(
        {
          position: cursor.position,
          sizeInBytes: cursor.sizeBytes,
          baseOffset: cursor.baseOffset,
          lastOffset: cursor.lastOffset,
          crc: cursor.crc,
          maxTimestamp: cursor.maxTimestamp,
          leaderEpoch: cursor.partitionLeaderEpoch,
          producerId: cursor.producerId,
          producerEpoch: cursor.producerEpoch,
          baseSequence: cursor.baseSequence,
          transactional: cursor.isTransactional,
          control: cursor.isControl,
          marker: cursor.marker,
        },
        {
          position: batch.position,
          sizeInBytes: batch.sizeInBytes,
          baseOffset: batch.baseOffset,
          lastOffset: batch.lastOffset,
          crc: batch.crc,
          maxTimestamp: batch.maxTimestamp,
          leaderEpoch: batch.leaderEpoch,
          producerId: batch.producerId,
          producerEpoch: batch.producerEpoch,
          baseSequence: batch.baseSequence,
          transactional: batch.transactional,
          control: batch.control,
          marker: isMarker
            ? { type: marker.control?.toLowerCase(), coordinatorEpoch: marker.coordinatorEpoch }
            : undefined,
        },
        `${file.path} at ${batch.position}`,
      )
      batchCount++
    }
    assert.equal(cursor.next(), false)
  }
  assert.ok(batchCount > 100)
})

test('a segment that is torn at any byte keeps exactly the whole batches before', () => {
  for (const file of all('segment')) {
    const bytes = bytesOf(file)
    const starts = file.content.map((batch) => batch.position)
    for (let length = 0; length < bytes.length; length++) {
      const output = scan(bytes.subarray(0, length), placeOf(file).offset)
      const torn = starts.findLastIndex((position) => position <= length)
      assert.equal(output.batchCount, torn)
      assert.equal(output.validBytes, starts[torn])
      assert.equal(output.stop.kind, starts[torn] === length ? 'end' : 'partial')
    }
  }
})

test('from its segments alone everything else in a partition is rebuilt as Kafka wrote it', () => {
  const rebuilt = { indexes: 0, snapshots: 0, checkpoints: 0 }
  const folders = new Set(all('segment').map((file) => placeOf(file).folder))
  for (const folder of folders) {
    // The topics of the clients were made with an index entry for every batch, the internal ones with the default.
    const intervalBytes = folder.startsWith('__') ? 4096 : 0
    const epochs = new LeaderEpochCache()
    const digest = new ReplicaDigest()
    const producers = new ProducerState()
    for (const segment of all('segment').filter((file) => placeOf(file).folder === folder)) {
      const { offset } = placeOf(segment)
      const indexes = SegmentIndexes.empty(offset, INDEX_BYTES, intervalBytes)
      const { batches } = scan(bytesOf(segment), offset, epochs.latestEpoch)
      for (const batch = new BatchTableCursor(batches); batch.next(); ) {
        const { marker, producerId, producerEpoch, partitionLeaderEpoch } = batch
        indexes.append(batch.position, batch.lastOffset, batch.maxTimestamp)
        if (partitionLeaderEpoch > (epochs.latestEpoch ?? -1)) epochs.assign(partitionLeaderEpoch, batch.baseOffset)
        assert.equal(digest.append(partitionLeaderEpoch, batch.baseOffset, batch.nextOffset, batch.crc), true)
        if (marker === undefined) producers.update(batch)
        else {
          const { coordinatorEpoch } = marker
          const at = { offset: batch.lastOffset, timestamp: batch.maxTimestamp }
          producers.applyMarker({ producerId, producerEpoch, coordinatorEpoch, ...at })
        }
      }
      indexes.close()
      for (const file of files) {
        if (!file.path.startsWith(`${folder}/`)) continue
        const place = placeOf(file)
        if (file.kind === 'offset-index' && place.offset === offset) {
          assert.equal(indexes.offsets.toBytes().toString('hex'), file.hex, file.path)
          rebuilt.indexes++
        } else if (file.kind === 'time-index' && place.offset === offset) {
          assert.equal(indexes.times.toBytes().toString('hex'), file.hex, file.path)
          rebuilt.indexes++
        } else if (file.kind === 'producer-snapshot' && place.offset === producers.endOffset) {
          assert.equal(producers.snapshot().toString('hex'), file.hex, file.path)
          rebuilt.snapshots++
        }
      }
    }
    for (const file of all('leader-epoch-checkpoint').filter((each) => each.path.startsWith(`${folder}/`))) {
      assert.equal(epochs.toText(), file.text, file.path)
      rebuilt.checkpoints++
    }
    const again = parsedValue(ReplicaDigest.fromText(digest.toText()))
    assert.deepEqual(again.points(), digest.points())
  }
  assert.deepEqual(rebuilt, {
    indexes: all('offset-index').length + all('time-index').length,
    snapshots: all('producer-snapshot').length,
    checkpoints: all('leader-epoch-checkpoint').length,
  })
})
