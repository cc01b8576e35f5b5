import assert from 'node:assert/strict'
import { test } from 'node:test'
import { movePort } from '../../src/config/move-port.js'

function moved(entries: Record<string, string>, port: number): Record<string, string> {
  const map = new Map(Object.entries(entries))
  movePort(map, port)
  return Object.fromEntries(map)
}

test('the port is that of the first listener for clients; what is advertised for it goes along', () => {
  assert.deepEqual(moved({}, 0), { listeners: 'PLAINTEXT://:0' })
  assert.deepEqual(
    moved(
      {
        listeners: 'CONTROLLER://:9093,PLAINTEXT://10.0.0.1:9092,INSIDE://:9094',
        'advertised.listeners': 'PLAINTEXT://kafka.example:9092,INSIDE://inside.example:9092',
        'controller.listener.names': 'CONTROLLER',
      },
      1234,
    ),
    {
      listeners: 'CONTROLLER://:9093,PLAINTEXT://10.0.0.1:1234,INSIDE://:9094',
      'advertised.listeners': 'PLAINTEXT://kafka.example:1234,INSIDE://inside.example:9092',
      'controller.listener.names': 'CONTROLLER',
    },
  )
  const behindAProxy = { listeners: 'PLAINTEXT://:9092', 'advertised.listeners': 'PLAINTEXT://kafka.example:443' }
  assert.deepEqual(moved(behindAProxy, 1234), { ...behindAProxy, listeners: 'PLAINTEXT://:1234' })
})

test('what is not well-formed is left to be refused', () => {
  assert.deepEqual(moved({ listeners: 'nonsense' }, 1), { listeners: 'nonsense' })
  const none = { listeners: 'C://:1', 'controller.listener.names': 'C' }
  assert.deepEqual(moved(none, 2), none)
})
