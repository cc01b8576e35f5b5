/** `lograft console-producer`: lines of standard input become records; with the flags of kafka-console-producer.sh. */
import type { CommandModule } from 'yargs'
import { nearest } from '../base/nearest.js'
import { ClientError } from '../client/client-error.js'
import { Producer, type ProducerOptions } from '../client/producer/producer.js'
import { CODEC_NAMES, type CodecName } from '../records/compression/codec.js'
import { type ClientSettings, clientSettings, parseAcks, settingsOf } from './client-settings.js'
import {
  type ClusterOptions,
  clusterOptions,
  flag,
  keyValues,
  text,
  texts,
  wholeNumber,
  withCluster,
} from './cluster-options.js'
import { fail, misuse } from './fail.js'
import { LineError, LineReader, READER_PROPERTIES } from './line-record.js'
import { lines } from './lines.js'
import { producerOptionsOf } from './producer-settings.js'

interface Options extends ClusterOptions {
  readonly topic: string
  readonly 'reader-property': readonly string[] | undefined
  readonly 'command-property': readonly string[] | undefined
  readonly 'producer.config': string | undefined
  readonly 'request-required-acks': string | undefined
  readonly 'compression-codec': string | undefined
  readonly 'batch-size': string | undefined
  readonly timeout: string | undefined
  readonly 'message-send-max-retries': string | undefined
  readonly 'request-timeout-ms': string | undefined
  readonly sync: boolean
}

/** As Kafka's tool has it. */
const LINGER_MS = 1000

export const consoleProducerCommand: CommandModule<object, Options> = {
  command: 'console-producer',
  describe: 'Send each line of standard input as a record',
  builder: (yargs) =>
    yargs
      .options(clusterOptions)
      .option('topic', { ...text, demandOption: true, describe: 'Where to; it is created if the broker allows it' })
      .option('reader-property', {
        ...texts,
        alias: 'property',
        describe: `How a line is read, key=value: ${Object.keys(READER_PROPERTIES).join(', ')}`,
      })
      .option('request-required-acks', { ...text, describe: '0, 1, or all (-1); default: all' })
      .option('compression-codec', {
        type: 'string',
        describe: 'none, gzip (also without a value), snappy, lz4 or zstd',
      })
      .option('batch-size', { ...text, describe: 'Bytes of a batch that is not waited for; default: 16384' })
      .option('timeout', { ...text, describe: `How many ms a record may wait for others; default: ${LINGER_MS}` })
      .option('message-send-max-retries', {
        ...text,
        describe: 'How often a batch is tried again; default: as time allows',
      })
      .option('request-timeout-ms', { ...text, describe: 'How long the broker may wait for replicas' })
      .option('sync', { ...flag, describe: 'Wait for each record before the next is read' })
      .option('command-property', {
        ...texts,
        alias: 'producer-property',
        describe: `A setting of the producer as key=value: ${settingsOf('producer')}`,
      })
      .option('producer.config', { ...text, describe: 'As --command-config' })
      .example('echo hello | $0 console-producer --topic greetings', 'One record')
      .example(
        '$0 console-producer --topic orders --property parse.key=true --property key.separator=:',
        'Lines as key:value',
      )
      .example('$0 console-producer --topic orders --compression-codec zstd < file', 'Each line of a file, compressed'),
  handler: (options) => {
    const typed = keyValues('producer-property', options['command-property'])
    const settings = clientSettings('producer', [options['command-config'], options['producer.config']], typed)
    return withCluster(
      options,
      async (client) => send(new Producer(client, producerOptions(options, settings)), options),
      settings,
    )
  },
}

/** What is said by a flag goes before the property of the same meaning. */
function producerOptions(options: Options, settings: ClientSettings<'producer'>): ProducerOptions {
  const number = (flagName: string, typed: string | undefined, min: number): number | undefined =>
    typed === undefined ? undefined : wholeNumber(flagName, typed, min)
  const typedAcks = options['request-required-acks']
  const acks =
    typedAcks === undefined
      ? (settings.acks ?? -1)
      : (parseAcks(typedAcks) ??
        misuse(`--request-required-acks ${typedAcks} is not allowed: it must be 0, 1, -1 or all`))
  const codec =
    options['compression-codec'] === ''
      ? 'gzip'
      : (options['compression-codec'] ?? settings['compression.type'] ?? 'none')
  if (!CODEC_NAMES.includes(codec as CodecName)) {
    misuse(`--compression-codec ${codec} is not allowed: it must be one of ${CODEC_NAMES.join(', ')}`)
  }
  const said = {
    batchBytes: number('batch-size', options['batch-size'], 0),
    lingerMs: number('timeout', options.timeout, 0) ?? settings['linger.ms'] ?? LINGER_MS,
    retries: number('message-send-max-retries', options['message-send-max-retries'], 0),
    requestTimeoutMs: number('request-timeout-ms', options['request-timeout-ms'], 1),
  }
  return {
    ...producerOptionsOf({ ...settings, acks }),
    compression: codec as CodecName,
    ...Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)),
  }
}

async function send(producer: Producer, options: Options): Promise<void> {
  const reader = lineReader(options['reader-property'])
  let failed = 0
  let first: Error | undefined
  let number = 0
  const prompt = process.stdin.isTTY ? (): boolean => process.stderr.write('>') : (): boolean => true
  prompt()
  for await (const line of lines(process.stdin)) {
    number++
    let record: ReturnType<LineReader['read']>
    try {
      record = reader.read(line, number)
    } catch (error) {
      if (!(error instanceof LineError)) throw error
      first ??= error
      break
    }
    const { delivered } = await producer.enqueue({ topic: options.topic, ...record })
    const settled = delivered.then(
      () => {},
      (error: Error) => {
        failed++
        first ??= error
      },
    )
    if (options.sync) {
      const flushed = producer.flush()
      await settled
      await flushed
    }
    prompt()
  }
  await producer.flush()
  // What came to an end in the last turn is counted, too.
  await Promise.resolve()
  if (first instanceof LineError) fail(first.message)
  if (first !== undefined) throw failed === 1 ? first : asMany(first, failed)
}

function asMany(first: Error, failed: number): Error {
  if (!(first instanceof ClientError)) return first
  return new ClientError(first.error, `${failed} records were not acknowledged, the first one: ${first.message}`)
}

function lineReader(given: readonly string[] | undefined): LineReader {
  const properties = keyValues('reader-property', given)
  for (const key of properties.keys()) {
    if (Object.hasOwn(READER_PROPERTIES, key)) continue
    const meant = nearest(key, Object.keys(READER_PROPERTIES))
    misuse(`--reader-property ${key} is not known${meant === undefined ? '' : `; did you mean ${meant}?`}`)
  }
  try {
    return new LineReader(properties)
  } catch (error) {
    if (error instanceof LineError) return fail(error.message)
    throw error
  }
}
