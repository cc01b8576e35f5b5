/** `lograft e2e-latency`: with the arguments of kafka-e2e-latency.sh: each record is waited for, acknowledged and read, before the next is sent. */
import type { CommandModule } from 'yargs'
import { Admin } from '../client/admin/admin.js'
import { ClientError } from '../client/client-error.js'
import type { ClusterClient } from '../client/cluster-client.js'
import { PartitionConsumer } from '../client/consumer/partition-consumer.js'
import { Producer, type ProducerRecord } from '../client/producer/producer.js'
import { clientSettings } from './client-settings.js'
import { type ClusterOptions, clusterOptions, text, wholeNumber, withCluster } from './cluster-options.js'
import { misuse } from './fail.js'
import { producerOptionsOf } from './producer-settings.js'

interface Options extends ClusterOptions {
  readonly arguments: readonly string[] | undefined
  readonly topic: string | undefined
  readonly 'num-records': string | undefined
  readonly 'producer-acks': string | undefined
  readonly 'record-size': string | undefined
  readonly 'record-key-size': string
  readonly 'num-headers': string
  readonly 'record-header-key-size': string
  readonly 'record-header-size': string
}

const POSITIONAL = [
  'bootstrap-server',
  'topic',
  'num-records',
  'producer-acks',
  'record-size',
  'command-config',
] as const
const NEEDED = POSITIONAL.slice(1, 5) as readonly (keyof Options)[]

const LONGEST_WAIT_MS = 60_000
const LINE_EVERY = 1000
const LARGEST = 0x7fff_ffff

export const e2eLatencyCommand: CommandModule<object, Options> = {
  command: 'e2e-latency [arguments..]',
  describe: 'Measure how long a record takes from being sent to being read',
  builder: (yargs) =>
    yargs
      .positional('arguments', {
        type: 'string',
        array: true,
        describe: 'As older tools have it: SERVER TOPIC RECORDS ACKS SIZE [FILE]',
      })
      .options(clusterOptions)
      .option('topic', { ...text, describe: 'The topic; one that does not exist is created with one partition' })
      .option('num-records', { ...text, describe: 'How many' })
      .option('producer-acks', { ...text, describe: '1 or all' })
      .option('record-size', { ...text, describe: 'Bytes of a value' })
      .option('record-key-size', { ...text, default: '0', describe: 'Bytes of a key; 0: none' })
      .option('num-headers', { ...text, default: '0', describe: 'Headers of each record' })
      .option('record-header-key-size', { ...text, default: '0', describe: 'Bytes of the name of a header' })
      .option('record-header-size', { ...text, default: '0', describe: 'Bytes of its value; -1: none' })
      .example('$0 e2e-latency --topic probe --num-records 10000 --producer-acks all --record-size 100', 'Percentiles'),
  handler: (given) => {
    const options = named(given)
    const missing = NEEDED.filter((name) => options[name] === undefined)
    if (missing.length > 0) return misuse(`e2e-latency needs ${missing.map((name) => `--${name}`).join(', ')}`)
    const settings = clientSettings('producer', [options['command-config']])
    const probe = probeOf(options)
    const { acks } = probe
    // Nothing waits for others: each is sent by itself.
    const producerOptions = { ...producerOptionsOf(settings), acks, lingerMs: 0 }
    return withCluster(
      options,
      async (client) => {
        const consumer = await consumerAtEnd(client, probe.topic)
        await measure(client, probe, new Producer(client, producerOptions), consumer)
      },
      settings,
    )
  },
}

/** Arguments without names stand for the options in their order. */
function named(options: Options): Options {
  const { arguments: words = [] } = options
  if (words.length === 0) return options
  if (words.length < 5 || words.length > 6) {
    return misuse(
      `e2e-latency takes 5 or 6 arguments, and these are ${words.length}: SERVER TOPIC RECORDS ACKS SIZE [FILE]`,
    )
  }
  return { ...options, ...Object.fromEntries(words.map((word, n) => [POSITIONAL[n]!, word])) }
}

interface Probe {
  readonly topic: string
  readonly records: number
  readonly acks: 1 | -1
  readonly valueBytes: number
  readonly keyBytes: number
  readonly headers: number
  readonly headerKeyBytes: number
  readonly headerValueBytes: number
}

function probeOf(options: Options): Probe {
  const acks = options['producer-acks']!
  if (!['1', 'all', '-1'].includes(acks)) {
    return misuse(`--producer-acks ${acks} is not allowed: it must be 1 or all, because each record is waited for`)
  }
  return {
    topic: options.topic!,
    records: wholeNumber('num-records', options['num-records']!, 1, LARGEST),
    acks: acks === '1' ? 1 : -1,
    valueBytes: wholeNumber('record-size', options['record-size']!, 0, LARGEST),
    keyBytes: wholeNumber('record-key-size', options['record-key-size'], 0, LARGEST),
    headers: wholeNumber('num-headers', options['num-headers'], 0, LARGEST),
    headerKeyBytes: wholeNumber('record-header-key-size', options['record-header-key-size'], 0, LARGEST),
    headerValueBytes: wholeNumber('record-header-size', options['record-header-size'], -1, LARGEST),
  }
}

async function consumerAtEnd(client: ClusterClient, topic: string): Promise<PartitionConsumer> {
  const admin = new Admin(client)
  if (!(await admin.listTopics()).some(({ name }) => name === topic)) {
    const how = '1 partition(s) and replication factor = 1'
    process.stdout.write(`Topic "${topic}" does not exist. Will create topic with ${how}\n`)
    await admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 1 }])
  }
  const [found] = await client.topics([topic])
  const assignments = found!.partitions.map(({ partition }) => ({ topic, partition, offset: 'latest' as const }))
  const consumer = new PartitionConsumer(client, assignments, { maxWaitMs: 0 })
  // Where it begins is found before anything is sent.
  await consumer.poll(0)
  return consumer
}

async function measure(
  client: ClusterClient,
  probe: Probe,
  producer: Producer,
  consumer: PartitionConsumer,
): Promise<void> {
  const { clock, random } = client.ports
  const latencies = new Float64Array(probe.records)
  let totalMs = 0
  for (let n = 0; n < probe.records; n++) {
    const record = recordOf(probe, (length) => Buffer.alloc(length, 65 + random.below(26)))
    const beganMs = clock.monotonicMs()
    await producer.send(record)
    const [read, ...more] = await consumer.poll(LONGEST_WAIT_MS)
    const elapsedMs = clock.monotonicMs() - beganMs
    if (read === undefined) {
      throw new ClientError('REQUEST_TIMED_OUT', `a record was acknowledged and not read within ${LONGEST_WAIT_MS} ms`)
    }
    const isSame = Buffer.from(record.value!).equals(Buffer.from(read.value ?? []))
    if (!isSame || more.length > 0) {
      const what = isSame ? 'more than was sent' : 'another record than was sent'
      throw new ClientError('INVALID_RECORD', `${what} was read from ${probe.topic}: something else writes to it`)
    }
    if (n % LINE_EVERY === 0) process.stdout.write(`${n}\t${elapsedMs}\n`)
    totalMs += elapsedMs
    latencies[n] = Math.trunc(elapsedMs)
  }
  latencies.sort()
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)]!
  process.stdout.write(`Avg latency: ${(totalMs / probe.records).toFixed(4)} ms\n`)
  process.stdout.write(`Percentiles: 50th = ${at(0.5)}, 99th = ${at(0.99)}, 99.9th = ${at(0.999)}\n`)
}

function recordOf(probe: Probe, letters: (length: number) => Buffer): ProducerRecord {
  const { topic, valueBytes, keyBytes, headers, headerKeyBytes, headerValueBytes } = probe
  return {
    topic,
    key: keyBytes === 0 ? null : letters(keyBytes),
    value: letters(valueBytes),
    headers: Array.from({ length: headers }, () => ({
      key: letters(headerKeyBytes).toString('latin1'),
      value: headerValueBytes < 0 ? null : letters(headerValueBytes),
    })),
  }
}
