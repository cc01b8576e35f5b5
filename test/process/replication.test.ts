/**
 * A topic of three replicas in three and five processes: leaders are killed with -9 under an idempotent producer, and everything that was acknowledged stands where it
 * was said to be, once. The long run of this is `npm run bench -- failover`, with Apache Kafka's producers.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterClient } from '../../src/client/cluster-client.js'
import { PartitionConsumer } from '../../src/client/consumer/partition-consumer.js'
import { Producer } from '../../src/client/producer/producer.js'
import { SEED_VARIABLE } from '../seed.js'
import { inSync, withReplicatedTopic } from './replicated-topic.js'

const TOPIC = 'replicated'
const PARTITIONS = 3
const KILLS = 4
const AGAIN_MS = 20
const LONGEST_MS = 60_000
const LONGEST_TEST_MS = 200_000
const AFTER_KILL_RECORDS = 30

const seed = process.env[SEED_VARIABLE] ?? 'replication'

for (const nodes of [3, 5]) {
  test(`${nodes} nodes: leaders are killed with -9, and what was acknowledged is there, once`, {
    timeout: LONGEST_TEST_MS,
  }, async (context) => {
    const shape = { nodes, topic: TOPIC, partitions: PARTITIONS, seed: `${seed} ${nodes}` }
    await withReplicatedTopic(shape, async ({ cluster, client }) => {
      const load = new Load(new Producer(client))
      const timesMs: number[] = []
      for (let kill = 0; kill < KILLS; kill++) {
        const partitions = await inSync(cluster, TOPIC, PARTITIONS)
        const partition = kill % PARTITIONS
        const { leader } = partitions[partition]!
        await load.until(partition, AFTER_KILL_RECORDS)
        const ended = cluster.process(leader).end('SIGKILL')
        const killedMs = performance.now()
        await ended
        await load.until(partition, AFTER_KILL_RECORDS)
        timesMs.push(Math.round(performance.now() - killedMs))
        cluster.start(leader)
        await cluster.serves([leader])
      }
      await inSync(cluster, TOPIC, PARTITIONS)
      await load.stop()
      const contents = await readAll(client)
      const { acknowledged } = load
      context.diagnostic(
        `from kill -9 of a leader until ${AFTER_KILL_RECORDS} more records were acknowledged: ${timesMs.join(', ')} ms; ${acknowledged.length} records in all`,
      )
      for (const { partition, offset, value } of acknowledged) {
        assert.equal(contents[partition]!.get(offset), value, `${TOPIC}-${partition} at ${offset}`)
      }
      for (const values of contents) {
        const numbers = [...values].sort(([a], [b]) => a - b).map(([, value]) => Number(value))
        for (let n = 1; n < numbers.length; n++) assert.ok(numbers[n]! > numbers[n - 1]!, 'once, and in order')
      }
    })
  })
}

/** Sends a record to each partition after the other, and goes on when it is acknowledged. */
class Load {
  readonly acknowledged: { readonly partition: number; readonly offset: number; readonly value: string }[] = []
  readonly #running: Promise<unknown>
  #stopped = false

  constructor(producer: Producer) {
    this.#running = Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => this.#send(producer, partition)))
  }

  async #send(producer: Producer, partition: number): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      const value = String(n)
      const { offset } = await producer.send({ topic: TOPIC, partition, key: null, value: Buffer.from(value) })
      this.acknowledged.push({ partition, offset, value })
    }
  }

  /** Waits for so many more records of the partition. */
  async until(partition: number, more: number): Promise<void> {
    const count = (): number => this.acknowledged.filter((each) => each.partition === partition).length
    const wanted = count() + more
    const deadlineMs = performance.now() + LONGEST_MS
    while (count() < wanted) {
      assert.ok(performance.now() < deadlineMs, `${TOPIC}-${partition} acknowledges nothing`)
      await Promise.race([sleep(AGAIN_MS), this.#running])
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }
}

/** By partition, the values by their offsets. */
async function readAll(client: ClusterClient): Promise<readonly ReadonlyMap<number, string>[]> {
  const contents = Array.from({ length: PARTITIONS }, () => new Map<number, string>())
  const assignments = contents.map((_, partition) => ({ topic: TOPIC, partition, offset: 'earliest' as const }))
  const consumer = new PartitionConsumer(client, assignments, { reset: 'none' })
  const deadlineMs = performance.now() + LONGEST_MS
  while (performance.now() < deadlineMs) {
    for (const { partition, offset, value } of await consumer.poll(500)) {
      contents[partition]!.set(offset, Buffer.from(value ?? []).toString())
    }
    if (consumer.positions.every(({ offset, highWatermark }) => offset === highWatermark)) return contents
  }
  throw new Error(`${TOPIC} was not read to its end`)
}
