/** Our commands that Kafka has as scripts under the same name, behind `kafka-` unless it is ZooKeeper's. */
export const KAFKA_COMMANDS: readonly string[] = [
  'broker-api-versions',
  'cluster',
  'configs',
  'console-consumer',
  'console-producer',
  'consumer-perf-test',
  'consumer-groups',
  'delete-records',
  'dump-log',
  'e2e-latency',
  'features',
  'get-offsets',
  'groups',
  'log-dirs',
  'metadata-quorum',
  'producer-perf-test',
  'server-start',
  'storage',
  'topics',
  'verifiable-consumer',
  'verifiable-producer',
  'zookeeper-server-start',
]

/** Commands that Kafka has not. */
export const OWN_COMMANDS: readonly string[] = ['start', 'kafka-home', 'wire', 'check', 'sim']
