// write with kafkajs; see round-trips.ts for the arguments.
import kafkajs from 'kafkajs'
import { readRecords, slices } from './records.mjs'

const { CompressionTypes, Kafka, logLevel, Partitioners } = kafkajs
const RECORDS_PER_SEND = 200
const [task, bootstrap, topic, ...rest] = process.argv.slice(2)
const kafka = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.WARN })

async function create(partitions) {
  const admin = kafka.admin()
  await admin.connect()
  const created = await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
  await admin.disconnect()
  if (!created) throw new Error(`${topic} was there before`)
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

const tasks = { write }
await tasks[task](...rest)
