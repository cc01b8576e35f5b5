/** The proxy between a client and a server that answers each request with its correlation id, on sockets of this process. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, beforeEach, test } from 'node:test'
import { between, type Effect, type End, type Link, oneWay } from '../../../../jepsen/nemesis/network/links.js'
import { KafkaProxy } from '../../../../jepsen/nemesis/network/proxy.js'
import { Writer } from '../../../../src/base/bytes/writer.js'
import { Prng } from '../../../../src/base/prng.js'
import { encodeRequest } from '../../../../src/protocol/frame.js'
import { Heartbeat } from '../../../../src/protocol/messages/heartbeat.js'
import { Produce } from '../../../../src/protocol/messages/produce.js'

const HOST = '127.0.0.1'
const LIMIT_MS = 5_000

/** Correlation ids in the order in which requests came, and on which connection. */
class FakeNode {
  readonly came: { readonly connection: number; readonly correlationId: number }[] = []
  connections = 0
  readonly server = net.createServer((socket) => {
    const connection = ++this.connections
    let rest = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes])
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE()) {
        const correlationId = rest.readInt32BE(8)
        rest = rest.subarray(4 + rest.readInt32BE())
        this.came.push({ connection, correlationId })
        const answer = Buffer.alloc(8)
        answer.writeInt32BE(4)
        answer.writeInt32BE(correlationId, 4)
        socket.write(answer)
      }
    })
  })
}

class FakeClient {
  readonly socket: net.Socket
  readonly answers: number[] = []
  end: string | undefined

  constructor(port: number) {
    this.socket = net.connect({ host: HOST, port })
    let rest = Buffer.alloc(0)
    this.socket.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes])
      for (; rest.length >= 8; rest = rest.subarray(8)) this.answers.push(rest.readInt32BE(4))
    })
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.end = error.code
    })
    this.socket.on('close', () => {
      this.end ??= 'closed'
    })
  }

  produce(correlationId: number, acks = -1): void {
    const writer = new Writer()
    const body = { acks, timeoutMs: 1_000, topicData: [] }
    encodeRequest(writer, Produce, { version: 9, correlationId, clientId: 'one', body })
    this.socket.write(writer.toBuffer())
  }

  heartbeat(correlationId: number): void {
    const writer = new Writer()
    const body = { groupId: 'group', generationId: 1, memberId: 'member', groupInstanceId: null }
    encodeRequest(writer, Heartbeat, { version: 3, correlationId, clientId: 'one', body })
    this.socket.write(writer.toBuffer())
  }
}

let node: FakeNode
let proxy: KafkaProxy
let ports: Map<End, number>
let clients: FakeClient[]

beforeEach(async () => {
  node = new FakeNode()
  proxy = new KafkaProxy()
  ports = new Map()
  clients = []
  node.server.listen(0, HOST)
  await once(node.server, 'listening')
  const target = { host: HOST, port: (node.server.address() as net.AddressInfo).port }
  for (const from of ['clients', 2] as const) {
    ports.set(from, await proxy.listen({ host: HOST, to: 1, target, sourceOf: () => from }))
  }
})

afterEach(async () => {
  for (const { socket } of clients) socket.destroy()
  await proxy.close()
  node.server.close()
})

function connect(from: End = 'clients'): FakeClient {
  const client = new FakeClient(ports.get(from)!)
  clients.push(client)
  return client
}

function apply(links: readonly Link[], effect: Effect) {
  return proxy.apply(links, effect, { nodes: [], random: new Prng('proxy') })
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  for (const deadlineMs = performance.now() + LIMIT_MS; !isSo(); ) {
    assert.ok(performance.now() < deadlineMs, what)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Long enough for anything on this machine that nothing holds back. */
async function aWhile(): Promise<void> {
  const probe = connect(2)
  probe.heartbeat(99)
  await until(() => probe.answers.length > 0, 'a link that nothing is done to')
  await new Promise((resolve) => setTimeout(resolve, 20))
}

const FROM_CLIENTS = oneWay(['clients'], [1])

test('a link that is cut holds what is sent, and passes it when it is healed; other links go on', async () => {
  const client = connect()
  client.heartbeat(1)
  await until(() => client.answers.length === 1, 'an answer')
  const cut = await apply(between(['clients'], [1]), { kind: 'cut' })
  client.heartbeat(2)
  assert.match((await cut.seen()) ?? '', /bytes from clients to node 1 had to wait/)
  await aWhile()
  assert.deepEqual(client.answers, [1])
  assert.match(await cut.lift(), /was done 1 times/)
  await until(() => client.answers.length === 2, 'the held request')
  assert.equal(client.end, undefined)
})

test('a link is blocked in the direction in which it is cut, until it is healed', async () => {
  const [link, back] = [{ from: 'clients', to: 1 } as const, { from: 1, to: 'clients' } as const]
  const cut = await apply([link], { kind: 'cut' })
  assert.deepEqual([proxy.isBlocked(link), proxy.isBlocked(back)], [true, false])
  await cut.lift()
  const slow = await apply([link], { kind: 'slow', delayMs: 1, jitterMs: 0 })
  assert.equal(proxy.isBlocked(link), false)
  await slow.lift()
})

test('a link that is cut one-way lets requests through, and not their answers', async () => {
  const client = connect()
  client.heartbeat(1)
  await until(() => client.answers.length === 1, 'an answer')
  const cut = await apply(oneWay([1], ['clients']), { kind: 'cut' })
  client.heartbeat(2)
  await until(() => node.came.length === 2, 'the request')
  await cut.seen()
  await aWhile()
  assert.deepEqual(client.answers, [1])
  await cut.lift()
  await until(() => client.answers.length === 2, 'the answer')
})

test('who connects while a link is cut waits; the node hears nothing of it until it is healed', async () => {
  const cut = await apply(between(['clients'], [1]), { kind: 'cut' })
  const client = connect()
  client.heartbeat(1)
  assert.match((await cut.seen()) ?? '', /a connection from clients to node 1 had to wait/)
  await aWhile()
  assert.equal(node.came.filter(({ correlationId }) => correlationId === 1).length, 0)
  await cut.lift()
  await until(() => client.answers.length === 1, 'the answer')
})

test('a reset ends connections that are there, and new ones', async () => {
  const client = connect()
  client.heartbeat(1)
  await until(() => client.answers.length === 1, 'an answer')
  const reset = await apply(between([1], ['clients']), { kind: 'reset' })
  await until(() => client.end === 'ECONNRESET', 'a reset')
  const other = connect()
  await until(() => other.end === 'ECONNRESET', 'a reset of a new one')
  assert.match(await reset.lift(), /was done 2 times/)
  const third = connect()
  third.heartbeat(2)
  await until(() => third.answers.length === 1, 'an answer again')
})

test('a slow link delays and keeps the order; when it is healed, what waits goes on at once', async () => {
  const client = connect()
  client.heartbeat(1)
  await until(() => client.answers.length === 1, 'an answer')
  const slow = await apply(FROM_CLIENTS, { kind: 'slow', delayMs: 60, jitterMs: 60 })
  const fromMs = performance.now()
  for (let id = 2; id < 12; id++) client.heartbeat(id)
  await until(() => client.answers.length === 11, 'all answers')
  assert.ok(performance.now() - fromMs >= 60)
  assert.deepEqual(client.answers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  await slow.lift()
  const slower = await apply(FROM_CLIENTS, { kind: 'slow', delayMs: 3_600_000, jitterMs: 0 })
  client.heartbeat(12)
  await slower.seen()
  await slower.lift()
  await until(() => client.answers.length === 12, 'the last answer')
})

test('a narrow link takes as long as its bytes need', async () => {
  const client = connect()
  const narrow = await apply(FROM_CLIENTS, { kind: 'narrow', bytesPerSecond: 1_000 })
  const fromMs = performance.now()
  client.produce(1)
  client.produce(2)
  await until(() => client.answers.length === 2, 'both answers')
  // Each is more than 20 bytes.
  assert.ok(performance.now() - fromMs >= 40)
  assert.match((await narrow.seen()) ?? '', /had to wait/)
})

test('a request that is held comes behind the same one tried again on another connection, once', async () => {
  const hold = await apply(FROM_CLIENTS, { kind: 'hold', requests: 1 })
  const client = connect()
  client.heartbeat(1)
  client.produce(2)
  await until(() => client.end === 'ECONNRESET', 'a reset')
  assert.match((await hold.seen()) ?? '', /Produce of one from clients to node 1 is held back/)
  const again = connect()
  again.produce(3)
  await until(() => node.came.length === 3, 'the late one')
  assert.deepEqual(
    node.came.map(({ correlationId }) => correlationId),
    [1, 3, 2],
  )
  assert.notEqual(node.came[1]!.connection, node.came[2]!.connection)
  assert.equal(node.came[0]!.connection, node.came[2]!.connection)
  await until(() => again.answers.length === 1, 'an answer')
  assert.equal(await hold.lift(), 'was done 1 times; bytes pass')
})

test('a request that is held and not tried again comes when the fault ends', async () => {
  const hold = await apply(FROM_CLIENTS, { kind: 'hold', requests: 1 })
  const client = connect()
  client.produce(1)
  await until(() => client.end === 'ECONNRESET', 'a reset')
  assert.equal(node.came.length, 0)
  assert.match(await hold.lift(), /1 requests come only now/)
  await until(() => node.came.length === 1, 'the late one')
})

test('an answer that is swallowed leaves a request that was done, and a reset', async () => {
  const swallow = await apply(FROM_CLIENTS, { kind: 'swallow', requests: 1 })
  const client = connect()
  client.heartbeat(1)
  await until(() => client.answers.length === 1, 'an answer')
  client.produce(2)
  await until(() => client.end === 'ECONNRESET', 'a reset')
  assert.deepEqual([client.answers, node.came.length], [[1], 2])
  assert.match((await swallow.seen()) ?? '', /Produce of one from clients to node 1 was done, its answer is swallowed/)
})

test('a request that comes twice is answered once; one without an answer is left alone', async () => {
  const repeat = await apply(FROM_CLIENTS, { kind: 'repeat', requests: 1 })
  const client = connect()
  client.produce(1, 0)
  client.produce(2)
  client.produce(3)
  await until(() => node.came.length === 4, 'all of them')
  assert.deepEqual(
    node.came.map(({ correlationId }) => correlationId),
    [1, 2, 2, 3],
  )
  await until(() => client.answers.length === 3, 'answers')
  assert.deepEqual(client.answers, [1, 2, 3])
  assert.match((await repeat.seen()) ?? '', /was answered twice/)
})

test('what is asked by another node is not what clients ask', async () => {
  const hold = await apply(FROM_CLIENTS, { kind: 'hold', requests: 1 })
  const other = connect(2)
  other.produce(1)
  await until(() => other.answers.length === 1, 'an answer')
  assert.equal(await hold.lift(), 'was done 0 times; bytes pass')
})

test('where no node listens a connection ends', async () => {
  node.server.close()
  const client = connect()
  await until(() => client.end === 'ECONNRESET', 'a reset')
})

test('bytes that are no frames end a connection', async () => {
  const client = connect()
  client.socket.write('GET / HTTP/1.1\r\n\r\n')
  await until(() => client.end === 'ECONNRESET', 'a reset')
})
