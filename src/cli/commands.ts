/** All commands. Only the one that is run is loaded, so that none makes the others start later. */
import type { CommandModule } from 'yargs'

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
    'topics',
    'Create, list, describe, change and delete topics',
    async () => (await import('./topics.js')).topicsCommand,
  ),
  command(
    'configs',
    'Describe and change the settings of topics and brokers while they run',
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
    'get-offsets',
    'Print the offset of each partition at a time: the end, the beginning, or a timestamp',
    async () => (await import('./get-offsets.js')).getOffsetsCommand,
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
    'Print the id of the cluster, or its brokers and where they are',
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
    'wire',
    "Turn messages of Kafka's protocol into JSON, and JSON into messages",
    async () => (await import('./wire.js')).wireCommand,
  ),
  command(
    'sim',
    'Run the broker in a simulated world with faults, and judge what it acknowledged',
    async () => (await import('./sim.js')).simCommand,
  ),
]

/** What the command line asks for: `topics`, or Kafka's name for it (`kafka-topics.sh`) as the name of the program. */
export function wantedCommand(program: string, args: readonly string[]): string | undefined {
  const asKafka = /^kafka-(.+?)(?:\.sh|\.bat)?$/.exec(program)?.[1]
  if (asKafka !== undefined && COMMANDS.some(({ name }) => name === asKafka)) return asKafka
  return args.find((arg) => !arg.startsWith('-'))
}
