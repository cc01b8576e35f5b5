/** The record at a time where batches say that it is in them, and it is not: logs that others have written. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordAtTime } from '../../../src/log/record-at-time.js'
import { ListOffsets } from '../../../src/protocol/messages/list-offsets.js'
import { BatchView } from '../../../src/records/batch.js'
import { buildBatch } from '../../../src/records/builder.js'
import { CODEC_NAMES } from '../../../src/records/compression/codec.js'
import { batchOf } from '../requests.js'
import { SimulatedBroker } from '../simulated-broker.js'

/** A batch with the times 1000, 1001 ... that claims another latest one. */
function lying(
  maxTimestamp: number,
  values: readonly string[],
  codec: (typeof CODEC_NAMES)[number] = 'none',
): BatchView {
  return new BatchView().reset(batchOf(values, { maxTimestamp, codec }, 1000), 0)
}

for (const size of [10, 300_000]) {
  test(`of batches that claim later times than they have the next one is looked at, ${size} bytes a record`, () => {
    const broker = new SimulatedBroker(`lies of ${size}`)
    broker.createTopic('t')
    const [partition] = broker.world.partitions
    const { log } = partition!
    const value = 'x'.repeat(size)
    for (const codec of CODEC_NAMES) log.append(lying(9000, [value, value], codec), 0)
    log.append(new BatchView().reset(batchOf(['a', 'b'], {}, 5000), 0), 0)
    log.append(lying(9000, ['c']), 0)
    broker.until(() => partition!.highWatermark === 13, 'all is committed')
    const client = broker.client()
    const at = (timestamp: number): number[] => {
      const topics = [{ name: 't', partitions: [{ partitionIndex: 0, timestamp }] }]
      const [found] = client.request(ListOffsets, 9, { replicaId: -1, topics }).topics[0]!.partitions
      return [found!.errorCode, found!.offset, found!.timestamp]
    }
    assert.deepEqual(at(1001), [0, 1, 1001])
    assert.deepEqual(at(1002), [0, 10, 5000])
    assert.deepEqual(at(5001), [0, 11, 5001])
    assert.deepEqual(at(5002), [0, -1, -1])
  })
}

test('the first record that is new enough and not in front of the log, by its own time or that of the batch', () => {
  const records = [3, 1, 5, 4].map((timestamp) => ({ timestamp: 1000 + timestamp }))
  for (const codec of CODEC_NAMES) {
    const find = (timestamp: number, fromOffset = 0, options = {}) => {
      const bytes = buildBatch(records, { codec, baseOffset: 70, ...options })
      const result = recordAtTime.run({ bytes, timestamp, fromOffset, maxPlainBytes: 1000 })
      return result.kind === 'found' ? result.offset : result.kind
    }
    assert.deepEqual([find(0), find(1003), find(1004), find(1005), find(1006)], [70, 70, 72, 72, 'none'])
    assert.deepEqual([find(0, 71), find(1005, 73), find(0, 74)], [71, 'none', 'none'])
    const byAppend = { timestampType: 'LogAppendTime', maxTimestamp: 2000 }
    assert.deepEqual([find(2000, 71, byAppend), find(2001, 0, byAppend)], [71, 'none'])
  }
  const bytes = buildBatch([{ value: Buffer.alloc(5000) }], { codec: 'gzip' })
  const search = { bytes, timestamp: 0, fromOffset: 0 }
  assert.deepEqual(recordAtTime.run({ ...search, maxPlainBytes: 4000 }), { kind: 'unreadable', tooLarge: true })
  bytes[61]! ^= 0xff
  assert.deepEqual(recordAtTime.run({ ...search, maxPlainBytes: 10_000 }), { kind: 'unreadable', tooLarge: false })
})
