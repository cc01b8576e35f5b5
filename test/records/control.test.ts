import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchView } from '../../src/records/batch.js'
import {
  buildControlBatch,
  CONTROL_TYPE,
  controlKey,
  controlTypeOf,
  UNKNOWN_CONTROL_TYPE,
} from '../../src/records/control.js'
import { readRecords } from '../../src/records/reader.js'
import { fromBase64, goldenBatches } from './golden-batches.js'

const BY_CASE = {
  'control/commit': CONTROL_TYPE.commit,
  'control/abort': CONTROL_TYPE.abort,
  'control/snapshot-header': CONTROL_TYPE.snapshotHeader,
  'control/snapshot-footer': CONTROL_TYPE.snapshotFooter,
  'control/kraft-version': CONTROL_TYPE.kraftVersion,
  'control/voters': CONTROL_TYPE.kraftVoters,
} as const

test("control batches are Kafka's, byte for byte", () => {
  const vectors = goldenBatches().filter(({ control }) => control)
  assert.equal(vectors.length, Object.keys(BY_CASE).length)
  for (const vector of vectors) {
    const type = BY_CASE[vector.case as keyof typeof BY_CASE]
    const [record] = vector.records
    const batch = buildControlBatch([{ type, value: fromBase64(record!.value)!, timestamp: record!.timestamp }], {
      baseOffset: vector.baseOffset,
      partitionLeaderEpoch: vector.leaderEpoch,
      producerId: vector.producerId,
      producerEpoch: vector.producerEpoch,
      transactional: vector.transactional,
    })
    assert.equal(batch.toString('hex'), vector.bytes.toString('hex'), vector.case)
    const [read] = readRecords(new BatchView().reset(batch, 0), 1000)
    assert.equal(controlTypeOf(read!.key), type)
  }
})

test('keys of other releases are unknown, other keys are none', () => {
  for (const type of Object.values(CONTROL_TYPE)) assert.equal(controlTypeOf(controlKey(type)), type)
  assert.equal(controlTypeOf(Buffer.from([0, 0, 0, 7])), UNKNOWN_CONTROL_TYPE)
  assert.equal(controlTypeOf(Buffer.from([0, 0, 0xff, 0xff])), UNKNOWN_CONTROL_TYPE)
  assert.equal(controlTypeOf(Buffer.from([0, 1, 0, 1, 9])), CONTROL_TYPE.commit)
  assert.equal(controlTypeOf(Buffer.from([0xff, 0xff, 0, 1])), undefined)
  assert.equal(controlTypeOf(Buffer.from([0, 0, 1])), undefined)
  assert.equal(controlTypeOf(null), undefined)
})
