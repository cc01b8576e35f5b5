/** Produce whose disk takes its time, or has no room: in the simulator. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorByCode } from '../../../src/protocol/errors.js'
import { Metadata } from '../../../src/protocol/messages/metadata.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, valuesIn } from '../requests.js'
import { SimulatedBroker, type SimulatedWireClient } from '../simulated-broker.js'

const SEEDS = ['produce-1', 'produce-2', 'produce-3']
const batch = batchOf(['x'.repeat(100)])

function errorOf(response: {
  readonly responses: readonly { readonly partitionResponses: readonly { readonly errorCode: number }[] }[]
}): string {
  return errorByCode(response.responses[0]!.partitionResponses[0]!.errorCode).name
}

for (const seed of SEEDS) {
  test(`${seed}: acks=all that is not durable in time is told so, and is there later all the same`, () => {
    const broker = new SimulatedBroker(seed)
    const topic = { name: 'slow', topicId: broker.createTopic('slow') }
    broker.world.machine.device.faults.stuckUntilMs = broker.simulation.nowMs + 20_000
    const client = broker.client()
    const sent = client.send(Produce, 9, produceRequest(topic, batch, { timeoutMs: 3000 }))
    broker.until(() => sent.response !== undefined, 'an answer')
    assert.equal(errorOf(sent.response!), 'REQUEST_TIMED_OUT')
    assert.ok(sent.tookMs >= 3000 && sent.tookMs < 5000, `${sent.tookMs} ms`)
    broker.pass(30_000)
    const { responses } = client.request(Fetch, 12, fetchRequest(topic, 0))
    assert.equal(valuesIn(responses[0]!.partitions[0]!.records).length, 1)
  })

  test(`${seed}: answers come in the order of the requests though the first one waits for the disk`, () => {
    const broker = new SimulatedBroker(seed)
    const topic = { name: 'order', topicId: broker.createTopic('order') }
    broker.world.machine.device.faults.stuckUntilMs = broker.simulation.nowMs + 5000
    const client = broker.client()
    const produced = client.send(Produce, 9, produceRequest(topic, batch, { timeoutMs: 60_000 }))
    const asked = client.send(Metadata, 12, { topics: [] })
    broker.pass(2000)
    assert.deepEqual([produced.response, asked.response], [undefined, undefined])
    broker.until(() => asked.response !== undefined, 'answers')
    assert.equal(errorOf(produced.response!), 'NONE')
    assert.ok(produced.tookMs <= asked.tookMs)
  })

  test(`${seed}: a full disk refuses appends and takes them again when there is room`, () => {
    const broker = new SimulatedBroker(seed, { 'log.dir.reserved.bytes': '20000' })
    const topic = { name: 'full', topicId: broker.createTopic('full') }
    const { device } = broker.world.machine
    const client = broker.client()
    assert.equal(errorOf(client.request(Produce, 9, produceRequest(topic, batch))), 'NONE')
    device.faults.capacityBytes = device.usedBytes + 10_000
    broker.pass(3000)
    for (const acks of [1, -1]) {
      assert.equal(errorOf(client.request(Produce, 9, produceRequest(topic, batch, { acks }))), 'KAFKA_STORAGE_ERROR')
    }
    assert.equal(readable(client, topic.name), 1)
    device.faults.capacityBytes = Number.POSITIVE_INFINITY
    broker.pass(3000)
    assert.equal(errorOf(client.request(Produce, 9, produceRequest(topic, batch))), 'NONE')
    assert.equal(readable(client, topic.name), 2)
  })

  test(`${seed}: what was acknowledged survives a crash and a power loss, with its offsets`, () => {
    const broker = new SimulatedBroker(seed)
    const topic = { name: 'safe', topicId: broker.createTopic('safe') }
    let acknowledged = 0
    for (const strike of ['crash', 'losePower'] as const) {
      const client = broker.client()
      for (let n = 0; n < 5; n++) {
        const response = client.request(Produce, 9, produceRequest(topic, batch))
        assert.equal(errorOf(response), 'NONE')
        assert.equal(response.responses[0]!.partitionResponses[0]!.baseOffset, acknowledged)
        acknowledged++
      }
      broker.world[strike]()
      broker.until(() => broker.world.serving, 'the node serves again')
      assert.equal(client.usable, false)
      assert.equal(readable(broker.client(), topic.name), acknowledged)
    }
  })
}

function readable(client: SimulatedWireClient, name: string): number {
  const { responses } = client.request(Fetch, 12, fetchRequest({ name }, 0))
  const [part] = responses[0]!.partitions
  assert.equal(part!.errorCode, 0)
  return valuesIn(part!.records).length
}
