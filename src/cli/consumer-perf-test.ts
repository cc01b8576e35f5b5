/** `lograft consumer-perf-test`: with the flags and the lines of kafka-consumer-perf-test.sh. Reads as a member of a group, as fast as it can. */
import type { CommandModule } from 'yargs'
import type { ClusterClient } from '../client/cluster-client.js'
import { GroupConsumer, type GroupConsumerOptions, type Subscribed } from '../client/consumer/group-consumer.js'
import { keyOf, type TopicPartition } from '../client/consumer/membership/topic-partition.js'
import { clientSettings, settingsOf } from './client-settings.js'
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
import { groupOptionsOf } from './consumer-settings.js'
import { type DateFormat, dateFormat } from './date-format.js'
import { misuse } from './fail.js'
import { stopSignals } from './stop-signals.js'
import { topicPattern } from './topic-pattern.js'

interface Options extends ClusterOptions {
  readonly topic: string | undefined
  readonly include: string | undefined
  readonly group: string | undefined
  readonly 'fetch-size': string
  readonly 'from-latest': boolean
  readonly 'socket-buffer-size': string | undefined
  readonly 'consumer.config': string | undefined
  readonly 'command-property': readonly string[] | undefined
  readonly 'print-metrics': boolean
  readonly 'show-detailed-stats': boolean
  readonly timeout: string
  readonly 'num-records': string | undefined
  readonly 'reporting-interval': string
  readonly 'date-format': string
  readonly 'hide-header': boolean
}

const MEGABYTE = 1024 * 1024
const POLL_MS = 100
const RANDOM_GROUPS = 100_000

export const consumerPerfTestCommand: CommandModule<object, Options> = {
  command: 'consumer-perf-test',
  describe: 'Read many records as a member of a group, and print how many a second',
  builder: (yargs) =>
    yargs
      .options(clusterOptions)
      .option('topic', { ...text, describe: 'The topic' })
      .option('include', { ...text, describe: 'Instead: every topic whose name matches this regular expression' })
      .option('num-records', { ...text, alias: 'messages', describe: 'End after so many' })
      .option('group', { ...text, describe: 'The group; default: a new one' })
      .option('fetch-size', { ...text, default: '1048576', describe: 'The most bytes of a partition in one answer' })
      .option('from-latest', { ...flag, describe: 'A new group begins with what comes, not with what is there' })
      .option('timeout', { ...text, default: '10000', describe: 'End when nothing came for so many ms' })
      .option('show-detailed-stats', { ...flag, describe: 'A line now and then instead of one at the end' })
      .option('reporting-interval', { ...text, default: '5000', describe: 'With that: how often, in ms' })
      .option('date-format', { ...text, default: 'yyyy-MM-dd HH:mm:ss:SSS', describe: 'How times are printed' })
      .option('hide-header', { ...flag, describe: 'No line with the names of the columns' })
      .option('command-property', { ...texts, describe: `A setting as key=value: ${settingsOf('consumer')}` })
      .option('consumer.config', { ...text, describe: 'As --command-config' })
      .option('socket-buffer-size', { ...text, hidden: true })
      .option('print-metrics', { ...flag, hidden: true })
      .example('$0 consumer-perf-test --topic orders --num-records 1000000', 'How fast a million records are read'),
  handler: (options) => {
    const typed = keyValues('command-property', options['command-property'])
    typed.set('auto.offset.reset', options['from-latest'] ? 'latest' : 'earliest')
    typed.set('max.partition.fetch.bytes', String(wholeNumber('fetch-size', options['fetch-size'])))
    if (!typed.has('client.id')) typed.set('client.id', 'perf-consumer-client')
    const settings = clientSettings('consumer', [options['command-config'], options['consumer.config']], typed)
    const test = testOf(options)
    for (const key of ['socket-buffer-size', 'print-metrics'] as const) {
      if (options[key]) process.stderr.write(`lograft: warning: --${key} has no effect\n`)
    }
    const work = async (client: ClusterClient): Promise<void> => {
      const random = `perf-consumer-${client.ports.random.below(RANDOM_GROUPS)}`
      const group = groupOptionsOf(options.group ?? settings['group.id'] ?? random, settings)
      await measure(client, group, test)
    }
    return withCluster(options, work, settings)
  },
}

interface Test {
  readonly subscribed: Subscribed
  readonly records: number
  readonly timeoutMs: number
  readonly intervalMs: number
  readonly isDetailed: boolean
  readonly hasHeader: boolean
  readonly format: DateFormat
}

function testOf(options: Options): Test {
  const { topic, include, 'num-records': records } = options
  if (records === undefined) return misuse('say --num-records, how many are to be read')
  if ((topic === undefined) === (include === undefined)) misuse('say --topic, or --include with a regular expression')
  const format = dateFormat(options['date-format'])
  if (format === undefined)
    return misuse(`--date-format ${options['date-format']} is not allowed: it is made of yyyy MM dd HH mm ss SSS`)
  return {
    subscribed: topic === undefined ? { pattern: topicPattern(include!) } : { topics: [topic] },
    records: wholeNumber('num-records', records),
    timeoutMs: wholeNumber('timeout', options.timeout),
    intervalMs: wholeNumber('reporting-interval', options['reporting-interval'], 1),
    isDetailed: options['show-detailed-stats'],
    hasHeader: !options['hide-header'],
    format,
  }
}

/** How long the consumer had nothing to read because the group was dealing out. */
class Rebalances {
  totalMs = 0
  /** Since the last line. */
  roundMs = 0
  readonly #now: () => number
  readonly #assigned = new Set<string>()
  #sinceMs: number

  constructor(now: () => number) {
    this.#now = now
    this.#sinceMs = now()
  }

  readonly assigned = (partitions: readonly TopicPartition[]): void => {
    if (this.#assigned.size === 0) {
      const elapsedMs = this.#now() - this.#sinceMs
      this.totalMs += elapsedMs
      this.roundMs += elapsedMs
    }
    for (const partition of partitions) this.#assigned.add(keyOf(partition))
  }

  readonly revoked = (partitions: readonly TopicPartition[]): void => {
    for (const partition of partitions) this.#assigned.delete(keyOf(partition))
    if (this.#assigned.size === 0) this.#sinceMs = this.#now()
  }
}

interface Tally {
  records: number
  bytes: number
}

async function measure(client: ClusterClient, options: GroupConsumerOptions, test: Test): Promise<void> {
  const { clock } = client.ports
  const now = (): number => Math.trunc(clock.wallMs())
  if (test.hasHeader) {
    const first = test.isDetailed ? 'time, threadId' : 'start.time, end.time'
    const columns = 'data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec'
    say(`${first}, ${columns}, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec`)
  }
  const startMs = now()
  const rebalances = new Rebalances(now)
  const { assigned, revoked } = rebalances
  const consumer = new GroupConsumer(client, { ...options, listener: { assigned, revoked, lost: revoked } })
  const signals = stopSignals(() => consumer.wakeup())
  consumer.subscribe(test.subscribed)
  const read: Tally = { records: 0, bytes: 0 }
  let reported = { ...read, timeMs: startMs }
  let lastMs = startMs
  while (read.records < test.records && now() - lastMs <= test.timeoutMs && signals.exitCode === undefined) {
    const records = await consumer.poll(POLL_MS)
    if (records.length === 0) continue
    lastMs = now()
    for (const { key, value } of records) read.bytes += (key?.length ?? 0) + (value?.length ?? 0)
    read.records += records.length
    if (lastMs - reported.timeMs < test.intervalMs) continue
    if (test.isDetailed) say(progress(read, reported, lastMs, rebalances.roundMs, test.format))
    rebalances.roundMs = 0
    reported = { ...read, timeMs: lastMs }
  }
  if (read.records < test.records) {
    say(
      `WARNING: Exiting before consuming the expected number of messages: timeout (${test.timeoutMs} ms) exceeded. ` +
        'You can use the --timeout option to increase the timeout.',
    )
  }
  const endMs = now()
  await consumer.close()
  if (!test.isDetailed) say(total(read, startMs, endMs, rebalances.totalMs, test.format))
  process.exitCode = signals.exitCode ?? process.exitCode
}

function total({ records, bytes }: Tally, startMs: number, endMs: number, joinMs: number, format: DateFormat): string {
  const megabytes = bytes / MEGABYTE
  const elapsedMs = endMs - startMs
  const fetchMs = elapsedMs - joinMs
  const rates = [megabytes, perSecond(megabytes, elapsedMs), records, perSecond(records, elapsedMs)]
  const fetched = [joinMs, fetchMs, perSecond(megabytes, fetchMs), perSecond(records, fetchMs)]
  return [format(startMs), format(endMs), ...figures(rates), ...figures(fetched, true)].join(', ')
}

function progress(
  read: Tally,
  before: Tally & { readonly timeMs: number },
  nowMs: number,
  joinMs: number,
  format: DateFormat,
): string {
  const megabytes = (read.bytes - before.bytes) / MEGABYTE
  const records = read.records - before.records
  const elapsedMs = nowMs - before.timeMs
  const fetchMs = elapsedMs - joinMs
  const rates = [read.bytes / MEGABYTE, perSecond(megabytes, elapsedMs), read.records, perSecond(records, elapsedMs)]
  const fetched = [joinMs, fetchMs, perSecond(megabytes, fetchMs), perSecond(records, fetchMs)]
  return [format(nowMs), 0, ...figures(rates), ...figures(fetched, true)].join(', ')
}

function perSecond(amount: number, milliseconds: number): number {
  return milliseconds <= 0 ? 0 : (amount * 1000) / milliseconds
}

/** Times and counts are whole, the rest has four digits. */
function figures(values: readonly number[], beginsWithTimes = false): string[] {
  return values.map((value, n) => ((beginsWithTimes ? n < 2 : n === 2) ? String(value) : value.toFixed(4)))
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
