/** `lograft broker-api-versions`: what each broker serves, and which version would be used, as kafka-broker-api-versions.sh prints it. */
import type { CommandModule } from 'yargs'
import { Admin } from '../client/admin/admin.js'
import { type ClusterOptions, clusterOptions, withCluster } from './cluster-options.js'

export const brokerApiVersionsCommand: CommandModule<object, ClusterOptions> = {
  command: 'broker-api-versions',
  describe: 'Print what each broker serves, and in which versions',
  builder: (yargs) =>
    yargs.options(clusterOptions).example('$0 broker-api-versions', 'One block for each broker of the cluster'),
  handler: (options) =>
    withCluster(options, async (client) => {
      const { MESSAGES } = await import('../protocol/messages/index.js')
      const admin = new Admin(client)
      await client.refresh([])
      for (const { nodeId, host, port, rack } of client.view.brokers.values()) {
        const { apiKeys } = await admin.apiVersions(nodeId)
        const lines = apiKeys.map(({ apiKey, minVersion, maxVersion }) => {
          const known = MESSAGES.find(({ key }) => key === apiKey)
          const served = minVersion === maxVersion ? String(minVersion) : `${minVersion} to ${maxVersion}`
          const usable = known === undefined ? -1 : Math.min(known.versions[1], maxVersion)
          const fits = known !== undefined && usable >= Math.max(minVersion, known.versions[0])
          return `\t${known?.name ?? 'UNKNOWN'}(${apiKey}): ${served} [usable: ${fits ? usable : 'none'}]`
        })
        process.stdout.write(`${host}:${port} (id: ${nodeId} rack: ${rack}) -> (\n${lines.join(',\n')}\n)\n`)
      }
    }),
}
