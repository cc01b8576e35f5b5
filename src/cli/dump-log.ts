/** `lograft dump-log`: segments and the files beside them as text, with the flags of kafka-dump-log.sh. */
import { once } from 'node:events'
import fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { CommandModule } from 'yargs'
import { endQuietlyWithReader, flag, text, wholeNumber } from './cluster-options.js'
import {
  type Dump,
  dumpOffsetIndex,
  dumpProducerSnapshot,
  dumpTimeIndex,
  dumpTransactionIndex,
} from './dump/indexes.js'
import { dumpSegment } from './dump/segment.js'
import { SegmentFile } from './dump/segment-file.js'
import { fail } from './fail.js'

interface Options {
  readonly files: string
  readonly 'print-data-log': boolean
  readonly 'deep-iteration': boolean
  readonly 'skip-record-metadata': boolean
  readonly 'cluster-metadata-decoder': boolean
  readonly 'index-sanity-check': boolean
  readonly 'verify-index-only': boolean
  readonly 'max-bytes': string | undefined
}

export const dumpLogCommand: CommandModule<object, Options> = {
  command: 'dump-log',
  describe: 'Print what stands in segments, indexes and snapshots, and whether they agree',
  builder: (yargs) =>
    yargs
      .option('files', {
        ...text,
        demandOption: true,
        describe: 'Files with commas between: .log, .checkpoint, .index, .timeindex, .txnindex, .snapshot',
      })
      .option('print-data-log', { ...flag, describe: 'Print keys and values' })
      .option('deep-iteration', { ...flag, describe: 'Print a line for each record' })
      .option('skip-record-metadata', { ...flag, describe: 'Of records print keys and values only' })
      .option('cluster-metadata-decoder', { ...flag, describe: 'Decode the records of a metadata log' })
      .option('index-sanity-check', {
        ...flag,
        describe: 'Of indexes say only whether they are in order by themselves',
      })
      .option('verify-index-only', {
        ...flag,
        describe: 'Of indexes print only where they do not agree with their segment',
      })
      .option('max-bytes', { ...text, describe: 'Read so much of a segment only' })
      .example(
        '$0 dump-log --files data/orders-0/00000000000000000000.log --print-data-log',
        'All records of a segment',
      )
      .example('$0 dump-log --files data/orders-0/00000000000000000000.index --verify-index-only', 'Check an index')
      .example(
        '$0 dump-log --files data/__cluster_metadata-0/00000000000000000000.log --cluster-metadata-decoder',
        'The metadata',
      )
      .epilogue('Ends with 1 if something is damaged.'),
  handler: (options) => dump(options),
}

async function dump(options: Options): Promise<void> {
  endQuietlyWithReader()
  for (const path of options.files.split(',').filter((each) => each !== '')) {
    try {
      process.stdout.write(`Dumping ${path}\n`)
      if (!(await print(dumpFile(path, options)))) process.exitCode = 1
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error)) throw error
      fail(`cannot read ${path}: ${error.message}`)
    }
  }
}

async function print(lines: Dump): Promise<boolean> {
  for (;;) {
    const next = lines.next()
    if (next.done === true) return next.value
    if (!process.stdout.write(`${next.value}\n`)) await once(process.stdout, 'drain')
  }
}

function dumpFile(path: string, options: Options): Dump {
  const name = basename(path)
  const metadata = options['cluster-metadata-decoder']
  const indexOptions = { verifyOnly: options['verify-index-only'], sanityOnly: options['index-sanity-check'] }
  switch (/\.[a-z]+$/.exec(name)?.[0]) {
    case '.log':
    case '.checkpoint': {
      const payloads = options['print-data-log'] || options['skip-record-metadata']
      const limit = options['max-bytes']
      return dumpSegment(new SegmentFile(path), name, {
        deep: options['deep-iteration'] || payloads || metadata,
        payloads,
        skipMetadata: options['skip-record-metadata'],
        metadata,
        maxBytes: limit === undefined ? Number.POSITIVE_INFINITY : wholeNumber('max-bytes', limit, 1),
      })
    }
    case '.index':
      return dumpOffsetIndex(fs.readFileSync(path), name, segmentOf(path), indexOptions)
    case '.timeindex':
      return dumpTimeIndex(fs.readFileSync(path), name, segmentOf(path), indexOptions)
    case '.txnindex':
      return dumpTransactionIndex(fs.readFileSync(path), name)
    case '.snapshot':
      return dumpProducerSnapshot(fs.readFileSync(path), name)
    default:
      return fail(
        `${path} is of no known kind: it must end in .log, .checkpoint, .index, .timeindex, .txnindex or .snapshot`,
      )
  }
}

/** The segment that an index belongs to. */
function segmentOf(path: string): SegmentFile | undefined {
  const segment = join(dirname(path), basename(path).replace(/\.[a-z]+$/, '.log'))
  return fs.existsSync(segment) ? new SegmentFile(segment) : undefined
}
