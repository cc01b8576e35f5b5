/**
 * Operations of a workload as lines: "process from-to outcome part ...". ">x:a@3" sends a to x, where it stands at 3; "%p7": by producer p as its seventh; "<x:a@3,b@4"
 * polls, "<<" after a seek. "rebalanced:x,y", "commit:5" and "markers:x=4" say more of it. Or "process from-to outcome assign x y from-start", and "subscribe".
 */
import type { ClientOperation, MessagesOperation, Outcome, PollPart, SendPart } from '../../src/check/client-history.js'

/** In the order in which they ended. */
export function tell(lines: readonly string[]): ClientOperation[] {
  return lines.map(operation).sort((a, b) => a.completedMs - b.completedMs)
}

function operation(line: string): ClientOperation {
  const [process, times, outcome, ...words] = line.split(' ')
  const [from, to] = times!.split('-')
  const common = {
    process: Number(process),
    outcome: outcome as Outcome,
    invokedMs: Number(from),
    completedMs: Number(to),
  }
  if (words[0] === 'assign' || words[0] === 'subscribe') {
    const keys = words.slice(1).filter((word) => word !== 'from-start')
    return { ...common, f: words[0], keys, ...(words.includes('from-start') ? { fromBeginning: true } : {}) }
  }
  const parts = words.filter((word) => /^[<>]/.test(word)).map(part)
  const said = Object.assign({}, ...words.filter((word) => !/^[<>]/.test(word)).map(more)) as Partial<MessagesOperation>
  const fs = new Set(parts.map(({ f }) => f))
  return { ...common, f: fs.size === 2 ? 'txn' : [...fs][0]!, parts, ...said }
}

function part(word: string): SendPart | PollPart {
  const [, sign, key, rest] = /^(<<|<|>)(\w+):(.*)$/.exec(word)!
  if (sign === '>') {
    const [, value, , offset, , producer, sequence] = /^(\w+)(@(\d+))?(%([a-z])(\d+))?$/.exec(rest!)!
    return {
      f: 'send',
      key: key!,
      value: value!,
      ...(offset === undefined ? {} : { offset: Number(offset) }),
      ...(producer === undefined ? {} : { producer, sequence: Number(sequence) }),
    }
  }
  const records = rest === '' ? [] : rest!.split(',').map((each) => each.split('@'))
  return {
    f: 'poll',
    key: key!,
    records: records.map(([value, offset]) => [Number(offset), value!]),
    ...(sign === '<<' ? { sought: true } : {}),
  }
}

function more(word: string): Partial<MessagesOperation> {
  const [name, rest] = word.split(':')
  if (name === 'commit') return { commitStartedMs: Number(rest) }
  if (name === 'rebalanced') return { rebalances: [{ type: 'assigned', keys: rest!.split(',') }] }
  const markers = rest!.split(',').map((each) => each.split('='))
  return { markers: Object.fromEntries(markers.map(([key, offset]) => [key, Number(offset)])) }
}
