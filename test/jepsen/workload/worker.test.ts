/** What a worker writes down of what clients tell it, and when it goes on as somebody else. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DriverError } from '../../../jepsen/drivers/driver.js'
import { Keyspace, type Operation } from '../../../jepsen/history/operation.js'
import { Recorder } from '../../../jepsen/history/recorder.js'
import { KeyTopics } from '../../../jepsen/workload/key-topics.js'
import { payloadOf } from '../../../jepsen/workload/values.js'
import { Worker } from '../../../jepsen/workload/worker.js'
import { temporaryDirectory } from '../../node-ports.js'
import { type Lies, MemoryCluster, MemoryDriver, memoryBed } from '../memory-cluster.js'

const WORKERS = 10
const directory = temporaryDirectory('worker')
after(() => rmSync(directory, { recursive: true, force: true }))

let rigs = 0

function rig(lies: Lies = {}, acks: -1 | 0 = -1) {
  const bed = memoryBed()
  const recorder = new Recorder(join(directory, `${++rigs}.jsonl`), bed.time)
  const history: Operation[] = []
  recorder.listen((operation) => history.push(operation))
  const keyspace = new Keyspace('run')
  const cluster = new MemoryCluster()
  const driver = new MemoryDriver(cluster, lies)
  const troubles: string[] = []
  const worker = new Worker(3, driver, {
    recorder,
    keyspace,
    topics: new KeyTopics(2, {}),
    time: bed.time,
    clock: bed.ports.clock,
    workers: WORKERS,
    settings: (process) => ({
      bootstrap: bed.bootstrap,
      clientId: String(process),
      acks,
      idempotent: false,
      isolation: 'read_committed',
      group: { id: 'group', protocol: 'classic', sessionTimeoutMs: 1000, heartbeatMs: 100 },
      requestTimeoutMs: 100,
      apiTimeoutMs: 200,
    }),
    pollLimitMs: 20,
    callLimitMs: 100,
    trouble: (sentence) => troubles.push(sentence),
  })
  return { worker, history, cluster, driver, troubles, keyspace }
}

const fail = new DriverError('REFUSED', 'fail', 'refused')
const info = new DriverError('LOST', 'info', 'lost')

test('a send: all acknowledged, some, certainly none, nobody knows', async () => {
  const ends: (readonly (DriverError | { offset: number | undefined })[])[] = [
    [{ offset: 5 }, { offset: undefined }],
    [{ offset: 5 }, fail],
    [fail, fail],
    [fail, info],
  ]
  const { worker } = rig({ sends: () => ends.shift() })
  const told: unknown[] = []
  for (let n = 0; n < 4; n++) {
    const parts = [
      [0, 2 * n],
      [1, 2 * n + 1],
    ] as const
    const { type, value, error, process } = (await worker.perform({ f: 'send', parts })) as Operation
    told.push([type, value, error?.[0], process])
  }
  const sent = (key: number, value: unknown): unknown => ['send', key, value]
  assert.deepEqual(told, [
    ['ok', [sent(0, [5, 0]), sent(1, [null, 1])], undefined, 3],
    ['info', [sent(0, [5, 2]), sent(1, 3)], 'REFUSED', 3],
    ['fail', [sent(0, 4), sent(1, 5)], 'REFUSED', 3 + WORKERS],
    ['info', [sent(0, 6), sent(1, 7)], 'LOST', 3 + WORKERS],
  ])
  assert.equal(worker.process, 3 + 2 * WORKERS)
})

test('with acks=0 nobody has said that it happened, and the client goes on', async () => {
  const { worker, cluster, keyspace } = rig({}, 0)
  const { type, value } = await worker.perform({ f: 'send', parts: [[4, 3_000_000]] })
  assert.deepEqual([type, value, worker.process], ['info', [['send', 4, 3_000_000]], 3])
  assert.deepEqual(cluster.log(keyspace.placeOf(4)), [payloadOf(4, 3_000_000)])
})

test('a topic is made when it is used for the first time; without it nothing was sent', async () => {
  const { worker, cluster, driver } = rig()
  await worker.perform({ f: 'send', parts: [[5, 1]] })
  assert.deepEqual([...cluster.topics.keys()], ['run-t2'])
  driver.opened[0]!.createTopic = async () => {
    throw info
  }
  const { type, error } = await worker.perform({ f: 'send', parts: [[8, 1]] })
  assert.deepEqual([type, error], ['fail', ['LOST', 'creating run-t4: lost']])
})

test('polls: what they gave by key, also of one that fails, which is read once more', async () => {
  let polls = 0
  const { worker, cluster, driver, keyspace } = rig({
    polls: async () => {
      if (++polls === 2) throw fail
    },
  })
  cluster.log(keyspace.placeOf(0)).push(payloadOf(0, 7_000_001), 'what is this')
  cluster.log(keyspace.placeOf(1)).push(payloadOf(0, 7_000_002))
  await worker.perform({ f: 'assign', keys: [0, 1] })
  const records = {
    0: [
      [0, 7_000_001],
      [1, 'what is this'],
    ],
    1: [[0, payloadOf(0, 7_000_002)]],
  }
  const failed = await worker.perform({ f: 'poll', polls: 3 })
  assert.deepEqual([failed.type, failed.value], ['fail', [['poll', records], ['poll'], ['poll']]])
  assert.deepEqual(
    driver.opened[0]!.sought.map(({ partition, offset }) => [partition, offset]),
    [
      [0, 0],
      [1, 0],
    ],
  )
  const { type, value } = await worker.perform({ f: 'poll', polls: 1 })
  assert.deepEqual([type, value], ['ok', [['poll', records]]])
})

test('polls that keep failing are left to another client', async () => {
  const { worker } = rig({
    polls: async () => {
      throw fail
    },
  })
  await worker.perform({ f: 'assign', keys: [0] })
  for (let n = 0; n < 3; n++) {
    assert.equal(worker.process, 3)
    await worker.perform({ f: 'poll', polls: 1 })
  }
  assert.equal(worker.process, 3 + WORKERS)
})

test('a member commits what it has polled, once', async () => {
  const { worker, cluster, history, keyspace } = rig()
  cluster.log(keyspace.placeOf(0)).push(payloadOf(0, 1), payloadOf(0, 2))
  await worker.perform({ f: 'subscribe', keys: [0] })
  const polled = (await worker.perform({ f: 'poll', polls: 1 })) as Operation & { readonly 'rebalance-log'?: unknown }
  assert.deepEqual(polled['rebalance-log'], [{ type: 'assigned', keys: [0, 1] }])
  await worker.perform({ f: 'poll', polls: 1 })
  const commits = history.filter(({ f }) => f === 'commit')
  assert.deepEqual(
    commits.map(({ type, value }) => [type, value]),
    [
      ['invoke', { 0: 2 }],
      ['ok', { 0: 2 }],
    ],
  )
  assert.deepEqual((await worker.perform({ f: 'committed', keys: [0, 1] })).value, { 0: 2, 1: -1 })
})

test('what was polled and is taken away within one operation is not committed', async () => {
  const { worker, cluster, driver, history, keyspace } = rig()
  cluster.log(keyspace.placeOf(0)).push(payloadOf(0, 1))
  cluster.log(keyspace.placeOf(1)).push(payloadOf(1, 1))
  await worker.perform({ f: 'subscribe', keys: [0] })
  const client = driver.opened[0]!
  const { poll } = client
  let polls = 0
  client.poll = async (limitMs) => {
    const polled = await poll.call(client, limitMs)
    if (++polls === 1) return polled
    return { ...polled, rebalances: [{ type: 'revoked', places: [keyspace.placeOf(0)] }] }
  }
  await worker.perform({ f: 'poll', polls: 2 })
  assert.deepEqual(history.find(({ f, type }) => f === 'commit' && type === 'invoke')!.value, { 1: 1 })
})

test('a client that does not come back is given up, and so is one that breaks; what it breaks with is told', async () => {
  const { worker, driver, troubles } = rig({ polls: () => new Promise(() => {}) })
  await worker.perform({ f: 'assign', keys: [0] })
  const { type, error } = await worker.perform({ f: 'poll', polls: 1 })
  assert.deepEqual([type, error?.[0], worker.process], ['info', 'TIMED_OUT', 3 + WORKERS])
  await worker.perform({ f: 'describe-topic', topic: 'm', value: null })
  assert.equal(driver.opened[1]!.settings.clientId, String(3 + WORKERS))
  assert.deepEqual(troubles, [])
  driver.opened[1]!.deleteTopic = async () => {
    throw new TypeError('broken')
  }
  const broken = await worker.perform({ f: 'delete-topic', topic: 'm', value: null })
  assert.deepEqual([broken.type, broken.error], ['info', ['BROKEN_DRIVER', 'broken']])
  assert.match(troubles[0]!, /^memory failed otherwise than it may: TypeError: broken/)
})

test('a crash says no goodbye; nothing was asked of a client that could not be opened', async () => {
  const { worker, driver } = rig()
  await worker.perform({ f: 'assign', keys: [0] })
  const { type, process } = await worker.perform({ f: 'crash' })
  assert.deepEqual([type, process, worker.process], ['info', 3, 3 + WORKERS])
  assert.deepEqual(driver.opened[0]!.calls, ['crash'])
  await worker.perform({ f: 'assign', keys: [0] })
  await worker.close()
  assert.deepEqual(driver.opened[1]!.calls, ['close'])
  const unopened = rig({
    opens: () => {
      throw info
    },
  })
  const end = await unopened.worker.perform({ f: 'send', parts: [[0, 1]] })
  assert.ok(end.type === 'info' || end.type === 'fail')
})
