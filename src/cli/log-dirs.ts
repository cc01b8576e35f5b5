/** `lograft log-dirs`: with the flags of kafka-log-dirs.sh. */
import type { CommandModule } from 'yargs'
import { Admin } from '../client/admin/admin.js'
import { errorByCode } from '../protocol/errors.js'
import { type ClusterOptions, clusterOptions, flag, text, wholeNumber, withCluster } from './cluster-options.js'
import { fail, misuse } from './fail.js'

interface Options extends ClusterOptions {
  readonly describe: boolean
  readonly 'broker-list': string | undefined
  readonly 'topic-list': string | undefined
}

/** Here `--broker-list` are ids, as in Kafka's tool. */
const { alias: _, ...bootstrapServer } = clusterOptions['bootstrap-server']

export const logDirsCommand: CommandModule<object, Options> = {
  command: 'log-dirs',
  describe: 'Print what lies in the data directories of brokers, as JSON',
  builder: (yargs) =>
    yargs
      .options({ ...clusterOptions, 'bootstrap-server': bootstrapServer })
      .option('describe', { ...flag, describe: 'Print it' })
      .option('broker-list', { ...text, describe: 'Ids of brokers with commas between; default: all' })
      .option('topic-list', { ...text, describe: 'Only these topics, with commas between; default: all' })
      .example('$0 log-dirs --describe --topic-list orders', 'How large the partitions of a topic are'),
  handler: (options) =>
    withCluster(options, async (client) => {
      if (!options.describe) misuse('say --describe')
      const admin = new Admin(client)
      await client.refresh([])
      const asked = listOf(options['broker-list'])?.map((id) => wholeNumber('broker-list', id))
      const known = [...client.view.brokers.keys()]
      const missing = asked?.find((id) => !known.includes(id))
      if (missing !== undefined) fail(`--broker-list names ${missing}, and the brokers are ${known.join(', ')}`)
      const brokers = await Promise.all(
        (asked ?? known).map(async (broker) => {
          const logDirs = await admin.describeLogDirs(broker, listOf(options['topic-list']))
          return { broker, logDirs: logDirs.map(asJson) }
        }),
      )
      process.stdout.write(`${JSON.stringify({ version: 1, brokers })}\n`)
    }),
}

function listOf(text: string | undefined): string[] | undefined {
  return text?.split(',').flatMap((each) => (each.trim() === '' ? [] : [each.trim()]))
}

function asJson({ logDir, errorCode, topics }: Awaited<ReturnType<Admin['describeLogDirs']>>[number]): object {
  const partitions = topics.flatMap(({ name, partitions: those }) =>
    those.map(({ partitionIndex, partitionSize, offsetLag, isFutureKey }) => ({
      partition: `${name}-${partitionIndex}`,
      size: partitionSize,
      offsetLag,
      isFuture: isFutureKey,
    })),
  )
  return { logDir, error: errorCode === 0 ? null : errorByCode(errorCode).name, partitions }
}
