/** All commands. Only the one that is run is loaded, so that none makes the others start later. */
import type { CommandModule } from 'yargs'
import { ofJavaClass } from './java-classes.js'

export interface LazyCommand {
  readonly name: string
  /** As in the command itself: the list of all is made without loading them. */
  readonly describe: string
  readonly load: () => Promise<CommandModule<object, never>>
}

const command = (name: string, describe: string, load: () => Promise<unknown>): LazyCommand => ({
  name,
  describe,
  load: load as LazyCommand['load'],
})

export const COMMANDS: readonly LazyCommand[] = [
  command(
    'start',
    'Run a node: broker and controller in one process, with nothing to set up',
    async () => (await import('./start.js')).startCommand,
  ),
  command(
    'server-start',
    'The same with the arguments of kafka-server-start.sh: a file, and -daemon',
    async () => (await import('./server-start.js')).serverStartCommand,
  ),
  command(
    'topics',
    'Create, list, describe, change and delete topics',
    async () => (await import('./topics.js')).topicsCommand,
  ),
  command(
    'configs',
    'Describe and change the settings of topics, brokers and groups while they run',
    async () => (await import('./configs.js')).configsCommand,
  ),
  command(
    'console-producer',
    'Send each line of standard input as a record',
    async () => (await import('./console-producer.js')).consoleProducerCommand,
  ),
  command(
    'console-consumer',
    'Print the records of a topic, one a line',
    async () => (await import('./console-consumer.js')).consoleConsumerCommand,
  ),
  command(
    'consumer-groups',
    'List, describe and delete groups of consumers, and reset what they have committed',
    async () => (await import('./consumer-groups.js')).consumerGroupsCommand,
  ),
  command(
    'groups',
    'List groups of every kind: of consumers, of Connect, share groups',
    async () => (await import('./groups.js')).groupsCommand,
  ),
  command(
    'get-offsets',
    'Print the offset of each partition at a time: the end, the beginning, or a timestamp',
    async () => (await import('./get-offsets.js')).getOffsetsCommand,
  ),
  command(
    'consumer-perf-test',
    'Read many records as a member of a group, and print how many a second',
    async () => (await import('./consumer-perf-test.js')).consumerPerfTestCommand,
  ),
  command(
    'verifiable-consumer',
    'Read as a member of a group, and print what happens as JSON, for tests',
    async () => (await import('./verifiable-consumer.js')).verifiableConsumerCommand,
  ),
  command(
    'producer-perf-test',
    'Send many records, and print how many a second and how long they took',
    async () => (await import('./producer-perf-test.js')).producerPerfTestCommand,
  ),
  command(
    'verifiable-producer',
    'Send numbers, and print what became of each as JSON, for tests',
    async () => (await import('./verifiable-producer.js')).verifiableProducerCommand,
  ),
  command(
    'e2e-latency',
    'Measure how long a record takes from being sent to being read',
    async () => (await import('./e2e-latency.js')).e2eLatencyCommand,
  ),
  command(
    'delete-records',
    'Delete the records of partitions before an offset',
    async () => (await import('./delete-records.js')).deleteRecordsCommand,
  ),
  command(
    'log-dirs',
    'Print what lies in the data directories of brokers, as JSON',
    async () => (await import('./log-dirs.js')).logDirsCommand,
  ),
  command(
    'cluster',
    'Print the id of the cluster, or its brokers and where they are, or forget one of them',
    async () => (await import('./cluster.js')).clusterCommand,
  ),
  command(
    'features',
    'Describe and change the feature levels of the cluster',
    async () => (await import('./features.js')).featuresCommand,
  ),
  command(
    'metadata-quorum',
    'Describe the quorum that keeps the metadata: its leader, voters and observers',
    async () => (await import('./metadata-quorum.js')).metadataQuorumCommand,
  ),
  command(
    'broker-api-versions',
    'Print what each broker serves, and in which versions',
    async () => (await import('./broker-api-versions.js')).brokerApiVersionsCommand,
  ),
  command(
    'dump-log',
    'Print what stands in segments, indexes and snapshots, and whether they agree',
    async () => (await import('./dump-log.js')).dumpLogCommand,
  ),
  command(
    'storage',
    'Look at a data directory, or give it its ids before the first start (not needed)',
    async () => (await import('./storage.js')).storageCommand,
  ),
  command(
    'zookeeper-server-start',
    'Say what is there instead of ZooKeeper, and start nothing',
    async () => (await import('./zookeeper-server-start.js')).zookeeperServerStartCommand,
  ),
  command(
    'kafka-home',
    'Write a directory that looks like an installation of Kafka: bin/kafka-*.sh, config, libs',
    async () => (await import('./kafka-home.js')).kafkaHomeCommand,
  ),
  command(
    'wire',
    "Turn messages of Kafka's protocol into JSON, and JSON into messages",
    async () => (await import('./wire.js')).wireCommand,
  ),
  command(
    'check',
    'Try whether a cluster loses, doubles or reorders records, or judge a history of one',
    async () => (await import('./check.js')).checkCommand,
  ),
  command(
    'sim',
    'Run the broker in a simulated world with faults, and judge what it acknowledged',
    async () => (await import('./sim.js')).simCommand,
  ),
]

export interface CommandLine {
  /** Undefined: there is none of that name. */
  readonly command: LazyCommand | undefined
  /** As typed, but for the name of the command, which is one of `COMMANDS`. */
  readonly args: readonly string[]
}

/** What is to be done: `topics`, or Kafka's name for it (`kafka-topics.sh`) as the first word or as the name of the program. */
export function commandLine(program: string, words: readonly string[]): CommandLine {
  if (isRunClass(program)) return classLine(words)
  if (words[0] !== undefined && isRunClass(words[0])) return classLine(words.slice(1))
  const asProgram = scriptOfKafka(program)
  if (asProgram !== undefined) return { command: asProgram, args: [asProgram.name, ...withTwoDashes(asProgram, words)] }
  const at = words.findIndex((word) => !word.startsWith('-'))
  const word = words[at]
  const command = word === undefined ? undefined : (COMMANDS.find(({ name }) => name === word) ?? scriptOfKafka(word))
  if (command === undefined) return { command, args: words }
  return { command, args: withTwoDashes(command, words.with(at, command.name)) }
}

function isRunClass(word: string): boolean {
  return /^kafka-run-class(?:\.sh|\.bat)?$/.test(word)
}

function classLine(words: readonly string[]): CommandLine {
  const meant = ofJavaClass(words)
  const command = COMMANDS.find(({ name }) => name === meant?.command)
  if (meant === undefined || command === undefined) return { command: undefined, args: words }
  return { command, args: [command.name, ...withTwoDashes(command, meant.args)] }
}

function scriptOfKafka(word: string): LazyCommand | undefined {
  const script = /^(?:kafka-(.+?)|(zookeeper-.+?))(?:\.sh|\.bat)?$/.exec(word)
  return script === null ? undefined : COMMANDS.find(({ name }) => name === (script[1] ?? script[2]))
}

/** Kafka's scripts that start servers have one flag with a single dash, as Java's are. */
function withTwoDashes({ name }: LazyCommand, words: readonly string[]): readonly string[] {
  return name.endsWith('server-start') ? words.map((word) => (word === '-daemon' ? '--daemon' : word)) : words
}
