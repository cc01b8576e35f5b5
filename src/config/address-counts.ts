/** A setting of the form `address:count,address:count`, as `max.connections.per.ip.overrides`: IP addresses, no names. */
import { type Dynamic, type Setting, string } from './setting.js'

export function addressCounts(options: {
  readonly default: string
  readonly doc: string
  readonly dynamic: Dynamic
}): Setting<ReadonlyMap<string, number>> {
  return { ...string(options), allowed: 'IP addresses with a count each, as 10.0.0.1:100,::1:20', parse }
}

function parse(text: string): ReadonlyMap<string, number> | undefined {
  const counts = new Map<string, number>()
  for (const item of text.split(',')) {
    if (item.trim() === '') continue
    const match = /^(\d{1,3}(?:\.\d{1,3}){3}|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?):(\d{1,9})$/i.exec(item.trim())
    if (match === null) return undefined
    counts.set(match[1]!.replace(/[[\]]/g, '').toLowerCase(), Number(match[2]))
  }
  return counts
}
