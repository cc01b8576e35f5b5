/** `lograft cluster`: with the commands of kafka-cluster.sh. */
import type { CommandModule } from 'yargs'
import { Admin } from '../client/admin/admin.js'
import { type ClusterOptions, clusterOptions, flag, text, wholeNumber, withCluster } from './cluster-options.js'
import { misuse } from './fail.js'
import { table } from './table.js'

interface Options extends ClusterOptions {
  readonly action: 'cluster-id' | 'list-endpoints' | 'unregister'
  readonly id?: string | undefined
  readonly controllers: boolean
}

export const clusterCommand: CommandModule<object, Options> = {
  command: 'cluster <action>',
  describe: 'Print the id of the cluster, or its brokers and where they are, or forget one of them',
  builder: (yargs) =>
    yargs
      .positional('action', { choices: ['cluster-id', 'list-endpoints', 'unregister'] as const, demandOption: true })
      .options(clusterOptions)
      .option('controllers', {
        ...flag,
        describe: 'With list-endpoints, at the address of a controller: the controllers',
      })
      .option('id', { ...text, describe: 'With unregister: the broker that is not to come back' })
      .example('$0 cluster cluster-id', 'The id')
      .example('$0 cluster list-endpoints', 'One line for each broker')
      .example('$0 cluster unregister --id 3', 'The cluster forgets broker 3'),
  handler: (options) =>
    withCluster(options, async (client) => {
      if (options.action === 'unregister') {
        if (options.id === undefined) return misuse('unregister needs --id, the broker that is not to come back')
        const id = wholeNumber('id', options.id)
        await new Admin(client).unregisterBroker(id)
        process.stdout.write(`Broker ${id} is no longer registered.\n`)
        return
      }
      const { clusterId, endpoints } = await new Admin(client).describeCluster({ controllers: options.controllers })
      if (options.action === 'cluster-id') {
        process.stdout.write(`Cluster ID: ${clusterId}\n`)
        return
      }
      const rows = endpoints.map(({ nodeId, host, port, rack, isFenced }) => {
        return [
          nodeId,
          host,
          port,
          rack ?? 'null',
          isFenced ? 'fenced' : 'unfenced',
          options.controllers ? 'controller' : 'broker',
        ]
      })
      process.stdout.write(table([['ID', 'HOST', 'PORT', 'RACK', 'STATE', 'ENDPOINT_TYPE'], ...rows]))
    }),
}
