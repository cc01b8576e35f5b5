import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection, ConnectionHandlers, Listener, NetworkError } from '../../../src/io/network.js'
import { NodeNetwork } from '../../../src/io/node/network.js'

function listen(network: NodeNetwork, accept: (connection: Connection) => ConnectionHandlers): Promise<Listener> {
  return new Promise((resolve, reject) =>
    network.listen({ host: '127.0.0.1', port: 0 }, { listening: resolve, failed: reject, connection: accept }),
  )
}

const silent: ConnectionHandlers = { data() {}, drained() {}, closed() {} }

test('bytes arrive in order, both ways, with back-pressure', { timeout: 20_000 }, async () => {
  const network = new NodeNetwork()
  const size = 30_000_000
  let serverGot = 0
  let drained = 0
  const listener = await listen(network, (connection) => ({
    ...silent,
    data(bytes) {
      for (let at = 0; at < bytes.length; at += 4093) assert.equal(bytes[at], (serverGot + at) % 251)
      serverGot += bytes.length
      if (serverGot % 5 === 0) {
        connection.pause()
        setTimeout(() => connection.resume(), 1)
      }
      if (serverGot === size) connection.write([Buffer.from('thank'), Buffer.from(' you')])
    },
  }))
  const answer = await new Promise<string>((resolve) => {
    let text = ''
    const connection = network.connect(listener.address, {
      data(bytes) {
        text += Buffer.from(bytes).toString()
        if (text.length < 9) return
        connection.destroy()
        resolve(text)
      },
      drained: () => void drained++,
      closed() {},
    })
    const bytes = Buffer.alloc(size)
    for (let at = 0; at < size; at++) bytes[at] = at % 251
    for (let at = 0; at < size; at += 3_000_000) connection.write([bytes.subarray(at, at + 3_000_000)])
    assert.ok(connection.pendingBytes > 0)
  })
  assert.equal(answer, 'thank you')
  assert.ok(drained > 0)
  listener.close()
})

test('both ends are told the addresses, and of the end', { timeout: 5000 }, async () => {
  const network = new NodeNetwork()
  const ends: string[] = []
  let accepted: Connection | undefined
  const both = new Promise<void>((resolve) => {
    const end = (name: string): ConnectionHandlers => ({
      ...silent,
      closed() {
        if (ends.push(name) === 2) resolve()
      },
    })
    void listen(network, (connection) => {
      accepted = connection
      setTimeout(() => connection.end(), 20)
      return end('server')
    }).then((listener) => {
      network.connect(listener.address, end('client'))
      setTimeout(() => listener.close(), 200)
    })
  })
  await both
  assert.equal(accepted!.local.host, '127.0.0.1')
  assert.ok(accepted!.remote.port > 0)
})

test('a connection that was paused when accepted is read only after resume', { timeout: 5000 }, async () => {
  const network = new NodeNetwork()
  let got = ''
  let held: Connection | undefined
  const listener = await listen(network, (connection) => {
    held = connection
    connection.pause()
    return { ...silent, data: (bytes) => void (got += Buffer.from(bytes).toString()) }
  })
  const client = network.connect(listener.address, silent)
  client.write([Buffer.from('early')])
  await new Promise((resolve) => setTimeout(resolve, 60))
  assert.equal(got, '')
  held!.resume()
  await new Promise((resolve) => setTimeout(resolve, 60))
  assert.equal(got, 'early')
  client.destroy()
  listener.close()
})

test('refused connections and taken ports are reported', { timeout: 5000 }, async () => {
  const network = new NodeNetwork()
  const listener = await listen(network, () => silent)
  const taken = await new Promise<NetworkError>((resolve) =>
    network.listen(listener.address, { listening() {}, failed: resolve, connection: () => silent }),
  )
  assert.equal(taken.code, 'EADDRINUSE')
  listener.close()
  const refused = await new Promise<NetworkError | undefined>((resolve) =>
    network.connect(listener.address, { ...silent, closed: resolve }),
  )
  assert.equal(refused?.code, 'ECONNREFUSED')
  let taken2 = false
  const dead = network.connect(listener.address, silent)
  dead.destroy()
  dead.write([Buffer.from('x')], () => (taken2 = true))
  assert.ok(taken2, 'a write to a dead connection lets go of its chunks')
})
