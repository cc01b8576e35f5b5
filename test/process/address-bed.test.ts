/** A cluster by its address, behind a proxy: whoever begins there knows no other way to a broker, so that what is done to links of clients is done to all that they send. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { AddressBed } from '../../jepsen/beds/address.js'
import { fixedPort } from '../../jepsen/beds/fixed-port.js'
import { cleanUp, leftBehind } from '../../jepsen/clean-up.js'
import { between } from '../../jepsen/nemesis/network/links.js'
import { KafkaProxy } from '../../jepsen/nemesis/network/proxy.js'
import { frontsBy } from '../../jepsen/nemesis/network/proxy-backend.js'
import { Prng } from '../../src/base/prng.js'
import { Admin } from '../../src/client/admin/admin.js'
import { LATEST } from '../../src/client/admin/list-offsets.js'
import { ClientError } from '../../src/client/client-error.js'
import { ClusterClient } from '../../src/client/cluster-client.js'
import { temporaryDirectory } from '../node-ports.js'
import { SERVES, startServer } from './server-process.js'

const LONGEST_MS = 60_000
const CUT_FOR_MS = 1_500

test('clients of a cluster by its address come by the proxy, and by nothing else', {
  timeout: LONGEST_MS,
}, async (t) => {
  const home = temporaryDirectory('address-bed')
  t.after(() => rmSync(home, { recursive: true, force: true }))
  const port = await fixedPort(new Prng(`address bed ${process.pid}`))
  const server = startServer({ data: join(home, 'data'), port })
  t.after(() => server.end('SIGKILL'))
  await server.says(SERVES)
  const proxy = new KafkaProxy()
  t.after(() => proxy.close())
  const bed = new AddressBed(`127.0.0.1:${port}`, frontsBy(proxy))
  await bed.start()
  assert.deepEqual(
    bed.nodes.map(({ id, address }) => [id, address]),
    [[1, bed.bootstrap]],
  )
  assert.notEqual(bed.bootstrap, `127.0.0.1:${port}`)

  const open = (apiTimeoutMs: number) => {
    const limits = { requestTimeoutMs: CUT_FOR_MS, apiTimeoutMs }
    const client = new ClusterClient({ ports: bed.ports, bootstrapServers: bed.bootstrap, ...limits })
    t.after(() => client.close())
    return { client, admin: new Admin(client) }
  }
  const patient = open(LONGEST_MS)
  await patient.admin.createTopics([{ name: 'j9-t1', partitions: 3, replicationFactor: 1 }])
  const ends = () => patient.admin.listOffsets([{ topic: 'j9-t1', partition: 2, timestamp: LATEST }])
  assert.equal((await ends())[0]!.offset, 0)
  const { endpoints } = await patient.admin.describeCluster()
  assert.deepEqual(
    endpoints.map(({ host, port: each }) => `${host}:${each}`),
    [bed.bootstrap],
  )
  assert.equal(patient.client.view.brokers.get(1)!.port, endpoints[0]!.port)

  const cut = await proxy.apply(
    between([1], ['clients']),
    { kind: 'cut' },
    { nodes: bed.nodes, random: new Prng('cut') },
  )
  const asked = ends()
  assert.match((await cut.seen()) ?? '', /from clients to node 1 had to wait/)
  await assert.rejects(open(CUT_FOR_MS).admin.describeCluster(), ClientError)
  await cut.lift()
  assert.equal((await asked)[0]!.offset, 0)

  await patient.admin.createTopics([{ name: 'j91-t1', partitions: 1, replicationFactor: 1 }])
  const { ports, time } = bed
  const leavings = { ports, time, bootstrap: `127.0.0.1:${port}`, prefix: 'j9', groups: ['j9-group'] }
  assert.deepEqual(await leftBehind(leavings), ['j9-t1'])
  const said: string[] = []
  await cleanUp(leavings, 1, (line) => said.push(line))
  assert.deepEqual(said, ['1 topics deleted'])
  assert.deepEqual(await leftBehind(leavings), [])
  assert.deepEqual(await leftBehind({ ...leavings, prefix: 'j91' }), ['j91-t1'])
})
