/** Consumers of a group against a node: who reads what, where they go on, and what their application is told. */
import assert from 'node:assert/strict'
import { after, mock, test } from 'node:test'
import { Admin } from '../../../src/client/admin/admin.js'
import { describeGroups } from '../../../src/client/admin/groups.js'
import type { ClientError } from '../../../src/client/client-error.js'
import { ClusterClient } from '../../../src/client/cluster-client.js'
import type { ConsumedRecord } from '../../../src/client/consumer/fetched.js'
import { GroupConsumer, type GroupConsumerOptions } from '../../../src/client/consumer/group-consumer.js'
import { GroupOffsets } from '../../../src/client/consumer/group-offsets.js'
import { COOPERATIVE_STICKY } from '../../../src/client/consumer/membership/assignors/cooperative-sticky.js'
import type { MemberIdentity } from '../../../src/client/consumer/membership/membership.js'
import { keyOf, type TopicPartition } from '../../../src/client/consumer/membership/topic-partition.js'
import { Producer } from '../../../src/client/producer/producer.js'
import { startNode } from '../../../src/index.js'
import { NodeClock } from '../../../src/io/node/clock.js'
import { NodeNetwork } from '../../../src/io/node/network.js'
import { NodeRandom } from '../../../src/io/node/random.js'

const node = await startNode({
  'group.initial.rebalance.delay.ms': '0',
  'group.consumer.min.heartbeat.interval.ms': '100',
  'group.consumer.heartbeat.interval.ms': '100',
  'log.level': 'error',
})
const clients: ClusterClient[] = []
const client = newClient()
const producer = new Producer(client)
after(async () => {
  for (const each of clients) each.close()
  await node.stop()
})

function newClient(): ClusterClient {
  const ports = { clock: new NodeClock(), network: new NodeNetwork(), random: new NodeRandom() }
  const made = new ClusterClient({ ports, bootstrapServers: node.bootstrapServers, apiTimeoutMs: 10_000 })
  clients.push(made)
  return made
}

let topics = 0

async function topicWith(partitions: number, records: number): Promise<string> {
  const topic = `topic-${++topics}`
  await new Admin(client).createTopics([{ name: topic, partitions: partitions, replicationFactor: 1 }])
  await fill(topic, partitions, records)
  return topic
}

/** `records` in each partition: their values are partition and number. */
async function fill(topic: string, partitions: number, records: number): Promise<void> {
  const sent: Promise<unknown>[] = []
  for (let partition = 0; partition < partitions; partition++) {
    for (let n = 0; n < records; n++) {
      sent.push(producer.send({ topic, partition, key: null, value: Buffer.from(`${partition}:${n}`) }))
    }
  }
  await Promise.all(sent)
}

class Reader {
  readonly consumer: GroupConsumer
  readonly read: string[] = []
  readonly told: string[] = []
  #running: Promise<void> | undefined
  #stops = false

  constructor(groupId: string, options: Partial<GroupConsumerOptions> = {}) {
    const listed = (what: string) => (partitions: readonly TopicPartition[]) => {
      this.told.push(`${what} ${partitions.map(keyOf).sort().join(' ')}`)
    }
    const listener = { assigned: listed('assigned'), revoked: listed('revoked'), lost: listed('lost') }
    this.consumer = new GroupConsumer(newClient(), { groupId, reset: 'earliest', listener, ...options })
  }

  /** Polls until told to stop. */
  start(topic: string): this {
    this.consumer.subscribe({ topics: [topic] })
    this.#running = (async () => {
      while (!this.#stops) for (const each of await this.consumer.poll(100)) this.read.push(textOf(each))
    })()
    return this
  }

  async stop(): Promise<void> {
    this.#stops = true
    await this.#running
    await this.consumer.close()
  }
}

function textOf({ value }: ConsumedRecord): string {
  return Buffer.from(value!).toString()
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 20) {
    assert.ok(waited < 30_000, `waited in vain: ${what}`)
    await client.pause(20)
  }
}

async function pollAll(consumer: GroupConsumer, count: number): Promise<ConsumedRecord[]> {
  const records: ConsumedRecord[] = []
  const deadlineMs = client.ports.clock.monotonicMs() + 30_000
  while (records.length < count && client.ports.clock.monotonicMs() < deadlineMs) {
    records.push(...(await consumer.poll(200)))
  }
  return records
}

const KINDS: readonly (readonly [string, Partial<GroupConsumerOptions>])[] = [
  ['classic', {}],
  ['cooperative', { assignors: [COOPERATIVE_STICKY] }],
  ['consumer', { groupProtocol: 'consumer' }],
]

for (const [name, options] of KINDS) {
  test(`${name}: two share the partitions, and when one leaves the other goes on where it has committed`, async () => {
    const topic = await topicWith(4, 5)
    const fast = { ...(name === 'consumer' ? {} : { heartbeatIntervalMs: 100 }), ...options }
    const one = new Reader(`shared-${name}`, fast).start(topic)
    await until('one reads all', () => one.read.length === 20)
    const other = new Reader(`shared-${name}`, fast).start(topic)
    await until('both have two', () => one.consumer.assignment.length === 2 && other.consumer.assignment.length === 2)
    assert.ok(one.told.includes(`assigned ${topic}-0 ${topic}-1 ${topic}-2 ${topic}-3`))
    const has = new Set([...one.consumer.assignment, ...other.consumer.assignment].map(keyOf))
    assert.equal(has.size, 4, 'no partition has two readers')
    await fill(topic, 4, 5)
    await until('both read', () => one.read.length + other.read.length === 40)
    assert.equal(other.read.length, 10, 'what was committed is not read again')
    await one.stop()
    await until('the other has all', () => other.consumer.assignment.length === 4)
    await fill(topic, 4, 1)
    await until('the other reads all', () => other.read.length === 14)
    await other.stop()
    if (name !== 'classic')
      assert.ok(
        one.told.some((line) => /^revoked \S+ \S+$/.test(line)),
        'two were revoked, not four',
      )
  })
}

test('offsets: committed with what was read, and read on from there; nothing is committed for what was not given out', async () => {
  const topic = await topicWith(1, 10)
  const partition = { topic, partition: 0 }
  const first = new GroupConsumer(newClient(), {
    groupId: 'offsets',
    reset: 'earliest',
    maxPollRecords: 4,
    autoCommit: false,
  })
  first.subscribe({ topics: [topic] })
  assert.deepEqual((await pollAll(first, 4)).map(textOf), ['0:0', '0:1', '0:2', '0:3'])
  assert.equal(first.position(partition), 4)
  assert.deepEqual(await first.committed([partition]), [])
  await first.commit()
  const [committed] = await first.committed([partition])
  assert.deepEqual([committed?.offset, committed?.leaderEpoch], [4, 0])
  assert.equal((await first.poll(1000)).length, 4)
  await first.commit([{ ...partition, offset: 5, leaderEpoch: -1, metadata: 'told' }])
  assert.equal((await first.committed([partition]))[0]?.metadata, 'told')
  await first.close()
  const second = new GroupConsumer(newClient(), { groupId: 'offsets', reset: 'none' })
  second.subscribe({ topics: [topic] })
  assert.equal(textOf((await pollAll(second, 5))[0]!), '0:5')
  await second.close()
  const third = new GroupConsumer(newClient(), { groupId: 'offsets' })
  third.subscribe({ topics: [topic] })
  assert.deepEqual(await third.poll(1500), [], 'what it gave out was committed when it was closed')
  assert.equal(third.position(partition), 10)
  await third.close()
})

test('auto.offset.reset: none says so, by_duration begins that long ago', async () => {
  const topic = await topicWith(1, 3)
  const none = new GroupConsumer(newClient(), { groupId: 'reset-none', reset: 'none' })
  none.subscribe({ topics: [topic] })
  await assert.rejects(pollAll(none, 1), (error: ClientError) =>
    /no offset is committed for topic-\d+-0/.test(error.message),
  )
  await none.close()
  for (const [durationMs, count] of [
    [3_600_000, 3],
    [0, 0],
  ] as const) {
    const young = new GroupConsumer(newClient(), { groupId: `reset-${durationMs}`, reset: { durationMs } })
    young.subscribe({ topics: [topic] })
    // First it is assigned, then it knows where to begin.
    const records: ConsumedRecord[] = []
    while (young.position({ topic, partition: 0 }) === undefined) records.push(...(await young.poll(100)))
    records.push(...(await young.poll(700)))
    assert.equal(records.length, count)
    await young.close()
  }
})

test('seek, pause and resume', async () => {
  const topic = await topicWith(2, 4)
  const consumer = new GroupConsumer(newClient(), { groupId: 'seeking', reset: 'earliest' })
  consumer.subscribe({ topics: [topic] })
  assert.equal((await pollAll(consumer, 8)).length, 8)
  consumer.pause([{ topic, partition: 1 }])
  consumer.seek({ topic, partition: 0 }, 2)
  consumer.seek({ topic, partition: 1 }, 'earliest')
  assert.deepEqual((await pollAll(consumer, 2)).map(textOf), ['0:2', '0:3'])
  assert.deepEqual(await consumer.poll(300), [])
  consumer.resume([{ topic, partition: 1 }])
  assert.equal((await pollAll(consumer, 4)).length, 4)
  assert.throws(() => consumer.seek({ topic, partition: 2 }, 0), /is not assigned/)
  await consumer.close()
})

test('an expression also finds topics that come later', async () => {
  const consumer = new GroupConsumer(newClient(), { groupId: 'pattern', reset: 'earliest', metadataMaxAgeMs: 200 })
  consumer.subscribe({ pattern: /^found-.*$/ })
  assert.deepEqual(await consumer.poll(300), [])
  await new Admin(client).createTopics([{ name: 'found-1', partitions: 1, replicationFactor: 1 }])
  await fill('found-1', 1, 2)
  assert.equal((await pollAll(consumer, 2)).length, 2)
  await consumer.close()
})

test('a static member comes back to what it had, without a rebalance of the others', async () => {
  const topic = await topicWith(2, 1)
  const stays = new Reader('static', { groupInstanceId: 'a', heartbeatIntervalMs: 100 }).start(topic)
  const goes = new Reader('static', { groupInstanceId: 'b', heartbeatIntervalMs: 100 }).start(topic)
  await until('both have one', () => stays.consumer.assignment.length === 1 && goes.consumer.assignment.length === 1)
  const before = goes.consumer.assignment
  const { generation } = stays.consumer.identity
  await goes.stop()
  const back = new Reader('static', { groupInstanceId: 'b', heartbeatIntervalMs: 100 }).start(topic)
  await until('it is back', () => back.consumer.assignment.length === 1)
  assert.deepEqual(back.consumer.assignment, before)
  assert.equal(stays.consumer.identity.generation, generation)
  await Promise.all([stays.stop(), back.stop()])
})

test('who does not poll in time loses what it has, and gets it again', async () => {
  const topic = await topicWith(1, 1)
  const reader = new Reader('lazy', { maxPollIntervalMs: 400, autoCommit: false })
  reader.consumer.subscribe({ topics: [topic] })
  assert.equal((await pollAll(reader.consumer, 1)).length, 1)
  await client.pause(900)
  assert.equal((await pollAll(reader.consumer, 1)).length, 1)
  assert.deepEqual(
    reader.told.map((line) => line.split(' ')[0]),
    ['assigned', 'lost', 'assigned'],
  )
  await reader.consumer.close()
})

test('a commit of who is no member any more is refused', async () => {
  const topic = await topicWith(1, 1)
  const consumer = new GroupConsumer(newClient(), {
    groupId: 'late',
    reset: 'earliest',
    maxPollIntervalMs: 300,
    autoCommit: false,
  })
  consumer.subscribe({ topics: [topic] })
  await pollAll(consumer, 1)
  const other = new Reader('late').start(topic)
  await client.pause(700)
  await until('the other has it', () => other.consumer.assignment.length === 1)
  await assert.rejects(consumer.commit(), (error: ClientError) => error.error === 'UNKNOWN_MEMBER_ID')
  await consumer.close()
  await other.stop()
})

test('also where the group has nobody left: it is not taken for one who commits without a group', async () => {
  const topic = await topicWith(1, 1)
  const options = { groupId: 'alone', reset: 'earliest', maxPollIntervalMs: 300, autoCommit: false } as const
  const consumer = new GroupConsumer(newClient(), options)
  consumer.subscribe({ topics: [topic] })
  await pollAll(consumer, 1)
  await until('it has left', () => consumer.identity.generation < 0)
  await client.pause(100)
  await assert.rejects(consumer.commit(), (error: ClientError) => error.error === 'UNKNOWN_MEMBER_ID')
  assert.deepEqual(await consumer.committed([{ topic, partition: 0 }]), [])
  await consumer.close()
})

/** The first time that a member asks where to begin, it asks as another one. */
function asksFirst(as: (member: MemberIdentity) => MemberIdentity) {
  const { fetch } = GroupOffsets.prototype
  let asked = 0
  return mock.method(GroupOffsets.prototype, 'fetch', function (this: GroupOffsets, ...[partitions, member]) {
    return fetch.call(this, partitions, member !== undefined && asked++ === 0 ? as(member) : member)
  } satisfies typeof fetch)
}

test('a heartbeat that overtakes the question where to begin does not end the consumer', async () => {
  const topic = await topicWith(1, 1)
  const fetching = asksFirst((member) => ({ ...member, generation: member.generation + 1 }))
  try {
    const reader = new Reader('overtaken', { groupProtocol: 'consumer' }).start(topic)
    await until('it reads', () => reader.read.length === 1)
    assert.ok(fetching.mock.callCount() >= 2, 'the first one was refused')
    await reader.stop()
  } finally {
    fetching.mock.restore()
  }
})

test('who is told that it is no member when it asks where to begin joins again', async () => {
  const topic = await topicWith(1, 1)
  const fetching = asksFirst((member) => ({ ...member, memberId: 'somebody' }))
  try {
    const reader = new Reader('forgotten', { groupProtocol: 'consumer' }).start(topic)
    await until('it reads', () => reader.read.length === 1)
    const told = reader.told.map((line) => line.split(' ')[0])
    assert.deepEqual(told.slice(0, 3), ['assigned', 'lost', 'assigned'])
    await reader.stop()
  } finally {
    fetching.mock.restore()
  }
})

test('what is wrong for good is said by every poll', async () => {
  const topic = await topicWith(1, 1)
  const consumer = new GroupConsumer(newClient(), { groupId: 'short', sessionTimeoutMs: 1 })
  consumer.subscribe({ topics: [topic] })
  for (let time = 0; time < 2; time++) {
    await assert.rejects(pollAll(consumer, 1), (error: ClientError) => error.error === 'INVALID_SESSION_TIMEOUT')
  }
  await consumer.close()
  assert.throws(() => new GroupConsumer(client, { groupId: '' }), /group.id must not be empty/)
})

test('one poll at a time; a wakeup ends it', async () => {
  const consumer = new GroupConsumer(newClient(), { groupId: 'woken' })
  consumer.subscribe({ topics: [await topicWith(1, 0)] })
  const polling = consumer.poll(60_000)
  await assert.rejects(consumer.poll(0), /one call at a time/)
  consumer.wakeup()
  assert.deepEqual(await polling, [])
  await consumer.close()
})

test('one that is abandoned says no goodbye: the group waits for its session', async () => {
  const topic = await topicWith(1, 1)
  const first = new GroupConsumer(newClient(), { groupId: 'abandoned', reset: 'earliest', sessionTimeoutMs: 6000 })
  first.subscribe({ topics: [topic] })
  assert.equal((await pollAll(first, 1)).length, 1)
  const members = async () => {
    const described = await describeGroups(client, ['abandoned'])
    return [...described.values()].map((group) => ('members' in group ? group.members.length : group.message))
  }
  first.abandon()
  await client.pause(100)
  assert.deepEqual(await members(), [1])
  assert.deepEqual(await first.poll(0), [])
})
