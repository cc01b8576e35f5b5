/** What a monitor sees: /metrics in Prometheus' text format with Kafka's meanings, /healthz, and that nothing else gets out of that port. */
import assert from 'node:assert/strict'
import net from 'node:net'
import { after, test } from 'node:test'
import type { Address } from '../../src/io/network.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { temporaryDirectory } from '../node-ports.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest } from './requests.js'
import { startNode, TestNode } from './test-node.js'

const broker = await startNode({ 'metrics.listener': '127.0.0.1:0', 'max.connections': '5' })
after(() => broker.remove())

/** Everything that is answered to these bytes. */
function ask(address: Address, bytes: string, ...more: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(address.port, address.host)
    let answer = ''
    socket.setTimeout(10_000, () => reject(new Error('no answer')))
    socket.on('data', (piece) => {
      answer += piece
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
    socket.write(bytes)
    for (const [n, piece] of more.entries()) setTimeout(() => socket.write(piece), 20 * (n + 1))
  })
}

async function get(path: string): Promise<{ readonly status: number; readonly head: string; readonly body: string }> {
  const answer = await ask(broker.node.metricsAddress!, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  const [head, body] = [answer.slice(0, answer.indexOf('\r\n\r\n')), answer.slice(answer.indexOf('\r\n\r\n') + 4)]
  assert.match(head, new RegExp(`Content-Length: ${Buffer.byteLength(body)}(\r\n|$)`))
  return { status: Number(head.split(' ')[1]), head, body }
}

/** By name and labels. */
async function metrics(): Promise<Map<string, number>> {
  const { status, head, body } = await get('/metrics?name=x')
  assert.equal(status, 200)
  assert.match(head, /Content-Type: text\/plain; version=0\.0\.4/)
  const samples = new Map<string, number>()
  const typed = new Set<string>()
  for (const line of body.trimEnd().split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line)
    if (type !== null) {
      assert.ok(!typed.has(type[1]!), `${type[1]} stands twice`)
      typed.add(type[1]!)
    }
    if (line.startsWith('#')) continue
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_]+="(?:[^"\\]|\\.)*",?)+\})? (\S+)$/.exec(line)
    assert.ok(sample !== null, line)
    assert.ok(typed.has(sample[1]!) || typed.has(sample[1]!.replace(/_(bucket|sum|count)$/, '')), line)
    assert.ok(!samples.has(sample[1]! + (sample[2] ?? '')), `${line} stands twice`)
    samples.set(sample[1]! + (sample[2] ?? ''), Number(sample[3]))
  }
  return samples
}

test('what clients write and read is counted, for all topics and for each', async () => {
  const [one, two] = [
    { name: 'one', topicId: await broker.createTopic('one', 2) },
    { name: 'two', topicId: await broker.createTopic('two') },
  ]
  const before = await metrics()
  const batch = batchOf(['a', 'b', 'c'])
  await broker.use(async (client) => {
    await client.request(Produce, 9, produceRequest(one, batch))
    await client.request(Produce, 9, produceRequest(one, batch))
    await client.request(Produce, 9, produceRequest(two, batch))
    await client.request(Fetch, 12, fetchRequest(one, 0))
  })
  const samples = await metrics()
  const grown = (name: string): number => samples.get(name)! - (before.get(name) ?? 0)
  const topics = 'kafka_server_brokertopicmetrics'
  assert.equal(grown(`${topics}_messagesin_total`), 9)
  assert.equal(grown(`${topics}_messagesin_total{topic="one"}`), 6)
  assert.equal(grown(`${topics}_bytesin_total{topic="two"}`), batch.length)
  assert.equal(grown(`${topics}_bytesin_total`), 3 * batch.length)
  assert.equal(grown(`${topics}_bytesout_total{topic="one"}`), 2 * batch.length)
  assert.equal(grown(`${topics}_bytesout_total`), 2 * batch.length)
  assert.equal(grown('kafka_network_requestmetrics_requests_total{request="Produce"}'), 3)
  assert.equal(grown('kafka_network_requestmetrics_totaltimems_count{request="Produce"}'), 3)
  assert.ok(grown('kafka_network_requestmetrics_totaltimems_sum{request="Produce"}') > 0)
  assert.equal(grown('kafka_network_requestmetrics_totaltimems_bucket{request="Fetch",le="+Inf"}'), 1)
  assert.ok(grown('kafka_log_logflushstats_logflushtimems_count') > 0)
  assert.equal(samples.get('kafka_log_log_size{topic="one",partition="0"}'), 2 * batch.length)
  assert.equal(samples.get('kafka_log_log_logendoffset{topic="one",partition="0"}'), 6)
})

test('the state of the broker, the controller and the process', async () => {
  const waiting = await broker.client()
  waiting.send(Fetch, 12, fetchRequest({ name: 'two' }, 3, { maxWaitMs: 60_000 }))
  await broker.use((client) => client.request(Metadata, 12, { topics: [] }))
  const samples = await metrics()
  const value = (name: string): number | undefined => samples.get(name)
  assert.equal(value('kafka_controller_kafkacontroller_activecontrollercount'), 1)
  assert.equal(value('kafka_controller_kafkacontroller_offlinepartitionscount'), 0)
  assert.equal(value('kafka_controller_kafkacontroller_globaltopiccount'), 2)
  assert.equal(value('kafka_server_replicamanager_partitioncount'), 3)
  assert.equal(value('kafka_server_replicamanager_leadercount'), 3)
  assert.equal(value('kafka_server_replicamanager_underreplicatedpartitions'), 0)
  assert.equal(value('kafka_server_delayedoperationpurgatory_purgatorysize{delayedOperation="Fetch"}'), 1)
  assert.equal(value('kafka_server_socketservermetrics_connection_count{listener="PLAINTEXT"}'), 1)
  assert.ok(value('process_resident_memory_bytes')! > 10_000_000)
  assert.ok(value('nodejs_heap_size_used_bytes')! > 1_000_000)
  // Who waits is not read, and so its end is only seen when it is answered.
  await broker.use((client) => client.request(Produce, 9, produceRequest({ name: 'two' }, batchOf(['wakes']))))
  waiting.close()
})

test('max.connections: what is refused is counted, and the monitor still gets in', async () => {
  // Those of the tests before may not be forgotten yet.
  const open = 'kafka_server_socketservermetrics_connection_count{listener="PLAINTEXT"}'
  for (let tries = 0; (await metrics()).get(open) !== 0; tries++) assert.ok(tries < 1000)
  const clients = await Promise.all(Array.from({ length: 5 }, () => broker.client()))
  for (const client of clients) await client.request(Metadata, 12, { topics: [] })
  const refused = await broker.client()
  await refused.closed
  assert.equal((await metrics()).get('lograft_connections_refused_total'), 1)
  for (const client of clients) client.close()
})

test('/healthz, what is not there, and what is no request', async () => {
  const address = broker.node.metricsAddress!
  assert.deepEqual([(await get('/healthz')).status, (await get('/healthz')).body], [200, 'serving\n'])
  assert.equal((await get('/')).status, 404)
  assert.match(await ask(address, 'POST /metrics HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 405 /)
  assert.match(await ask(address, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /)
  assert.match(await ask(address, `GET /${'x'.repeat(10_000)} HTTP/1.1\r\n`), /^HTTP\/1\.1 431 /)
  assert.match(await ask(address, 'HEAD /healthz HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n$/)
  assert.match(await ask(address, 'GET /hea', 'lthz HTTP/1.0\r\n', '\r\n'), /^HTTP\/1\.1 200 OK\r\n[\s\S]*serving\n$/)
})

test('a port for metrics that is taken: one sentence, and the node ends; without one there is none', async () => {
  const { port } = broker.node.metricsAddress!
  const other = new TestNode(temporaryDirectory('metrics'), { 'metrics.listener': `127.0.0.1:${port}` })
  assert.match((await other.ended)!.message, /^cannot listen on 127\.0\.0\.1:\d+ \(metrics\.listener\): .*EADDRINUSE/)
  const quiet = await startNode()
  assert.equal(quiet.node.metricsAddress, undefined)
  await quiet.remove()
})
