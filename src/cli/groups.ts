/** `lograft groups`: groups of every kind, with the flags of kafka-groups.sh. */
import type { CommandModule } from 'yargs'
import { GROUP_TYPES, type ListedGroup, listGroups } from '../client/admin/groups.js'
import { type ClusterOptions, clusterOptions, flag, text, withCluster } from './cluster-options.js'
import { inColumns, widthOf } from './consumer-groups/columns.js'

interface Options extends ClusterOptions {
  readonly list: boolean
  readonly 'group-type': string | undefined
  readonly protocol: string | undefined
  readonly consumer: boolean
  readonly share: boolean
  readonly streams: boolean
}

const SHORTHANDS = ['consumer', 'share', 'streams'] as const

export const groupsCommand: CommandModule<object, Options> = {
  command: 'groups',
  describe: 'List groups of every kind: of consumers, of Connect, share groups',
  builder: (yargs) =>
    yargs
      .options(clusterOptions)
      .option('list', { ...flag, describe: 'Print the groups with their types and protocols' })
      .option('group-type', {
        ...text,
        describe: `Only one type: ${GROUP_TYPES.map((type) => type.toLowerCase()).join(', ')}`,
      })
      .option('protocol', { ...text, describe: 'Only one protocol, as consumer or connect' })
      .option('consumer', { ...flag, describe: 'Only groups of consumers, of either protocol or with offsets alone' })
      .option('share', { ...flag, describe: 'Only share groups' })
      .option('streams', { ...flag, describe: 'Only streams groups' })
      .example('$0 groups --list', 'All')
      .example('$0 groups --list --consumer', 'Groups of consumers')
      .check((options) => {
        if (!options.list) throw new Error('say --list')
        const { 'group-type': type, protocol } = options
        const chosen = SHORTHANDS.filter((name) => options[name])
        if (chosen.length > 1 || (chosen.length > 0 && (type !== undefined || protocol !== undefined))) {
          throw new Error('--consumer, --share and --streams each stand alone')
        }
        if (type !== undefined && !GROUP_TYPES.some((each) => isSame(each, type))) {
          throw new Error(
            `--group-type ${type} is not allowed: it must be one of ${GROUP_TYPES.join(', ').toLowerCase()}`,
          )
        }
        return true
      }),
  handler: (options) =>
    withCluster(options, async (client) => {
      const groups = (await listGroups(client)).filter((group) => isWanted(group, options))
      const rows = groups.map(({ groupId, type, protocolType }) => [groupId, type, protocolType])
      const width = widthOf(20, rows.flat())
      const widths = [width, width, width]
      const lines = [
        inColumns(['GROUP', 'TYPE', 'PROTOCOL'], widths),
        ...rows.map((row) => `${inColumns(row, widths)} `),
      ]
      process.stdout.write(lines.map((line) => `${line}\n`).join(''))
    }),
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

function isWanted({ type, protocolType }: ListedGroup, options: Options): boolean {
  const { 'group-type': wanted, protocol } = options
  if (options.consumer) return type === 'Consumer' || protocolType === 'consumer' || protocolType === ''
  if (options.share) return type === 'Share'
  if (options.streams) return type === 'Streams'
  return (wanted === undefined || isSame(type, wanted)) && (protocol === undefined || protocolType === protocol)
}
