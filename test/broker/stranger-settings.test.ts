/** The settings of what strangers are kept to, as a node has them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ListenAddress } from '../../src/io/network.js'
import { NodeNetwork } from '../../src/io/node/network.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { temporaryDirectory } from '../node-ports.js'
import { startNode } from './test-node.js'

test('max.connections.per.ip.overrides goes before max.connections.per.ip', async () => {
  const settings = { 'max.connections.per.ip': '1', 'max.connections.per.ip.overrides': '127.0.0.1:2' }
  const broker = await startNode(settings)
  try {
    const clients = await Promise.all([broker.client(), broker.client()])
    for (const client of clients) await client.request(Metadata, 12, { topics: [] })
    const third = await broker.client()
    await third.closed
    assert.equal(third.bytesReceived, 0)
    for (const client of clients) client.close()
  } finally {
    await broker.remove()
  }
})

test('connections.max.idle.ms closes who says nothing', async () => {
  const broker = await startNode({ 'connections.max.idle.ms': '50' })
  try {
    await (await broker.client()).closed
  } finally {
    await broker.remove()
  }
})

test('socket.listen.backlog.size reaches the listener', async () => {
  const asked: ListenAddress[] = []
  class WatchedNetwork extends NodeNetwork {
    override listen(...[address, handlers]: Parameters<NodeNetwork['listen']>): void {
      asked.push(address)
      super.listen(address, handlers)
    }
  }
  const settings = { 'socket.listen.backlog.size': '77' }
  const broker = await startNode(settings, temporaryDirectory('backlog'), { network: new WatchedNetwork() })
  await broker.remove()
  assert.deepEqual(
    asked.map(({ backlog }) => backlog),
    [77],
  )
})
