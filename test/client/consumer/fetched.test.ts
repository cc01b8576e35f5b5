/** What of a Fetch's bytes reaches a consumer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClientError } from '../../../src/client/client-error.js'
import { readFetched } from '../../../src/client/consumer/fetched.js'
import { buildBatch } from '../../../src/records/builder.js'
import { buildControlBatch, CONTROL_TYPE } from '../../../src/records/control.js'

const at = (offset: number): { topic: string; partition: number; offset: number } => ({
  topic: 't',
  partition: 0,
  offset,
})
const batch = (baseOffset: number, values: readonly string[], options = {}): Buffer =>
  buildBatch(
    values.map((value) => ({ value: Buffer.from(value), timestamp: 5 })),
    { baseOffset, ...options },
  )
const marker = (baseOffset: number, producerId: number, type: 0 | 1): Buffer =>
  buildControlBatch([{ type, value: Buffer.alloc(6), timestamp: 5 }], {
    baseOffset,
    producerId,
    producerEpoch: 0,
    transactional: true,
  })
const values = ({ records }: ReturnType<typeof readFetched>): string[] => records.map(({ value }) => String(value))

test('records before the position and a batch that is cut off are left out; the next offset is behind the last whole batch', () => {
  const bytes = Buffer.concat([
    batch(0, ['a', 'b']),
    batch(5, ['c'], { codec: 'gzip' }),
    batch(6, ['d']).subarray(0, 50),
  ])
  const fetched = readFetched(bytes, at(1), null)
  assert.deepEqual(values(fetched), ['b', 'c'])
  assert.equal(fetched.nextOffset, 6)
})

test('records do not change with the bytes that they came in', () => {
  const bytes = batch(0, ['kept'])
  const { records } = readFetched(bytes, at(0), null)
  bytes.fill(0)
  assert.equal(String(records[0]!.value), 'kept')
})

test('control batches move the position; aborted transactions are only for who reads everything', () => {
  const inTransaction = { producerId: 7, producerEpoch: 0, baseSequence: 0, transactional: true }
  const bytes = Buffer.concat([
    batch(0, ['before'], inTransaction),
    marker(1, 7, CONTROL_TYPE.commit),
    batch(2, ['aborted'], inTransaction),
    batch(3, ['other']),
    marker(4, 7, CONTROL_TYPE.abort),
    batch(5, ['after'], inTransaction),
    marker(6, 7, CONTROL_TYPE.commit),
  ])
  const committed = readFetched(bytes, at(0), [{ producerId: 7, firstOffset: 2 }])
  assert.deepEqual(values(committed), ['before', 'other', 'after'])
  assert.equal(committed.nextOffset, 7)
  assert.deepEqual(values(readFetched(bytes, at(0), null)), ['before', 'aborted', 'other', 'after'])
})

test('damage is an error that names the place', () => {
  const bytes = batch(3, ['value'])
  bytes[bytes.length - 2]! ^= 1
  assert.throws(
    () => readFetched(bytes, at(3), null),
    (error) =>
      error instanceof ClientError && error.error === 'CORRUPT_MESSAGE' && /t-0 from offset 3/.test(error.message),
  )
})
