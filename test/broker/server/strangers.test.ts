/** Clients that speak something else are told of in the log, in a line that says what it looks like; not for each of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { strangerOf } from '../../../src/broker/server/strangers.js'
import { rawFrame } from '../wire-client.js'
import { Bench, frame, receive } from './pipeline-bench.js'

const CLIENT_HELLO = Buffer.from('16030100f8010000f40303', 'hex')
const SASL_HANDSHAKE = 17

test('four bytes that are no length: who may have sent them', () => {
  for (const [text, stranger] of [
    ['\x16\x03\x01\x00', 'TLS'],
    ['\x16\x03\x03\x02', 'TLS'],
    ['\x16\x02\x01\x00', 'damaged'],
    ['GET ', 'HTTP'],
    ['POST', 'HTTP'],
    ['PRI ', 'HTTP'],
    ['get ', 'damaged'],
    ['\xff\xff\xff\xff', 'damaged'],
    ['\x00\x00\x00\x00', 'damaged'],
  ] as const) {
    assert.equal(strangerOf(Buffer.from(text, 'latin1').readInt32BE()), stranger, JSON.stringify(text))
  }
})

test('one line with the address for each kind, and how many came since when the next one is due', () => {
  const bench = new Bench({ listener: { name: 'OUTSIDE', serves: 'broker' } })
  const send = (bytes: Uint8Array, host = '10.0.0.7'): void => {
    const socket = bench.connect(host)
    receive(socket, bytes)
    assert.equal(socket.destroyed, true)
  }
  const told = (): string[] =>
    bench.logger.lines
      .splice(0)
      .filter(({ level }) => level === 'warn')
      .map(({ fields, message }) => `${message} ${JSON.stringify(fields)}`)
  const from = '"listener":"OUTSIDE","remote":{"host":"10.0.0.7","port":40000}'

  send(CLIENT_HELLO)
  const tls = 'connection closed: looks like TLS, and this listener is PLAINTEXT'
  assert.deepEqual(told(), [`${tls} {${from},"sizeBytes":369295616}`])
  send(Buffer.from('GET /metrics HTTP/1.1\r\n\r\n'))
  const http = "connection closed: looks like HTTP, and this listener speaks Kafka's protocol"
  assert.deepEqual(told(), [`${http} {${from},"sizeBytes":1195725856}`])
  send(rawFrame(SASL_HANDSHAKE, 1, 1, Buffer.from('0005504c41494e', 'hex')))
  const sasl = 'connection closed: the client wants to log in with SASL, and this listener is PLAINTEXT'
  assert.deepEqual(told(), [`${sasl} {${from}}`])
  send(Buffer.from('ffffffff', 'hex'))
  const size = 'connection closed: no request can be of that size (socket.request.max.bytes)'
  assert.deepEqual(told(), [`${size} {${from},"sizeBytes":-1}`])

  for (let round = 0; round < 1000; round++) send(CLIENT_HELLO, `10.0.1.${round % 250}`)
  bench.clock.advance(9_000)
  send(CLIENT_HELLO)
  assert.deepEqual(told(), [])
  bench.clock.advance(1_000)
  send(CLIENT_HELLO)
  assert.deepEqual(told(), [`${tls} {${from},"sizeBytes":369295616,"untold":1001}`])
})

test('who sends a request first, and then something else, is answered and told of', () => {
  const bench = new Bench()
  const socket = bench.connect()
  receive(socket, frame(1), Buffer.from('POST /topics HTTP/1.1\r\n'))
  bench.reply(0, 5)
  assert.deepEqual(socket.answers, [[1, 5]])
  assert.equal(bench.logger.complaints.length, 1)
})
