/** `lograft verifiable-producer`: with the flags of kafka-verifiable-producer.sh. Numbers are sent, and what became of each is a line of JSON. */
import type { CommandModule } from 'yargs'
import { ClientError } from '../client/client-error.js'
import type { ClusterClient } from '../client/cluster-client.js'
import { Producer, type ProducerOptions } from '../client/producer/producer.js'
import { clientSettings } from './client-settings.js'
import { type ClusterOptions, clusterOptions, text, wholeNumber, withCluster } from './cluster-options.js'
import { misuse } from './fail.js'
import { paceMs, Turns } from './pace.js'
import { producerOptionsOf } from './producer-settings.js'

interface Options extends ClusterOptions {
  readonly topic: string
  readonly 'max-messages': string
  readonly throughput: string
  readonly acks: string
  readonly 'producer.config': string | undefined
  readonly 'message-create-time': string
  readonly 'value-prefix': string | undefined
  readonly 'repeating-keys': string | undefined
}

const ACKS = ['-1', '0', '1'] as const

export const verifiableProducerCommand: CommandModule<object, Options> = {
  command: 'verifiable-producer',
  describe: 'Send numbers, and print what became of each as JSON, for tests',
  builder: (yargs) =>
    yargs
      .options(clusterOptions)
      .option('topic', { ...text, demandOption: true, describe: 'Where to; it is created if the broker allows it' })
      .option('max-messages', { ...text, default: '-1', describe: 'How many; -1: until it is stopped' })
      .option('throughput', { ...text, default: '-1', describe: 'Not more a second; -1: as fast as it goes' })
      .option('acks', { ...text, choices: ACKS, default: '-1', describe: 'What is waited for' })
      .option('producer.config', { ...text, describe: 'As --command-config' })
      .option('message-create-time', {
        ...text,
        default: '-1',
        describe: 'The time of the first record, in milliseconds since 1970; -1: the time at which it is sent',
      })
      .option('value-prefix', { ...text, describe: 'A number that stands before each value, with a dot between' })
      .option('repeating-keys', { ...text, describe: 'Keys from 0 to below this number, over and over' })
      .example('$0 verifiable-producer --topic numbers --max-messages 1000', 'A line for each record'),
  handler: (options) => {
    if (options['command-config'] !== undefined && options['producer.config'] !== undefined) {
      misuse('--producer.config is another name of --command-config: leave one out')
    }
    const settings = clientSettings('producer', [options['command-config'], options['producer.config']])
    // Where a record failed is to be seen, and so none is tried again unless the file says so.
    const producer = { acks: Number(options.acks) as -1 | 0 | 1, retries: 0, ...producerOptionsOf(settings) }
    const numbers = numbersOf(options)
    return withCluster(options, (client) => run(client, numbers, producer), settings)
  },
}

interface Numbers {
  readonly topic: string
  readonly most: number
  /** As typed, for the summary. */
  readonly throughput: number
  readonly firstTimeMs: number | undefined
  readonly prefix: number | undefined
  readonly keys: number | undefined
}

function numbersOf(options: Options): Numbers {
  const { 'value-prefix': prefix, 'repeating-keys': keys } = options
  const most = wholeNumber('max-messages', options['max-messages'], -1)
  const firstTimeMs = wholeNumber('message-create-time', options['message-create-time'], -1)
  return {
    topic: options.topic,
    most: most < 0 ? Number.POSITIVE_INFINITY : most,
    throughput: wholeNumber('throughput', options.throughput, -1),
    firstTimeMs: firstTimeMs < 0 ? undefined : firstTimeMs,
    prefix: prefix === undefined ? undefined : wholeNumber('value-prefix', prefix, -0x8000_0000, 0x7fff_ffff),
    keys: keys === undefined ? undefined : wholeNumber('repeating-keys', keys, 1, 0x7fff_ffff),
  }
}

async function run(client: ClusterClient, numbers: Numbers, options: ProducerOptions): Promise<void> {
  const { clock } = client.ports
  const { topic, most, throughput, firstTimeMs, prefix, keys } = numbers
  const producer = new Producer(client, options)
  const say = (name: string, event: object = {}): void => {
    process.stdout.write(`${JSON.stringify({ timestamp: clock.wallMs(), name, ...event })}\n`)
  }
  let stopped: number | undefined
  process.on('SIGINT', () => (stopped ??= 130))
  process.on('SIGTERM', () => (stopped ??= 143))
  const startMs = clock.monotonicMs()
  const turns = new Turns(clock)
  let sent = 0
  let acked = 0
  say('startup_complete')
  for (; sent < most && stopped === undefined; sent++) {
    const key = keys === undefined ? null : String(sent % keys)
    const value = prefix === undefined ? String(sent) : `${prefix}.${sent}`
    const refused = (error: Error): void => {
      const exception = error instanceof ClientError ? error.error : error.name
      say('producer_send_error', { exception, message: error.message, topic, key, value })
    }
    const elapsedMs = Math.trunc(clock.monotonicMs() - startMs)
    try {
      const { delivered } = await producer.enqueue({
        topic,
        key: key === null ? null : Buffer.from(key),
        value: Buffer.from(value),
        ...(firstTimeMs === undefined ? {} : { timestamp: firstTimeMs + elapsedMs }),
      })
      delivered.then(({ offset, partition }) => {
        acked++
        say('producer_send_success', { key, value, offset, topic, partition })
      }, refused)
    } catch (error) {
      refused(error as Error)
    }
    const waitMs = throughput < 0 ? 0 : paceMs(sent + 1, clock.monotonicMs() - startMs, throughput)
    await untilNext(client, waitMs, () => stopped !== undefined)
    if (turns.isDue) await turns.next()
  }
  await producer.flush()
  // What came to an end in the last turn is said before the end is.
  await client.pause(0)
  say('shutdown_complete')
  const avgThroughput = (1000 * acked) / Math.max(1, clock.monotonicMs() - startMs)
  say('tool_data', { sent, acked, target_throughput: throughput, avg_throughput: avgThroughput })
  process.exitCode = stopped ?? 0
}

const LONGEST_PAUSE_MS = 100

/** Signals are heard while it waits; a throughput of 0 waits for nothing else. */
async function untilNext(client: ClusterClient, waitMs: number, isStopped: () => boolean): Promise<void> {
  for (let left = waitMs; left >= 1 && !isStopped(); left -= LONGEST_PAUSE_MS) {
    await client.pause(Math.min(left, LONGEST_PAUSE_MS))
  }
}
