/** A node with several data directories: where partitions go, what a broken directory takes along, and what a start refuses. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DescribeLogDirs } from '../../src/protocol/messages/describe-log-dirs.js'
import { Metadata } from '../../src/protocol/messages/metadata.js'
import { temporaryDirectory } from '../node-ports.js'
import { batchOf, Produce, produceRequest } from './requests.js'
import { SimulatedBroker } from './simulated-broker.js'
import { startNode, TestNode } from './test-node.js'

const SECOND = '/mnt/lograft'

function broker(seed: string, settings: Readonly<Record<string, string>> = {}): SimulatedBroker {
  return new SimulatedBroker(seed, settings, { twoDirectories: true })
}

function produce(on: SimulatedBroker, partition: number): number {
  const request = produceRequest({ name: 't' }, batchOf(['a']), { partition })
  return on.client().request(Produce, 9, request).responses[0]!.partitionResponses[0]!.errorCode
}

/** Directories by partition of the topic t. */
function places(on: SimulatedBroker): string[] {
  return on.world.partitions.map(({ log }) => log.directory.slice(0, log.directory.lastIndexOf('/')))
}

function metadataOf(on: SimulatedBroker) {
  return on.client().request(Metadata, 12, { topics: [{ name: 't' }] }).topics[0]!.partitions
}

test('new partitions go where there are fewest, and stay there over a start; each directory has an id of its own', () => {
  const on = broker('placement')
  on.createTopic('t', 7)
  const before = places(on)
  assert.deepEqual(before.filter((path) => path === SECOND).length, 3)
  const ids = on.world.directories.map((path) => String(on.world.machine.find(`${path}/meta.properties`) !== undefined))
  assert.deepEqual(ids, ['true', 'true'])
  const { image } = on.world.node!.broker!
  const { logDirs } = image.brokers.get(1)!
  assert.equal(new Set(logDirs).size, 2)
  on.pass(1000)
  const assigned = on.world
    .node!.broker!.image.topicsByName.get('t')!
    .partitions.map(({ directories }) => directories[0])
  assert.deepEqual(
    assigned.map((id) => on.world.directories[logDirs.indexOf(id!)]),
    before,
    'the metadata says where they are',
  )
  for (let partition = 0; partition < 7; partition++) assert.equal(produce(on, partition), 0)
  on.world.losePower()
  on.until(() => on.world.serving, 'it serves again')
  assert.deepEqual(places(on), before)
  assert.ok(on.world.partitions.every(({ log }) => log.logEndOffset === 1))
})

test('a directory whose flush fails takes its partitions offline and no others; DescribeLogDirs and the metadata say so', () => {
  const on = broker('failure')
  on.createTopic('t', 4)
  on.pass(1000)
  const there = places(on)
  const broken = there.flatMap((path, partition) => (path === SECOND ? [partition] : []))
  const fine = there.flatMap((path, partition) => (path === SECOND ? [] : [partition]))
  const device = on.world.machine.deviceOf(SECOND)
  device.faults.failedFlushChance = 1
  assert.equal(produce(on, broken[0]!), 56)
  device.faults.failedFlushChance = 0
  assert.equal(on.world.exits, 0)
  for (const partition of fine) assert.equal(produce(on, partition), 0)
  for (const partition of broken) assert.ok([6, 56].includes(produce(on, partition)))
  on.until(() => metadataOf(on).some(({ leaderId }) => leaderId === -1), 'the metadata has no leader')
  for (const { partitionIndex, leaderId, offlineReplicas, errorCode } of metadataOf(on)) {
    const isBroken = broken.includes(partitionIndex)
    assert.deepEqual([leaderId, offlineReplicas, errorCode], isBroken ? [-1, [1], 5] : [1, [], 0])
  }
  const { results } = on.client().request(DescribeLogDirs, 4, { topics: null })
  assert.deepEqual(
    results.map(({ logDir, errorCode, topics }) => [
      logDir,
      errorCode,
      topics.flatMap(({ partitions }) => partitions).length,
    ]),
    [
      [on.world.directories[0], 0, 2],
      [SECOND, 56, 0],
    ],
  )
  // A new topic goes to what is left.
  on.createTopic('later', 2)
  assert.equal(on.world.partitions.filter(({ id }) => id.topic === 'later').length, 2)
  // The operator of this world starts it again.
  on.until(() => on.world.starts === 2 && on.world.serving, 'it is started again')
  on.until(() => metadataOf(on).every(({ leaderId }) => leaderId === 1), 'all have a leader')
  for (const partition of [...fine, ...broken]) assert.equal(produce(on, partition), 0)
})

test('without the directory of the metadata the node ends, and marks nothing as stopped in order', () => {
  const on = broker('metadata')
  on.createTopic('t', 2)
  on.world.machine.device.faults.failedFlushChance = 1
  on.world.restart = false
  const first = places(on).indexOf(on.world.directories[0]!)
  const request = produceRequest({ name: 't' }, batchOf(['a']), { partition: first })
  on.client().send(Produce, 9, request)
  on.until(() => on.world.exitCode === 1, 'it ends')
  for (const path of on.world.directories) {
    assert.equal(on.world.machine.find(`${path}/.kafka_cleanshutdown`), undefined)
  }
})

test('a directory that cannot be used at the start leaves its partitions offline, and they are not made anew', () => {
  const on = broker('at the start')
  on.createTopic('t', 4)
  on.pass(1000)
  const there = places(on)
  const device = on.world.machine.deviceOf(SECOND)
  on.world.machine.crash()
  device.faults.ioErrorChance = 1
  on.world.start()
  on.until(() => on.world.serving, 'it serves')
  assert.equal(on.world.partitions.length, there.filter((path) => path !== SECOND).length)
  for (const [partition, path] of there.entries()) {
    const error = produce(on, partition)
    assert.ok(path === SECOND ? error === 6 || error === 56 : error === 0, `${partition}: ${error}`)
  }
})

test('log.dirs and metadata.log.dir on a real disk: what is where, and what is refused', async () => {
  const root = temporaryDirectory('directories')
  const [a, b, m] = ['a', 'b', 'm'].map((name) => join(root, name))
  const settings = { 'log.dirs': `${a},${b}`, 'metadata.log.dir': m! }
  const refused = async (changed: Readonly<Record<string, string>>, sentence: RegExp): Promise<void> => {
    const error = await new TestNode(root, { ...settings, ...changed }).ended
    assert.match(error?.message ?? 'it started', sentence)
  }
  try {
    const node = await startNode(settings, root)
    await node.createTopic('t', 4)
    const id = node.node.directory!.identity.clusterId
    await node.stop()
    const names = (path: string): string[] => fs.readdirSync(path).filter((name) => /-\d+$/.test(name))
    assert.deepEqual([names(a!).length, names(b!).length, names(m!)], [2, 2, ['__cluster_metadata-0']])
    for (const path of [a!, b!, m!]) {
      assert.ok(fs.existsSync(join(path, '.kafka_cleanshutdown')))
      assert.match(fs.readFileSync(join(path, 'meta.properties'), 'utf8'), new RegExp(`cluster.id=${id}`))
    }
    await refused(
      { 'metadata.log.dir': join(root, 'new') },
      /holds data, but .*new, where its metadata should be, is new/,
    )
    assert.equal(fs.existsSync(join(root, 'new', 'meta.properties')), false, 'nothing was written')

    // The first of log.dirs without metadata.log.dir, as somebody may have it after a move.
    fs.cpSync(join(m!, '__cluster_metadata-0'), join(b!, '__cluster_metadata-0'), { recursive: true })
    await refused({ 'metadata.log.dir': a! }, /the metadata is in .*b, and not in .*a, .*: set metadata\.log\.dir=.*b$/)
    fs.rmSync(join(b!, '__cluster_metadata-0'), { recursive: true })

    const meta = join(b!, 'meta.properties')
    const text = fs.readFileSync(meta, 'utf8')
    fs.writeFileSync(meta, text.replace(id, 'AAAAAAAAAAAAAAAAAAAAAA'))
    await refused({}, /belongs to the cluster AAAAAAAAAAAAAAAAAAAAAA, this is/)
    fs.writeFileSync(meta, text)

    const [twice] = names(a!)
    fs.cpSync(join(a!, twice!), join(b!, twice!), { recursive: true })
    await refused({}, new RegExp(`${twice} stands in both .*a and .*b: move one of them away`))
    fs.rmSync(join(b!, twice!), { recursive: true })

    // What the operator has moved by hand is found where it is.
    fs.cpSync(join(a!, twice!), join(b!, twice!), { recursive: true })
    fs.rmSync(join(a!, twice!), { recursive: true })
    const again = await startNode(settings, root)
    assert.deepEqual([names(a!).length, names(b!).length], [1, 3])
    await again.stop()
  } finally {
    fs.rmSync(root, { recursive: true, force: true })
  }
})

test('a partition is found in its directory also where another one holds what is left of an earlier topic, or of nothing', async () => {
  for (const content of ['version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ', undefined]) {
    const root = temporaryDirectory('directories')
    const [a, b] = ['a', 'b'].map((name) => join(root, name)) as [string, string]
    const settings = { 'log.dirs': `${a},${b}` }
    try {
      const node = await startNode(settings, root)
      await node.createTopic('t', 4)
      const inB = fs.readdirSync(b).find((name) => name.startsWith('t-'))!
      const partition = Number(inB.slice(2))
      const request = produceRequest({ name: 't' }, batchOf(['a']), { partition })
      await node.use((client) => client.request(Produce, 9, request))
      await node.stop()
      fs.mkdirSync(join(a, inB))
      if (content !== undefined) fs.writeFileSync(join(a, inB, 'partition.metadata'), content)

      const again = await startNode(settings, root)
      const { responses } = await again.use((client) => client.request(Produce, 9, request))
      const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
      assert.deepEqual([errorCode, baseOffset], [0, 1])
      await again.stop()
      const left = fs.readdirSync(a).filter((name) => name.startsWith(inB))
      assert.deepEqual(
        left.map((name) => name.endsWith('-stray')),
        [content !== undefined],
      )
    } finally {
      fs.rmSync(root, { recursive: true, force: true })
    }
  }
})
