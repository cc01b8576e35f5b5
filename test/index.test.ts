/** The public API, as somebody's own test would use it. */
import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { ConfigError, NodeError, runSeed, startNode } from '../src/index.js'
import { ErrorCode } from '../src/protocol/errors.js'
import { Metadata } from '../src/protocol/messages/metadata.js'
import { WireClient } from './broker/wire-client.js'
import { temporaryDirectory } from './node-ports.js'

async function topicId(bootstrapServers: string, name: string): Promise<string> {
  const [host, port] = bootstrapServers.split(':')
  const client = await WireClient.connect({ host: host!, port: Number(port) })
  const { topics } = await client.request(Metadata, 12, { topics: [{ name }], allowAutoTopicCreation: true })
  client.close()
  assert.equal(topics[0]!.errorCode, ErrorCode.NONE)
  return topics[0]!.topicId!
}

test('a node in a temporary directory, gone afterwards', async () => {
  const node = await startNode()
  assert.match(node.bootstrapServers, /^127\.0\.0\.1:\d+$/)
  assert.match(node.clusterId, /^[\w-]{22}$/)
  await topicId(node.bootstrapServers, 'orders')
  assert.equal(existsSync(node.directory), true)
  await node.stop()
  await node.ended
  assert.equal(existsSync(node.directory), false)
})

test('several nodes at once, and one that finds its data again', async () => {
  const directory = temporaryDirectory('index')
  const [first, other] = await Promise.all([startNode({ 'log.dirs': directory }), startNode()])
  const id = await topicId(first.bootstrapServers, 'orders')
  assert.notEqual(await topicId(other.bootstrapServers, 'orders'), id)
  await Promise.all([first.stop(), other.stop()])
  const again = await startNode({ 'log.dirs': directory })
  assert.equal(again.clusterId, first.clusterId)
  assert.equal(await topicId(again.bootstrapServers, 'orders'), id)
  await again.stop()
  assert.equal(existsSync(directory), true)
  rmSync(directory, { recursive: true })
})

test('what cannot be is an error that says why', async () => {
  await assert.rejects(startNode({ 'num.partitions': 'six' }), ConfigError)
  const directory = temporaryDirectory('index')
  const node = await startNode({ 'log.dirs': directory })
  await assert.rejects(startNode({ 'log.dirs': directory }), NodeError)
  await node.stop()
  rmSync(directory, { recursive: true })
})

test('the simulator can be used by others', () => {
  const { acknowledged, findings } = runSeed(1)
  assert.ok(acknowledged > 0)
  assert.deepEqual(findings, [])
})
