/** Connections that were forwarded to a container, and others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cameOverBridge } from '../../src/broker/bridge-address.js'
import type { Network } from '../../src/io/network.js'
import { nodePorts } from '../node-ports.js'
import { startNode } from './test-node.js'

test('what comes from the gateway or from outside to an address of a container', () => {
  assert.equal(cameOverBridge('172.17.0.2', '172.17.0.1'), true, 'forwarded on the same machine')
  assert.equal(cameOverBridge('::ffff:172.18.0.3', '::ffff:172.18.0.1'), true)
  assert.equal(cameOverBridge('172.17.0.2', '192.168.1.20'), true, 'forwarded from another machine')
  assert.equal(cameOverBridge('10.88.0.5', '10.88.0.1'), true, 'podman')
})

test('what comes by an address that leads back', () => {
  assert.equal(cameOverBridge('127.0.0.1', '127.0.0.1'), false)
  assert.equal(cameOverBridge('192.168.1.10', '192.168.1.20'), false)
  assert.equal(cameOverBridge('172.17.0.2', '172.17.0.3'), false, 'another container of the network')
  assert.equal(cameOverBridge('172.17.0.1', '172.17.0.1'), false, 'the machine itself')
  assert.equal(cameOverBridge('172.16.0.9', '10.0.0.1'), false, 'not of a bridge')
  assert.equal(cameOverBridge('::1', '::1'), false)
})

/** A network in which clients come to a container from outside. */
function bridged(network: Network): Network {
  return {
    connect: (address, handlers) => network.connect(address, handlers),
    listen: (address, handlers) =>
      network.listen(address, {
        listening: (listener) => handlers.listening(listener),
        failed: (error) => handlers.failed(error),
        connection: (connection) =>
          handlers.connection(
            new Proxy(connection, {
              get: (target, key) => {
                if (key === 'local') return { host: '172.17.0.2', port: 9092 }
                if (key === 'remote') return { host: '172.17.0.1', port: 40_000 }
                const value = Reflect.get(target, key, target) as unknown
                return typeof value === 'function' ? value.bind(target) : value
              },
            }),
          ),
      }),
  }
}

test('a node says once that its address may not lead back, and not if it was told what to advertise', async () => {
  const ports = nodePorts()
  for (const settings of [{}, { 'advertised.listeners': 'PLAINTEXT://kafka.example:9092' }]) {
    const node = await startNode(settings, undefined, { network: bridged(ports.network) })
    try {
      for (let n = 0; n < 3; n++) (await node.client()).close()
      const warnings = node.logger.lines.filter(({ message }) => message.includes('advertised.listeners'))
      assert.deepEqual(
        warnings.map(({ fields }) => fields),
        Object.keys(settings).length > 0
          ? []
          : [{ listener: 'PLAINTEXT', told: '172.17.0.2:9092', client: '172.17.0.1' }],
      )
    } finally {
      await node.remove()
    }
  }
})
