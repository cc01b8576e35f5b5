/** `lograft get-offsets`: with the flags of kafka-get-offsets.sh. */
import type { CommandModule } from 'yargs'
import { Admin } from '../client/admin/admin.js'
import {
  EARLIEST,
  EARLIEST_LOCAL,
  EARLIEST_PENDING_UPLOAD,
  LATEST,
  LATEST_TIERED,
  MAX_TIMESTAMP,
} from '../client/admin/list-offsets.js'
import { ClientError } from '../client/client-error.js'
import { type ClusterOptions, clusterOptions, flag, text, wholeNumber, withCluster } from './cluster-options.js'
import { misuse } from './fail.js'
import { topicPattern } from './topic-pattern.js'

interface Options extends ClusterOptions {
  readonly topic: string | undefined
  readonly partitions: string | undefined
  readonly 'topic-partitions': string | undefined
  readonly time: string
  readonly 'exclude-internal-topics': boolean
}

const TIMES: Readonly<Record<string, number>> = {
  latest: LATEST,
  earliest: EARLIEST,
  'max-timestamp': MAX_TIMESTAMP,
  'earliest-local': EARLIEST_LOCAL,
  'latest-tiered': LATEST_TIERED,
  'earliest-pending-upload': EARLIEST_PENDING_UPLOAD,
}

export const getOffsetsCommand: CommandModule<object, Options> = {
  command: 'get-offsets',
  describe: 'Print the offset of each partition at a time: the end, the beginning, or a timestamp',
  builder: (yargs) =>
    yargs
      .options(clusterOptions)
      .option('topic', { ...text, describe: 'The topic, or a regular expression; default: all' })
      .option('partitions', { ...text, describe: 'Only these, as 0,2,5; default: all' })
      .option('topic-partitions', {
        ...text,
        describe: 'Instead: TOPIC:PARTITION, TOPIC:FROM-TO (without TO), with commas between; each part may be missing',
      })
      .option('time', {
        ...text,
        default: 'latest',
        describe: `Milliseconds since 1970, or ${Object.keys(TIMES).join(', ')} (-1 to -6)`,
      })
      .option('exclude-internal-topics', {
        ...flag,
        describe: 'Leave out the topics that the cluster keeps for itself',
      })
      .example('$0 get-offsets --topic orders', 'TOPIC:PARTITION:OFFSET, the end of each partition')
      .example('$0 get-offsets --topic orders --time earliest', 'The first offset of each')
      .example('$0 get-offsets --topic-partitions orders:0,payments:1-3', 'Some partitions'),
  handler: (options) =>
    withCluster(options, async (client) => {
      const timestamp = TIMES[options.time] ?? wholeNumber('time', options.time, EARLIEST_PENDING_UPLOAD)
      const wanted = filterOf(options)
      const admin = new Admin(client)
      const queries = (await admin.listTopics())
        .filter(({ isInternal }) => !(isInternal && options['exclude-internal-topics']))
        .flatMap(({ name, partitions }) => partitions.map(({ partition }) => ({ topic: name, partition, timestamp })))
        .filter(({ topic, partition }) => wanted(topic, partition))
      if (queries.length === 0) {
        throw new ClientError('UNKNOWN_TOPIC_OR_PARTITION', 'no partition is called so: see topics --list')
      }
      for (const { topic, partition, offset } of await admin.listOffsets(queries)) {
        process.stdout.write(`${topic}:${partition}:${offset < 0 ? '' : offset}\n`)
      }
    }),
}

function filterOf(options: Options): (topic: string, partition: number) => boolean {
  const { topic, partitions, 'topic-partitions': list } = options
  if (list !== undefined) {
    if (topic !== undefined || partitions !== undefined) {
      misuse('--topic-partitions stands for itself: leave out --topic and --partitions')
    }
    const filters = list.split(',').map(oneFilter)
    return (name, partition) => filters.some((filter) => filter(name, partition))
  }
  const pattern = topic === undefined ? undefined : topicPattern(topic)
  const numbers = partitions
    ?.split(',')
    .filter((each) => each !== '')
    .map((each) => wholeNumber('partitions', each.trim()))
  return (name, partition) => (pattern?.test(name) ?? true) && (numbers?.includes(partition) ?? true)
}

/** `TOPIC:5`, `TOPIC:3-` (and above), `TOPIC:-7` (below), `TOPIC:3-7` (7 not included), `:5`, `TOPIC`. */
function oneFilter(text: string): (topic: string, partition: number) => boolean {
  const match = /^([^:]*)(?::(?:(\d+)|(\d*)-(\d*))?)?$/.exec(text.trim())
  if (match === null)
    return misuse(`--topic-partitions ${text} is not allowed: it must be TOPIC:PARTITION or TOPIC:FROM-TO`)
  const [, topic, only, from, to] = match
  const pattern = topic === '' ? undefined : topicPattern(topic!)
  const low = only !== undefined ? Number(only) : from === undefined || from === '' ? 0 : Number(from)
  const high = only !== undefined ? low + 1 : to === undefined || to === '' ? Number.POSITIVE_INFINITY : Number(to)
  return (name, partition) => (pattern?.test(name) ?? true) && partition >= low && partition < high
}
