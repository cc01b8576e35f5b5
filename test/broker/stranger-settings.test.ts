/** The settings of what strangers are kept to, as a node has them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ListenAddress } from '../../src/io/network.js'
import { NodeNetwork } from '../../src/io/node/network.js'
import { IncrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.js'
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

test('limits of connections change while the broker runs, for those that come', async () => {
  const broker = await startNode({})
  const served = async (): Promise<boolean> => {
    const client = await broker.client()
    const outcome = await Promise.race([
      client.closed.then(() => false),
      client.request(Metadata, 12, { topics: [] }).then(() => true),
    ])
    client.close()
    await client.closed
    return outcome
  }
  const admin = await broker.client()
  const alter = async (name: string, value: string | null): Promise<void> => {
    const configs = [{ name, configOperation: value === null ? 1 : 0, value }]
    const resources = [{ resourceType: 4, resourceName: '', configs }]
    const { responses } = await admin.request(IncrementalAlterConfigs, 1, { resources, validateOnly: false })
    assert.equal(responses[0]!.errorCode, 0, responses[0]!.errorMessage ?? '')
  }
  try {
    for (const [key, value] of [
      ['max.connections', '1'],
      ['max.connections.per.ip', '1'],
      ['max.connections.per.ip.overrides', '127.0.0.1:1'],
    ] as const) {
      assert.equal(await served(), true, key)
      await alter(key, value)
      assert.equal(await served(), false, `${key}: the one that changes it is there`)
      await alter(key, null)
    }
    assert.equal(await served(), true)
  } finally {
    admin.close()
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
