/**
 * The checks of a library's groups: two members share a topic, commit where they are in the middle of it, and leave; two others go on there. What a group may
 * promise is looked at: nothing before a committed offset was left out, and the next member begins exactly at it.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Check, Context } from './client.js'
import { readCommitted } from './committed-offsets.js'
import {
  compareRecords,
  count,
  type Headers,
  makeRecords,
  PARTITIONS,
  type ReadRecord,
  readRecords,
  writeRecords,
} from './records.js'
import { call, type Program } from './round-trips.js'

const PART = 3
const MEMBERS = 2

export type GroupProtocol = 'classic' | 'consumer'

export interface GroupAbility {
  readonly protocols: readonly GroupProtocol[]
  readonly headers?: Headers
}

interface Taken {
  readonly records: readonly ReadRecord[]
  /** How many of the members read anything. */
  readonly readers: number
}

/**
 * A program is called as `group BOOTSTRAP TOPIC FILE COUNT GROUP PROTOCOL`: two members read, from the beginning where nothing is committed, until they have COUNT
 * different records between them and each has one; then each commits how far it is, and leaves. A line of the file is a record with the number of its `member`.
 */
export function groupChecks(client: string, program: Program, { protocols, headers }: GroupAbility): Check[] {
  return protocols.map((protocol): Check => {
    const topic = `${client}.group-${protocol}`
    const group = `${topic}.members`
    const read = async ({ bootstrap, file }: Context, wanted: number, name: string): Promise<Taken> => {
      const path = file(`${topic}.${name}`)
      await call(program, 'group', bootstrap, topic, path, String(wanted), group, protocol)
      return { records: readRecords(path), readers: readersOf(path) }
    }
    const run = async (context: Context): Promise<string> => {
      const { bootstrap, file } = context
      const sent = makeRecords(topic, headers)
      const path = file(`${topic}.sent`)
      writeRecords(path, sent)
      await call(program, 'write', bootstrap, topic, path, String(PARTITIONS), 'none', 'all', 'plain')
      const first = await read(context, Math.floor(sent.length / PART), 'first')
      assert.equal(first.readers, MEMBERS, 'members that read something')
      const offsets = await offsetsOf(bootstrap, group, topic)
      const sum = offsets.reduce((all, offset) => all + offset, 0)
      assert.ok(sum > 0 && sum < sent.length, `committed in the middle: ${offsets}`)
      const second = await read(context, sent.length - sum, 'second')
      for (const [partition, offset] of offsets.entries()) checkGoesOn(partition, offset, first.records, second.records)
      const compared = compareRecords(sent, once([...first.records, ...second.records]))
      const ends = Array.from({ length: PARTITIONS }, (_, n) => sent.filter(({ partition }) => partition === n).length)
      assert.deepEqual(await offsetsOf(bootstrap, group, topic), ends, 'committed at the end')
      return `${compared}; went on at ${offsets.map(count).join(', ')}`
    }
    return { name: `group ${protocol}`, run }
  })
}

function readersOf(path: string): number {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  return new Set(lines.map((line) => (JSON.parse(line) as { readonly member: number }).member)).size
}

/** 0 where nothing is committed. */
async function offsetsOf(bootstrap: string, group: string, topic: string): Promise<readonly number[]> {
  const committed = await readCommitted(bootstrap, group)
  return Array.from({ length: PARTITIONS }, (_, partition) => committed.get(`${group} ${topic} ${partition}`) ?? 0)
}

function checkGoesOn(
  partition: number,
  committed: number,
  first: readonly ReadRecord[],
  second: readonly ReadRecord[],
): void {
  const offsetsIn = (records: readonly ReadRecord[]): ReadonlySet<number> =>
    new Set(records.filter((record) => record.partition === partition).map(({ offset }) => offset))
  const before = offsetsIn(first)
  for (let offset = 0; offset < committed; offset++) {
    assert.ok(before.has(offset), `partition ${partition}: ${committed} was committed, and ${offset} not read before`)
  }
  const after = offsetsIn(second)
  assert.equal(after.size > 0 ? Math.min(...after) : committed, committed, `where partition ${partition} went on`)
}

/** In the order of their offsets. Who has lost a partition before it has committed leaves records that are read again: they have to be the same. */
function once(records: readonly ReadRecord[]): ReadRecord[] {
  const found = new Map<string, ReadRecord>()
  for (const record of records) {
    const key = `${record.partition} ${record.offset}`
    assert.deepEqual(record, found.get(key) ?? record, `two reads of ${key}`)
    found.set(key, record)
  }
  return [...found.values()].sort((a, b) => a.partition - b.partition || a.offset - b.offset)
}
