/** A node from start to stop and to the next start: what it keeps, what it refuses, and that it ends in order whatever is under way. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { temporaryDirectory } from '../node-ports.js'
import { batchOf, Fetch, fetchRequest, Produce, produceRequest, valuesIn } from './requests.js'
import { SimulatedBroker } from './simulated-broker.js'
import { type Settings, startNode, TestNode } from './test-node.js'
import { within } from './wire-client.js'

function directoryFor(t: TestContext): string {
  const directory = temporaryDirectory('node')
  t.after(() => fs.rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Tries to start; returns the sentence with which the node refuses. */
async function refusal(directory: string, settings: Settings = {}): Promise<string> {
  const node = new TestNode(directory, settings)
  const error = await within(node.ended, 'the end of the node')
  assert.ok(error !== undefined, 'it ended without saying why')
  await assert.rejects(node.started)
  return error.message
}

async function stored(node: TestNode, name: string, partition = 0): Promise<string[]> {
  return node.use(async (client) => {
    const { responses } = await client.request(Fetch, 12, fetchRequest({ name }, 0, { partition: { partition } }))
    return valuesIn(responses[0]!.partitions[0]!.records)
  })
}

async function produce(node: TestNode, name: string, values: readonly string[], partition = 0): Promise<number> {
  return node.use(async (client) => {
    const { responses } = await client.request(Produce, 9, produceRequest({ name }, batchOf(values), { partition }))
    const [result] = responses[0]!.partitionResponses
    return result!.errorCode === 0 ? result!.baseOffset : -result!.errorCode
  })
}

test('topics, ids, configurations and data are there after each start; the last stop is known', async (t) => {
  const directory = directoryFor(t)
  const first = await startNode({}, directory)
  assert.equal(first.node.directory!.lastStop, 'new')
  const { identity } = first.node.directory!
  const topicId = await first.createTopic('kept', 3, { 'max.message.bytes': '500' })
  assert.equal(await produce(first, 'kept', ['a', 'b'], 2), 0)
  let brokerEpoch = first.node.broker!.brokerEpoch
  await first.stop()

  for (let start = 0; start < 3; start++) {
    const node = await startNode({}, directory)
    assert.equal(node.node.directory!.lastStop, 'clean')
    assert.deepEqual(node.node.directory!.identity, identity)
    assert.ok(node.node.broker!.brokerEpoch > brokerEpoch)
    brokerEpoch = node.node.broker!.brokerEpoch
    const { topics } = await node.use((client) => client.request(Metadata, 12, { topics: [{ name: 'kept' }] }))
    assert.deepEqual([topics[0]!.topicId, topics[0]!.partitions.length], [topicId, 3])
    assert.equal((await stored(node, 'kept', 2)).length, 2 + start)
    assert.deepEqual(await stored(node, 'kept', 1), [])
    assert.equal(await produce(node, 'kept', [`${start}`], 2), 2 + start)
    assert.equal(await produce(node, 'kept', ['x'.repeat(600)], 2), -10)
    assert.deepEqual(node.logger.complaints, [])
    await node.stop()
  }
})

test('a stopped node listens no more, and its port can be had at once', async (t) => {
  const directory = directoryFor(t)
  const node = await startNode({}, directory)
  const { address } = node
  const idle = await node.client()
  await node.stop()
  await idle.closed
  await assert.rejects(node.client())
  const again = await startNode({ listeners: `PLAINTEXT://127.0.0.1:${address.port}` }, directory)
  assert.equal(again.address.port, address.port)
  await again.stop()
})

test('a directory that is in use is refused with a sentence, and its user notices nothing', async (t) => {
  const directory = directoryFor(t)
  const node = await startNode({}, directory)
  await node.createTopic('mine')
  for (let attempt = 0; attempt < 2; attempt++) {
    assert.equal(
      await refusal(directory),
      `${directory} is in use by another node that is running: stop it, or name another directory`,
    )
  }
  assert.equal(await produce(node, 'mine', ['a']), 0)
  await node.stop()
  const next = await startNode({}, directory)
  assert.deepEqual(await stored(next, 'mine'), ['a'])
  await next.stop()
})

test('a directory whose metadata is gone is not taken for a new one: what is in it would be put aside', async (t) => {
  const directory = directoryFor(t)
  const log = join(directory, '__cluster_metadata-0')
  const node = await startNode({}, directory)
  await node.stop()
  const kept = join(directoryFor(t), 'kept')
  fs.renameSync(log, kept)
  const sentence =
    /has lost its metadata \(__cluster_metadata-0\), .* and there is .*: put __cluster_metadata-0 back, or/
  assert.match(await refusal(directory), sentence, 'no partitions yet, but it has been in use')
  assert.equal(fs.existsSync(log), false, 'nothing is made in its place')
  fs.renameSync(kept, log)

  const again = await startNode({}, directory)
  await again.createTopic('mine')
  again.node.crashed(new Error('for the test'))
  await again.ended
  fs.renameSync(log, kept)
  assert.match(await refusal(directory), /has lost its metadata .* and there is .*mine-0: put/)
  assert.match(await refusal(directory), sentence, 'the second time, too')
  fs.mkdirSync(log)
  fs.writeFileSync(join(log, '00000000000000000000.log'), '')
  assert.match(await refusal(directory), sentence, 'a log without anything in it')
  fs.rmSync(log, { recursive: true })
  fs.renameSync(kept, log)
  const whole = await startNode({}, directory)
  assert.deepEqual(await stored(whole, 'mine'), [])
  await whole.stop()
})

test('a start that came no further than the ids can be repeated', async (t) => {
  const directory = directoryFor(t)
  const first = await startNode({}, directory)
  first.node.crashed(new Error('for the test'))
  await first.ended
  const soFar = ['meta.properties', '.lograft_running']
  for (const name of fs.readdirSync(directory))
    if (!soFar.includes(name)) fs.rmSync(join(directory, name), { recursive: true })
  assert.equal(fs.readdirSync(directory).length, 2)
  const second = await startNode({}, directory)
  await second.createTopic('mine')
  await second.stop()
})

test('what is wrong with a directory is said, and nothing in it is changed', async (t) => {
  const directory = directoryFor(t)
  const node = await startNode({}, directory)
  await node.createTopic('mine')
  await node.stop()
  const meta = join(directory, 'meta.properties')
  const election = join(directory, '__cluster_metadata-0', 'quorum-state')
  const good = { meta: fs.readFileSync(meta), election: fs.readFileSync(election) }
  const text = good.meta.toString()
  const contents = (): string[] =>
    fs
      .readdirSync(directory, { recursive: true, encoding: 'utf8' })
      // Markers, and what is made anew from the logs.
      .filter((name) => !/\.lograft|kafka_cleanshutdown|checkpoint|\.snapshot$/.test(name))
      .sort()
  const before = contents()

  assert.match(
    await refusal(directory, { 'node.id': '2' }),
    /belongs to node 1, this is node 2: set node.id or log.dirs/,
  )
  for (const damaged of [
    '',
    'rubbish',
    text.replace('version=1', 'version=9'),
    text.replace(/cluster.id=.*/, ''),
    text.replace(/directory.id=.*/, ''),
    text.replace(/node.id=.*/, 'node.id=x'),
  ]) {
    fs.writeFileSync(meta, damaged)
    assert.match(await refusal(directory), /meta.properties is damaged(:|, or of a version)/, JSON.stringify(damaged))
  }
  const other = text.replace(/directory.id=.*/, 'directory.id=AAAAAAAAAAAAAAAAAAAACA')
  fs.writeFileSync(meta, other)
  assert.match(await refusal(directory), /directory id AAAAAAAAAAAAAAAAAAAACA is no voter of this quorum/)
  fs.rmSync(meta)
  assert.match(await refusal(directory), /but no meta.properties: it is not known whose data this is/)
  fs.writeFileSync(meta, good.meta)
  fs.writeFileSync(election, 'rubbish')
  assert.match(await refusal(directory), /the metadata log cannot be used: .*quorum-state is damaged: restore it/)
  fs.rmSync(election)
  assert.match(await refusal(directory), /quorum-state is gone: .*could vote twice/)
  fs.writeFileSync(election, good.election)

  assert.deepEqual(contents(), before)
  const healed = await startNode({}, directory)
  assert.equal(await produce(healed, 'mine', ['a']), 0)
  await healed.stop()
})

test('a path that cannot be a directory, and a port that is taken, are said', async (t) => {
  const directory = directoryFor(t)
  const file = join(directory, 'file')
  fs.writeFileSync(file, '')
  assert.match(await refusal(join(file, 'data')), /cannot be used: /)
  const node = await startNode({}, join(directory, 'one'))
  const { port } = node.address
  assert.match(
    await refusal(join(directory, 'two'), { listeners: `PLAINTEXT://127.0.0.1:0,OTHER://127.0.0.1:${port}` }),
    new RegExp(`cannot listen on 127.0.0.1:${port} \\(OTHER\\): .*EADDRINUSE`),
  )
  // What had been taken is free again.
  const next = await startNode({}, join(directory, 'two'))
  await next.stop()
  await node.stop()
})

test('a stop while requests are in flight ends in order, and what was acknowledged is there afterwards', async (t) => {
  const directory = directoryFor(t)
  let acknowledged = 0
  for (let round = 0; round < 3; round++) {
    const node = await startNode({}, directory)
    if (round === 0) await node.createTopic('busy')
    const clients = await Promise.all([node.client(), node.client(), node.client(), node.client()])
    const waiting = clients[3]!
    waiting.send(Fetch, 12, fetchRequest({ name: 'busy' }, 0, { maxWaitMs: 60_000, minBytes: 1_000_000 }))
    let stopped: Promise<void> | undefined
    const loads = clients.slice(0, 3).map(async (client) => {
      for (;;) {
        try {
          const { responses } = await client.request(Produce, 9, produceRequest({ name: 'busy' }, batchOf(['x'])))
          if (responses[0]!.partitionResponses[0]!.errorCode === 0) acknowledged++
        } catch {
          return
        }
        if (acknowledged >= 30 * (round + 1)) stopped ??= node.stop()
      }
    })
    await Promise.all(loads)
    await waiting.closed
    await stopped
    const next = await startNode({}, directory)
    assert.equal(next.node.directory!.lastStop, 'clean')
    const there = (await stored(next, 'busy')).length
    // Those that were under way may be there without an answer.
    assert.ok(there >= acknowledged && there <= acknowledged + 3 * (round + 1), `${there} of ${acknowledged}`)
    await next.stop()
  }
})

for (const seed of ['stop-1', 'stop-2', 'stop-3']) {
  test(`${seed}: a stop at any moment of the start ends the process in order, and the next start finds the directory in order`, () => {
    const broker = new SimulatedBroker(seed)
    const { simulation, world } = broker
    const process = () => world.machine.process!
    broker.createTopic('usable')
    let served = 0
    for (let events = 0; served < 2; events += 7) {
      world.stop()
      broker.until(() => !process().alive, 'the node stops')
      world.restart = true
      world.start()
      const begin = simulation.events
      broker.until(() => simulation.events >= begin + events, 'a moment of the start')
      if (world.serving) served++
      assert.ok(events < 10_000, 'it never comes to serve')
    }
    assert.equal(world.exits, 0)
    broker.until(() => world.serving, 'the node serves')
    const { responses } = broker.client().request(Produce, 9, produceRequest({ name: 'usable' }, batchOf(['a'])))
    assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
  })
}

test('a stop at any moment of the start leaves nothing behind: no lock, no timer', async (t) => {
  const directory = directoryFor(t)
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  for (const turns of [0, 1, 2, 3, 5, 8, 13, 21, 34, 55]) {
    const node = new TestNode(directory, {})
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
    await node.stop()
    assert.equal(timers(), before, `after ${turns} turns`)
  }
  const node = await startNode({}, directory)
  await node.stop()
})

test('to stop twice is to stop once', async (t) => {
  const node = await startNode({}, directoryFor(t))
  node.node.stop()
  await node.stop()
})

test('something that never should happen ends the node as a crash does, with its record', async (t) => {
  const directory = directoryFor(t)
  const node = await startNode({}, directory)
  await node.createTopic('survivor')
  assert.equal(await produce(node, 'survivor', ['a', 'b']), 0)
  const client = await node.client()
  node.node.crashed(new Error('the test says so'))
  const error = await within(node.ended, 'the end')
  assert.match(error!.message, /something went wrong that never should: Error: the test says so/)
  await client.closed
  const lines = fs.readFileSync(join(directory, 'flight-recorder.jsonl'), 'utf8').trim().split('\n')
  assert.ok(lines.length > 0)
  for (const line of lines) JSON.parse(line)
  const next = await startNode({}, directory)
  assert.equal(next.node.directory!.lastStop, 'processCrash')
  assert.deepEqual(await stored(next, 'survivor'), ['a', 'b'])
  await next.stop()
})

test('settings that are not known are warned of', async (t) => {
  const settings = {
    'no.such.setting': '1',
    'num.io.threads': '8',
    'ssl.client.auth': 'none',
    'num.network.threads': '3',
  }
  const node = await startNode(settings, directoryFor(t))
  assert.deepEqual(node.logger.complaints, [
    'unknown setting',
    'settings of Kafka that have no effect here',
    'there is neither TLS nor SASL nor authorization here: these settings have no effect, and every listener is open',
  ])
  await node.stop()
})
