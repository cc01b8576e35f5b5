// write | read | group with @platformatic/kafka; see round-trips.ts and group-round-trips.ts for the arguments.
import { Admin, Consumer, Producer } from '@platformatic/kafka'
import { GroupReading, readRecords, slices, soon, writeRecords } from './records.mjs'

const RECORDS_PER_SEND = 200
const [task, bootstrap, topic, ...rest] = process.argv.slice(2)
const options = { clientId: 'interop', bootstrapBrokers: bootstrap.split(',') }

async function create(partitions) {
  const admin = new Admin(options)
  await admin.createTopics({ topics: [topic], partitions, replicas: -1 })
  await admin.close()
  // A leader that has not yet heard of the topic refuses what is sent to it; without acknowledgements that is lost.
  const consumer = new Consumer({ ...options, groupId: 'unused' })
  const known = await soon(() => consumer.listOffsets({ topics: [topic], timestamp: -1n }))
  if (known.get(topic).length !== partitions) throw new Error(`${known.get(topic).length} of ${partitions} partitions`)
  await consumer.close(true)
}

async function write(path, partitions, codec, acks, mode) {
  await create(Number(partitions))
  const producer = new Producer({ ...options, idempotent: mode === 'idempotent' })
  for (const records of slices(readRecords(path), RECORDS_PER_SEND)) {
    const messages = records.map(({ partition, timestamp, key, value, headers }) => ({
      topic,
      partition,
      timestamp: BigInt(timestamp),
      key: key ?? undefined,
      value: value ?? undefined,
      headers: new Map(headers.map(([name, bytes]) => [Buffer.from(name), bytes])),
    }))
    await producer.send({ messages, compression: codec, acks: acks === 'all' ? -1 : Number(acks) })
  }
  await producer.close()
}

/** Without a group, which its streams need; its fetch and its offsets do not. */
async function read(path) {
  const consumer = new Consumer({ ...options, groupId: 'unused' })
  const { brokers, topics } = await consumer.metadata({ topics: [topic] })
  const { id: topicId, partitions } = topics.get(topic)
  const ends = (await consumer.listOffsets({ topics: [topic], timestamp: -1n })).get(topic)
  const found = []
  for (const [number, { leader }] of partitions.entries()) {
    if (!brokers.has(leader)) throw new Error(`partition ${number} has no leader`)
    for (let next = 0n; next < ends[number]; ) {
      const partition = {
        partition: number,
        currentLeaderEpoch: -1,
        fetchOffset: next,
        lastFetchedEpoch: -1,
        partitionMaxBytes: 1_000_000,
      }
      const { responses } = await consumer.fetch({
        node: leader,
        topics: [{ topicId, partitions: [partition] }],
        minBytes: 1,
        maxBytes: 4_000_000,
        maxWaitTime: 1000,
      })
      const batches = responses[0].partitions[0].records ?? []
      if (batches.length === 0) throw new Error(`partition ${number} gives nothing at ${next}`)
      for (const { firstOffset, firstTimestamp, lastOffsetDelta, records } of batches) {
        for (const { offsetDelta, timestampDelta, key, value, headers } of records) {
          found.push({
            partition: number,
            offset: Number(firstOffset) + offsetDelta,
            timestamp: Number(firstTimestamp + timestampDelta),
            key,
            value,
            headers: headers.map(([name, bytes]) => [name.toString(), bytes]),
          })
        }
        next = firstOffset + BigInt(lastOffsetDelta) + 1n
      }
    }
  }
  await consumer.close(true)
  writeRecords(path, found)
}

async function group(path, count, groupId, groupProtocol) {
  const reading = new GroupReading(Number(count))
  const members = await Promise.all(
    reading.members.map((_, number) => startMember(reading, number, { groupId, groupProtocol })),
  )
  await reading.enough
  for (const { consumer, stream, next } of members) {
    stream.pause()
    const own = consumer.assignments.flatMap(({ partitions }) => partitions)
    const offsets = own.flatMap((partition) => next.get(partition) ?? [])
    await consumer.commit({ offsets })
  }
  for (const { consumer, stream } of members) {
    await stream.close()
    await consumer.close()
  }
  reading.write(path)
}

async function startMember(reading, number, how) {
  const consumer = new Consumer({ ...options, ...how, autocommit: false })
  const next = new Map()
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
  stream.on('error', (error) => reading.fail(error))
  stream.on('data', async ({ partition, offset, timestamp, key, value, headers }) => {
    if (reading.done) return
    reading.add(number, {
      partition,
      offset: Number(offset),
      timestamp: Number(timestamp),
      key,
      value,
      headers: [...headers].map(([name, bytes]) => [name.toString(), bytes]),
    })
    next.set(partition, { topic, partition, offset: offset + 1n, leaderEpoch: -1 })
    stream.pause()
    await reading.turn()
    stream.resume()
  })
  return { consumer, stream, next }
}

const tasks = { write, read, group }
await tasks[task](...rest)
