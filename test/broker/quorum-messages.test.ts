import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { metadataBatch, votersBatch } from '../../src/broker/quorum/batches.js'
import { BadAnswerError, receivedBatches } from '../../src/broker/quorum/wire.js'
import { UnknownRecordError } from '../../src/metadata/record-codec.js'
import { THIS_RELEASE } from '../../src/metadata/release.js'
import { VoterSet } from '../../src/raft/voter-set.js'
import { BatchView } from '../../src/records/batch.js'
import { buildBatch } from '../../src/records/builder.js'
import { legalRecords } from '../metadata/legal-records.js'

const voters = new VoterSet([{ id: 1, directoryId: 'AAAAAAAAAAAAAAAAAAAABA', endpoints: [] }])

/** As they would stand in a log from `offset` on. */
function placed(batches: readonly Buffer[], offset: number, epoch: number): Buffer {
  let next = offset
  for (const bytes of batches) {
    const view = new BatchView().reset(bytes, 0)
    view.baseOffset = next
    view.partitionLeaderEpoch = epoch
    next = view.nextOffset
  }
  return Buffer.concat(batches)
}

test('what a leader sends is taken batch by batch; what was cut off at the end comes again', () => {
  fc.assert(
    fc.property(fc.array(legalRecords(), { maxLength: 4 }), fc.nat({ max: 1000 }), fc.nat(), (lists, offset, cut) => {
      const batches = lists.filter(({ length }) => length > 0).map((records) => metadataBatch(records, 5))
      batches.push(votersBatch(voters, 5))
      const whole = placed(batches, offset, 3)
      const received = receivedBatches(whole, THIS_RELEASE)
      assert.deepEqual(Buffer.concat(received.map(({ batch }) => batch.bytes)), whole)
      assert.deepEqual(received.at(-1)!.voters, voters)
      const records = received.flatMap(({ batch }) => batch.content.records ?? [])
      assert.deepEqual(records, lists.flat())
      let next = offset
      for (const { baseOffset, endOffset, epoch } of received) {
        assert.deepEqual([baseOffset, epoch], [next, 3])
        next = endOffset
      }
      const kept = receivedBatches(whole.subarray(0, cut % whole.length), THIS_RELEASE)
      assert.deepEqual(kept, received.slice(0, kept.length))
      assert.ok(kept.length < received.length)
    }),
    { numRuns: 200 },
  )
})

test('a byte that is another one under the CRC is refused', () => {
  fc.assert(
    fc.property(legalRecords(), fc.nat(), fc.integer({ min: 1, max: 255 }), (records, at, flip) => {
      fc.pre(records.length > 0)
      const bytes = placed([metadataBatch(records, 5)], 7, 3)
      // In front of it stand the offset, which must follow the log's end, the length, the epoch, the magic and the CRC itself.
      const place = 17 + (at % (bytes.length - 17))
      bytes[place] = bytes[place]! ^ flip
      assert.throws(() => receivedBatches(bytes, THIS_RELEASE), BadAnswerError)
    }),
    { numRuns: 300 },
  )
})

test('a batch that is whole, and no batch of the metadata, is refused', () => {
  const value = (bytes: number[]): { key: null; value: Buffer; timestamp: number } => ({
    key: null,
    value: Buffer.from(bytes),
    timestamp: 5,
  })
  // A record of a later release must not be stepped over.
  assert.throws(() => receivedBatches(buildBatch([value([1, 99, 0])]), THIS_RELEASE), UnknownRecordError)
  assert.throws(() => receivedBatches(buildBatch([value([])]), THIS_RELEASE), BadAnswerError)
  const gap = buildBatch([value([1, 12, 0])], { lastOffset: 4 })
  assert.throws(() => receivedBatches(gap, THIS_RELEASE), /record count/)
  assert.throws(() => receivedBatches(Buffer.alloc(100), THIS_RELEASE), BadAnswerError)
})
