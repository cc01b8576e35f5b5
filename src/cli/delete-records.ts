/** `lograft delete-records`: with the flags of kafka-delete-records.sh. */
import fs from 'node:fs'
import type { CommandModule } from 'yargs'
import { Admin, type PartitionOffset } from '../client/admin/admin.js'
import { type ClusterOptions, clusterOptions, text, withCluster } from './cluster-options.js'
import { fail } from './fail.js'

interface Options extends ClusterOptions {
  readonly 'offset-json-file': string
}

export const deleteRecordsCommand: CommandModule<object, Options> = {
  command: 'delete-records',
  describe: 'Delete the records of partitions before an offset',
  builder: (yargs) =>
    yargs
      .options(clusterOptions)
      .option('offset-json-file', {
        ...text,
        demandOption: true,
        describe:
          '{"partitions": [{"topic": "orders", "partition": 0, "offset": 100}], "version": 1}; offset -1: all there are',
      })
      .example('$0 delete-records --offset-json-file offsets.json', 'The first offset of each is printed'),
  handler: (options) =>
    withCluster(options, async (client) => {
      const wanted = readOffsets(options['offset-json-file'])
      process.stdout.write('Executing records delete operation\n')
      const deleted = await new Admin(client).deleteRecords(wanted)
      process.stdout.write('Records delete operation completed:\n')
      for (const { topic, partition, offset } of deleted) {
        process.stdout.write(`partition: ${topic}-${partition}\tlow_watermark: ${offset}\n`)
      }
    }),
}

function readOffsets(path: string): PartitionOffset[] {
  let content: { readonly version?: unknown; readonly partitions?: unknown } | null
  try {
    content = JSON.parse(fs.readFileSync(path, 'utf8')) as typeof content
  } catch (error) {
    return fail(`cannot read the offsets: ${(error as Error).message}`)
  }
  const { version = 1, partitions } = content ?? {}
  if (version !== 1 || !Array.isArray(partitions) || partitions.length === 0) {
    return fail(`${path} is no list of offsets: it must be {"partitions": [...], "version": 1}`)
  }
  const seen = new Set<string>()
  for (const entry of partitions) {
    const { topic, partition, offset } = (entry ?? {}) as Readonly<Record<string, unknown>>
    const text = JSON.stringify(entry)
    if (typeof topic !== 'string' || !isWhole(partition, 0) || !isWhole(offset, -1)) {
      return fail(`${path}: ${text} is not allowed: it must have topic, partition and offset`)
    }
    if (seen.has(`${topic}-${partition}`)) fail(`${path} has ${topic}-${partition} twice`)
    seen.add(`${topic}-${partition}`)
  }
  return partitions as PartitionOffset[]
}

function isWhole(value: unknown, min: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= min
}
