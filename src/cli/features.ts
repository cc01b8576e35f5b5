/** `lograft features`: with the commands of kafka-features.sh. */
import type { CommandModule } from 'yargs'
import { Admin, type FeatureUpdate, type UpgradeType } from '../client/admin/admin.js'
import { type ClusterOptions, clusterOptions, flag, texts, wholeNumber, withCluster } from './cluster-options.js'
import { misuse } from './fail.js'

interface Options extends ClusterOptions {
  readonly action: 'describe' | 'upgrade' | 'downgrade' | 'disable'
  readonly feature: readonly string[] | undefined
  readonly unsafe: boolean
  readonly 'dry-run': boolean
}

export const featuresCommand: CommandModule<object, Options> = {
  command: 'features <action>',
  describe: 'Describe and change the feature levels of the cluster',
  builder: (yargs) =>
    yargs
      .positional('action', { choices: ['describe', 'upgrade', 'downgrade', 'disable'] as const, demandOption: true })
      .options(clusterOptions)
      .option('feature', { ...texts, describe: 'NAME=LEVEL, with disable NAME; may be repeated' })
      .option('unsafe', { ...flag, describe: 'With downgrade and disable: even if the older level loses something' })
      .option('dry-run', { ...flag, describe: 'Only check whether it could be done' })
      .example('$0 features describe', 'What is supported, and what is in use')
      .example('$0 features upgrade --feature lograft.version=3', 'A newer level'),
  handler: (options) =>
    withCluster(options, async (client) => {
      const admin = new Admin(client)
      if (options.action === 'describe') {
        process.stdout.write(await described(admin))
        return
      }
      const downgrade: UpgradeType = options.unsafe ? 'unsafe-downgrade' : 'safe-downgrade'
      const type = options.action === 'upgrade' ? 'upgrade' : downgrade
      const updates = updatesOf(options)
      await admin.updateFeatures(updates, { type, validateOnly: options['dry-run'] })
      for (const { feature, level } of updates) {
        const done = options['dry-run'] ? 'can be' : 'was'
        process.stdout.write(`${feature} ${done} ${level === 0 ? 'disabled' : `set to ${level}`}.\n`)
      }
    }),
}

function updatesOf({ action, feature: given }: Options): FeatureUpdate[] {
  if (given === undefined) return misuse(`${action} needs --feature`)
  return given.map((text) => {
    const [, feature, level] = /^([^=]+)(?:=(.*))?$/.exec(text) ?? []
    if (feature === undefined || (level === undefined) !== (action === 'disable')) {
      return misuse(`--feature ${text} is not allowed: it must be ${action === 'disable' ? 'NAME' : 'NAME=LEVEL'}`)
    }
    return { feature, level: level === undefined ? 0 : wholeNumber('feature', level, 0, 0x7fff) }
  })
}

async function described(admin: Admin): Promise<string> {
  await admin.client.refresh([])
  const [nodeId] = admin.client.view.brokers.keys()
  const { supportedFeatures, finalizedFeatures, finalizedFeaturesEpoch } = await admin.apiVersions(nodeId!)
  return supportedFeatures
    .map(({ name, minVersion, maxVersion }) => {
      const level = finalizedFeatures.find((each) => each.name === name)?.maxVersionLevel ?? 0
      return (
        `Feature: ${name}\tSupportedMinVersion: ${minVersion}\tSupportedMaxVersion: ${maxVersion}\t` +
        `FinalizedVersionLevel: ${level}\tEpoch: ${finalizedFeaturesEpoch}\n`
      )
    })
    .join('')
}
