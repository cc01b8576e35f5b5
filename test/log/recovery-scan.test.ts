import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Job } from '../../src/io/compute.js'
import {
  type RecoveryScanInput,
  type RecoveryScanOutput,
  recoveryScan,
  scanForRecovery,
} from '../../src/log/recovery-scan.js'
import { BatchTableCursor } from '../../src/log/scanned-batches.js'
import { BATCH_HEADER_BYTES, BatchView, FIELD_AT } from '../../src/records/batch.js'
import { type BatchOptions, buildBatch } from '../../src/records/builder.js'
import { buildControlBatch, CONTROL_TYPE, controlKey } from '../../src/records/control.js'

const BASE = 100

interface BatchShape extends BatchOptions {
  readonly count?: number
  readonly timestamp?: number
}

/** Batches in a row; those without a base offset follow the one before. */
function segmentOf(...shapes: BatchShape[]): Buffer[] {
  let offset = BASE
  return shapes.map(({ count = 1, timestamp = 1000, ...options }) => {
    const baseOffset = options.baseOffset ?? offset
    const records = Array.from({ length: count }, (_, at) => ({ value: Buffer.alloc(at + 5, at), timestamp }))
    const bytes = buildBatch(records, { partitionLeaderEpoch: 0, ...options, baseOffset })
    offset = new BatchView().reset(bytes, 0).nextOffset
    return bytes
  })
}

function scan(bytes: Uint8Array, more: Partial<RecoveryScanInput> = {}): RecoveryScanOutput {
  return scanForRecovery({
    bytes,
    filePosition: 0,
    segmentBaseOffset: BASE,
    expectedOffset: BASE,
    leaderEpoch: -1,
    maximumBatchBytes: 100_000,
    ...more,
  })
}

/** Everything that the table says, read through the cursor. */
function rowsOf({ batches }: RecoveryScanOutput) {
  const rows = []
  for (const cursor = new BatchTableCursor(batches); cursor.next(); ) {
    rows.push({
      position: cursor.position,
      sizeBytes: cursor.sizeBytes,
      baseOffset: cursor.baseOffset,
      lastOffset: cursor.lastOffset,
      nextOffset: cursor.nextOffset,
      maxTimestamp: cursor.maxTimestamp,
      leaderEpoch: cursor.partitionLeaderEpoch,
      crc: cursor.crc,
      isTransactional: cursor.isTransactional,
      isControl: cursor.isControl,
      producerId: cursor.producerId,
      producerEpoch: cursor.producerEpoch,
      baseSequence: cursor.baseSequence,
      marker: cursor.marker,
    })
  }
  return rows
}

function reasonOf(output: RecoveryScanOutput): string {
  if (output.stop.kind !== 'corrupt') assert.fail(`stopped by ${output.stop.kind}`)
  return output.stop.reason
}

const shape: fc.Arbitrary<BatchShape> = fc.record({
  count: fc.integer({ min: 1, max: 5 }),
  timestamp: fc.nat({ max: 2 ** 40 }),
  producerId: fc.integer({ min: -1, max: 2 ** 40 }),
  producerEpoch: fc.nat({ max: 100 }),
  baseSequence: fc.nat({ max: 1000 }),
  transactional: fc.boolean(),
})

test('whole batches are told as their headers are', () => {
  const batches = segmentOf(
    { count: 3, timestamp: 77, producerId: 2 ** 45, producerEpoch: 5, baseSequence: 9, transactional: true },
    { partitionLeaderEpoch: 4 },
    { count: 2, lastOffset: 300, partitionLeaderEpoch: 4 },
  )
  const value = Buffer.from([0, 0, 0, 0, 0, 12])
  const producer = { producerId: 8, producerEpoch: 1, transactional: true, partitionLeaderEpoch: 6 }
  batches.push(
    buildControlBatch([{ type: CONTROL_TYPE.abort, value, timestamp: 9 }], { ...producer, baseOffset: 301 }),
    buildControlBatch([{ type: CONTROL_TYPE.leaderChange, value, timestamp: 9 }], {
      partitionLeaderEpoch: 6,
      baseOffset: 310,
    }),
  )
  const bytes = Buffer.concat(batches)
  const output = scan(bytes, { filePosition: 5000 })
  assert.deepEqual(output.stop, { kind: 'end' })
  assert.equal(output.validBytes, bytes.length)
  assert.equal(output.batchCount, 5)
  assert.equal(output.expectedOffset, 311)
  assert.equal(output.leaderEpoch, 6)

  const header = new BatchView()
  let at = 0
  const expected = batches.map((batch, index) => {
    header.reset(bytes, at)
    at += batch.length
    return {
      position: 5000 + at - batch.length,
      sizeBytes: batch.length,
      baseOffset: header.baseOffset,
      lastOffset: header.lastOffset,
      nextOffset: header.nextOffset,
      maxTimestamp: header.maxTimestamp,
      leaderEpoch: header.partitionLeaderEpoch,
      crc: header.crc,
      isTransactional: header.isTransactional,
      isControl: header.isControl,
      producerId: header.producerId,
      producerEpoch: header.producerEpoch,
      baseSequence: header.baseSequence,
      marker: index === 3 ? { type: 'abort' as const, coordinatorEpoch: 12 } : undefined,
    }
  })
  assert.deepEqual(rowsOf(output), expected)
  assert.equal(new BatchTableCursor(output.batches).count, 5)
})

test('cut at any byte, exactly the whole batches before the cut are kept', () => {
  const batches = segmentOf({ count: 2 }, { count: 1 }, { count: 4 })
  const bytes = Buffer.concat(batches)
  const ends = [0, 1, 2, 3].map((count) => Buffer.concat(batches.slice(0, count)).length)
  for (let length = 0; length <= bytes.length; length++) {
    const output = scan(bytes.subarray(0, length))
    const count = ends.findLastIndex((end) => end <= length)
    const valid = ends[count]!
    assert.equal(output.validBytes, valid)
    assert.equal(output.batchCount, count)
    const rest = length - valid
    const needed = rest < BATCH_HEADER_BYTES ? BATCH_HEADER_BYTES : batches[count]?.length
    assert.deepEqual(output.stop, rest === 0 ? { kind: 'end' } : { kind: 'partial', neededBytes: needed })
  }
})

test('in pieces of any size, each from where the one before stopped, a scan finds the same', () => {
  fc.assert(
    fc.property(
      fc.array(shape, { maxLength: 30, size: 'max' }),
      fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }),
      (shapes, pieceBytes) => {
        const bytes = Buffer.concat(segmentOf(...shapes))
        const whole = scan(bytes)
        assert.equal(whole.batchCount, shapes.length)
        const rows = []
        let position = 0
        let { expectedOffset, leaderEpoch } = { expectedOffset: BASE, leaderEpoch: -1 }
        let wanted = 0
        for (let turn = 0; position < bytes.length; turn++) {
          const end = position + Math.max(wanted, pieceBytes[turn % pieceBytes.length]!)
          const output = scan(bytes.subarray(position, end), { filePosition: position, expectedOffset, leaderEpoch })
          assert.ok(
            output.validBytes > 0 || wanted === 0 || wanted === BATCH_HEADER_BYTES,
            'what it asks for is enough',
          )
          rows.push(...rowsOf(output))
          position += output.validBytes
          ;({ expectedOffset, leaderEpoch } = output)
          wanted = output.stop.kind === 'partial' ? output.stop.neededBytes : 0
          assert.notEqual(output.stop.kind, 'corrupt')
        }
        assert.deepEqual(rows, rowsOf(whole))
        assert.equal(expectedOffset, whole.expectedOffset)
      },
    ),
    { seed: 14, numRuns: 200 },
  )
})

test('a flipped bit ends the valid part before its batch; offset and epoch, outside the CRC, must at least not go back', () => {
  const batches = segmentOf({ count: 2 }, { count: 3, producerId: 3, producerEpoch: 0, baseSequence: 0 }, { count: 1 })
  const bytes = Buffer.concat(batches)
  const start = batches[0]!.length
  const end = start + batches[1]!.length
  for (let at = start; at < end; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= 1 << bit
      const output = scan(damaged)
      const field = at - start
      const isOutsideCrc = field < FIELD_AT.length || (field >= FIELD_AT.partitionLeaderEpoch && field < FIELD_AT.magic)
      if (!isOutsideCrc) {
        assert.equal(output.validBytes, start, `bit ${bit} of byte ${field}`)
        assert.notEqual(output.stop.kind, 'end')
      } else {
        assert.ok(output.validBytes === start || output.validBytes === end, `bit ${bit} of byte ${field}`)
        assert.equal(output.stop.kind, 'corrupt')
      }
    }
  }
})

test('offsets and leader epochs may jump forward, never go back', () => {
  const jumps = segmentOf({}, { baseOffset: 150, partitionLeaderEpoch: 3 }, { partitionLeaderEpoch: 3 })
  assert.equal(scan(Buffer.concat(jumps)).stop.kind, 'end')
  const back = Buffer.concat(segmentOf({ count: 3 }, { baseOffset: 102 }))
  assert.match(reasonOf(scan(back)), /^at \d+: offset 102, where 103 is the least$/)
  assert.match(reasonOf(scan(Buffer.concat(jumps), { expectedOffset: 101 })), /at 0: offset 100/)
  const older = Buffer.concat(segmentOf({ partitionLeaderEpoch: 5 }, { partitionLeaderEpoch: 4 }))
  const output = scan(older)
  assert.match(reasonOf(output), /leader epoch 4 after 5/)
  assert.equal(output.batchCount, 1)
  assert.match(reasonOf(scan(older, { leaderEpoch: 6 })), /at 0: leader epoch 5 after 6/)
  assert.equal(scan(Buffer.concat(segmentOf({ partitionLeaderEpoch: -1 }, {}))).stop.kind, 'end')
})

test('an offset that the indexes of the segment cannot hold is not of this segment', () => {
  const bytes = (baseOffset: number) => Buffer.concat(segmentOf({}, { baseOffset }))
  assert.equal(scan(bytes(BASE + 2 ** 31 - 1)).stop.kind, 'end')
  assert.match(reasonOf(scan(bytes(BASE + 2 ** 31))), /out of reach/)
})

test('headers that no writer makes are damage', () => {
  const [whole] = segmentOf({ count: 2 })
  const patched = (patch: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(whole!)
    patch(bytes)
    const view = new BatchView().reset(bytes, 0)
    if (view.sizeBytes === bytes.length) bytes.writeUInt32BE(view.computeCrc(), FIELD_AT.crc)
    return bytes
  }
  const reasonAfter = (patch: (bytes: Buffer) => void) => reasonOf(scan(patched(patch)))
  assert.match(
    reasonAfter((bytes) => bytes.writeInt32BE(48, FIELD_AT.length)),
    /a batch of 60 bytes/,
  )
  assert.match(
    reasonAfter((bytes) => bytes.writeInt32BE(-1, FIELD_AT.length)),
    /a batch of 11 bytes/,
  )
  assert.match(
    reasonAfter((bytes) => bytes.writeInt32BE(100_000, FIELD_AT.length)),
    /a batch of 100012 bytes/,
  )
  assert.match(
    reasonAfter((bytes) => bytes.writeInt8(1, FIELD_AT.magic)),
    /magic 1/,
  )
  assert.match(
    reasonAfter((bytes) => bytes.writeInt32BE(-1, FIELD_AT.lastOffsetDelta)),
    /2 records over 0 offsets/,
  )
  assert.match(
    reasonAfter((bytes) => bytes.writeInt32BE(3, FIELD_AT.recordCount)),
    /3 records over 2 offsets/,
  )
  assert.match(
    reasonAfter((bytes) => bytes.writeInt32BE(-1, FIELD_AT.recordCount)),
    /-1 records/,
  )
  assert.match(
    reasonAfter((bytes) => bytes.writeBigInt64BE(2n ** 60n, FIELD_AT.baseOffset)),
    /out of reach/,
  )
  assert.match(
    reasonAfter((bytes) => bytes.writeBigInt64BE(-(2n ** 60n), FIELD_AT.baseOffset)),
    /is the least/,
  )
  assert.match(
    reasonAfter((bytes) => bytes.writeBigInt64BE(2n ** 60n, FIELD_AT.producerId)),
    /producer id/,
  )
  assert.match(
    reasonAfter((bytes) => bytes.fill(0)),
    /a batch of 12 bytes/,
  )
  const late = scan(patched((bytes) => bytes.writeBigInt64BE(2n ** 62n, FIELD_AT.maxTimestamp)))
  assert.equal(late.stop.kind, 'end')
  assert.equal(rowsOf(late)[0]?.maxTimestamp, Number.MAX_SAFE_INTEGER)
})

test('only an uncompressed control batch of a producer holds a marker', () => {
  const value = Buffer.from([0, 0, 0, 0, 0, 12])
  const marker = { type: CONTROL_TYPE.commit, value, timestamp: 9 }
  const producer = { baseOffset: BASE, producerId: 8, producerEpoch: 1, transactional: true }
  const markerIn = (bytes: Uint8Array) => {
    const [row] = rowsOf(scan(bytes))
    return row?.marker
  }
  const control = buildControlBatch([marker], producer)
  assert.deepEqual(markerIn(control), { type: 'commit', coordinatorEpoch: 12 })
  assert.equal(markerIn(buildControlBatch([marker], { baseOffset: BASE })), undefined)
  assert.equal(markerIn(buildBatch([{ ...marker, key: controlKey(CONTROL_TYPE.commit) }], producer)), undefined)
  control[FIELD_AT.attributes + 1]! |= 1
  control.writeUInt32BE(new BatchView().reset(control, 0).computeCrc(), FIELD_AT.crc)
  const compressed = scan(control)
  assert.equal(compressed.stop.kind, 'end')
  assert.equal(rowsOf(compressed)[0]?.marker, undefined)
})

test('a batch that compaction has left without records is a batch', () => {
  const empty = buildBatch([], {
    baseOffset: BASE,
    lastOffset: BASE + 9,
    producerId: 5,
    producerEpoch: 0,
    baseSequence: 0,
  })
  const output = scan(empty)
  assert.equal(output.expectedOffset, BASE + 10)
  assert.equal(output.stop.kind, 'end')
})

test('it asks for no more bytes than the largest batch that is believed', () => {
  const [batch] = segmentOf({ count: 5 })
  const head = batch!.subarray(0, 70)
  assert.deepEqual(scan(head, { maximumBatchBytes: batch!.length }).stop, {
    kind: 'partial',
    neededBytes: batch!.length,
  })
  assert.match(reasonOf(scan(head, { maximumBatchBytes: batch!.length - 1 })), /are possible/)
})

test('no bytes make it throw, and what it calls valid scans again as valid', () => {
  const pieces = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    shape.map((each) => segmentOf(each)[0]!),
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 6 }), (list) => {
      const bytes = Buffer.concat(list)
      const output = scan(bytes)
      assert.ok(output.validBytes <= bytes.length)
      const again = scan(bytes.subarray(0, output.validBytes))
      assert.deepEqual(again.stop, { kind: 'end' })
      assert.deepEqual(rowsOf(again), rowsOf(output))
    }),
    { seed: 15, numRuns: 500 },
  )
})

test('the compute port finds the job by its module and name, and its output survives the way', async () => {
  const module = (await import(recoveryScan.module)) as Record<string, unknown>
  const job = module[recoveryScan.name] as Job<RecoveryScanInput, RecoveryScanOutput>
  assert.equal(job, recoveryScan)
  const input: RecoveryScanInput = {
    bytes: Buffer.concat(segmentOf({ count: 2 }, { count: 3 })),
    filePosition: 10,
    segmentBaseOffset: BASE,
    expectedOffset: BASE,
    leaderEpoch: -1,
    maximumBatchBytes: 1000,
  }
  const output = structuredClone(job.run(structuredClone(input)))
  assert.deepEqual(rowsOf(output), rowsOf(scanForRecovery(input)))
  assert.equal(rowsOf(output).length, 2)
})
