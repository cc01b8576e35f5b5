/** Java's names of Kafka's programs, for those who start them through kafka-run-class.sh: each is one of our commands. */

/** Behind the package; the same class has moved between packages. */
const COMMANDS_BY_CLASS: Readonly<Record<string, string>> = {
  Kafka: 'server-start',
  QuorumPeerMain: 'zookeeper-server-start',
  StorageTool: 'storage',
  TopicCommand: 'topics',
  ConfigCommand: 'configs',
  ConsoleProducer: 'console-producer',
  ConsoleConsumer: 'console-consumer',
  ConsumerGroupCommand: 'consumer-groups',
  GroupsCommand: 'groups',
  GetOffsetShell: 'get-offsets',
  DeleteRecordsCommand: 'delete-records',
  LogDirsCommand: 'log-dirs',
  ClusterTool: 'cluster',
  FeatureCommand: 'features',
  MetadataQuorumCommand: 'metadata-quorum',
  BrokerApiVersionsCommand: 'broker-api-versions',
  DumpLogSegments: 'dump-log',
  ProducerPerformance: 'producer-perf-test',
  ConsumerPerformance: 'consumer-perf-test',
  VerifiableProducer: 'verifiable-producer',
  VerifiableConsumer: 'verifiable-consumer',
  EndToEndLatency: 'e2e-latency',
}

const PACKAGES = /^(?:kafka|org\.apache\.kafka|org\.apache\.zookeeper)\.(?:[\w.]+\.)?(\w+)$/

/** Flags of the script with a value of their own, and without. */
const NAMED = ['-name']
const SWITCHES = ['-loggc', '-nologgc']

/** What kafka-run-class.sh is told: the command, and its arguments; `-daemon` is passed on. Undefined: no class of Kafka's that is known. */
export function ofJavaClass(
  words: readonly string[],
): { readonly command: string; readonly args: readonly string[] } | undefined {
  const kept: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    if (NAMED.includes(word)) at++
    else if (word === '-daemon') kept.push(word)
    else if (!SWITCHES.includes(word)) {
      const name = PACKAGES.exec(word)?.[1] ?? ''
      if (!Object.hasOwn(COMMANDS_BY_CLASS, name)) return undefined
      return { command: COMMANDS_BY_CLASS[name]!, args: [...kept, ...words.slice(at + 1)] }
    }
  }
  return undefined
}
