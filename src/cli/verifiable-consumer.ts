/** `lograft verifiable-consumer`: with the flags of kafka-verifiable-consumer.sh. Reads as a member of a group; what happens is a line of JSON each. */
import type { CommandModule } from 'yargs'
import { ClientError } from '../client/client-error.js'
import type { ClusterClient } from '../client/cluster-client.js'
import type { ConsumedRecord } from '../client/consumer/fetched.js'
import { GroupConsumer, type GroupConsumerOptions } from '../client/consumer/group-consumer.js'
import type { OffsetToCommit } from '../client/consumer/group-offsets.js'
import { keyOf, type TopicPartition } from '../client/consumer/membership/topic-partition.js'
import { groupBy } from '../client/group-by.js'
import { clientSettings } from './client-settings.js'
import { type ClusterOptions, clusterOptions, flag, text, wholeNumber, withCluster } from './cluster-options.js'
import { groupOptionsOf } from './consumer-settings.js'
import { misuse } from './fail.js'
import { stopSignals } from './stop-signals.js'

interface Options extends ClusterOptions {
  readonly topic: string
  readonly 'group-id': string
  readonly 'group-protocol': string
  readonly 'group-remote-assignor': string | undefined
  readonly 'group-instance-id': string | undefined
  readonly 'max-messages': string
  readonly 'session-timeout': string
  readonly verbose: boolean
  readonly 'enable-autocommit': boolean
  readonly 'reset-policy': string
  readonly 'assignment-strategy': string
  readonly 'consumer.config': string | undefined
}

const POLL_MS = 60_000

export const verifiableConsumerCommand: CommandModule<object, Options> = {
  command: 'verifiable-consumer',
  describe: 'Read as a member of a group, and print what happens as JSON, for tests',
  builder: (yargs) =>
    yargs
      .options(clusterOptions)
      .option('topic', { ...text, demandOption: true, describe: 'What is read' })
      .option('group-id', { ...text, demandOption: true, describe: 'The group' })
      .option('group-protocol', { ...text, default: 'classic', describe: 'classic or consumer' })
      .option('group-remote-assignor', { ...text, describe: 'With --group-protocol consumer: uniform or range' })
      .option('group-instance-id', { ...text, describe: 'The place in the group that it comes back to' })
      .option('max-messages', { ...text, default: '-1', describe: 'End after so many; -1: when it is stopped' })
      .option('session-timeout', { ...text, default: '30000', describe: 'In ms; not with --group-protocol consumer' })
      .option('verbose', { ...flag, describe: 'Also a line for each record' })
      .option('enable-autocommit', { ...flag, describe: 'Commit now and then, not after each poll' })
      .option('reset-policy', { ...text, default: 'earliest', describe: 'earliest, latest, none or by_duration:PT1H' })
      .option('assignment-strategy', {
        ...text,
        default: 'org.apache.kafka.clients.consumer.RangeAssignor',
        describe: 'Names or classes; not with --group-protocol consumer',
      })
      .option('consumer.config', { ...text, describe: 'As --command-config' })
      .example('$0 verifiable-consumer --topic numbers --group-id readers', 'What happens, a line each'),
  handler: (options) => {
    if (options['command-config'] !== undefined && options['consumer.config'] !== undefined) {
      misuse('--consumer.config is another name of --command-config: leave one out')
    }
    const most = wholeNumber('max-messages', options['max-messages'], -1)
    const isClassic = options['group-protocol'].toLowerCase() !== 'consumer'
    const typed = new Map([
      ['group.protocol', options['group-protocol']],
      ['enable.auto.commit', String(options['enable-autocommit'])],
      ['auto.offset.reset', options['reset-policy']],
    ])
    if (isClassic) {
      typed.set('partition.assignment.strategy', options['assignment-strategy'])
      typed.set('session.timeout.ms', options['session-timeout'])
    } else if (options['group-remote-assignor'] !== undefined) {
      typed.set('group.remote.assignor', options['group-remote-assignor'])
    }
    if (options['group-instance-id'] !== undefined) typed.set('group.instance.id', options['group-instance-id'])
    const files = [options['command-config'], options['consumer.config']]
    const settings = clientSettings('consumer', files, typed)
    const run = { topic: options.topic, most: most < 0 ? Number.POSITIVE_INFINITY : most, verbose: options.verbose }
    const group = groupOptionsOf(options['group-id'], settings)
    return withCluster(options, (client) => consume(client, group, run), settings)
  },
}

interface Run {
  readonly topic: string
  readonly most: number
  readonly verbose: boolean
}

async function consume(client: ClusterClient, options: GroupConsumerOptions, run: Run): Promise<void> {
  const say = (name: string, event: object = {}): void => {
    process.stdout.write(`${JSON.stringify({ timestamp: client.ports.clock.wallMs(), name, ...event })}\n`)
  }
  const named = (partitions: readonly TopicPartition[]): object => {
    return { partitions: partitions.map(({ topic, partition }) => ({ topic, partition })) }
  }
  const revoked = (partitions: readonly TopicPartition[]): void => say('partitions_revoked', named(partitions))
  const listener = {
    assigned: (partitions: readonly TopicPartition[]) => say('partitions_assigned', named(partitions)),
    revoked,
    // Kafka's listener is told of what is lost as of what is revoked.
    lost: revoked,
  }
  const consumer = new GroupConsumer(client, { ...options, listener })
  const signals = stopSignals(() => consumer.wakeup())
  say('startup_complete')
  consumer.subscribe({ topics: [run.topic] })
  let consumed = 0
  try {
    while (consumed < run.most && signals.exitCode === undefined) {
      const records = await consumer.poll(POLL_MS)
      if (records.length === 0) continue
      const wanted = records.slice(0, run.most - consumed)
      consumed += wanted.length
      const offsets = told(wanted, records.length, run.verbose, say)
      if (options.autoCommit === false) await commit(consumer, offsets, say)
    }
  } finally {
    await consumer.close()
    say('shutdown_complete')
    process.exitCode = signals.exitCode ?? process.exitCode
  }
}

/** Gives what is to be committed. */
function told(
  records: readonly ConsumedRecord[],
  count: number,
  verbose: boolean,
  say: (name: string, event: object) => void,
): OffsetToCommit[] {
  if (verbose) {
    for (const { key, value, topic, partition, offset } of records) {
      say('record_data', { key: textOf(key), value: textOf(value), topic, partition, offset })
    }
  }
  const byPartition = [...groupBy(records, keyOf).values()]
  const partitions = byPartition.map((those) => {
    const { topic, partition, offset: minOffset } = those[0]!
    return { topic, partition, count: those.length, minOffset, maxOffset: those.at(-1)!.offset }
  })
  say('records_consumed', { count, partitions })
  return byPartition.map((those) => {
    const { topic, partition, offset, leaderEpoch } = those.at(-1)!
    return { topic, partition, offset: offset + 1, leaderEpoch }
  })
}

async function commit(
  consumer: GroupConsumer,
  offsets: readonly OffsetToCommit[],
  say: (name: string, event: object) => void,
): Promise<void> {
  const committed = offsets.map(({ topic, partition, offset }) => ({ topic, partition, offset }))
  try {
    await consumer.commit(offsets)
    say('offsets_committed', { offsets: committed, success: true })
  } catch (error) {
    if (!(error instanceof ClientError) || error.error === 'FENCED_INSTANCE_ID') throw error
    say('offsets_committed', { offsets: committed, error: error.message, success: false })
  }
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString()
}
