/**
 * Kafka's checkpoint files of one offset per partition (`recovery-point-offset-checkpoint` and its kin): a version line, a line with the
 * number of entries, then `topic partition offset` a line.
 */
import type { Disk } from '../io/disk.js'
import { partitionDirectoryName } from './log-files.js'

export interface PartitionOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

const VERSION = '0'

export function formatOffsetCheckpoint(entries: readonly PartitionOffset[]): string {
  const lines = entries.map(({ topic, partition, offset }) => `${topic} ${partition} ${offset}`)
  return `${[VERSION, entries.length, ...lines].join('\n')}\n`
}

/** Undefined if the text is not a whole checkpoint of a known version. */
export function parseOffsetCheckpoint(text: string): PartitionOffset[] | undefined {
  const lines = text.split('\n')
  if (lines[0] !== VERSION || lines.pop() !== '') return undefined
  const entries: PartitionOffset[] = []
  for (const line of lines.slice(2)) {
    const match = /^(\S+) (\d+) (\d+)$/.exec(line)
    if (match === null) return undefined
    entries.push({ topic: match[1]!, partition: Number(match[2]), offset: Number(match[3]) })
  }
  return lines[1] === String(entries.length) ? entries : undefined
}

/** What the file says, by directory name: nothing if there is none, undefined if it is not readable. Throws `DiskError`. */
export function readOffsetCheckpoint(disk: Disk, path: string): Map<string, PartitionOffset> | undefined {
  const content = disk.readFile(path)
  const entries = content === undefined ? [] : parseOffsetCheckpoint(Buffer.from(content).toString('utf8'))
  return entries && new Map(entries.map((entry) => [partitionDirectoryName(entry.topic, entry.partition), entry]))
}
