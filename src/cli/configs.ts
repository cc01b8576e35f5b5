/** `lograft configs`: with the flags of kafka-configs.sh, for topics, brokers and groups. */
import fs from 'node:fs'
import type { CommandModule } from 'yargs'
import { Admin } from '../client/admin/admin.js'
import {
  CONFIG_SOURCES,
  type ConfigChange,
  type ConfigEntry,
  type ConfigResource,
  configuredGroups,
} from '../client/admin/configs.js'
import { listGroups } from '../client/admin/groups.js'
import { parseProperties } from '../config/properties.js'
import { type ClusterOptions, clusterOptions, flag, text, withCluster } from './cluster-options.js'
import { fail, misuse } from './fail.js'

type EntityType = ConfigResource['type']

interface Options extends ClusterOptions {
  readonly describe: boolean
  readonly alter: boolean
  readonly all: boolean
  readonly 'entity-type': EntityType | undefined
  readonly 'entity-name': string | undefined
  readonly 'entity-default': boolean
  readonly topic: string | undefined
  readonly broker: string | undefined
  readonly group: string | undefined
  readonly 'broker-defaults': boolean
  readonly 'broker-logger': string | undefined
  readonly 'add-config': string | undefined
  readonly 'add-config-file': string | undefined
  readonly 'delete-config': string | undefined
}

export const configsCommand: CommandModule<object, Options> = {
  command: 'configs',
  describe: 'Describe and change the settings of topics, brokers and groups while they run',
  builder: (yargs) =>
    yargs
      .options(clusterOptions)
      .option('describe', { ...flag, describe: 'Print settings and where each value comes from' })
      .option('alter', { ...flag, describe: 'Set and remove settings' })
      .option('all', { ...flag, describe: 'With --describe: also those that nobody has set' })
      .option('entity-type', {
        choices: ['topics', 'brokers', 'broker-loggers', 'groups'] as const,
        requiresArg: true,
        describe: 'What they belong to',
      })
      .option('entity-name', { ...text, describe: "A topic's name, a broker's id, a group's id; default: all" })
      .option('entity-default', { ...flag, describe: 'The defaults of all brokers' })
      .option('topic', { ...text, describe: 'For --entity-type topics --entity-name' })
      .option('broker', { ...text, describe: 'For --entity-type brokers --entity-name' })
      .option('broker-defaults', { ...flag, describe: 'For --entity-type brokers --entity-default' })
      .option('broker-logger', { ...text, describe: 'For --entity-type broker-loggers --entity-name' })
      .option('group', { ...text, describe: 'For --entity-type groups --entity-name' })
      .option('add-config', { ...text, describe: 'key=value, several with commas between, lists as key=[a,b]' })
      .option('add-config-file', { ...text, describe: 'A file of such settings' })
      .option('delete-config', { ...text, describe: 'Keys to go back to their default, with commas between' })
      .example('$0 configs --describe --topic orders', 'What is set for a topic')
      .example('$0 configs --alter --topic orders --add-config retention.ms=86400000', 'Keep a day')
      .example('$0 configs --alter --topic orders --delete-config retention.ms', 'Back to the default')
      .example('$0 configs --alter --group readers --add-config consumer.session.timeout.ms=50000', 'For one group')
      .example('$0 configs --describe --broker 1 --all', 'Every setting of a broker')
      .check(({ describe, alter }) => {
        if ((describe === true) !== (alter === true)) return true
        throw new Error('say one of --describe, --alter')
      }),
  handler: (options) =>
    withCluster(options, async (client) => {
      const admin = new Admin(client)
      const { type, name } = entityOf(options)
      if (options.alter)
        return alter(admin, options, { type, name: name ?? misuse('--alter needs the name of what is to be changed') })
      const names = name !== undefined ? [name] : await allOf(admin, type)
      for (const each of names)
        process.stdout.write(
          described({ type, name: each }, await admin.describeConfigs({ type, name: each }), options.all),
        )
    }),
}

/** `name` undefined: all there are. */
function entityOf(options: Options): { readonly type: EntityType; readonly name: string | undefined } {
  const found: { type: EntityType; name: string | undefined }[] = []
  if (options.topic !== undefined) found.push({ type: 'topics', name: options.topic })
  if (options.broker !== undefined) found.push({ type: 'brokers', name: options.broker })
  if (options['broker-defaults']) found.push({ type: 'brokers', name: '' })
  if (options['broker-logger'] !== undefined) found.push({ type: 'broker-loggers', name: options['broker-logger'] })
  if (options.group !== undefined) found.push({ type: 'groups', name: options.group })
  const type = options['entity-type']
  if (type !== undefined) found.push({ type, name: options['entity-default'] ? '' : options['entity-name'] })
  if (found.length === 1) return found[0]!
  return misuse(
    'say what the settings belong to, once: --topic, --broker, --broker-defaults, --group, or --entity-type and --entity-name',
  )
}

async function allOf(admin: Admin, type: EntityType): Promise<string[]> {
  if (type === 'groups') {
    const [there, configured] = await Promise.all([listGroups(admin.client), configuredGroups(admin.client)])
    return [...new Set([...there.map(({ groupId }) => groupId), ...configured])].sort()
  }
  const topics = await admin.listTopics()
  if (type === 'topics') return topics.map(({ name }) => name)
  return [...admin.client.view.brokers.keys()].map(String)
}

/** Kafka's numbers for values that were set for this one, not for all or in a file. */
const OWN_SOURCES: Readonly<Record<EntityType, readonly number[]>> = {
  topics: [1],
  brokers: [2, 3],
  'broker-loggers': [6],
  groups: [8],
}

function described({ type, name }: ConfigResource, configs: readonly ConfigEntry[], all: boolean): string {
  const shown = configs.filter(({ configSource }) => all || OWN_SOURCES[type].includes(configSource))
  const kind = type.slice(0, -1)
  const head =
    name === ''
      ? `Default configs for ${type} in the cluster are:`
      : `${all ? 'All' : 'Dynamic'} configs for ${kind} ${name} are:`
  const lines = shown.map(({ name: key, value, isSensitive, synonyms }) => {
    const sources = synonyms.map((each) => `${CONFIG_SOURCES[each.source] ?? 'UNKNOWN'}:${each.name}=${each.value}`)
    return `  ${key}=${value} sensitive=${isSensitive} synonyms={${sources.join(', ')}}`
  })
  return [head, ...lines, ''].join('\n')
}

/** Kafka's number for a value that was set for this very resource. */
function setSource({ type, name }: ConfigResource): number {
  return name === '' ? 3 : OWN_SOURCES[type][0]!
}

async function alter(admin: Admin, options: Options, resource: ConfigResource): Promise<void> {
  const set = new Map([...fileEntries(options['add-config-file']), ...parseAddConfig(options['add-config'] ?? '')])
  const removed = (options['delete-config'] ?? '').split(',').flatMap((key) => (key.trim() === '' ? [] : [key.trim()]))
  const twice = removed.find((key) => set.has(key))
  if (twice !== undefined) misuse(`${twice} cannot be set and deleted at once`)
  const changes: ConfigChange[] = [
    ...[...set].map(([key, value]) => ({ key, operation: 'set' as const, value })),
    ...removed.map((key) => ({ key, operation: 'delete' as const })),
  ]
  if (changes.length === 0) misuse('--alter needs --add-config, --add-config-file or --delete-config')
  const { type, name } = resource
  if (removed.length > 0) {
    const own = (await admin.describeConfigs(resource)).filter(
      ({ configSource }) => configSource === setSource(resource),
    )
    const notSet = removed.find((key) => !own.some((entry) => entry.name === key))
    if (notSet !== undefined) fail(`${notSet} is not set there, and cannot be deleted: nothing was changed`)
  }
  await admin.alterConfigs(resource, changes)
  const what = name === '' ? `default config for ${type} in the cluster` : `config for ${type.slice(0, -1)} ${name}`
  process.stdout.write(`Completed updating ${what}.\n`)
}

function fileEntries(path: string | undefined): Map<string, string> {
  if (path === undefined) return new Map()
  try {
    return new Map(parseProperties(fs.readFileSync(path, 'utf8')).map(({ key, value }) => [key, value]))
  } catch (error) {
    return fail(`cannot read the settings: ${(error as Error).message}`)
  }
}

/** `a=1,b=[x,y],c=`: commas inside brackets belong to the value. */
export function parseAddConfig(given: string): Map<string, string> {
  const entries = new Map<string, string>()
  for (const item of given.split(/,(?![^[\]]*\])/)) {
    if (item.trim() === '') continue
    const cut = item.indexOf('=')
    if (cut <= 0) misuse(`--add-config ${item} is not allowed: it must be key=value`)
    const value = item.slice(cut + 1).trim()
    entries.set(item.slice(0, cut).trim(), /^\[.*\]$/.test(value) ? value.slice(1, -1) : value)
  }
  return entries
}
