// @platformatic/kafka as a driver: see serve.mjs. An assignment is read by fetches of its own, partition by partition; a subscription is its stream.
import { readFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { packagePath, Refusal, serve, told } from './serve.mjs'

const { Admin, Consumer, Producer } = await import(
  pathToFileURL(packagePath('@platformatic', 'kafka', 'dist', 'index.js')).href
)
const { version } = JSON.parse(readFileSync(packagePath('@platformatic', 'kafka', 'package.json'), 'utf8'))

/** Its stream cannot be told to go back: `seek` of a member begins behind what is committed. */
const lacks = ['consumer protocol', 'topic settings', 'static members']
const EARLIEST = -2n
const LATEST = -1n
const FETCH_MS = 500
const AGAIN_MS = 100
/** What the stream may hold. */
const MOST_WAITING = 1000

serve(fileURLToPath(import.meta.url), { name: `@platformatic/kafka ${version}`, lacks }, (settings) => {
  return new Client(settings)
})

const nameOf = ({ topic, partition }) => `${topic}-${partition}`
const textOf = (value) => (value === null || value === undefined ? '' : value.toString())

class Client {
  #settings
  #options
  #producer
  #admin
  #asking
  #reader
  /** What readers that are closed have lost, and nobody has been told of. */
  #untold = []

  constructor(settings) {
    this.#settings = settings
    const { bootstrap, clientId, requestTimeoutMs, apiTimeoutMs } = settings
    this.#options = {
      clientId,
      bootstrapBrokers: bootstrap.split(','),
      timeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectTimeout: requestTimeoutMs,
      retries: Math.ceil(apiTimeoutMs / 1000),
      retryDelay: 200,
      autocreateTopics: false,
    }
  }

  async send({ records }) {
    const { acks, idempotent } = this.#settings
    this.#producer ??= new Producer({ ...this.#options, idempotent })
    const byPlace = new Map()
    for (const record of records) byPlace.set(nameOf(record), [...(byPlace.get(nameOf(record)) ?? []), record])
    const results = new Map()
    await Promise.all(
      [...byPlace.values()].map(async (those) => {
        const messages = those.map(({ topic, partition, payload }) => {
          return { topic, partition, value: Buffer.from(payload) }
        })
        try {
          const { offsets } = await this.#producer.send({ messages, acks })
          const base = Number(offsets?.[0]?.offset ?? -1)
          for (const [n, record] of those.entries()) results.set(record, { offset: base < 0 ? null : base + n })
        } catch (error) {
          for (const record of those) results.set(record, { error: told(error) })
        }
      }),
    )
    return records.map((record) => results.get(record))
  }

  async assign({ places, from }) {
    const before = this.#reader
    const kept = from === 'kept' && before instanceof Assigned ? before.positions : new Map()
    this.#reader = new Assigned(this.#consumer('assigned'), places, kept, this.#settings)
    await this.#leave(before)
  }

  async subscribe({ topics }) {
    const before = this.#reader
    this.#reader = undefined
    await this.#leave(before)
    const { group } = this.#settings
    const member = new Member(this.#consumer(group.id), topics, this.#settings)
    try {
      await member.open()
      this.#reader = member
    } catch (error) {
      await member.close()
      failing(error)
    }
  }

  async poll({ limitMs }) {
    if (this.#reader === undefined) throw new Refusal('NOT_SUBSCRIBED', 'fail', 'nothing is assigned or subscribed')
    const polled = await this.#reader.poll(limitMs).catch(failing)
    return { ...polled, rebalances: [...this.#untold.splice(0), ...polled.rebalances] }
  }

  seek({ places }) {
    return this.#reader?.seek(places)
  }

  commit() {
    if (!(this.#reader instanceof Member)) throw new Refusal('NOT_SUBSCRIBED', 'fail', 'nothing is subscribed')
    return this.#reader.commit()
  }

  async committed({ places }) {
    this.#asking ??= this.#consumer(this.#settings.group.id)
    const topics = groups(places)
    const found = await this.#asking.listCommittedOffsets({ topics }).catch(failing)
    const offsets = places.map(({ topic, partition }) => {
      return { topic, partition, offset: Number(found.get(topic)?.[partition] ?? -1) }
    })
    return { offsets: offsets.filter(({ offset }) => offset >= 0) }
  }

  async listOffset({ place: { topic, partition }, of }) {
    this.#asking ??= this.#consumer(this.#settings.group?.id ?? 'asking')
    const found = await this.#asking
      .listOffsets({
        topics: [topic],
        partitions: { [topic]: [partition] },
        timestamp: of === 'earliest' ? EARLIEST : LATEST,
        isolationLevel: of === 'latest committed' ? 1 : 0,
      })
      .catch(failing)
    return Number(found.get(topic)[partition])
  }

  async createTopic({ topic, partitions, settings }) {
    this.#admin ??= new Admin({ ...this.#options, retries: 0 })
    const configs = Object.entries(settings).map(([name, value]) => ({ name, value }))
    try {
      await this.#admin.createTopics({ topics: [topic], partitions, replicas: -1, configs })
    } catch (error) {
      const isThere = error.findBy?.('apiId', 'TOPIC_ALREADY_EXISTS') ?? null
      if (isThere === null) throw error
      throw new Refusal('TOPIC_ALREADY_EXISTS', 'fail', `topic ${topic} exists`)
    }
    return null
  }

  async close() {
    const others = [this.#producer?.close(), this.#admin?.close(), this.#asking?.close(true)]
    await Promise.allSettled([this.#reader?.close(), ...others])
  }

  async #leave(reader) {
    await reader?.close()
    this.#untold.push(...(reader?.rebalances.splice(0) ?? []))
  }

  #consumer(groupId) {
    const { group, apiTimeoutMs } = this.#settings
    return new Consumer({
      ...this.#options,
      // Who joins waits for others.
      requestTimeout: apiTimeoutMs,
      groupId,
      sessionTimeout: group?.sessionTimeoutMs ?? 6000,
      heartbeatInterval: group?.heartbeatMs ?? 500,
      rebalanceTimeout: 6000,
      autocommit: false,
    })
  }
}

/** Reads partitions that it is given: one fetch at a time of each leader. */
class Assigned {
  /** Behind what was polled. */
  positions = new Map()
  /** There are none. */
  rebalances = []
  /** Behind what was fetched: of a partition whose leader is another now two fetches may be under way. */
  #fetched = new Map()
  #consumer
  #isolationLevel
  #underWay = new Map()
  #records = []
  #isStale = true

  constructor(consumer, places, kept, { isolation }) {
    this.#consumer = consumer
    this.#isolationLevel = isolation === 'read_committed' ? 1 : 0
    for (const { topic, partition } of places) {
      const name = nameOf({ topic, partition })
      const offset = kept.get(name)?.offset ?? 0
      this.positions.set(name, { topic, partition, offset })
      this.#fetched.set(name, offset)
    }
  }

  async poll(limitMs) {
    const deadline = Date.now() + limitMs
    for (;;) {
      const records = this.#records.splice(0)
      for (const { topic, partition, offset } of records) {
        this.positions.set(nameOf({ topic, partition }), { topic, partition, offset: offset + 1 })
      }
      const leftMs = deadline - Date.now()
      if (records.length > 0 || leftMs <= 0) return { records, rebalances: [] }
      await this.#pump()
      await Promise.race([pause(leftMs), ...this.#underWay.values()])
    }
  }

  async seek(places) {
    for (const place of places) {
      const name = nameOf(place)
      if (!this.positions.has(name)) continue
      this.positions.set(name, { ...place })
      this.#fetched.set(name, place.offset)
      this.#records = this.#records.filter((record) => nameOf(record) !== name)
    }
  }

  async close() {
    await this.#consumer.close(true).catch(() => {})
  }

  async #pump() {
    const topics = [...new Set([...this.positions.values()].map(({ topic }) => topic))]
    const metadata = await this.#consumer.metadata({ topics, forceUpdate: this.#isStale })
    this.#isStale = false
    const byLeader = new Map()
    for (const [name, { topic, partition }] of this.positions) {
      const found = metadata.topics.get(topic)
      const leader = found?.partitions[partition]?.leader ?? -1
      if (!metadata.brokers.has(leader)) this.#isStale = true
      else {
        const asked = { topic, partition, offset: this.#fetched.get(name), id: found.id }
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), asked])
      }
    }
    for (const [leader, asked] of byLeader) {
      if (this.#underWay.has(leader)) continue
      const fetching = this.#fetch(leader, asked)
        .catch(() => {
          // Who leads may be somebody else.
          this.#isStale = true
          return pause(AGAIN_MS)
        })
        .finally(() => this.#underWay.delete(leader))
      this.#underWay.set(leader, fetching)
    }
  }

  async #fetch(leader, asked) {
    const byTopic = new Map()
    for (const { id, partition, offset } of asked) {
      const wanted = {
        partition,
        currentLeaderEpoch: -1,
        fetchOffset: BigInt(offset),
        lastFetchedEpoch: -1,
        partitionMaxBytes: 1_048_576,
      }
      byTopic.set(id, [...(byTopic.get(id) ?? []), wanted])
    }
    const { responses } = await this.#consumer.fetch({
      node: leader,
      topics: [...byTopic].map(([topicId, partitions]) => ({ topicId, partitions })),
      minBytes: 1,
      maxBytes: 8_388_608,
      maxWaitTime: FETCH_MS,
      isolationLevel: this.#isolationLevel,
    })
    for (const { topicId, partitions } of responses) {
      for (const { partitionIndex, records: batches } of partitions) {
        const from = asked.find(({ id, partition }) => id === topicId && partition === partitionIndex)
        // It goes on elsewhere since.
        if (from === undefined || this.#fetched.get(nameOf(from)) !== from.offset) continue
        for (const { firstOffset, lastOffsetDelta, records } of batches ?? []) {
          this.#fetched.set(nameOf(from), Number(firstOffset) + lastOffsetDelta + 1)
          for (const { offsetDelta, value } of records) {
            const offset = Number(firstOffset) + offsetDelta
            if (offset < from.offset) continue
            this.#records.push({ topic: from.topic, partition: from.partition, offset, payload: textOf(value) })
          }
        }
      }
    }
  }
}

/**
 * Reads as a member of a group. A stream of the library lives through rebalances: a fetch that is under way then still brings records, and moves the stream on, before it goes back to what is committed;
 * and the consumer has the next generation before it has the assignment of it. So each generation has a stream of its own here, and is told by what the library says when it has joined.
 */
class Member {
  #consumer
  #topics
  #isolationLevel
  #stream
  #generation
  /** Opens and closes streams one behind the other. */
  #streams = Promise.resolve()
  #records = []
  /** Of which nobody has been told. */
  rebalances = []
  /** An array of its own each time that there is to be another stream: by that one knows that its time is over. */
  #assignment = []
  #polled = new Map()
  #failure
  #isClosed = false
  #wake = () => {}

  constructor(consumer, topics, { isolation }) {
    this.#consumer = consumer
    this.#topics = topics
    this.#isolationLevel = isolation === 'read_committed' ? 1 : 0
    consumer.on('consumer:group:rebalance', () => this.#lose('revoked'))
    consumer.on('consumer:group:join', (joined) => !this.#isClosed && this.#join(joined))
    consumer.on('error', (error) => this.#fail(error))
  }

  async open() {
    for (const topic of this.#topics) this.#consumer.topics.track(topic)
    await this.#consumer.joinGroup({})
  }

  async poll(limitMs) {
    if (this.#records.length === 0 && this.#failure === undefined) {
      await new Promise((resolve) => {
        this.#wake = resolve
        setTimeout(resolve, limitMs)
      })
    }
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) {
      this.seek()
      throw failure
    }
    const records = this.#records.splice(0)
    this.#stream?.resume()
    for (const { topic, partition, offset } of records) {
      this.#polled.set(nameOf({ topic, partition }), { topic, partition, offset: offset + 1 })
    }
    return { records, rebalances: this.rebalances.splice(0), generation: this.#generation }
  }

  /** Begins anew, behind what is committed; in the group again, if it had given up to come back. */
  async seek() {
    const assignment = this.#assignment
    this.#lose('lost')
    if (this.#consumer.isActive()) return this.#take([...assignment])
    this.#streams = this.#streams.then(() => this.#consumer.joinGroup({})).catch((error) => this.#fail(error))
  }

  async commit() {
    const offsets = [...this.#polled.values()]
    const wanted = offsets.map((each) => ({ ...each, offset: BigInt(each.offset), leaderEpoch: -1 }))
    if (wanted.length > 0) await this.#consumer.commit({ offsets: wanted })
    // One that is refused is tried again by the library, in the generation in which it is by then.
    return { offsets, generation: this.#consumer.generationId }
  }

  async close() {
    this.#isClosed = true
    this.#lose('lost')
    await this.#streams
    await this.#consumer.close(true).catch(() => {})
  }

  #join({ generationId, assignments }) {
    this.#lose('revoked')
    this.#generation = generationId
    const places = (assignments ?? []).flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition })),
    )
    this.#take(places)
  }

  #take(places) {
    this.#assignment = places
    if (places.length === 0) return
    this.rebalances.push({ type: 'assigned', places })
    this.#streams = this.#streams.then(() => this.#read(places)).catch((error) => this.#fail(error))
  }

  async #read(places) {
    const isOver = () => this.#isClosed || this.#assignment !== places
    if (isOver()) return
    const stream = await this.#consumer.consume({
      topics: this.#topics,
      mode: 'committed',
      fallbackMode: 'earliest',
      autocommit: false,
      isolationLevel: this.#isolationLevel,
      maxWaitTime: FETCH_MS,
    })
    stream.on('error', (error) => {
      if (!isOver()) this.#fail(error)
    })
    if (isOver()) return stream.close()
    this.#stream = stream
    stream.on('data', ({ topic, partition, offset, value }) => {
      if (isOver()) return
      this.#records.push({ topic, partition, offset: Number(offset), payload: textOf(value) })
      if (this.#records.length >= MOST_WAITING) stream.pause()
      this.#wake()
    })
  }

  #lose(type) {
    if (this.#assignment.length > 0) this.rebalances.push({ type, places: this.#assignment })
    this.#assignment = []
    this.#polled.clear()
    this.#records = []
    const stream = this.#stream
    this.#stream = undefined
    if (stream !== undefined) this.#streams = this.#streams.then(() => stream.close()).catch(() => {})
  }

  #fail(error) {
    this.#failure = error
    this.#wake()
  }
}

function groups(places) {
  const byTopic = new Map()
  for (const { topic, partition } of places) byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition])
  return [...byTopic].map(([topic, partitions]) => ({ topic, partitions }))
}

/** What changes nothing. */
function failing(error) {
  const { code, message } = told(error)
  throw new Refusal(code, 'fail', message)
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
