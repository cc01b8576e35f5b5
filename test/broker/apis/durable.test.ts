/** What is written and not flushed yet: acknowledged to who asked for no more, and seen by nobody. On a disk whose flushes a test holds back. */
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import type { DiskDone, DiskFile } from '../../../src/io/disk.js'
import { NodeDisk } from '../../../src/io/node/disk.js'
import { ListOffsets } from '../../../src/protocol/messages/list-offsets.js'
import { temporaryDirectory } from '../../node-ports.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, TIMESTAMP, valuesIn } from '../requests.js'
import { startNode } from '../test-node.js'
import { until, type WireClient } from '../wire-client.js'

class HoldingDisk extends NodeDisk {
  /** Flushes of logs of topics wait. */
  holds = false
  readonly #held: (() => void)[] = []

  get held(): number {
    return this.#held.length
  }

  release(): void {
    this.holds = false
    for (const flush of this.#held.splice(0)) flush()
  }

  override open(path: string, options: { readonly create: boolean }): DiskFile {
    const file = super.open(path, options)
    if (!path.endsWith('.log') || path.includes('__cluster_metadata')) return file
    return {
      path,
      get sizeBytes() {
        return file.sizeBytes
      },
      append: (chunks, done) => file.append(chunks, done),
      rewrite: (position, bytes, done) => file.rewrite(position, bytes, done),
      readSync: (position, target) => file.readSync(position, target),
      read: (position, target, done) => file.read(position, target, done),
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      flush: (done: DiskDone) => {
        if (this.holds) this.#held.push(() => file.flush(done))
        else file.flush(done)
      },
      close: () => file.close(),
    }
  }
}

const disk = new HoldingDisk()
const broker = await startNode({}, temporaryDirectory('durable'), { disk })
const [producer, reader, waiter] = await Promise.all([broker.client(), broker.client(), broker.client()])
after(() => {
  disk.release()
  for (const client of [producer, reader, waiter]) client.close()
  return broker.remove()
})
beforeEach(() => disk.release())

async function seen(name: string, client: WireClient = reader) {
  const { responses } = await client.request(Fetch, 12, fetchRequest({ name }, 0, { minBytes: 0 }))
  const [part] = responses[0]!.partitions
  assert.equal(part!.errorCode, 0)
  return { values: valuesIn(part!.records), highWatermark: part!.highWatermark, stable: part!.lastStableOffset }
}

async function offsetAt(name: string, timestamp: number): Promise<number> {
  const topics = [{ name, partitions: [{ partitionIndex: 0, timestamp }] }]
  const response = await reader.request(ListOffsets, 9, { replicaId: -1, topics })
  return response.topics[0]!.partitions[0]!.offset
}

test('acks=1 is answered when it is written; consumers and ListOffsets see it when it is flushed', async () => {
  await broker.createTopic('careful')
  await producer.request(Produce, 9, produceRequest({ name: 'careful' }, batchOf(['flushed'], {}, TIMESTAMP - 10)))
  disk.holds = true
  const written = await producer.request(
    Produce,
    9,
    produceRequest({ name: 'careful' }, batchOf(['written']), { acks: 1 }),
  )
  assert.equal(written.responses[0]!.partitionResponses[0]!.baseOffset, 1)
  await until(() => disk.held > 0, 'a flush')
  assert.deepEqual(await seen('careful'), { values: ['flushed'], highWatermark: 1, stable: 1 })
  assert.deepEqual(
    [await offsetAt('careful', -1), await offsetAt('careful', TIMESTAMP), await offsetAt('careful', -2)],
    [1, -1, 0],
  )
  disk.release()
  const waited = await reader.request(Fetch, 12, fetchRequest({ name: 'careful' }, 1, { maxWaitMs: 10_000 }))
  assert.deepEqual(valuesIn(waited.responses[0]!.partitions[0]!.records), ['written'])
  assert.deepEqual(await seen('careful'), { values: ['flushed', 'written'], highWatermark: 2, stable: 2 })
  assert.deepEqual([await offsetAt('careful', -1), await offsetAt('careful', TIMESTAMP)], [2, 1])
})

test('acks=all and a fetch that waits are answered by the flush', async () => {
  await broker.createTopic('awaited')
  disk.holds = true
  const produced = producer.send(Produce, 9, produceRequest({ name: 'awaited' }, batchOf(['x'])))
  const waiting = waiter.send(Fetch, 12, fetchRequest({ name: 'awaited' }, 0, { maxWaitMs: 30_000 }))
  await until(() => disk.held > 0, 'a flush')
  for (let n = 0; n < 3; n++) assert.equal((await seen('awaited')).highWatermark, 0)
  assert.deepEqual([producer.unread, waiter.unread], [0, 0])
  disk.release()
  const { responses } = await producer.answerTo(Produce, 9, produced)
  assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
  const fetched = await waiter.answerTo(Fetch, 12, waiting)
  assert.deepEqual(valuesIn(fetched.responses[0]!.partitions[0]!.records), ['x'])
})

test('flush.policy=os: what is written is committed, and nobody waits for the disk', async () => {
  await broker.createTopic('fast', 1, { 'flush.policy': 'os' })
  disk.holds = true
  const { responses } = await producer.request(Produce, 9, produceRequest({ name: 'fast' }, batchOf(['x'])))
  assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
  assert.deepEqual(await seen('fast'), { values: ['x'], highWatermark: 1, stable: 1 })
})
