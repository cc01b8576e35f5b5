/** The files of settings in a directory that looks like an installation of Kafka. */

/** `dataDirectory` is absolute: a server may be started from anywhere. */
export function serverProperties(dataDirectory: string): string {
  return `# A node that is broker and controller, and a cluster of its own. Every key that Kafka knows may stand here.
node.id=1
process.roles=broker,controller
listeners=PLAINTEXT://:9092
log.dirs=${dataDirectory.replaceAll('\\', '\\\\')}
num.partitions=1
delete.topic.enable=true
`
}

export const ZOOKEEPER_PROPERTIES = `# Nobody reads this: there is no ZooKeeper. It is here for scripts that name it.
clientPort=2181
`

/** For \`--producer.config\`, \`--consumer.config\` and \`--command-config\`. */
export const CLIENT_PROPERTIES = `bootstrap.servers=localhost:9092
`
