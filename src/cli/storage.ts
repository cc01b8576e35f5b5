/**
 * `lograft storage`: with the commands of kafka-storage.sh. Nothing has to be formatted; who wants to choose the ids before the first start can. Nodes that
 * name each other and were formatted for one cluster found that one.
 */
import type { CommandModule } from 'yargs'
import { isUuid, randomUuid } from '../base/uuid.js'
import { KRAFT_VERSION } from '../broker/quorum/batches.js'
import { nodeConfig, readConfigText } from '../config/node-config.js'
import { parseProperties } from '../config/properties.js'
import { ConfigError } from '../config/setting.js'
import { DiskError } from '../io/disk.js'
import { NodeDisk } from '../io/node/disk.js'
import { NodeRandom } from '../io/node/random.js'
import { firstLevel, THIS_RELEASE } from '../metadata/release.js'
import { writeAtomically } from '../storage/atomic-file.js'
import { flushPath } from '../storage/durable-directory.js'
import { flag, text, texts } from './cluster-options.js'
import { fail, misuse } from './fail.js'

interface Options {
  readonly action: 'format' | 'info' | 'random-uuid'
  readonly config: string | undefined
  readonly data: string | undefined
  readonly 'cluster-id': string | undefined
  readonly 'ignore-formatted': boolean
  readonly feature: readonly string[] | undefined
  readonly 'release-version': string | undefined
  readonly standalone: boolean
  readonly 'no-initial-controllers': boolean
  readonly 'initial-controllers': string | undefined
  readonly 'add-scram': readonly string[] | undefined
}

const META_PROPERTIES = 'meta.properties'

/** What a cluster begins with. */
const FIRST_LEVELS: ReadonlyMap<string, number> = new Map([
  ...THIS_RELEASE.features.map((range) => [range.name, firstLevel(range)] as const),
  ['kraft.version', KRAFT_VERSION],
])
const LEVELS = [...FIRST_LEVELS].map(([name, level]) => `${name}=${level}`).join(', ')

export const storageCommand: CommandModule<object, Options> = {
  command: 'storage <action>',
  describe: 'Look at a data directory, or give it its ids before the first start (not needed)',
  builder: (yargs) =>
    yargs
      .positional('action', { choices: ['format', 'info', 'random-uuid'] as const, demandOption: true })
      .option('config', { ...text, alias: 'c', describe: "A file in the notation of Kafka's server.properties" })
      .option('data', { ...text, describe: 'The data directory (log.dirs); default: as in the file, else ./data' })
      .option('cluster-id', { ...text, alias: 't', describe: 'With format: the id of the cluster, see random-uuid' })
      .option('ignore-formatted', {
        ...flag,
        alias: 'g',
        describe: 'With format: a directory that has ids is no error',
      })
      .option('standalone', {
        ...flag,
        alias: 's',
        describe: 'With format: a quorum of this node alone, as it is where no other controllers are named',
      })
      .option('feature', {
        ...texts,
        alias: 'f',
        describe: `With format: a level that the cluster begins with; here that is always ${LEVELS}`,
      })
      .option('release-version', { ...text, alias: 'r', hidden: true })
      .option('no-initial-controllers', { ...flag, alias: 'N', hidden: true })
      .option('initial-controllers', { ...text, alias: 'I', hidden: true })
      .option('add-scram', { ...texts, alias: 'S', hidden: true })
      .example('$0 storage random-uuid', 'An id for a cluster')
      .example(
        '$0 storage format --cluster-id $(npx lograft storage random-uuid) --data data',
        'A directory of that cluster',
      )
      .example('$0 storage info --data data', 'Whose a directory is'),
  handler: (options) => {
    if (options.action === 'random-uuid') process.stdout.write(`${randomUuid(new NodeRandom())}\n`)
    else if (options.action === 'info') info(options)
    else format(options)
  },
}

interface Configured {
  readonly directories: readonly string[]
  readonly nodeId: number
  /** No other controllers are named. */
  readonly isAlone: boolean
}

function configured({ config, data }: Options): Configured {
  try {
    const file = config === undefined ? undefined : new NodeDisk().readFile(config)
    if (config !== undefined && file === undefined) fail(`cannot read the configuration: there is no ${config}`)
    const entries = file === undefined ? new Map<string, string>() : readConfigText(Buffer.from(file).toString('utf8'))
    if (data !== undefined) entries.set('log.dirs', data)
    const { settings, named } = nodeConfig(entries)
    const metadata = settings['metadata.log.dir']
    const directories = new Set([...settings['log.dirs'], ...(metadata === '' ? [] : [metadata])])
    return { directories: [...directories], nodeId: settings['node.id'], isAlone: named.length === 0 }
  } catch (error) {
    if (error instanceof ConfigError || error instanceof DiskError) fail(error.message)
    throw error
  }
}

function info(options: Options): void {
  const disk = new NodeDisk()
  for (const directory of configured(options).directories) {
    const meta = disk.readFile(`${directory}/${META_PROPERTIES}`)
    if (meta === undefined) {
      process.stdout.write(`${directory} is not formatted, which is fine: the first start does it.\n`)
      process.exitCode = 1
      continue
    }
    process.stdout.write(`Found log directory:\n  ${directory}\n\nFound metadata:\n`)
    for (const { key, value } of parseProperties(Buffer.from(meta).toString('utf8')))
      process.stdout.write(`  ${key}=${value}\n`)
  }
}

/** Flags of Kafka's tool that ask for something else than what a node here makes of an empty directory. */
function refuseOthers(options: Options): void {
  for (const given of options.feature ?? []) {
    const [, name, level] = /^([^=]+)=(\d+)$/.exec(given) ?? []
    if (name === undefined) misuse(`--feature ${given} is not allowed: it must be NAME=LEVEL`)
    if (FIRST_LEVELS.get(name) === Number(level)) continue
    misuse(`--feature ${given} is not supported: a cluster begins with ${LEVELS}, see features upgrade for later`)
  }
  if (options['release-version'] !== undefined) {
    misuse(`--release-version is not supported: a cluster begins with the features of this release, ${LEVELS}`)
  }
  if (options['initial-controllers'] !== undefined) {
    misuse(
      '--initial-controllers is not supported: the first voters are those that controller.quorum.voters or controller.quorum.bootstrap.servers name',
    )
  }
  if (options['add-scram'] !== undefined) misuse('--add-scram is not supported: there is no SASL here, nobody logs in')
}

function format(options: Options): void {
  refuseOthers(options)
  const clusterId = options['cluster-id']
  if (clusterId === undefined) misuse('format needs --cluster-id: see storage random-uuid')
  if (!isUuid(clusterId))
    misuse(`--cluster-id ${clusterId} is not allowed: it must be 22 characters as storage random-uuid prints them`)
  const disk = new NodeDisk()
  const random = new NodeRandom()
  const { directories, nodeId, isAlone } = configured(options)
  if (options['no-initial-controllers'] && isAlone) {
    misuse('--no-initial-controllers is for a node that joins others, and the settings name none: it would be alone')
  }
  if (options.standalone && !isAlone) {
    misuse('--standalone is for a quorum of this node alone, and the settings name other controllers: leave it out')
  }
  for (const path of directories) {
    if (disk.readFile(`${path}/${META_PROPERTIES}`) !== undefined) {
      if (options['ignore-formatted']) continue
      fail(`${path} is formatted already: see storage info, or say --ignore-formatted`)
    }
    const meta = `#\nnode.id=${nodeId}\ndirectory.id=${randomUuid(random)}\nversion=1\ncluster.id=${clusterId}\n`
    const ended = (error: DiskError | undefined): void => {
      if (error !== undefined) fail(`${path} cannot be formatted: ${error.message}`)
      process.stdout.write(`Formatted ${path}.\n`)
    }
    try {
      disk.makeDirectory(path)
      const leftover = disk.list(path).find((name) => /-\d+$/.test(name))
      if (leftover !== undefined) fail(`${path} holds ${leftover}: it is not known whose data that is`)
    } catch (error) {
      if (error instanceof DiskError) fail(error.message)
      throw error
    }
    flushPath(disk, path, (error) =>
      error === undefined ? writeAtomically(disk, path, META_PROPERTIES, Buffer.from(meta), ended) : ended(error),
    )
  }
}
