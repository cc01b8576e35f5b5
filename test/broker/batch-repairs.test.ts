/** Batches that have rotted on one disk: nobody is given them, and they are fetched again from another replica. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeleteRecords } from '../../src/protocol/messages/delete-records.js'
import { BatchView, FIELD_AT } from '../../src/records/batch.js'
import { SimulatedFile } from '../../src/sim/disk-file.js'
import { SimulatedCluster } from './cluster-rig.js'
import { agree, inSync, nameOf, newTopic, produce, replicaOf, type Topic } from './replicated.js'
import { Fetch, fetchRequest, valuesIn } from './requests.js'

const ALL = [1, 2, 3]
const BATCHES = 12
const VALUES = [...Array(BATCHES).keys()].map((n) => `value ${n}`)

interface Stored {
  readonly cluster: SimulatedCluster
  readonly topic: Topic
}

/** One batch a value, on three brokers or one, all of which have been started again since: so nobody has looked at what is there. */
function stored(seed: string, replicas = 3): Stored {
  return storedBy(seed, replicas, (cluster, topic) => {
    for (const value of VALUES) produce(cluster, topic, [value])
  })
}

function storedBy(
  seed: string,
  replicas: number,
  fill: (cluster: SimulatedCluster, topic: Topic) => void,
  configs: Readonly<Record<string, string>> = {},
): Stored {
  const cluster = new SimulatedCluster(seed)
  const topic = newTopic(cluster, 'stored', 1, replicas, configs)
  fill(cluster, topic)
  for (const id of ALL) {
    const node = cluster.node(id)
    node.stop()
    cluster.until(() => node.node === undefined, 'it ends')
    cluster.start(id)
    if (replicas === 3) cluster.until(() => inSync(cluster, topic, ALL), 'all are in sync', 20_000)
  }
  cluster.until(() => cluster.partition('stored').leader > 0, 'somebody leads')
  if (replicas === 3) cluster.until(() => agree(cluster, topic, ALL), 'agreement', 20_000)
  return { cluster, topic }
}

type Change = (bytes: Buffer, at: number, sizeBytes: number) => void

function fileOf({ cluster, topic }: Stored, id: number): SimulatedFile {
  const file = cluster.node(id).machine.find(`${replicaOf(cluster, topic, id).log.directory}/00000000000000000000.log`)
  assert.ok(file instanceof SimulatedFile)
  return file
}

/** Changes the batch with this offset on that broker's disk. */
function rot(on: Stored, id: number, offset: number, change: Change): void {
  const bytes = fileOf(on, id).content
  let at = 0
  for (let n = 0; n < offset; n++) at += new BatchView().reset(bytes, at).sizeBytes
  change(bytes, at, new BatchView().reset(bytes, at).sizeBytes)
}

/** What a consumer is given there. */
function read({ cluster, topic }: Stored, id: number, offset: number): readonly [string, readonly string[]] {
  const { responses } = cluster.client(cluster.node(id)).request(Fetch, 17, fetchRequest(topic, offset))
  const { errorCode, records } = responses[0]!.partitions[0]!
  return [nameOf(errorCode), valuesIn(records)]
}

const CHANGES: Readonly<Record<string, Change>> = {
  value: (bytes, at, size) => void bytes.writeUInt8(bytes.readUInt8(at + size - 3) ^ 1, at + size - 3),
  length: (bytes, at) => void bytes.writeInt32BE(17, at + FIELD_AT.length),
  'length, to one that seems possible': (bytes, at) =>
    void bytes.writeInt32BE(bytes.readInt32BE(at + FIELD_AT.length) + 7, at + FIELD_AT.length),
  magic: (bytes, at) => void bytes.writeUInt8(9, at + FIELD_AT.magic),
  offset: (bytes, at) => void bytes.writeBigInt64BE(3n, at),
  'offset, to one that comes later': (bytes, at) => void bytes.writeBigInt64BE(9n, at),
}

for (const [what, change] of Object.entries(CHANGES)) {
  for (const who of ['leader', 'follower'] as const) {
    test(`the ${what} of a batch of a ${who} has become another: it is mended when somebody wants it`, () => {
      const on = stored(`${what} ${who}`)
      const { cluster } = on
      const { leader } = cluster.partition('stored')
      const id = who === 'leader' ? leader : ALL.find((each) => each !== leader)!
      const whole = Buffer.from(fileOf(on, id).content)
      rot(on, id, 6, change)
      const [, before] = read(on, id, 0)
      assert.deepEqual(before, VALUES.slice(0, before.length))
      assert.ok(before.length <= 6)
      const [error, values] = read(on, id, 6)
      assert.deepEqual([error, values], ['KAFKA_STORAGE_ERROR', []])
      cluster.until(() => read(on, id, 6)[1].length === BATCHES - 6, 'it is mended', 1000)
      assert.deepEqual(read(on, id, 0), ['NONE', VALUES])
      assert.equal(Buffer.compare(whole, fileOf(on, id).content), 0)
      assert.equal(cluster.node(id).node!.broker!.repairs.mended, 1)
      // Also after a loss of power.
      cluster.node(id).machine.losePower()
      cluster.start(id)
      assert.equal(Buffer.compare(whole, fileOf(on, id).content.subarray(0, whole.length)), 0)
    })
  }
}

/** Nothing that has to stand in the place of one of them fits. */
const BEYOND_MENDING: Change = (bytes, at, size) => {
  for (const batch of [at, at + size]) CHANGES['length']!(bytes, batch, size)
}

for (const who of ['leader', 'follower'] as const) {
  test(`more than a batch is damaged on a ${who}: all from there on is fetched again, while another leads`, () => {
    const on = stored(`beyond mending ${who}`)
    const { cluster, topic } = on
    const { leader, leaderEpoch } = cluster.partition('stored')
    const id = who === 'leader' ? leader : ALL.find((each) => each !== leader)!
    const whole = Buffer.from(fileOf(on, id).content)
    rot(on, id, 6, BEYOND_MENDING)
    assert.deepEqual(read(on, id, 6), ['KAFKA_STORAGE_ERROR', []])
    cluster.until(() => cluster.node(id).node!.broker!.rebuilds.rebuilt === 1, 'it is fetched again', 5000)
    cluster.until(() => replicaOf(cluster, topic, id).log.logEndOffset < BATCHES, 'it is cut', 1000)
    const isLed = (): boolean => cluster.partition('stored').leader > 0
    cluster.until(() => isLed() && agree(cluster, topic, ALL) && inSync(cluster, topic, ALL), 'agreement', 20_000)
    const after = cluster.partition('stored')
    assert.equal(after.leader === leader, who === 'follower')
    assert.equal(after.leaderEpoch, who === 'follower' ? leaderEpoch : leaderEpoch + 1)
    assert.equal(Buffer.compare(whole, fileOf(on, id).content), 0)
    produce(cluster, topic, ['and on'])
    for (const each of ALL) {
      cluster.until(() => read(on, each, 0)[1].length === BATCHES + 1, 'all have it', 5000)
      assert.deepEqual(read(on, each, 0), ['NONE', [...VALUES, 'and on']])
    }
  })
}

test('a leader whose damage is beyond mending goes on as long as too few others would be in sync', () => {
  const fill = (cluster: SimulatedCluster, topic: Topic): void => {
    for (const value of VALUES) produce(cluster, topic, [value])
  }
  const on = storedBy('not spared', 3, fill, { 'min.insync.replicas': '3' })
  const { cluster, topic } = on
  const { leader, leaderEpoch } = cluster.partition('stored')
  rot(on, leader, 6, BEYOND_MENDING)
  for (let n = 0; n < 5; n++) {
    assert.deepEqual(read(on, leader, 6), ['KAFKA_STORAGE_ERROR', []])
    cluster.pass(3000)
  }
  assert.deepEqual(read(on, leader, 0), ['NONE', VALUES.slice(0, 6)])
  assert.ok(inSync(cluster, topic, ALL))
  assert.equal(cluster.partition('stored').leaderEpoch, leaderEpoch)
})

test('several batches are mended one after the other', () => {
  const on = stored('several')
  const { leader } = on.cluster.partition('stored')
  for (const offset of [2, 3, 8, 11]) rot(on, leader, offset, CHANGES['value']!)
  read(on, leader, 2)
  on.cluster.until(() => read(on, leader, 0)[1].length === BATCHES, 'all are mended', 2000)
  assert.equal(on.cluster.node(leader).node!.broker!.repairs.mended, 4)
})

test('the batch in whose middle the log starts is mended, too', () => {
  const on = storedBy('start', 3, (cluster, topic) => {
    produce(cluster, topic, ['a', 'b', 'c'])
    produce(cluster, topic, ['d'])
    const leader = cluster.node(cluster.partition('stored').leader)
    const topics = [{ name: 'stored', partitions: [{ partitionIndex: 0, offset: 1 }] }]
    cluster.client(leader).request(DeleteRecords, 2, { topics, timeoutMs: 1000 })
    const starts = (): number[] => ALL.map((id) => replicaOf(cluster, topic, id).log.startOffset)
    cluster.until(() => starts().every((offset) => offset === 1), 'all have deleted it', 5000)
  })
  const { leader } = on.cluster.partition('stored')
  rot(on, leader, 0, CHANGES['value']!)
  assert.deepEqual(read(on, leader, 1), ['KAFKA_STORAGE_ERROR', []])
  on.cluster.until(() => read(on, leader, 1)[1].length === 4, 'it is mended', 1000)
  assert.deepEqual(read(on, leader, 1), ['NONE', ['a', 'b', 'c', 'd']])
})

test('what has rotted everywhere is given to nobody, and what is around it is', () => {
  const on = stored('everywhere')
  const { leader } = on.cluster.partition('stored')
  for (const id of ALL) rot(on, id, 6, CHANGES['value']!)
  for (let n = 0; n < 20; n++) {
    assert.deepEqual(read(on, leader, 6), ['KAFKA_STORAGE_ERROR', []])
    on.cluster.pass(500)
  }
  assert.deepEqual(read(on, leader, 0), ['NONE', VALUES.slice(0, 6)])
  assert.deepEqual(read(on, leader, 7), ['NONE', VALUES.slice(7)])
})

test('with one replica there is nobody to ask: nobody is given the batch', () => {
  const on = stored('one', 1)
  const { leader } = on.cluster.partition('stored')
  rot(on, leader, 6, CHANGES['value']!)
  for (let n = 0; n < 5; n++) {
    assert.deepEqual(read(on, leader, 6), ['KAFKA_STORAGE_ERROR', []])
    on.cluster.pass(3000)
  }
})
