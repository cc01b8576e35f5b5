/** What a producer says of a record that was not acknowledged: whether it may stand in the log all the same. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Admin } from '../../../src/client/admin/admin.js'
import { type ClientError, DeliveryError } from '../../../src/client/client-error.js'
import { ClusterClient, type ClusterClientOptions } from '../../../src/client/cluster-client.js'
import { Producer, type ProducerOptions } from '../../../src/client/producer/producer.js'
import { startNode } from '../../../src/index.js'
import type { Address, Connection, ConnectionHandlers } from '../../../src/io/network.js'
import { NodeClock } from '../../../src/io/node/clock.js'
import { NodeNetwork } from '../../../src/io/node/network.js'
import { NodeRandom } from '../../../src/io/node/random.js'

const TOPIC = 'delivered'
/** A port that nobody listens on. */
const NOBODY = 1
const node = await startNode({ 'log.level': 'error' })
const clients: ClusterClient[] = []
const admin = new Admin(clientOn(new NodeNetwork()))
await admin.createTopics([{ name: TOPIC, partitions: 1 }])
after(async () => {
  for (const each of clients) each.close()
  await node.stop()
})

function clientOn(network: NodeNetwork, limits: Partial<ClusterClientOptions> = {}): ClusterClient {
  const ports = { clock: new NodeClock(), network, random: new NodeRandom() }
  const client = new ClusterClient({ ports, bootstrapServers: node.bootstrapServers, ...limits })
  clients.push(client)
  return client
}

/** Connections are refused, or what comes back on them is swallowed. */
class BadNetwork extends NodeNetwork {
  state: 'good' | 'refuses' | 'swallows' = 'good'
  readonly #open: Connection[] = []

  override connect(address: Address, handlers: ConnectionHandlers): Connection {
    const connection = super.connect(this.state === 'refuses' ? { ...address, port: NOBODY } : address, {
      data: (bytes) => {
        if (this.state !== 'swallows') handlers.data(bytes)
      },
      drained: () => handlers.drained(),
      closed: (error) => handlers.closed(error),
    })
    this.#open.push(connection)
    return connection
  }

  /** Until it is known that connections have ended. */
  async refuse(): Promise<void> {
    this.state = 'refuses'
    for (const connection of this.#open.splice(0)) connection.destroy()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function producerOn(network: BadNetwork, options: ProducerOptions = {}): Promise<Producer> {
  const client = clientOn(network, { requestTimeoutMs: 500, apiTimeoutMs: 1000 })
  const producer = new Producer(client, { deliveryTimeoutMs: 1000, lingerMs: 0, ...options })
  await producer.send({ topic: TOPIC, partition: 0, value: Buffer.from('first') })
  return producer
}

function failure(producer: Producer, value = Buffer.from('second')): Promise<DeliveryError> {
  return producer.send({ topic: TOPIC, partition: 0, value }).then(
    () => assert.fail('it was acknowledged'),
    (error: ClientError) => {
      assert.ok(error instanceof DeliveryError, error.stack)
      return error
    },
  )
}

test('a record that was never handed to a connection is not written', async () => {
  const network = new BadNetwork()
  const producer = await producerOn(network)
  await network.refuse()
  const { mayBeWritten, error } = await failure(producer)
  assert.deepEqual([mayBeWritten, error], [false, 'REQUEST_TIMED_OUT'])
})

test('one whose answer is lost may be', async () => {
  const network = new BadNetwork()
  const producer = await producerOn(network)
  network.state = 'swallows'
  assert.equal((await failure(producer)).mayBeWritten, true)
})

test('one that was lost once may be, also if it is refused then', async () => {
  const network = new BadNetwork()
  const producer = await producerOn(network)
  network.state = 'swallows'
  const failing = failure(producer)
  await new Promise((resolve) => setTimeout(resolve, 50))
  await network.refuse()
  assert.equal((await failing).mayBeWritten, true)
})

test('one that the broker refuses before it writes is not written', async () => {
  const producer = await producerOn(new BadNetwork(), { batchBytes: 100_000, maxRecordBytes: 100_000 })
  const changes = [{ key: 'max.message.bytes', operation: 'set', value: '1000' }] as const
  await admin.alterConfigs({ type: 'topics', name: TOPIC }, changes)
  const { mayBeWritten, error } = await failure(producer, Buffer.alloc(5000))
  assert.deepEqual([mayBeWritten, error], [false, 'MESSAGE_TOO_LARGE'])
})
