/**
 * Every golden bad batch over real sockets, in Produce v3 and v11, against the table that says what becomes of it (`bad-batches.tsv`):
 *
 * - `refused`: with the code that a running Kafka answered
 * - `clearer`: with another code, where Kafka breaks down on it or says less
 * - `stricter`: refused, though Kafka appends it
 * - `accepted`: appended, as in Kafka; what is odd about it is set right or harms nobody
 * - `lenient`: appended, though Kafka refuses it
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { errorByCode } from '../../../src/protocol/errors.js'
import { BatchIterator, readRecords } from '../../../src/records/reader.js'
import { golden } from '../../golden.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest } from '../requests.js'
import { startNode } from '../test-node.js'

const broker = await startNode()
const client = await broker.client()
after(() => {
  client.close()
  return broker.remove()
})

interface BadBatch {
  readonly case: string
  readonly hex: string
  readonly answers: { readonly v3: string; readonly v11: string }
}

type Class = 'refused' | 'clearer' | 'stricter' | 'accepted' | 'lenient'

interface Row {
  readonly name: string
  readonly class: Class
  readonly v3: string
  readonly v11: string
  readonly why: string
}

const ROWS: readonly Row[] = readFileSync(
  new URL('../../../../test/broker/apis/bad-batches.tsv', import.meta.url),
  'utf8',
)
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split('\t'))
  .map(([name, kind, v3, v11, why = '']) => ({ name: name!, class: kind as Class, v3: v3!, v11: v11!, why }))

const VECTORS = golden<BadBatch>('bad-batches.jsonl.gz')

/** What a row says is checked against what Kafka answered: a class must not be claimed. */
function classOf(kafka: readonly string[], ours: readonly string[]): Class {
  const [appends, appended] = [kafka[1] === 'NONE', ours[1] === 'NONE']
  if (appended) return appends ? 'accepted' : 'lenient'
  if (appends) return 'stricter'
  return kafka.every((error, index) => error === ours[index]) ? 'refused' : 'clearer'
}

test('the table names every golden bad batch once, with its class, and a reason where Kafka does otherwise', () => {
  assert.equal(VECTORS.length, 120)
  assert.deepEqual(
    ROWS.map(({ name }) => name),
    VECTORS.map(({ case: name }) => name),
  )
  for (const [index, row] of ROWS.entries()) {
    const { v3, v11 } = VECTORS[index]!.answers
    assert.equal(row.class, classOf([v3, v11], [row.v3, row.v11]), row.name)
    if (row.class !== 'refused' && !/control$|: a good batch$/.test(row.name)) assert.ok(row.why !== '', row.name)
    if (row.class !== 'accepted') assert.notEqual(row.v11, 'UNKNOWN_SERVER_ERROR', row.name)
  }
})

test('each is answered as the table says, and what was appended has offsets, times and a checksum that are right', async () => {
  const topic = { name: 'bad-batches', topicId: await broker.createTopic('bad-batches') }
  const wrong: string[] = []
  let next = 0
  for (const [index, { case: name, hex }] of VECTORS.entries()) {
    for (const [version, expected] of [
      [3, ROWS[index]?.v3],
      [11, ROWS[index]?.v11],
    ] as const) {
      const request = produceRequest(topic, Buffer.from(hex, 'hex'), { acks: version === 3 ? 1 : -1 })
      const [part] = (await client.request(Produce, version, request)).responses[0]!.partitionResponses
      const answer = errorByCode(part!.errorCode).name
      if (answer !== expected) wrong.push(`${name} v${version}: ${answer}, the table says ${expected}`)
      if (answer !== 'NONE') {
        if (version === 11) assert.ok((part!.errorMessage ?? '') !== '', `${name} is refused without a word`)
        continue
      }
      assert.equal(part!.baseOffset, next, name)
      next = await readBatch(topic, next, name)
    }
  }
  assert.deepEqual(wrong, [])
  const { responses } = await client.request(Produce, 11, produceRequest(topic, batchOf(['good'])))
  assert.equal(responses[0]!.partitionResponses[0]!.baseOffset, next)
})

/** Returns the offset behind it. */
async function readBatch(topic: { name: string; topicId: string }, offset: number, name: string): Promise<number> {
  const { responses } = await client.request(
    Fetch,
    12,
    fetchRequest(topic, offset, { maxWaitMs: 5000, partition: { partitionMaxBytes: 1 } }),
  )
  const batches = new BatchIterator(responses[0]!.partitions[0]!.records!)
  assert.equal(batches.next(), 'batch', name)
  const { batch } = batches
  const records = readRecords(batch, 1e6)
  assert.equal(batch.computeCrc(), batch.crc, name)
  assert.deepEqual(
    records.map((record) => record.offset),
    records.map((_, index) => offset + index),
    name,
  )
  assert.equal(batch.nextOffset, offset + records.length, name)
  assert.deepEqual(
    [batch.timestampType, batch.deleteHorizonMs, batch.maxTimestamp],
    ['CreateTime', undefined, Math.max(...records.map(({ timestamp }) => timestamp))],
    name,
  )
  return batch.nextOffset
}
