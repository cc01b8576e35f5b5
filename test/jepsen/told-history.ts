/**
 * Histories in a few words, one operation a line: `process from-to outcome what ...`, times in milliseconds; the invocation stands at the first, the completion at the second. `open` never ends.
 *
 * | what | |
 * | --- | --- |
 * | `>0:1.5@7` | sends value 1000005 (process 1, its fifth) to key 0, where it stands at 7; without `@7` nobody said where; `>0:1.5!` is not completed |
 * | `<0:1.5@7,1.6@8;1:2.0@0` | a poll that gave this of keys 0 and 1; `<` alone gave nothing; a value in quotes is text |
 * | `txn` | what follows is a transaction |
 * | `assign 0,1 start`, `subscribe 0,1`, `crash` | `start`: from the beginning |
 * | `latest 0=7`, `earliest 0=7`, `latest-committed 0=7` | ListOffsets |
 * | `commit g 0=7`, `committed g 0=7` | of group g |
 * | `create-topic t id`, `delete-topic t`, `describe-topic t id`, `set-config t value`, `get-config t value` | `-`: null |
 * | `assigned:0,1`, `revoked:0`, `gen:3`, `commit-at:4`, `markers:0=9`, `error:CODE` | more of it |
 *
 * `! at name` is a fault, `raw text` a line as it stands (at the end).
 */

type Fields = Record<string, unknown>

interface Event {
  readonly time: number
  readonly isEnd: boolean
  readonly fields: Fields
}

/** Lines of `history.jsonl`. */
export function told(lines: readonly string[]): string[] {
  const events: Event[] = []
  const raw: string[] = []
  for (const line of lines) {
    if (line.startsWith('raw ')) raw.push(line.slice(4))
    else if (line.startsWith('! ')) {
      const [, at, ...name] = line.split(' ')
      const fields = { type: 'info', process: 'nemesis', f: name.join(' '), value: null }
      events.push({ time: Number(at), isEnd: true, fields })
    } else events.push(...operation(line))
  }
  events.sort((a, b) => a.time - b.time || Number(b.isEnd) - Number(a.isEnd))
  const written = events.map(({ time, fields }, index) => {
    const { type, process, f, value, ...more } = fields
    return JSON.stringify({ index, type, process, f, value, time: Math.round(time * 1e6), ...more })
  })
  return [...written, ...raw]
}

function operation(line: string): Event[] {
  const [process, times, outcome, ...words] = line.split(' ')
  const [from, to] = times!.split('-').map(Number)
  const { f, asked, done, ofBoth, ofEnd } = content(words)
  const invoked = { type: 'invoke', process: Number(process), f, value: asked, ...ofBoth }
  const begin = { time: from!, isEnd: false, fields: invoked }
  if (outcome === 'open') return [begin]
  return [begin, { time: to!, isEnd: true, fields: { ...invoked, type: outcome, value: done, ...ofEnd } }]
}

interface Content {
  readonly f: string
  readonly asked: unknown
  readonly done: unknown
  readonly ofBoth: Fields
  readonly ofEnd: Fields
}

function content(words: readonly string[]): Content {
  const more = words.filter((word) => MORE.test(word))
  const ofEnd = moreOf(more)
  const [first, ...rest] = words.filter((word) => !MORE.test(word))
  const plain = { ofBoth: {}, ofEnd }
  if (first === undefined) throw new Error('an operation without what it is')
  if (first === 'txn' || /^[<>]/.test(first)) {
    const parts = first === 'txn' ? rest : [first, ...rest]
    const f = first === 'txn' ? 'txn' : first.startsWith('>') ? 'send' : 'poll'
    return { f, asked: parts.map(askedPart), done: parts.map(donePart), ...plain }
  }
  if (first === 'assign' || first === 'subscribe') {
    const keys = rest[0]!.split(',').map(Number)
    const ofBoth = rest[1] === 'start' ? { 'seek-to-beginning?': true } : {}
    return { f: first, asked: keys, done: keys, ofBoth, ofEnd }
  }
  if (first === 'crash') return { f: 'crash', asked: null, done: null, ...plain }
  if (/^(?:latest|earliest)/.test(first)) {
    const [key, offset] = rest[0]!.split('=').map(Number)
    const of = first.replace('-', ' ')
    return { f: 'list-offsets', asked: [key, of, null], done: [key, of, offset], ...plain }
  }
  if (first === 'commit' || first === 'committed') {
    const offsets = byKey(rest[1]!)
    const asked = first === 'commit' ? offsets : Object.fromEntries(Object.keys(offsets).map((key) => [key, -1]))
    return { f: first, asked, done: offsets, ofBoth: { group: rest[0]! }, ofEnd }
  }
  const value = rest[1] === undefined || rest[1] === '-' ? null : rest[1]
  const isAsked = first === 'set-config'
  return { f: first, asked: [rest[0], isAsked ? value : null], done: [rest[0], value], ...plain }
}

const MORE = /^(?:assigned|revoked|gen|commit-at|markers|error):/

function moreOf(words: readonly string[]): Fields {
  const fields: Fields = {}
  const rebalances: unknown[] = []
  for (const word of words) {
    const [name, rest] = [word.slice(0, word.indexOf(':')), word.slice(word.indexOf(':') + 1)]
    if (name === 'gen') fields['generation'] = Number(rest)
    else if (name === 'commit-at') fields['commit-started'] = Number(rest) * 1e6
    else if (name === 'markers') fields['markers'] = byKey(rest)
    else if (name === 'error') fields['error'] = [rest, '']
    else rebalances.push({ type: name, keys: rest.split(',').map(Number) })
  }
  return rebalances.length === 0 ? fields : { ...fields, 'rebalance-log': rebalances }
}

function byKey(text: string): Record<string, number> {
  return Object.fromEntries(text.split(',').map((each) => [each.split('=')[0]!, Number(each.split('=')[1])]))
}

function askedPart(word: string): unknown {
  if (word.startsWith('<')) return ['poll']
  const [, key, value] = /^>(\d+):([^@!]+)/.exec(word)!
  return ['send', Number(key), valueOfWord(value!)]
}

function donePart(word: string): unknown {
  if (word.startsWith('>')) {
    const [, key, value, offset] = /^>(\d+):([^@!]+)@?(\d+)?/.exec(word)!
    if (word.endsWith('!')) return askedPart(word)
    return ['send', Number(key), [offset === undefined ? null : Number(offset), valueOfWord(value!)]]
  }
  if (word === '<') return ['poll', {}]
  const given = word.slice(1).split(';')
  return ['poll', Object.fromEntries(given.map(recordsOf))]
}

function recordsOf(text: string): [string, unknown] {
  const [key, records] = [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)]
  return [
    key,
    records.split(',').map((each) => {
      const [value, offset] = each.split('@')
      return [Number(offset), valueOfWord(value!)]
    }),
  ]
}

function valueOfWord(word: string): number | string {
  if (word.startsWith("'")) return word.slice(1, -1)
  const [process, sequence] = word.split('.').map(Number)
  return process! * 1_000_000 + sequence!
}
