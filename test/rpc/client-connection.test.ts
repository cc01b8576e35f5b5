/** The calling side of a connection: answers go to who asked, and whatever goes wrong, every request ends once and says what may have become of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../../src/base/bytes/reader.js'
import { Writer } from '../../src/base/bytes/writer.js'
import type { Address, Connection, ConnectionHandlers, Network } from '../../src/io/network.js'
import { NetworkError } from '../../src/io/network.js'
import type { Fields } from '../../src/protocol/field.js'
import { encodeResponse } from '../../src/protocol/frame.js'
import { ApiVersions } from '../../src/protocol/messages/api-versions.js'
import { Fetch } from '../../src/protocol/messages/fetch.js'
import { InitProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import type { InOfMessage, Message } from '../../src/protocol/schema.js'
import { ClientConnection, type RpcError } from '../../src/rpc/client-connection.js'
import { FakeClock } from '../fake-clock.js'

const TIMEOUT_MS = 5000

/** The server's side, as bytes that went in and come out. */
class FakeServer implements Network {
  readonly clock = new FakeClock()
  readonly sent: Buffer[] = []
  destroyed = 0
  handlers: ConnectionHandlers | undefined
  readonly closings: RpcError[] = []
  readonly client: ClientConnection

  constructor() {
    this.client = new ClientConnection({
      clock: this.clock,
      network: this,
      address: { host: 'server', port: 9092 },
      clientId: 'tester',
      requestTimeoutMs: TIMEOUT_MS,
      closed: (error) => this.closings.push(error),
    })
  }

  listen(): void {
    assert.fail('a client does not listen')
  }

  connect(address: Address, handlers: ConnectionHandlers): Connection {
    this.handlers = handlers
    const { sent } = this
    return {
      local: { host: 'client', port: 1 },
      remote: address,
      pendingBytes: 0,
      write: (chunks) => void sent.push(Buffer.concat(chunks)),
      pause: () => {},
      resume: () => {},
      end: () => {},
      destroy: () => {
        this.destroyed++
      },
    }
  }

  /** Correlation ids of what was asked. */
  get asked(): number[] {
    return this.sent.map((frame) => frame.readInt32BE(8))
  }

  deliver(...pieces: Uint8Array[]): void {
    const lent = Buffer.concat(pieces)
    this.handlers!.data(lent)
    lent.fill(0xee)
  }
}

function answer<Response extends Fields>(
  message: Message<Fields, Response>,
  version: number,
  correlationId: number,
  body: InOfMessage<Response>,
): Buffer {
  const writer = new Writer()
  encodeResponse(writer, message, { version, correlationId, body })
  return Buffer.concat(writer.chunks())
}

/** An answer to `askFor` with this producer id. */
function idAnswer(correlationId: number, producerId: number): Buffer {
  return answer(InitProducerId, 1, correlationId, { throttleTimeMs: 0, errorCode: 0, producerId, producerEpoch: 0 })
}

/** Asks, and notes what comes of it: the producer id, or the kind of the error. */
function askFor(server: FakeServer, log: (number | string)[], timeoutMs?: number): void {
  const body = { transactionalId: null, transactionTimeoutMs: 0 }
  server.client.send(
    InitProducerId,
    1,
    body,
    (error, response) => {
      assert.notEqual(error === undefined, response === undefined)
      log.push(response?.producerId ?? error!.kind)
    },
    timeoutMs,
  )
}

test('requests go out with ids of their own, answers go to who asked, and no timer is left', () => {
  const server = new FakeServer()
  const log: (number | string)[] = []
  for (let n = 0; n < 3; n++) askFor(server, log)
  assert.deepEqual([server.asked, server.client.inFlight], [[0, 1, 2], 3])
  assert.equal(server.sent[0]!.toString('latin1', 14, 20), 'tester')
  server.deliver(idAnswer(0, 100), idAnswer(1, 101))
  assert.deepEqual([log, server.client.inFlight], [[100, 101], 1])
  server.deliver(idAnswer(2, 102))
  assert.deepEqual([log, server.client.inFlight, server.clock.timers], [[100, 101, 102], 0, 0])
  server.clock.advance(10 * TIMEOUT_MS)
  assert.equal(server.client.usable, true)
})

test('answers cut anywhere are the same answers', () => {
  const bytes = Buffer.concat([idAnswer(0, 100), idAnswer(1, 101)])
  for (let cut = 1; cut < bytes.length; cut++) {
    const server = new FakeServer()
    const log: (number | string)[] = []
    askFor(server, log)
    askFor(server, log)
    server.deliver(bytes.subarray(0, cut))
    server.deliver(bytes.subarray(cut))
    assert.deepEqual(log, [100, 101], `cut at ${cut}`)
  }
})

test('no answer in time: this request and all behind it are lost, and so is the connection', () => {
  const server = new FakeServer()
  const log: (number | string)[] = []
  askFor(server, log)
  askFor(server, log, 100)
  askFor(server, log)
  server.clock.advance(99)
  assert.deepEqual(log, [])
  server.clock.advance(1)
  assert.deepEqual(log, ['lost', 'lost', 'lost'])
  assert.deepEqual([server.client.usable, server.destroyed, server.clock.timers], [false, 1, 0])
  assert.match(server.closings[0]!.message, /no answer to InitProducerId within 100 ms/)
  // What comes late is nobody's.
  server.deliver(idAnswer(0, 100))
  assert.equal(log.length, 3)
})

test('an answer in time stops its clock only', () => {
  const server = new FakeServer()
  const log: (number | string)[] = []
  askFor(server, log, 100)
  askFor(server, log, 300)
  server.deliver(idAnswer(0, 1))
  server.clock.advance(299)
  assert.deepEqual(log, [1])
  server.clock.advance(1)
  assert.deepEqual(log, [1, 'lost'])
})

test('what is asked once the connection is lost fails without having been sent', () => {
  const server = new FakeServer()
  const log: (number | string)[] = []
  server.handlers!.closed(new NetworkError('ECONNREFUSED', 'nobody listens'))
  askFor(server, log)
  server.client.call(Metadata, { topics: [] }, (error) => log.push(error!.kind))
  server.client.sendOneWay(InitProducerId, 1, { transactionalId: null, transactionTimeoutMs: 0 })
  assert.deepEqual([log, server.sent], [['failed', 'failed'], []])
  assert.equal(server.closings.length, 1)
})

test('the other side closes, or this one does: what is in flight is lost, once', () => {
  for (const end of ['there', 'here'] as const) {
    const server = new FakeServer()
    const log: (number | string)[] = []
    askFor(server, log)
    if (end === 'there') server.handlers!.closed(undefined)
    else server.client.close()
    server.handlers!.closed(undefined)
    server.client.close()
    server.clock.advance(2 * TIMEOUT_MS)
    assert.deepEqual([log, server.closings.length, server.clock.timers], [['lost'], 1, 0], end)
  }
})

test('what cannot be the answer ends everything: its request is wrong, those behind it are lost', () => {
  const whole = idAnswer(0, 100)
  const longer = Buffer.concat([whole, Buffer.from([0])])
  longer.writeInt32BE(longer.length - 4)
  const shorter = Buffer.from(whole.subarray(0, -1))
  shorter.writeInt32BE(shorter.length - 4)
  const cases: [string, Buffer][] = [
    ['another id', idAnswer(1, 100)],
    ['bytes too many', longer],
    ['bytes too few', shorter],
    ['nothing but an id', Buffer.from('0000000400000000', 'hex')],
    ['no header', Buffer.from('0000000200', 'hex')],
  ]
  for (const [name, bytes] of cases) {
    const server = new FakeServer()
    const log: (number | string)[] = []
    askFor(server, log)
    askFor(server, log)
    server.deliver(bytes, Buffer.from([0]))
    assert.deepEqual([log, server.destroyed], [['wrong', 'lost'], 1], name)
    assert.equal(server.closings[0]!.kind, 'wrong')
  }
  for (const [name, bytes] of [
    ['unasked', idAnswer(0, 1)],
    ['length 0', Buffer.alloc(4)],
    ['length -1', Buffer.from('ffffffff', 'hex')],
    ['length 2^31 - 1', Buffer.from('7fffffff', 'hex')],
  ] as const) {
    const server = new FakeServer()
    server.deliver(bytes)
    assert.deepEqual([server.client.usable, server.closings[0]!.kind], [false, 'wrong'], name)
  }
})

test('who closes while it hears an answer hears no other', () => {
  const server = new FakeServer()
  const log: (number | string)[] = []
  const body = { transactionalId: null, transactionTimeoutMs: 0 }
  server.client.send(InitProducerId, 1, body, (_, response) => {
    log.push(response!.producerId)
    server.client.close()
  })
  askFor(server, log)
  server.deliver(idAnswer(0, 100), idAnswer(1, 101))
  assert.deepEqual(log, [100, 'lost'])
})

test('an error of who hears the answer is not one of the answer', () => {
  const server = new FakeServer()
  let heard = 0
  const body = { transactionalId: null, transactionTimeoutMs: 0 }
  server.client.send(InitProducerId, 1, body, () => {
    heard++
    throw new DecodeError('the records in the answer are damaged')
  })
  assert.throws(() => server.deliver(idAnswer(0, 100)), /the records in the answer are damaged/)
  assert.equal(heard, 1)
})

test('a request for which no answer comes takes no place among the answers', () => {
  const server = new FakeServer()
  const log: (number | string)[] = []
  askFor(server, log)
  server.client.sendOneWay(InitProducerId, 1, { transactionalId: null, transactionTimeoutMs: 0 })
  askFor(server, log)
  assert.deepEqual([server.asked, server.client.inFlight], [[0, 1, 2], 2])
  server.deliver(idAnswer(0, 100), idAnswer(2, 102))
  assert.deepEqual(log, [100, 102])
})

test('versions: the newest that both know, and none before anything was negotiated', () => {
  const server = new FakeServer()
  const log: (number | string)[] = []
  server.client.call(Metadata, { topics: [] }, (error) => log.push(error!.message))
  assert.deepEqual(log, ['Metadata is not served in a version known here'])
  let ready = false
  server.client.negotiate((error) => {
    ready = error === undefined
  })
  const apiKeys = [
    { apiKey: Metadata.key, minVersion: 2, maxVersion: 9 },
    { apiKey: Fetch.key, minVersion: 4, maxVersion: 99 },
    { apiKey: InitProducerId.key, minVersion: 50, maxVersion: 60 },
  ]
  server.deliver(answer(ApiVersions, 3, 0, { errorCode: 0, apiKeys }))
  assert.equal(ready, true)
  assert.deepEqual(
    [Metadata, Fetch, InitProducerId, ApiVersions].map((message) =>
      server.client.versionOf(message as unknown as Message),
    ),
    [9, Fetch.versions[1], undefined, undefined],
  )
  server.client.call(Metadata, { topics: [] }, () => {})
  assert.equal(server.sent[1]!.readInt16BE(6), 9)
})
