/** `lograft topics`: with the flags of kafka-topics.sh. */
import type { CommandModule } from 'yargs'
import { Admin } from '../client/admin/admin.js'
import type { ConfigEntry } from '../client/admin/configs.js'
import { ClientError } from '../client/client-error.js'
import type { PartitionView, TopicView } from '../client/cluster-view.js'
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
import { survival } from './survival.js'
import { topicPattern } from './topic-pattern.js'

interface TopicsOptions extends ClusterOptions {
  readonly create: boolean
  readonly list: boolean
  readonly describe: boolean
  readonly delete: boolean
  readonly alter: boolean
  readonly topic: string | undefined
  readonly 'topic-id': string | undefined
  readonly partitions: string | undefined
  readonly 'replication-factor': string | undefined
  readonly 'replica-assignment': string | undefined
  readonly config: readonly string[] | undefined
  readonly 'if-not-exists': boolean
  readonly 'if-exists': boolean
  readonly 'exclude-internal': boolean
  readonly 'under-replicated-partitions': boolean
  readonly 'unavailable-partitions': boolean
  readonly 'under-min-isr-partitions': boolean
  readonly 'at-min-isr-partitions': boolean
  readonly 'topics-with-overrides': boolean
}

const ACTIONS = ['create', 'list', 'describe', 'delete', 'alter'] as const

export const topicsCommand: CommandModule<object, TopicsOptions> = {
  command: 'topics',
  describe: 'Create, list, describe, change and delete topics',
  builder: (yargs) =>
    yargs
      .options(clusterOptions)
      .option('create', { ...flag, describe: 'Create a topic' })
      .option('list', { ...flag, describe: 'Print the names of all topics' })
      .option('describe', { ...flag, describe: 'Print partitions, settings, and what they make a topic survive' })
      .option('delete', { ...flag, describe: 'Delete topics with all that is in them' })
      .option('alter', { ...flag, describe: 'Raise the number of partitions' })
      .option('topic', { ...text, describe: 'The topic; but for --create it may be a regular expression' })
      .option('topic-id', { ...text, describe: 'With --describe: the topic by its id' })
      .option('partitions', { ...text, describe: 'With --create and --alter; default: as the broker says' })
      .option('replication-factor', { ...text, describe: 'With --create; default: as the broker says' })
      .option('replica-assignment', {
        ...text,
        describe: 'Brokers of each partition, 1:2,2:3 being two partitions with two replicas each',
      })
      .option('config', { ...texts, describe: 'With --create: a setting of the topic as key=value; may be repeated' })
      .option('if-not-exists', { ...flag, describe: 'With --create: a topic that exists is no error' })
      .option('if-exists', { ...flag, describe: 'A topic that does not exist is no error' })
      .option('exclude-internal', { ...flag, describe: 'Leave out the topics that the cluster keeps for itself' })
      .option('under-replicated-partitions', {
        ...flag,
        describe: 'Only partitions with replicas that are not in sync',
      })
      .option('unavailable-partitions', { ...flag, describe: 'Only partitions without a leader' })
      .option('under-min-isr-partitions', { ...flag, describe: 'Only partitions that refuse acks=all' })
      .option('at-min-isr-partitions', { ...flag, describe: 'Only partitions that would with one replica fewer' })
      .option('topics-with-overrides', { ...flag, describe: 'Only topics with settings of their own' })
      .example('$0 topics --create --topic orders --partitions 6', 'A topic with six partitions')
      .example('$0 topics --create --topic audit --config retention.ms=-1', 'One that keeps everything')
      .example('$0 topics --list', 'The names of all')
      .example('$0 topics --describe --topic orders', 'Partitions, settings, and what it survives')
      .example('$0 topics --alter --topic orders --partitions 12', 'More partitions')
      .example("$0 topics --delete --topic 'test-.*'", 'Every topic whose name begins with test-')
      .check((options) => {
        const chosen = ACTIONS.filter((action) => options[action] === true)
        if (chosen.length === 1) return true
        throw new Error('say one of --create, --list, --describe, --delete, --alter')
      }),
  handler: (options) =>
    withCluster(options, async (client) => {
      const admin = new Admin(client)
      if (options.create) return create(admin, options)
      if (options.list) return list(admin, options)
      if (options.describe) return describe(admin, options)
      if (options.delete) return remove(admin, options)
      return alter(admin, options)
    }),
}

function topicOf({ topic }: TopicsOptions, action: string): string {
  return topic ?? misuse(`--${action} needs --topic`)
}

async function create(admin: Admin, options: TopicsOptions): Promise<void> {
  const name = topicOf(options, 'create')
  const { partitions, 'replication-factor': factor, 'replica-assignment': assignment } = options
  if (assignment !== undefined && (partitions !== undefined || factor !== undefined)) {
    misuse(
      '--replica-assignment says the partitions and their replicas: leave out --partitions and --replication-factor',
    )
  }
  try {
    await admin.createTopics([
      {
        name,
        partitions: partitions === undefined ? undefined : wholeNumber('partitions', partitions, 1, 0x7fff_ffff),
        replicationFactor: factor === undefined ? undefined : wholeNumber('replication-factor', factor, 1, 0x7fff),
        assignment: assignment === undefined ? undefined : parseAssignment(assignment),
        configs: Object.fromEntries(keyValues('config', options.config)),
      },
    ])
  } catch (error) {
    const exists = error instanceof ClientError && error.error === 'TOPIC_ALREADY_EXISTS'
    if (!(exists && options['if-not-exists'])) throw error
    return
  }
  process.stdout.write(`Created topic ${name}.\n`)
}

function parseAssignment(given: string): number[][] {
  return given
    .split(',')
    .map((partition) => partition.split(':').map((id) => wholeNumber('replica-assignment', id.trim(), 0, 0x7fff_ffff)))
}

/** Those that are meant, by name. Without `--if-exists` it is an error if there are none. */
async function chosen(admin: Admin, options: TopicsOptions): Promise<TopicView[]> {
  const { topic, 'topic-id': id, 'exclude-internal': withoutInternal } = options
  const pattern = topic === undefined ? undefined : topicPattern(topic)
  const topics = (await admin.listTopics()).filter(
    ({ name, topicId, isInternal }) =>
      (pattern?.test(name) ?? true) && (id === undefined || topicId === id) && !(withoutInternal && isInternal),
  )
  if (topics.length === 0 && (topic !== undefined || id !== undefined) && !options['if-exists'] && !options.list) {
    throw new ClientError('UNKNOWN_TOPIC_OR_PARTITION', `topic ${topic ?? id} does not exist`)
  }
  return topics
}

async function list(admin: Admin, options: TopicsOptions): Promise<void> {
  const lines = (await chosen(admin, options)).map(({ name }) => `${name}\n`)
  process.stdout.write(lines.join(''))
}

async function remove(admin: Admin, options: TopicsOptions): Promise<void> {
  topicOf(options, 'delete')
  const topics = await chosen(admin, options)
  if (topics.length > 0) await admin.deleteTopics(topics.map(({ name }) => name))
}

async function alter(admin: Admin, options: TopicsOptions): Promise<void> {
  topicOf(options, 'alter')
  const { partitions } = options
  if (options.config !== undefined) {
    misuse(
      '--alter does not change settings: see configs --alter --entity-type topics --entity-name NAME --add-config key=value',
    )
  }
  if (partitions === undefined) misuse('--alter needs --partitions, how many there are to be')
  const count = wholeNumber('partitions', partitions, 1, 0x7fff_ffff)
  const { 'replica-assignment': given } = options
  for (const { name, partitions: existing } of await chosen(admin, options)) {
    // Kafka's tool takes the brokers of all partitions, the protocol those of the new ones.
    const assignment = given === undefined ? undefined : parseAssignment(given).slice(existing.length)
    await admin.createPartitions(name, count, assignment)
  }
}

async function describe(admin: Admin, options: TopicsOptions): Promise<void> {
  for (const topic of await chosen(admin, options)) {
    const configs = await configsOf(admin, topic.name)
    const minInSync = Number(configs?.find(({ name }) => name === 'min.insync.replicas')?.value ?? 1)
    const partitions = topic.partitions.filter((partition) => isWanted(partition, minInSync, options))
    const overrides = configs?.filter(({ configSource }) => configSource === TOPIC_CONFIG) ?? []
    if (options['topics-with-overrides'] && overrides.length === 0) continue
    const narrowed =
      options['under-replicated-partitions'] ||
      options['unavailable-partitions'] ||
      options['under-min-isr-partitions'] ||
      options['at-min-isr-partitions']
    const lines = narrowed ? [] : [headLine(topic, overrides)]
    if (!options['topics-with-overrides']) lines.push(...partitions.map((partition) => partitionLine(topic, partition)))
    if (!narrowed && configs !== undefined) lines.push(...inWords(topic, configs))
    process.stdout.write(lines.map((line) => `${line}\n`).join(''))
  }
}

const TOPIC_CONFIG = 1

/** Undefined where the broker does not say. */
async function configsOf(admin: Admin, name: string): Promise<ConfigEntry[] | undefined> {
  try {
    return await admin.describeConfigs({ type: 'topics', name })
  } catch (error) {
    if (error instanceof ClientError && error.error === 'UNSUPPORTED_VERSION') return undefined
    throw error
  }
}

function isWanted({ replicas, isr, leader }: PartitionView, minInSync: number, options: TopicsOptions): boolean {
  return (
    (!options['under-replicated-partitions'] || isr.length < replicas.length) &&
    (!options['unavailable-partitions'] || leader < 0) &&
    (!options['under-min-isr-partitions'] || isr.length < minInSync) &&
    (!options['at-min-isr-partitions'] || isr.length === minInSync)
  )
}

function headLine({ name, topicId, partitions }: TopicView, overrides: readonly ConfigEntry[]): string {
  const factor = partitions[0]?.replicas.length ?? 0
  const configs = overrides.map(({ name: key, value }) => `${key}=${value}`).join(',')
  return `Topic: ${name}\tTopicId: ${topicId}\tPartitionCount: ${partitions.length}\tReplicationFactor: ${factor}\tConfigs: ${configs}`
}

function partitionLine({ name }: TopicView, { partition, leader, replicas, isr }: PartitionView): string {
  const led = leader < 0 ? 'none' : leader
  return `\tTopic: ${name}\tPartition: ${partition}\tLeader: ${led}\tReplicas: ${replicas.join(',')}\tIsr: ${isr.join(',')}`
}

function inWords({ partitions }: TopicView, configs: readonly ConfigEntry[]): string[] {
  const value = (key: string, otherwise: string): string => configs.find(({ name }) => name === key)?.value ?? otherwise
  const sentences = survival({
    replicationFactor: Math.min(...partitions.map(({ replicas }) => replicas.length)),
    minInSync: Number(value('min.insync.replicas', '1')),
    // A broker that does not know the setting is one that leaves flushing to the operating system.
    flushPolicy: value('flush.policy', 'os') === 'commit' ? 'commit' : 'os',
    uncleanElection: value('unclean.leader.election.enable', 'false') === 'true',
    cleanupPolicy: value('cleanup.policy', 'delete'),
    retentionMs: Number(value('retention.ms', '-1')),
    retentionBytes: Number(value('retention.bytes', '-1')),
  })
  return sentences.map((sentence) => `\t${sentence}`)
}
