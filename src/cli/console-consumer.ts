/** `lograft console-consumer`: prints records as lines; with the flags of kafka-console-consumer.sh. */
import { once } from 'node:events'
import type { CommandModule } from 'yargs'
import { nearest } from '../base/nearest.js'
import { ClientError } from '../client/client-error.js'
import type { ClusterClient } from '../client/cluster-client.js'
import {
  type Assignment,
  PartitionConsumer,
  type PartitionConsumerOptions,
} from '../client/consumer/partition-consumer.js'
import { type ClientSettings, clientSettings, settingsOf } from './client-settings.js'
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
import { misuse } from './fail.js'
import { FORMATTER_PROPERTIES, RecordFormatter } from './record-line.js'
import { topicPattern } from './topic-pattern.js'

interface Options extends ClusterOptions {
  readonly topic: string | undefined
  readonly include: string | undefined
  readonly partition: string | undefined
  readonly offset: string | undefined
  readonly 'from-beginning': boolean
  readonly 'max-messages': string | undefined
  readonly 'timeout-ms': string | undefined
  readonly 'formatter-property': readonly string[] | undefined
  readonly 'command-property': readonly string[] | undefined
  readonly 'consumer.config': string | undefined
  readonly 'isolation-level': 'read_uncommitted' | 'read_committed' | undefined
  readonly group: string | undefined
}

/** How long one poll waits while there is no `--timeout-ms`. */
const POLL_MS = 1000

export const consoleConsumerCommand: CommandModule<object, Options> = {
  command: 'console-consumer',
  describe: 'Print the records of a topic, one a line',
  builder: (yargs) =>
    yargs
      .options(clusterOptions)
      .option('topic', { ...text, describe: 'The topic' })
      .option('include', { ...text, describe: 'Instead: every topic whose name matches this regular expression' })
      .option('partition', { ...text, describe: 'Only this one; default: all' })
      .option('offset', { ...text, describe: 'With --partition: earliest, latest, or a number; default: latest' })
      .option('from-beginning', {
        ...flag,
        describe: 'Begin with the first record there is, not with the next that comes',
      })
      .option('max-messages', { ...text, describe: 'End after so many; default: never' })
      .option('timeout-ms', { ...text, describe: 'End when nothing came for so long; default: never' })
      .option('formatter-property', {
        ...texts,
        alias: 'property',
        describe: `How a record is printed, key=value: ${Object.keys(FORMATTER_PROPERTIES).join(', ')}`,
      })
      .option('isolation-level', {
        choices: ['read_uncommitted', 'read_committed'] as const,
        requiresArg: true,
        describe: 'Whether records of aborted transactions are printed; default: they are',
      })
      .option('command-property', {
        ...texts,
        alias: 'consumer-property',
        describe: `A setting of the consumer as key=value: ${settingsOf('consumer')}`,
      })
      .option('consumer.config', { ...text, describe: 'As --command-config' })
      .option('group', { ...text, hidden: true })
      .example('$0 console-consumer --topic greetings --from-beginning', 'Everything, and what comes')
      .example(
        '$0 console-consumer --topic orders --partition 0 --offset 100 --max-messages 10',
        'Ten records of one partition',
      )
      .example(
        '$0 console-consumer --topic orders --property print.key=true --property print.timestamp=true',
        'With keys and times',
      ),
  handler: (options) => {
    if (options.group !== undefined) misuse('--group is not supported: this version has no consumer groups')
    const typed = keyValues('consumer-property', options['command-property'])
    const settings = clientSettings('consumer', [options['command-config'], options['consumer.config']], typed)
    const formatter = formatterOf(options['formatter-property'])
    const limit = options['max-messages']
    const most = limit === undefined ? Number.POSITIVE_INFINITY : wholeNumber('max-messages', limit, -1)
    const timeout = options['timeout-ms']
    const timeoutMs = timeout === undefined ? undefined : wholeNumber('timeout-ms', timeout, 0)
    return withCluster(
      options,
      async (client) => {
        const consumer = new PartitionConsumer(
          client,
          await assignments(client, options),
          consumerOptions(options, settings),
        )
        const tally = { printed: 0 }
        const summary = (): boolean => process.stderr.write(`Processed a total of ${tally.printed} messages\n`)
        process.once('SIGINT', () => {
          summary()
          process.exit(130)
        })
        try {
          await print(consumer, formatter, most < 0 ? Number.POSITIVE_INFINITY : most, timeoutMs, tally)
        } finally {
          summary()
        }
      },
      settings,
    )
  },
}

async function print(
  consumer: PartitionConsumer,
  formatter: RecordFormatter,
  most: number,
  timeoutMs: number | undefined,
  tally: { printed: number },
): Promise<void> {
  while (tally.printed < most) {
    const records = await consumer.poll(timeoutMs ?? POLL_MS)
    if (records.length === 0 && timeoutMs !== undefined) return
    const wanted = records.slice(0, most - tally.printed)
    if (wanted.length === 0) continue
    const text = Buffer.concat(wanted.map((record) => formatter.format(record)))
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
    tally.printed += wanted.length
  }
}

async function assignments(client: ClusterClient, options: Options): Promise<Assignment[]> {
  const { topic, include, partition, offset: given } = options
  if ((topic === undefined) === (include === undefined)) misuse('say --topic, or --include with a regular expression')
  if (given !== undefined && partition === undefined)
    misuse('--offset needs --partition: each partition has offsets of its own')
  if (given !== undefined && options['from-beginning'])
    misuse('--from-beginning and --offset both say where to begin: leave one out')
  if (partition !== undefined && topic === undefined) misuse('--partition needs --topic')
  const offset = offsetOf(given, options['from-beginning'])
  const wanted = partition === undefined ? undefined : wholeNumber('partition', partition)
  if (topic !== undefined) {
    const [found] = await client.topics([topic], true)
    const numbers = wanted === undefined ? found!.partitions.map((each) => each.partition) : [wanted]
    return numbers.map((number) => ({ topic, partition: number, offset }))
  }
  await client.refresh(null)
  const pattern = topicPattern(include!)
  const topics = [...client.view.topics.values()].filter(({ name, isInternal }) => pattern.test(name) && !isInternal)
  if (topics.length === 0) throw new ClientError('UNKNOWN_TOPIC_OR_PARTITION', `no topic matches ${include}`)
  return topics.flatMap(({ name, partitions }) =>
    partitions.map((each) => ({ topic: name, partition: each.partition, offset })),
  )
}

function offsetOf(given: string | undefined, fromBeginning: boolean): number | 'earliest' | 'latest' {
  if (given === undefined) return fromBeginning ? 'earliest' : 'latest'
  if (given === 'earliest' || given === 'latest') return given
  if (given === '-2') return 'earliest'
  if (given === '-1') return 'latest'
  if (!/^\d+$/.test(given))
    return misuse(`--offset ${given} is not allowed: it must be earliest, latest or a number from 0 on`)
  return wholeNumber('offset', given)
}

function consumerOptions(options: Options, settings: ClientSettings<'consumer'>): PartitionConsumerOptions {
  const numbers = {
    maxWaitMs: settings['fetch.max.wait.ms'],
    minBytes: settings['fetch.min.bytes'],
    maxBytes: settings['fetch.max.bytes'],
    partitionMaxBytes: settings['max.partition.fetch.bytes'],
  }
  return {
    committed: (options['isolation-level'] ?? settings['isolation.level']) === 'read_committed',
    reset: settings['auto.offset.reset'] ?? (options['from-beginning'] ? 'earliest' : 'latest'),
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)),
  }
}

function formatterOf(given: readonly string[] | undefined): RecordFormatter {
  const properties = keyValues('formatter-property', given)
  for (const key of properties.keys()) {
    if (Object.hasOwn(FORMATTER_PROPERTIES, key)) continue
    const meant = nearest(key, Object.keys(FORMATTER_PROPERTIES))
    misuse(`--formatter-property ${key} is not known${meant === undefined ? '' : `; did you mean ${meant}?`}`)
  }
  return new RecordFormatter(properties)
}
