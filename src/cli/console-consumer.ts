/**
 * `lograft console-consumer`: prints records as lines; with the flags of kafka-console-consumer.sh.
 *
 * Kafka's joins a random group where none is named; this one then reads the partitions by itself. It prints the same, begins seconds earlier because it waits
 * for no other members, leaves no group behind, and needs no coordinator; but it does not see topics and partitions that come later.
 */
import { once } from 'node:events'
import type { CommandModule } from 'yargs'
import { nearest } from '../base/nearest.js'
import { ClientError } from '../client/client-error.js'
import type { ClusterClient } from '../client/cluster-client.js'
import type { ConsumedRecord } from '../client/consumer/fetched.js'
import { GroupConsumer, type GroupConsumerOptions } from '../client/consumer/group-consumer.js'
import { type Assignment, PartitionConsumer } from '../client/consumer/partition-consumer.js'
import type { FetchOptions } from '../client/consumer/partition-fetcher.js'
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
import { fetchOptionsOf, groupOptionsOf } from './consumer-settings.js'
import { misuse } from './fail.js'
import { FORMATTER_PROPERTIES, RecordFormatter } from './record-line.js'
import { stopSignals } from './stop-signals.js'
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
  readonly 'group-protocol': 'classic' | 'consumer' | undefined
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
      .option('group', {
        ...text,
        describe: 'Read as a member of this group, from where it has committed; default: by itself, without a group',
      })
      .option('group-protocol', {
        choices: ['classic', 'consumer'] as const,
        requiresArg: true,
        describe: 'With --group: whether the members assign, or the coordinator; default: classic',
      })
      .example('$0 console-consumer --topic greetings --from-beginning', 'Everything, and what comes')
      .example(
        '$0 console-consumer --topic orders --partition 0 --offset 100 --max-messages 10',
        'Ten records of one partition',
      )
      .example(
        '$0 console-consumer --topic orders --property print.key=true --property print.timestamp=true',
        'With keys and times',
      )
      .example('$0 console-consumer --topic orders --group billing', 'Goes on where the group has come to'),
  handler: (options) => {
    const typed = keyValues('consumer-property', options['command-property'])
    if (options['group-protocol'] !== undefined) typed.set('group.protocol', options['group-protocol'])
    const settings = clientSettings('consumer', [options['command-config'], options['consumer.config']], typed)
    const groupId = groupOf(options, settings)
    const reading = readingOf(options, settings)
    const fetching = { ...fetchOptionsOf(settings), ...reading }
    const limit = options['max-messages']
    const most = limit === undefined ? Number.POSITIVE_INFINITY : wholeNumber('max-messages', limit, -1)
    const timeout = options['timeout-ms']
    const printing: Printing = {
      formatter: formatterOf(options['formatter-property']),
      most: most < 0 ? Number.POSITIVE_INFINITY : most,
      timeoutMs: timeout === undefined ? undefined : wholeNumber('timeout-ms', timeout, 0),
      printed: 0,
    }
    if (groupId !== undefined) {
      const group = { ...groupOptionsOf(groupId, settings), ...reading }
      return withCluster(options, (client) => printAsMember(client, options, group, printing), settings)
    }
    return withCluster(
      options,
      async (client) => {
        const consumer = new PartitionConsumer(client, await assignments(client, options), fetching)
        process.once('SIGINT', () => {
          summarize(printing)
          process.exit(130)
        })
        try {
          while (printing.printed < printing.most) {
            const records = await consumer.poll(printing.timeoutMs ?? POLL_MS)
            if (records.length === 0 && printing.timeoutMs !== undefined) break
            await print(records, printing)
          }
        } finally {
          summarize(printing)
        }
      },
      settings,
    )
  },
}

interface Printing {
  readonly formatter: RecordFormatter
  readonly most: number
  readonly timeoutMs: number | undefined
  printed: number
}

/** Gives those that were too many. */
async function print(records: readonly ConsumedRecord[], printing: Printing): Promise<readonly ConsumedRecord[]> {
  const room = printing.most - printing.printed
  const wanted = records.slice(0, room)
  if (wanted.length === 0) return records
  const text = Buffer.concat(wanted.map((record) => printing.formatter.format(record)))
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  printing.printed += wanted.length
  return records.slice(wanted.length)
}

function summarize({ printed }: Printing): void {
  process.stderr.write(`Processed a total of ${printed} messages\n`)
}

async function printAsMember(
  client: ClusterClient,
  options: Options,
  group: GroupConsumerOptions,
  printing: Printing,
): Promise<void> {
  const { topic, include } = options
  const consumer = new GroupConsumer(client, group)
  const signals = stopSignals(() => consumer.wakeup())
  consumer.subscribe(topic === undefined ? { pattern: topicPattern(include!) } : { topics: [topic] })
  try {
    while (printing.printed < printing.most && signals.exitCode === undefined) {
      const records = await consumer.poll(printing.timeoutMs ?? POLL_MS)
      if (records.length === 0 && printing.timeoutMs !== undefined) break
      const left = await print(records, printing)
      // What was not printed is not committed: whoever reads on gets it.
      for (const record of [...left].reverse()) consumer.seek(record, record.offset)
    }
  } finally {
    await consumer.close()
    summarize(printing)
    process.exitCode = signals.exitCode ?? process.exitCode
  }
}

/** Undefined: none is named. */
function groupOf(options: Options, settings: ClientSettings<'consumer'>): string | undefined {
  const { topic, include, partition, group, offset } = options
  const inSettings = settings['group.id']
  if (group !== undefined && inSettings !== undefined && group !== inSettings) {
    return misuse(`--group ${group} and group.id=${inSettings} are not the same: leave one out`)
  }
  const groupId = group ?? inSettings
  if (groupId === undefined) {
    const key = (['group.protocol', 'group.instance.id', 'group.remote.assignor'] as const).find(
      (each) => settings[each],
    )
    return key === undefined ? undefined : misuse(`${key} needs --group, the group that it is about`)
  }
  if (partition !== undefined) return misuse('--group and --partition cannot be said together: the group deals out')
  if (offset !== undefined) return misuse('--offset needs --partition: each partition has offsets of its own')
  if ((topic === undefined) === (include === undefined)) misuse('say --topic, or --include with a regular expression')
  return groupId
}

/** What the flags say, and not the settings. */
function readingOf(options: Options, settings: ClientSettings<'consumer'>): FetchOptions {
  const { 'from-beginning': fromBeginning, 'isolation-level': level } = options
  const reset = settings['auto.offset.reset']
  if (fromBeginning && reset !== undefined && reset !== 'earliest') {
    const said = typeof reset === 'string' ? reset : 'by_duration'
    return misuse(`--from-beginning and auto.offset.reset=${said} do not go together: leave one out`)
  }
  return {
    reset: reset ?? (fromBeginning ? 'earliest' : 'latest'),
    ...(level === undefined ? {} : { committed: level === 'read_committed' }),
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

function formatterOf(given: readonly string[] | undefined): RecordFormatter {
  const properties = keyValues('formatter-property', given)
  for (const key of properties.keys()) {
    if (Object.hasOwn(FORMATTER_PROPERTIES, key)) continue
    const meant = nearest(key, Object.keys(FORMATTER_PROPERTIES))
    misuse(`--formatter-property ${key} is not known${meant === undefined ? '' : `; did you mean ${meant}?`}`)
  }
  return new RecordFormatter(properties)
}
