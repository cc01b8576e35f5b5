import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readTransactionMarker } from '../../src/log/transaction-marker.js'
import { BATCH_HEADER_BYTES } from '../../src/records/batch.js'
import { buildControlBatch, CONTROL_TYPE, type ControlType } from '../../src/records/control.js'

function markerValue(coordinatorEpoch: number, version = 0, extra = 0): Buffer {
  const value = Buffer.alloc(6 + extra)
  value.writeInt16BE(version, 0)
  value.writeInt32BE(coordinatorEpoch, 2)
  return value
}

function recordsOf(type: ControlType, value: Uint8Array): Buffer {
  return buildControlBatch([{ type, value, timestamp: 5 }]).subarray(BATCH_HEADER_BYTES)
}

function read(records: Uint8Array) {
  return readTransactionMarker(records, 0, records.length)
}

test('commit and abort are told apart, with the epoch of their coordinator', () => {
  assert.deepEqual(read(recordsOf(CONTROL_TYPE.commit, markerValue(17))), { type: 'commit', coordinatorEpoch: 17 })
  assert.deepEqual(read(recordsOf(CONTROL_TYPE.abort, markerValue(0))), { type: 'abort', coordinatorEpoch: 0 })
})

test('later versions of the value may be longer', () => {
  const marker = read(recordsOf(CONTROL_TYPE.commit, markerValue(3, 1, 9)))
  assert.deepEqual(marker, { type: 'commit', coordinatorEpoch: 3 })
})

test('other control records, none, and what is cut off are no markers', () => {
  assert.equal(read(recordsOf(CONTROL_TYPE.leaderChange, markerValue(3))), undefined)
  assert.equal(read(recordsOf(CONTROL_TYPE.commit, markerValue(3, -1))), undefined)
  assert.equal(read(recordsOf(CONTROL_TYPE.commit, Buffer.alloc(5))), undefined)
  assert.equal(read(Buffer.alloc(0)), undefined)
  const records = recordsOf(CONTROL_TYPE.commit, markerValue(17))
  // Its last byte, the number of headers, is not looked at.
  for (let end = 0; end < records.length - 1; end++) assert.equal(read(records.subarray(0, end)), undefined)
})

test('no bytes make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const marker = read(bytes)
      if (marker !== undefined) assert.ok(Number.isInteger(marker.coordinatorEpoch))
    }),
    { seed: 13, numRuns: 2000 },
  )
})
