/** Whom a client asks, on a broker in this process. */
import assert from 'node:assert/strict'
import net from 'node:net'
import { after, test } from 'node:test'
import { Admin } from '../../src/client/admin/admin.js'
import { ClusterClient } from '../../src/client/cluster-client.js'
import { startNode } from '../../src/index.js'
import { NodeClock } from '../../src/io/node/clock.js'
import { NodeNetwork } from '../../src/io/node/network.js'
import { NodeRandom } from '../../src/io/node/random.js'

const node = await startNode({})
const client = new ClusterClient({
  ports: { clock: new NodeClock(), network: new NodeNetwork(), random: new NodeRandom() },
  bootstrapServers: node.bootstrapServers,
  apiTimeoutMs: 5_000,
})
after(async () => {
  client.close()
  await node.stop()
})

function portOfNobody(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })
}

test('a controller that cannot be reached any more is forgotten: who is it now is asked of the others', async () => {
  await client.refresh([])
  client.view.brokers.set(99, { nodeId: 99, host: '127.0.0.1', port: await portOfNobody(), rack: null })
  client.view.controllerId = 99
  const { leaderId } = await new Admin(client).describeQuorum()
  assert.equal(leaderId, 1)
  assert.equal(client.view.controllerId, 1)
})
