/** Bytes and sockets: frames in pieces, clients that do not read, that go, that are half gone; on real sockets. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { MAX_IN_FLIGHT, MAX_OUTPUT_BYTES } from '../../src/broker/server/connection.js'
import type { Connection } from '../../src/io/network.js'
import { NodeNetwork } from '../../src/io/node/network.js'
import { ApiVersions } from '../../src/protocol/messages/api-versions.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { temporaryDirectory } from '../node-ports.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, valuesIn } from './requests.js'
import { startNode } from './test-node.js'
import { rawFrame, requestFrame, until } from './wire-client.js'

const LARGEST_REQUEST = 100_000

/** The server's ends of the connections that are open. */
const open = new Set<Connection>()

class WatchedNetwork extends NodeNetwork {
  override listen(...[address, handlers]: Parameters<NodeNetwork['listen']>): void {
    super.listen(address, {
      ...handlers,
      connection: (connection) => {
        open.add(connection)
        const inner = handlers.connection(connection)
        return {
          data: (bytes) => inner.data(bytes),
          drained: () => inner.drained(),
          closed: (error) => {
            open.delete(connection)
            inner.closed(error)
          },
        }
      },
    })
  }
}

const broker = await startNode({ 'socket.request.max.bytes': String(LARGEST_REQUEST) }, temporaryDirectory('sockets'), {
  network: new WatchedNetwork(),
})
after(() => broker.remove())
const topic = { name: 'plain', topicId: await broker.createTopic('plain') }

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a frame cut anywhere is the same request', async () => {
  await broker.use(async (client) => {
    const whole = requestFrame(Produce, 9, 0, produceRequest(topic, batchOf(['cut'])))
    for (let cut = 1; cut < whole.length; cut++) {
      whole.writeInt32BE(cut, 8)
      client.write(whole.subarray(0, cut))
      await turn()
      await turn()
      client.write(whole.subarray(cut))
      const { responses } = await client.answerTo(Produce, 9, cut)
      const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
      assert.deepEqual([errorCode, baseOffset], [0, cut - 1])
    }
    const { responses } = await client.request(Fetch, 12, fetchRequest(topic, 0))
    const values = valuesIn(responses[0]!.partitions[0]!.records)
    assert.deepEqual([values.length, new Set(values)], [whole.length - 1, new Set(['cut'])])
  })
})

test('byte by byte, and many in one write', async () => {
  await broker.use(async (client) => {
    const frames = Array.from({ length: 300 }, (_, n) => requestFrame(Metadata, 12, n, { topics: [] }))
    for (const byte of Buffer.concat(frames.slice(0, 3))) {
      client.write(Buffer.from([byte]))
      await turn()
    }
    client.write(Buffer.concat(frames.slice(3)))
    for (let n = 0; n < frames.length; n++) await client.answerTo(Metadata, 12, n)
  })
})

test('a frame above socket.request.max.bytes closes the connection, one of that size does not', async () => {
  const fits = rawFrame(Metadata.key, 1, 7, Buffer.alloc(LARGEST_REQUEST - 11))
  assert.equal(fits.readInt32BE(), LARGEST_REQUEST)
  await broker.use(async (client) => {
    client.write(fits)
    await client.answerTo(Metadata, 1, 7)
  })
  await broker.use(async (client) => {
    client.write(rawFrame(Metadata.key, 1, 7, Buffer.alloc(LARGEST_REQUEST - 10)))
    await client.closed
    assert.equal(client.bytesReceived, 0)
  })
})

test('from a client that does not read nothing is read: what waits for it is bounded, and comes when it reads', async () => {
  const topics = Array.from({ length: 50 }, (_, n) => `a-topic-with-a-long-name-${n}`)
  for (const name of topics) await broker.createTopic(name)
  const slow = await broker.client()
  const serverEnd = (): Connection | undefined => [...open].find(({ remote }) => remote.port === slow.socket.localPort)
  await until(() => serverEnd() !== undefined, 'the connection')
  const server = serverEnd()!
  const answerBytes = await broker.use(async (client) => {
    await client.request(Metadata, 12, { topics: null })
    return client.bytesReceived
  })
  slow.socket.pause()
  const count = 8000
  assert.ok(count * answerBytes > 16 * MAX_OUTPUT_BYTES)
  for (let n = 0; n < count; n++) slow.write(requestFrame(Metadata, 12, n, { topics: null }))
  await until(() => server.pendingBytes >= MAX_OUTPUT_BYTES, 'answers that wait')
  let most = 0
  for (let n = 0; n < 50; n++) {
    most = Math.max(most, server.pendingBytes)
    // Others are served meanwhile.
    if (n % 10 === 0) await broker.use((client) => client.request(Metadata, 12, { topics: [] }))
    await turn()
  }
  assert.ok(most < MAX_OUTPUT_BYTES + MAX_IN_FLIGHT * answerBytes, `${most} bytes wait for the client`)
  slow.socket.resume()
  for (let n = 0; n < count; n++) assert.equal((await slow.frame()).readInt32BE(), n)
  await until(() => server.pendingBytes === 0, 'everything to be read')
  slow.close()
})

test('clients that go with requests in flight are forgotten, and what they sent is whole or not there', async () => {
  const gone = { name: 'gone', topicId: await broker.createTopic('gone') }
  const { produces, fetches } = broker.node.broker!.replicas
  for (let n = 0; n < 20; n++) {
    const client = await broker.client()
    client.send(Produce, 9, produceRequest(gone, batchOf([`${n} a`, `${n} b`])))
    client.send(Fetch, 12, fetchRequest(gone, 0, { maxWaitMs: 300, minBytes: 1_000_000 }))
    client.send(Metadata, 12, { topics: null })
    if (n % 2 === 0) await turn()
    client.socket.resetAndDestroy()
  }
  await until(() => open.size === 0, 'the connections to be forgotten')
  await until(() => produces.size === 0 && fetches.size === 0, 'nothing to wait any more')
  await broker.use(async (client) => {
    const { responses } = await client.request(Fetch, 12, fetchRequest(gone, 0, { minBytes: 0 }))
    const values = valuesIn(responses[0]!.partitions[0]!.records)
    for (let at = 0; at < values.length; at += 2) {
      assert.equal(values[at + 1], values[at]!.replace('a', 'b'))
    }
  })
})

test('a client that sends no more is let go, also while its fetch waits', async () => {
  const client = await broker.client()
  client.send(Fetch, 12, fetchRequest({ name: 'plain' }, 1_000, { maxWaitMs: 60_000 }))
  await broker.use((other) => other.request(ApiVersions, 0, { clientSoftwareName: '', clientSoftwareVersion: '' }))
  client.socket.end()
  await client.closed
  await until(() => open.size === 0, 'the connection to be forgotten')
})

test('a frame that never becomes whole holds nobody up', async () => {
  const stuck = await Promise.all(Array.from({ length: 20 }, () => broker.client()))
  const frame = requestFrame(Metadata, 12, 1, { topics: [] })
  for (const [index, client] of stuck.entries()) client.write(frame.subarray(0, 1 + index))
  await broker.use((client) => client.request(Metadata, 12, { topics: [] }))
  for (const [index, client] of stuck.entries()) {
    assert.equal(client.bytesReceived, 0)
    client.write(frame.subarray(1 + index))
    await client.answerTo(Metadata, 12, 1)
    client.close()
  }
})

test('hundreds of connections at once', async () => {
  const clients = await Promise.all(Array.from({ length: 300 }, () => broker.client()))
  await Promise.all(clients.map((client) => client.request(Metadata, 12, { topics: [] })))
  await until(() => open.size === clients.length, 'all of them')
  for (const client of clients) client.close()
  await until(() => open.size === 0, 'none of them')
})
