/** Plans of offsets as lines of CSV: `topic,partition,offset`, and before them the group where there are several. */
import type { NewGroupOffset } from '../../client/admin/group-offsets.js'

/** As in Kafka's files: what is longer stands in quotes. */
const LONGEST_UNQUOTED = 24

export interface PlannedOffset extends NewGroupOffset {
  /** Undefined: the line does not name one. */
  readonly groupId: string | undefined
}

/** With the group only where it is named. */
export function planText(planned: readonly PlannedOffset[]): string {
  return planned
    .map(({ groupId, topic, partition, offset }) => {
      const names = groupId === undefined ? [topic] : [groupId, topic]
      return `${[...names.map(quoted), partition, offset].join(',')}\n`
    })
    .join('')
}

/** Empty lines say nothing. For a line that is none a sentence about it. */
export function readPlan(text: string): PlannedOffset[] | string {
  const planned: PlannedOffset[] = []
  for (const [n, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue
    const cells = cellsOf(line)
    const [offset, partition, topic, groupId] = [...(cells ?? [])].reverse()
    if (cells === undefined || cells.length < 3 || cells.length > 4 || !isWhole(offset!) || !isWhole(partition!)) {
      return `line ${n + 1} is not allowed: it must be TOPIC,PARTITION,OFFSET, with a group before them where there are several`
    }
    planned.push({ groupId, topic: topic!, partition: Number(partition), offset: Number(offset) })
  }
  return planned
}

function isWhole(text: string): boolean {
  return /^\d+$/.test(text) && Number.isSafeInteger(Number(text))
}

function quoted(text: string): string {
  return text.length > LONGEST_UNQUOTED || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function cellsOf(line: string): string[] | undefined {
  const cells: string[] = []
  const cell = /\s*(?:"((?:[^"]|"")*)"\s*|([^",]*))(,|$)/y
  for (;;) {
    const match = cell.exec(line)
    if (match === null) return undefined
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2]!.trim())
    if (match[3] === '') return cells
  }
}
