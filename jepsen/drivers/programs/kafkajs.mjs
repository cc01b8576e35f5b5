// kafkajs as a driver: see serve.mjs. It has no consumer without a group, so that an assignment is a group of its own with one member, of whose partitions those that are not wanted are paused.
import { fileURLToPath } from 'node:url'
import { Refusal, requirePackage, serve, told } from './serve.mjs'

const { Kafka, logLevel, Partitioners } = requirePackage('kafkajs')
const { version } = requirePackage('kafkajs/package.json')

/** It says neither ids of topics nor ends of what is committed, and changes a topic's settings only all at once. */
const lacks = ['consumer protocol', 'list offsets', 'topic settings', 'static members']
const JOIN_EVERY_MS = 50
const HEARTBEAT_MS = 500

serve(fileURLToPath(import.meta.url), { name: `kafkajs ${version}`, lacks }, (settings) => new Client(settings))

const nameOf = ({ topic, partition }) => `${topic}-${partition}`

class Client {
  #settings
  #kafka
  #producer
  #admin
  #reader
  #assignments = 0

  constructor(settings) {
    this.#settings = settings
    const { bootstrap, clientId, requestTimeoutMs, apiTimeoutMs } = settings
    this.#kafka = new Kafka({
      clientId,
      brokers: bootstrap.split(','),
      requestTimeout: requestTimeoutMs,
      connectionTimeout: requestTimeoutMs,
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: Math.ceil(apiTimeoutMs / 1000) },
    })
  }

  async send({ records }) {
    const { acks, idempotent } = this.#settings
    if (this.#producer === undefined) {
      const producer = this.#kafka.producer({
        idempotent,
        maxInFlightRequests: 1,
        allowAutoTopicCreation: false,
        createPartitioner: Partitioners.DefaultPartitioner,
      })
      // Nothing was handed over yet.
      await producer.connect().catch(failing)
      this.#producer = producer
    }
    // Of one partition in one request, so that they keep their order.
    const byPlace = groupBy(records, nameOf)
    const results = new Map()
    await Promise.all(
      [...byPlace.values()].map(async (those) => {
        const [{ topic, partition }] = those
        const messages = those.map(({ payload }) => ({ key: null, value: payload, partition }))
        try {
          const [{ baseOffset } = {}] = await this.#producer.send({ topic, acks, messages })
          const base = Number(baseOffset ?? -1)
          for (const [n, record] of those.entries()) results.set(record, { offset: base < 0 ? null : base + n })
        } catch (error) {
          for (const record of those) results.set(record, { error: told(error) })
        }
      }),
    )
    return records.map((record) => results.get(record))
  }

  async assign({ places, from }) {
    const kept = from === 'kept' && this.#reader?.isAssigned ? this.#reader.positions : new Map()
    const groupId = `${this.#settings.clientId}-assigned-${this.#assignments++}`
    const reader = new Reader(this.#kafka, this.#settings, groupId, new Set(places.map(nameOf)), kept)
    const before = this.#reader
    this.#reader = reader
    await before?.close()
    await reader.start([...new Set(places.map(({ topic }) => topic))]).catch(failing)
    await reader.joined(this.#settings.apiTimeoutMs)
  }

  async subscribe({ topics }) {
    const before = this.#reader
    this.#reader = undefined
    await before?.close()
    this.#reader = new Reader(this.#kafka, this.#settings, this.#settings.group.id)
    await this.#reader.start(topics).catch(failing)
  }

  poll({ limitMs }) {
    if (this.#reader === undefined) throw new Refusal('NOT_SUBSCRIBED', 'fail', 'nothing is assigned or subscribed')
    return this.#reader.poll(limitMs)
  }

  seek({ places }) {
    this.#reader?.seek(places)
  }

  async commit() {
    if (this.#reader === undefined || this.#reader.isAssigned) {
      throw new Refusal('NOT_SUBSCRIBED', 'fail', 'nothing is subscribed')
    }
    return { offsets: await this.#reader.commit() }
  }

  async committed({ places }) {
    const admin = await this.#administration()
    const topics = [...new Set(places.map(({ topic }) => topic))]
    const answers = await admin.fetchOffsets({ groupId: this.#settings.group.id, topics }).catch(failing)
    const offsets = answers.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) })),
    )
    const asked = new Set(places.map(nameOf))
    return { offsets: offsets.filter((each) => each.offset >= 0 && asked.has(nameOf(each))) }
  }

  async createTopic({ topic, partitions, settings }) {
    const admin = await this.#administration()
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
    const topics = [{ topic, numPartitions: partitions, replicationFactor: -1, configEntries }]
    const isNew = await admin.createTopics({ topics, waitForLeaders: false })
    if (!isNew) throw new Refusal('TOPIC_ALREADY_EXISTS', 'fail', `topic ${topic} exists`)
    return null
  }

  async close() {
    await Promise.allSettled([this.#reader?.close(), this.#producer?.disconnect(), this.#admin?.disconnect()])
  }

  async #administration() {
    if (this.#admin === undefined) {
      const admin = this.#kafka.admin({ retry: { retries: 0 } })
      await admin.connect().catch(failing)
      this.#admin = admin
    }
    return this.#admin
  }
}

/** A consumer that is pushed batches, as one that is polled. `wanted`: it is assigned these. */
class Reader {
  isAssigned
  /** By partition, of the next record. */
  positions = new Map()
  #consumer
  #wanted
  #kept
  #rebalances = []
  #assignment = []
  /** What was pushed and waits to be polled. */
  #batches = []
  #wake = () => {}
  #isJoined = false
  #failure

  constructor(kafka, settings, groupId, wanted, kept = new Map()) {
    const { group, isolation, requestTimeoutMs } = settings
    this.isAssigned = wanted !== undefined
    this.#wanted = wanted
    this.#kept = kept
    this.#consumer = kafka.consumer({
      groupId,
      sessionTimeout: group?.sessionTimeoutMs ?? 6000,
      rebalanceTimeout: 2 * requestTimeoutMs,
      heartbeatInterval: group?.heartbeatMs ?? HEARTBEAT_MS,
      maxWaitTimeInMs: 500,
      allowAutoTopicCreation: false,
      readUncommitted: isolation === 'read_uncommitted',
      retry: { retries: 5 },
    })
    const { GROUP_JOIN, REBALANCING, CRASH } = this.#consumer.events
    this.#consumer.on(REBALANCING, () => this.#lose('revoked'))
    this.#consumer.on(CRASH, ({ payload }) => {
      this.#failure = payload.error
      this.#lose('lost')
    })
    this.#consumer.on(GROUP_JOIN, ({ payload }) => this.#join(payload.memberAssignment))
  }

  async start(topics) {
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topics, fromBeginning: true })
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 4,
      eachBatch: (push) => this.#push(push),
    })
  }

  async joined(limitMs) {
    for (let waited = 0; !this.#isJoined; waited += JOIN_EVERY_MS) {
      if (waited >= limitMs) throw new Refusal('TIMED_OUT', 'fail', 'not joined in time')
      await pause(JOIN_EVERY_MS)
    }
  }

  async poll(limitMs) {
    if (this.#batches.length === 0 && this.#failure === undefined) {
      await new Promise((resolve) => {
        this.#wake = resolve
        setTimeout(resolve, limitMs)
      })
    }
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw new Refusal(failure.type ?? failure.name, 'fail', failure.message)
    const records = []
    for (const { batch, taken } of this.#batches.splice(0)) {
      const { topic, partition } = batch
      for (const { offset, value } of batch.messages) {
        records.push({ topic, partition, offset: Number(offset), payload: value === null ? '' : value.toString() })
      }
      this.positions.set(nameOf(batch), { topic, partition, offset: Number(batch.lastOffset()) + 1 })
      taken()
    }
    return { records, rebalances: this.#rebalances.splice(0) }
  }

  seek(places) {
    const has = new Set(this.#assignment.map(nameOf))
    for (const { topic, partition, offset } of places) {
      if (!has.has(nameOf({ topic, partition }))) continue
      this.#consumer.seek({ topic, partition, offset: String(offset) })
      this.positions.set(nameOf({ topic, partition }), { topic, partition, offset })
      this.#drop(({ batch }) => batch.topic === topic && batch.partition === partition)
    }
  }

  async commit() {
    const offsets = [...this.positions.values()]
    if (offsets.length === 0) return []
    await this.#consumer.commitOffsets(offsets.map((each) => ({ ...each, offset: String(each.offset) })))
    return offsets
  }

  async close() {
    this.#drop(() => true)
    this.#push = async () => {}
    await this.#consumer.disconnect().catch(() => {})
  }

  #push = async ({ batch, resolveOffset, heartbeat, isRunning, isStale }) => {
    if (batch.messages.length === 0 || (this.#wanted !== undefined && !this.#wanted.has(nameOf(batch)))) return
    let isDone = false
    let isTaken = false
    await new Promise((resolve) => {
      const beat = setInterval(() => {
        if (!isRunning() || isStale()) return settle()
        heartbeat().catch(settle)
      }, HEARTBEAT_MS)
      const settle = () => {
        clearInterval(beat)
        isDone = true
        this.#drop((each) => each === waiting)
        resolve()
      }
      const waiting = {
        batch,
        drop: () => !isDone && settle(),
        taken: () => {
          isTaken = true
          settle()
        },
      }
      this.#batches.push(waiting)
      this.#wake()
    })
    if (isTaken && !isStale()) resolveOffset(batch.lastOffset())
  }

  #drop(isOf) {
    const dropped = this.#batches.filter(isOf)
    this.#batches = this.#batches.filter((each) => !dropped.includes(each))
    for (const { drop } of dropped) drop()
  }

  #join(memberAssignment) {
    this.#lose('revoked')
    this.#assignment = Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    )
    if (!this.isAssigned) {
      this.#rebalances.push({ type: 'assigned', places: this.#assignment })
    } else {
      const unwanted = this.#assignment.filter((place) => !this.#wanted.has(nameOf(place)))
      if (unwanted.length > 0) {
        this.#consumer.pause(unwanted.map(({ topic, partition }) => ({ topic, partitions: [partition] })))
      }
      for (const place of this.#assignment) {
        const kept = this.#kept.get(nameOf(place))
        if (kept !== undefined && this.#wanted.has(nameOf(place))) this.seek([kept])
      }
    }
    this.#isJoined = true
  }

  /** What an assignment of one's own had stays where it was: its group commits nothing. */
  #lose(type) {
    this.#drop(() => true)
    if (this.isAssigned) {
      for (const [name, position] of this.positions) this.#kept.set(name, position)
      return
    }
    if (this.#assignment.length > 0) this.#rebalances.push({ type, places: this.#assignment })
    this.#assignment = []
    this.positions.clear()
  }
}

/** What changes nothing, or had not begun. */
function failing(error) {
  const { code, message } = told(error)
  throw new Refusal(code, 'fail', message)
}

function groupBy(items, of) {
  const groups = new Map()
  for (const item of items) groups.set(of(item), [...(groups.get(of(item)) ?? []), item])
  return groups
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
