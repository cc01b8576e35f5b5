/** The calling side against a whole node: on real sockets, and in the simulator over links that hold bytes back. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { NodeClock } from '../../src/io/node/clock.js'
import { NodeNetwork } from '../../src/io/node/network.js'
import { CreateTopics } from '../../src/protocol/messages/create-topics.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { ClientConnection, type RpcError } from '../../src/rpc/client-connection.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, valuesIn } from '../broker/requests.js'
import { SimulatedBroker } from '../broker/simulated-broker.js'
import { startNode } from '../broker/test-node.js'
import { within } from '../broker/wire-client.js'

const broker = await startNode()
after(() => broker.remove())

function connect(port: number): { client: ClientConnection; ready: Promise<RpcError | undefined> } {
  const client = new ClientConnection({
    clock: new NodeClock(),
    network: new NodeNetwork(),
    address: { host: '127.0.0.1', port },
    clientId: 'rpc',
    requestTimeoutMs: 5000,
  })
  return { client, ready: within(new Promise((resolve) => client.negotiate(resolve)), 'versions') }
}

test('versions are negotiated, requests in flight are answered in order, large answers come whole', async () => {
  const { client, ready } = connect(broker.address.port)
  assert.equal(await ready, undefined)
  const topics = [{ name: 'rpc', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }]
  const topicId = await new Promise<string>((resolve, reject) =>
    client.call(CreateTopics, { topics }, (error, response) =>
      error ? reject(error) : resolve(response!.topics[0]!.topicId),
    ),
  )
  const topic = { name: 'rpc', topicId }
  const value = 'v'.repeat(100_000)
  const order: number[] = []
  await new Promise<void>((resolve, reject) => {
    for (let n = 0; n < 50; n++) {
      client.call(Produce, produceRequest(topic, batchOf([value])), (error, response) => {
        if (error !== undefined) return reject(error)
        order.push(response!.responses[0]!.partitionResponses[0]!.baseOffset)
        if (n === 49) resolve()
      })
    }
  })
  assert.deepEqual(
    order,
    order.map((_, n) => n),
  )
  const limit = 100_000_000
  const request = fetchRequest(topic, 0, { maxBytes: limit, partition: { partitionMaxBytes: limit } })
  const values = await new Promise<string[]>((resolve, reject) =>
    client.call(Fetch, request, (error, response) =>
      error ? reject(error) : resolve(valuesIn(response!.responses[0]!.partitions[0]!.records)),
    ),
  )
  assert.deepEqual([values.length, new Set(values).size], [50, 1])
  client.close()
})

test('where nobody listens, the error says so', async () => {
  const spare = await startNode()
  const { port } = spare.address
  await spare.remove()
  const { client, ready } = connect(port)
  const error = await ready
  assert.equal(error?.kind, 'lost')
  assert.match(error!.message, /ECONNREFUSED/)
  assert.equal(client.usable, false)
})

for (const seed of ['half-open-1', 'half-open-2', 'half-open-3']) {
  test(`${seed}: a peer that is silent holds nobody up, and is served when it is heard again`, () => {
    const simulated = new SimulatedBroker(seed)
    const [silent, other] = [simulated.client(), simulated.client()]
    silent.request(Metadata, 12, { topics: [] })
    const hosts = new Set(['broker1', 'client0'])
    simulated.world.network.setLinks((from, to) => (hosts.has(from) && hosts.has(to) ? 'hold' : 'deliver'))
    const sent = Array.from({ length: 20 }, () => silent.send(Metadata, 12, { topics: null }))
    simulated.pass(60_000)
    assert.ok(sent.every(({ response, error }) => response === undefined && error === undefined))
    other.request(Metadata, 12, { topics: null })
    simulated.world.network.setLinks(() => 'deliver')
    simulated.until(() => sent.every(({ response }) => response !== undefined), 'all is answered')
    assert.equal(silent.usable, true)
  })
}
