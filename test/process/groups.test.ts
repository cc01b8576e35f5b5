/**
 * Groups of both protocols on three processes: the coordinator of each is killed with -9, and no group rebalances: members keep what they have and are in the generation in which they
 * were, nobody is told to let go of anything, and what is written afterwards is read, once.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { findCoordinators, onlyAnswer } from '../../src/client/admin/coordinators.js'
import { ClusterClient } from '../../src/client/cluster-client.js'
import { GroupConsumer } from '../../src/client/consumer/group-consumer.js'
import { keyOf } from '../../src/client/consumer/membership/topic-partition.js'
import { Producer } from '../../src/client/producer/producer.js'
import { nodePorts } from '../node-ports.js'
import { SEED_VARIABLE } from '../seed.js'
import { inSync, type TopicPlace, withReplicatedTopic } from './replicated-topic.js'

const TOPIC = 'read-by-groups'
const PARTITIONS = 6
const MEMBERS = 3
const POLL_MS = 200
const AGAIN_MS = 50
const CLOSE_MS = 5000
/** Longer than the coordinator may be missed, and than members wait between heartbeats. */
const WATCHED_MS = 12_000
const LONGEST_MS = 90_000
const LONGEST_TEST_MS = 280_000

const seed = process.env[SEED_VARIABLE] ?? 'groups'

test('the coordinators of groups are killed with -9, and no group rebalances', {
  timeout: LONGEST_TEST_MS,
}, async (context) => {
  const shape = { nodes: 3, topic: TOPIC, partitions: PARTITIONS, seed: `${seed} groups` }
  await withReplicatedTopic(shape, (place) => killCoordinators(place, context))
})

async function killCoordinators(
  { cluster, bootstrapServers, client }: TopicPlace,
  context: { diagnostic(message: string): void },
): Promise<void> {
  const groups: Group[] = []
  try {
    for (const protocol of ['classic', 'consumer'] as const) groups.push(new Group(bootstrapServers, protocol))
    await until(() => groups.every(({ isSettled }) => isSettled), 'the groups settle')
    const producer = new Producer(client)
    for (const [round, group] of groups.entries()) {
      await inSync(cluster, TOPIC, PARTITIONS)
      await inSync(cluster, '__consumer_offsets')
      const before = groups.map(({ state }) => state)
      const coordinator = onlyAnswer(await findCoordinators(client, [group.groupId]), group.groupId)
      await cluster.process(coordinator).end('SIGKILL')
      const killedMs = performance.now()
      await until(async () => {
        const found = (await findCoordinators(client, [group.groupId])).get(group.groupId)
        return typeof found === 'number' && found !== coordinator
      }, 'another coordinator')
      context.diagnostic(`another coordinator of ${group.groupId} after ${Math.round(performance.now() - killedMs)} ms`)
      await sleep(WATCHED_MS)
      const values = Array.from({ length: PARTITIONS }, (_, partition) => `${round} ${partition}`)
      for (const [partition, value] of values.entries()) {
        await producer.send({ topic: TOPIC, partition, key: null, value: Buffer.from(value) })
      }
      await until(() => groups.every(({ read }) => values.every((value) => read.includes(value))), 'all is read')
      assert.deepEqual(
        groups.map(({ state }) => state),
        before,
      )
      cluster.start(coordinator)
      await cluster.serves([coordinator])
    }
    for (const { read } of groups) assert.equal(new Set(read).size, read.length, 'once')
  } finally {
    await Promise.all(groups.map((group) => group.stop()))
  }
}

/** Members that poll, and what befalls them. */
class Group {
  readonly groupId: string
  readonly read: string[] = []
  readonly #members: readonly GroupConsumer[]
  readonly #clients: ClusterClient[] = []
  readonly #polling: readonly Promise<void>[]
  #given = 0
  #taken = 0
  #error: unknown
  #isStopped = false

  constructor(bootstrapServers: string, protocol: 'classic' | 'consumer') {
    this.groupId = `of-${protocol}-protocol`
    this.#members = Array.from({ length: MEMBERS }, () => {
      const client = new ClusterClient({ ports: nodePorts(), bootstrapServers })
      this.#clients.push(client)
      return new GroupConsumer(client, {
        groupId: this.groupId,
        groupProtocol: protocol,
        reset: 'earliest',
        listener: {
          assigned: (partitions) => void (this.#given += partitions.length),
          revoked: (partitions) => void (this.#taken += partitions.length),
          lost: (partitions) => void (this.#taken += partitions.length),
        },
      })
    })
    this.#polling = this.#members.map((member) => {
      member.subscribe({ topics: [TOPIC] })
      return this.#poll(member)
    })
  }

  /** What a rebalance would change. */
  get state(): unknown {
    const members = this.#members.map(({ identity, assignment }) => ({
      generation: identity.generation,
      partitions: assignment.map(keyOf).sort(),
    }))
    return { members, given: this.#given, taken: this.#taken }
  }

  /** Throws what a member has thrown. */
  get isSettled(): boolean {
    if (this.#error !== undefined) throw this.#error
    const generations = new Set(this.#members.map(({ identity }) => identity.generation))
    const partitions = this.#members.flatMap(({ assignment }) => assignment.map(keyOf))
    const isWhole = partitions.length === PARTITIONS && new Set(partitions).size === PARTITIONS
    return isWhole && generations.size === 1 && this.#members.every(({ assignment }) => assignment.length === 2)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#polling)
    await Promise.all(this.#members.map((member) => member.close(CLOSE_MS)))
    for (const client of this.#clients) client.close()
  }

  async #poll(member: GroupConsumer): Promise<void> {
    try {
      while (!this.#isStopped) {
        const records = await member.poll(POLL_MS)
        this.read.push(...records.map(({ value }) => Buffer.from(value!).toString()))
      }
    } catch (error) {
      if (!this.#isStopped) this.#error ??= error
    }
  }
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + LONGEST_MS
  while (!(await condition())) {
    assert.ok(performance.now() < deadlineMs, `within ${LONGEST_MS} ms: ${what}`)
    await sleep(AGAIN_MS)
  }
}
