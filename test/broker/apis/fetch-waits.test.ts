/** Fetch that waits, and what waits behind it: in the simulator, where minutes are free and what comes first is no matter of luck. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Metadata } from '../../../src/protocol/messages/metadata.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, valuesIn } from '../requests.js'
import { type Sent, SimulatedBroker } from '../simulated-broker.js'

/** Different seeds are networks and disks of different kinds. */
const SEEDS = ['fetch-1', 'fetch-2', 'fetch-3']
const batch = batchOf(['x'.repeat(100)])

type FetchSent = Sent<{
  readonly responses: readonly { readonly partitions: readonly { readonly records: Uint8Array | null }[] }[]
}>

function valuesOf({ response }: FetchSent): string[] {
  return (response?.responses ?? []).flatMap(({ partitions }) => partitions.flatMap(({ records }) => valuesIn(records)))
}

for (const seed of SEEDS) {
  test(`${seed}: without data a fetch waits as long as it may, and not much longer`, () => {
    const broker = new SimulatedBroker(seed)
    const topic = { name: 'empty', topicId: broker.createTopic('empty') }
    const sent = broker.client().send(Fetch, 12, fetchRequest(topic, 0, { maxWaitMs: 30_000 }))
    broker.pass(29_900)
    assert.equal(sent.response, undefined)
    broker.pass(1000)
    assert.deepEqual([valuesOf(sent), sent.response!.responses[0]!.partitions[0]!.errorCode], [[], 0])
    assert.ok(sent.tookMs >= 30_000, `${sent.tookMs} ms`)
  })

  test(`${seed}: a produce wakes the fetch that waits for it, and only that`, () => {
    const broker = new SimulatedBroker(seed)
    const topic = { name: 'woken', topicId: broker.createTopic('woken', 2) }
    const waiting = broker.client().send(Fetch, 12, fetchRequest(topic, 0, { maxWaitMs: 300_000 }))
    const asleep = broker
      .client()
      .send(Fetch, 12, fetchRequest(topic, 0, { maxWaitMs: 300_000, partition: { partition: 1 } }))
    broker.pass(10_000)
    const response = broker.client().request(Produce, 9, produceRequest(topic, batch))
    assert.equal(response.responses[0]!.partitionResponses[0]!.errorCode, 0)
    broker.until(() => waiting.response !== undefined, 'the fetch is woken')
    assert.deepEqual(valuesOf(waiting), ['x'.repeat(100)])
    assert.ok(waiting.tookMs < 12_000, `${waiting.tookMs} ms`)
    broker.pass(10_000)
    assert.equal(asleep.response, undefined)
  })

  test(`${seed}: a fetch waits for all the bytes that it asks for`, () => {
    const broker = new SimulatedBroker(seed)
    const topic = { name: 'several', topicId: broker.createTopic('several') }
    const minBytes = 2 * batch.length + 1
    const waiting = broker.client().send(Fetch, 12, fetchRequest(topic, 0, { maxWaitMs: 300_000, minBytes }))
    const producer = broker.client()
    for (let n = 0; n < 2; n++) producer.request(Produce, 9, produceRequest(topic, batch))
    broker.pass(5000)
    assert.equal(waiting.response, undefined)
    producer.request(Produce, 9, produceRequest(topic, batch))
    broker.until(() => waiting.response !== undefined, 'the fetch has enough')
    assert.equal(valuesOf(waiting).length, 3)
    // With less than it asks for it is answered when its time is over.
    const short = broker.client().send(Fetch, 12, fetchRequest(topic, 2, { maxWaitMs: 700, minBytes }))
    broker.until(() => short.response !== undefined, 'its time is over')
    assert.deepEqual([valuesOf(short).length, short.tookMs >= 700], [1, true])
  })

  test(`${seed}: a fetch does not wait for more than it may be given`, () => {
    const broker = new SimulatedBroker(seed, { 'fetch.max.bytes': '1024' })
    const topic = { name: 'bounded', topicId: broker.createTopic('bounded') }
    const options = { maxWaitMs: 300_000, minBytes: 1_000_000 }
    const byClient = broker.client().send(Fetch, 12, fetchRequest(topic, 0, { ...options, maxBytes: batch.length + 1 }))
    const byBroker = broker.client().send(Fetch, 12, fetchRequest(topic, 0, options))
    const producer = broker.client()
    producer.request(Produce, 9, produceRequest(topic, batch))
    broker.pass(1000)
    assert.deepEqual([byClient.response, byBroker.response], [undefined, undefined])
    producer.request(Produce, 9, produceRequest(topic, batch))
    broker.until(() => byClient.response !== undefined, 'as much as the client takes')
    assert.equal(byBroker.response, undefined)
    for (let n = 2 * batch.length; n < 1024; n += batch.length) {
      producer.request(Produce, 9, produceRequest(topic, batch))
    }
    broker.until(() => byBroker.response !== undefined, 'as much as the broker gives')
    assert.ok(byBroker.tookMs < 30_000)
  })

  test(`${seed}: an error, no minimum and no time are reasons not to wait`, () => {
    const broker = new SimulatedBroker(seed)
    const topic = { name: 'hasty', topicId: broker.createTopic('hasty') }
    const requests = [
      fetchRequest(topic, 0, { maxWaitMs: 60_000, minBytes: 0 }),
      fetchRequest(topic, 0, { maxWaitMs: 0 }),
      fetchRequest(topic, 7, { maxWaitMs: 60_000 }),
      fetchRequest({ name: 'nowhere' }, 0, { maxWaitMs: 60_000 }),
    ]
    for (const request of requests) {
      const sent = broker.client().send(Fetch, 12, request)
      broker.until(() => sent.response !== undefined, 'an answer')
      assert.ok(sent.tookMs < 2000, `${sent.tookMs} ms`)
    }
  })

  test(`${seed}: nobody sees what is not durable yet`, () => {
    const broker = new SimulatedBroker(seed)
    const topic = { name: 'durable', topicId: broker.createTopic('durable') }
    const { device } = broker.world.machine
    const [early, late] = [broker.client(), broker.client()]
    const waiting = early.send(Fetch, 12, fetchRequest(topic, 0, { maxWaitMs: 60_000 }))
    broker.pass(100)
    device.faults.stuckUntilMs = broker.simulation.nowMs + 20_000
    const produced = broker.client().send(Produce, 9, produceRequest(topic, batch, { timeoutMs: 60_000 }))
    broker.pass(10_000)
    assert.deepEqual([produced.response, waiting.response], [undefined, undefined])
    const empty = late.request(Fetch, 12, fetchRequest(topic, 0, { minBytes: 0 }))
    const [part] = empty.responses[0]!.partitions
    assert.deepEqual([part!.errorCode, part!.highWatermark, part!.records?.length], [0, 0, 0])
    broker.until(() => waiting.response !== undefined && produced.response !== undefined, 'the disk moves again')
    assert.equal(valuesOf(waiting).length, 1)
  })

  test(`${seed}: what is asked behind a fetch that waits is answered behind it, and other connections do not wait`, () => {
    const broker = new SimulatedBroker(seed)
    const topic = { name: 'queue', topicId: broker.createTopic('queue') }
    const client = broker.client()
    const waiting = client.send(Fetch, 12, fetchRequest(topic, 0, { maxWaitMs: 5000 }))
    const behind = Array.from({ length: 10 }, () => client.send(Metadata, 12, { topics: [] }))
    broker.pass(1)
    const other = broker.client().send(Metadata, 12, { topics: [] })
    broker.until(() => other.response !== undefined, 'the other connection is served')
    assert.ok(other.tookMs < 2000)
    assert.ok(behind.every(({ response }) => response === undefined))
    broker.until(() => behind.every(({ response }) => response !== undefined), 'all is answered')
    assert.ok(waiting.tookMs >= 5000 && behind.every(({ tookMs }) => tookMs >= waiting.tookMs - 1))
  })

  test(`${seed}: a client that goes while its fetch waits leaves nothing behind when the time is over`, () => {
    const broker = new SimulatedBroker(seed)
    const topic = { name: 'gone', topicId: broker.createTopic('gone') }
    const { fetches } = broker.world.node!.broker!.replicas
    const [client, other] = [broker.client(), broker.client()]
    const lost = client.send(Fetch, 12, fetchRequest(topic, 0, { maxWaitMs: 60_000 }))
    const kept = other.send(Fetch, 12, fetchRequest(topic, 0, { maxWaitMs: 120_000 }))
    broker.until(() => fetches.size === 2, 'both wait')
    client.close()
    assert.equal(lost.error?.kind, 'lost')
    broker.pass(61_000)
    assert.deepEqual([fetches.size, kept.response], [1, undefined])
    broker.client().request(Produce, 9, produceRequest(topic, batch))
    broker.until(() => kept.response !== undefined, 'the other one is served')
    assert.equal(fetches.size, 0)
  })
}
