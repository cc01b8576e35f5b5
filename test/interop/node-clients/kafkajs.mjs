// write | group with kafkajs; see round-trips.ts and group-round-trips.ts for the arguments.
import kafkajs from 'kafkajs'
import { GroupReading, readRecords, slices, soon } from './records.mjs'

const { CompressionTypes, Kafka, logLevel, Partitioners } = kafkajs
const RECORDS_PER_SEND = 200
const [task, bootstrap, topic, ...rest] = process.argv.slice(2)
const kafka = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.WARN })

async function create(partitions) {
  const admin = kafka.admin()
  await admin.connect()
  const created = await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
  if (!created) throw new Error(`${topic} was there before`)
  // A leader that has not yet heard of the topic refuses what is sent to it; without acknowledgements that is lost.
  const known = await soon(() => admin.fetchTopicOffsets(topic))
  if (known.length !== partitions) throw new Error(`${known.length} of ${partitions} partitions`)
  await admin.disconnect()
}

async function write(path, partitions, codec, acks, mode) {
  await create(Number(partitions))
  const producer = kafka.producer({
    idempotent: mode === 'idempotent',
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  for (const records of slices(readRecords(path), RECORDS_PER_SEND)) {
    const messages = records.map(({ headers, timestamp, ...record }) => ({
      ...record,
      timestamp: String(timestamp),
      headers: Object.fromEntries(headers),
    }))
    await producer.send({
      topic,
      messages,
      acks: acks === 'all' ? -1 : Number(acks),
      compression: codec === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None,
    })
  }
  await producer.disconnect()
}

async function group(path, count, groupId, protocol) {
  if (protocol !== 'classic') throw new Error(`the library has no protocol ${protocol}`)
  const reading = new GroupReading(Number(count))
  const members = await Promise.all(reading.members.map((_, number) => startMember(reading, number, groupId)))
  await reading.enough
  for (const { consumer, next } of members) {
    const offsets = [...next].map(([partition, offset]) => ({ topic, partition, offset: String(offset) }))
    await consumer.commitOffsets(offsets)
  }
  for (const { consumer } of members) await consumer.disconnect()
  reading.write(path)
}

async function startMember(reading, number, groupId) {
  const consumer = kafka.consumer({ groupId })
  // Of the partitions that it has now, how far it is.
  const next = new Map()
  consumer.on(consumer.events.GROUP_JOIN, () => next.clear())
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch: { partition, messages }, resolveOffset, heartbeat, isStale }) => {
      for (const { offset, timestamp, key, value, headers } of messages) {
        await reading.turn()
        await heartbeat()
        if (reading.done || isStale()) return
        const record = { partition, offset: Number(offset), timestamp: Number(timestamp), key, value }
        reading.add(number, { ...record, headers: Object.entries(headers) })
        resolveOffset(offset)
        next.set(partition, Number(offset) + 1)
      }
    },
  })
  return { consumer, next }
}

const tasks = { write, group }
await tasks[task](...rest)
