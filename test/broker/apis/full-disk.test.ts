/** A disk without room: what could not be done is said, and done when there is room again, without a restart. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode } from '../../../src/protocol/errors.js'
import { CreateTopics } from '../../../src/protocol/messages/create-topics.js'
import { Produce } from '../../../src/protocol/messages/produce.js'
import { batchOf, produceRequest } from '../requests.js'
import { SimulatedBroker } from '../simulated-broker.js'

/** The metadata log may use what clients may not. */
const RESERVED_BYTES = 20_000

test('a topic whose logs had no room when it was created is usable when there is room', () => {
  let offline = 0
  for (let room = 300; room <= 1500; room += 100) {
    const broker = new SimulatedBroker(`room ${room}`, { 'log.dir.reserved.bytes': String(RESERVED_BYTES) })
    const { device } = broker.world.machine
    const client = broker.client()
    device.faults.capacityBytes = device.usedBytes + room
    const wanted = { name: 'full', numPartitions: 5, replicationFactor: 1, assignments: [], configs: [] }
    const creation = client.send(CreateTopics, 7, { topics: [wanted], timeoutMs: 5000 })
    broker.pass(10_000)
    const hosted = (): number => broker.world.partitions.length
    const before = hosted()
    if (before > 0 && before < 5) offline++
    device.faults.capacityBytes = Number.POSITIVE_INFINITY
    broker.pass(60_000)
    assert.equal(broker.world.starts, 1)
    const created = creation.response?.topics[0]?.errorCode === ErrorCode.NONE
    if (!created && hosted() === 0) continue
    assert.equal(hosted(), 5, `room for ${room} bytes; at first ${before} partitions`)
    const topicId = [...broker.world.node!.broker!.image.topicsById.keys()][0]!
    for (let partition = 0; partition < 5; partition++) {
      const request = produceRequest({ name: 'full', topicId }, batchOf(['a']), { partition })
      const { responses } = broker.client().request(Produce, 13, request)
      assert.equal(responses[0]!.partitionResponses[0]!.errorCode, ErrorCode.NONE, `partition ${partition}`)
    }
  }
  assert.ok(offline > 0)
})
