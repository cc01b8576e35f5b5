/** What groups have committed, as `lograft consumer-groups --describe` prints it: another pair of eyes than the client that has done it. */
import { MAIN } from '../process/server-process.js'
import { run } from './external.js'

/** By group, topic and partition, with spaces between. */
export type Committed = ReadonlyMap<string, number>

/** Of one group, or of all. */
export async function readCommitted(bootstrap: string, group?: string): Promise<Committed> {
  const which = group === undefined ? ['--all-groups'] : ['--group', group]
  const args = [MAIN, 'consumer-groups', '--bootstrap-server', bootstrap, '--describe', ...which]
  const { stdout } = await run({ command: process.execPath, args })
  const committed = new Map<string, number>()
  for (const line of stdout.toString().split('\n')) {
    const [name, topic, partition, offset] = line.trim().split(/\s+/)
    if (offset === undefined || name === 'GROUP' || offset === '-') continue
    if (!/^\d+$/.test(partition!) || !/^\d+$/.test(offset)) throw new Error(`what a group has committed: ${line}`)
    committed.set(`${name} ${topic} ${partition}`, Number(offset))
  }
  return committed
}

/** Throws unless each group has what it had. */
export function compareCommitted(before: Committed, after: Committed): string {
  for (const [key, offset] of before) {
    const now = after.get(key)
    if (now !== offset) throw new Error(`${key}: ${offset} was committed, now it is ${now ?? 'nothing'}`)
  }
  if (after.size !== before.size) throw new Error(`${before.size} committed offsets became ${after.size}`)
  return `${before.size} committed offsets`
}
