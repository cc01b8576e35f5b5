/**
 * Workloads of several keys: histories told by hand of each anomaly, on which it must and must not be found; and the verdicts next to those of judges that
 * are slow and obvious.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkWorkload, type WorkloadOptions, type WorkloadVerdict } from '../../src/check/check-workload.js'
import type { ClientOperation, MessagesOperation } from '../../src/check/client-history.js'
import { judgeSlowly } from './slow-judge.js'
import { tell } from './told-workload.js'

function verdictOf(lines: readonly string[], options: WorkloadOptions = {}): WorkloadVerdict {
  return checkWorkload(tell(lines), options)
}

function names(all: WorkloadVerdict['findings']): string {
  return [...new Set(all.map(({ anomaly }) => anomaly))].sort().join(' ')
}

/** Findings, a stroke, observations; then the operations (see `tell`). */
const TOLD: readonly (readonly [name: string, expected: string, ...lines: string[]])[] = [
  ['a value sent and polled', '', '1 0-1 ok >x:a@0', '2 2-3 ok <x:a@0'],
  ['gaps between offsets are no anomaly', '', '1 0-1 ok >x:a@0 >x:b@7', '2 2-3 ok <x:a@0,b@7'],
  ['a vacuous history', 'empty-transaction-graph', '1 0-1 fail >x:a'],
  ['one that polls nothing', 'empty-transaction-graph', '1 0-1 ok <x:'],

  // Places.
  [
    'two values at one offset',
    'inconsistent-offsets',
    '1 0-1 ok >x:a@0',
    '2 0-3 ok >x:b@0',
    '3 4-5 ok <x:a@0',
    '4 4-5 ok <x:b@0',
  ],
  [
    'two of which one was only acknowledged',
    'inconsistent-offsets',
    '1 0-1 ok >x:a@0',
    '2 0-3 info >x:b',
    '3 4-5 ok <x:a@0',
    '4 4-5 ok <x:b@0',
  ],
  [
    'the offset of a send that may not have been counts for nothing',
    '',
    '1 0-1 ok >x:a@0',
    '2 0-3 info >x:b@0',
    '3 4-5 ok <x:a@0',
  ],
  [
    'what was polled by one that failed counts',
    'inconsistent-offsets',
    '1 0-1 ok >x:a@0',
    '2 0-3 info >x:b',
    '3 4-5 ok <x:a@0',
    '4 4-5 fail <x:b@0',
  ],
  ['a value at two offsets', 'duplicate duplicate-nonzero', '1 0-1 ok >x:a@1', '2 2-3 ok <x:a@1', '3 2-3 ok <x:a@2'],
  ['one of them is made up', 'duplicate', '1 0-1 ok >x:a@0', '2 2-3 ok <x:a@2'],
  ['the same value of two keys', '', '1 0-1 ok >x:a@0 >y:a@0', '2 2-3 ok <x:a@0 <y:a@0'],
  ['a value sent twice', 'nonmonotonic-send sent-twice', '1 0-1 ok >x:a@0', '1 2-3 info >x:a', '2 4-5 ok <x:a@0'],
  ['a value that nobody sent', 'phantom', '1 0-1 ok >x:a@0', '2 2-3 ok <x:a@0,b@1'],

  // Loss.
  ['what somebody has read past', 'lost-write unseen', '1 0-1 ok >x:a@0', '1 2-3 ok >x:b@1', '2 4-5 ok <x:b@1'],
  ['what nobody has read past is unseen', 'unseen', '1 0-1 ok >x:a@0', '1 2-3 ok >x:b@1', '2 4-5 ok <x:a@0'],
  ['without any reader as well', 'unseen', '1 0-1 ok >x:a@0'],
  ['what nobody has acknowledged may be lost', '', '1 0-1 info >x:a@0', '1 2-3 ok >x:b@1', '2 4-5 ok <x:b@1'],
  [
    'but not where another value of the operation is there',
    'lost-write torn-transaction',
    '1 0-1 info >x:a@0 >x:b@1',
    '2 0-1 ok assign x from-start',
    '2 4-5 ok <x:b@1',
  ],
  [
    'read by one that failed only',
    'lost-write unseen',
    '1 0-1 ok >x:a@0',
    '1 2-3 ok >x:b@1',
    '2 4-5 fail <x:a@0',
    '3 4-5 ok <x:b@1',
  ],
  ['read by another', '', '1 0-1 ok >x:a@0', '1 2-3 ok >x:b@1', '2 4-5 ok <x:b@1', '3 4-5 ok <x:a@0'],
  [
    'what stands at two places is read past behind the last',
    'duplicate duplicate-nonzero nonmonotonic-send unseen | G0',
    '1 0-1 ok >x:a@1',
    '1 2-3 ok >x:b@2',
    '9 3-4 fail <x:a@3',
    '2 4-5 ok <x:b@2',
  ],
  ['an acknowledgement without offset', 'unseen', '1 0-1 ok >x:a', '1 2-3 ok >x:b@1', '2 4-5 ok <x:b@1'],

  // Polls within an operation.
  [
    'one operation passes over a value',
    'int-poll-skip',
    '1 0-1 ok >x:a@0',
    '1 0-1 ok >x:b@1',
    '1 0-1 ok >x:c@2',
    '2 2-3 ok <x:a@0,b@1,c@2',
    '3 2-3 ok <x:a@0,c@2',
  ],
  [
    'in two polls',
    'int-poll-skip',
    '1 0-1 ok >x:a@0',
    '1 0-1 ok >x:b@1',
    '1 0-1 ok >x:c@2',
    '2 2-3 ok <x:a@0,b@1,c@2',
    '3 2-3 ok <x:a@0 <x:c@2',
  ],
  ['goes back', 'int-nonmonotonic-poll', '1 0-1 ok >x:a@0 >x:b@1', '2 2-3 ok <x:b@1,a@0'],
  ['gives a value twice', 'int-nonmonotonic-poll', '1 0-1 ok >x:a@0', '2 2-3 ok <x:a@0 <x:a@0'],
  [
    'goes back in an operation that failed',
    'int-nonmonotonic-poll',
    '1 0-1 ok >x:a@0 >x:b@1',
    '2 2-3 ok <x:a@0,b@1',
    '3 2-3 fail <x:b@1,a@0',
  ],
  ['was rebalanced meanwhile', '', '1 0-1 ok >x:a@0 >x:b@1', '2 2-3 ok <x:b@1 <x:a@0 rebalanced:x'],
  ['another key was', 'int-nonmonotonic-poll', '1 0-1 ok >x:a@0 >x:b@1', '2 2-3 ok <x:b@1 <x:a@0 rebalanced:y'],
  ['sought between two polls', '', '1 0-1 ok >x:a@0 >x:b@1', '2 2-3 ok <x:b@1 <<x:a@0'],
  ['other keys lie between', '', '1 0-1 ok >x:a@0 >x:b@1 >y:c@0', '2 2-3 ok <x:a@0 <y:c@0 <x:b@1'],

  // Polls of a process.
  [
    'a process passes over a value',
    'poll-skip',
    '1 0-1 ok >x:a@0',
    '1 2-3 ok >x:b@1',
    '1 4-5 ok >x:c@2',
    '2 6-7 ok <x:a@0,b@1,c@2',
    '3 6-7 ok <x:a@0',
    '3 8-9 ok <x:c@2',
  ],
  ['goes back', 'nonmonotonic-poll', '1 0-1 ok >x:a@0', '2 2-3 ok <x:a@0', '2 4-5 ok <x:a@0'],
  ['by one that failed', 'nonmonotonic-poll', '1 0-1 ok >x:a@0', '2 2-3 ok <x:a@0', '2 4-5 info <x:a@0'],
  ['what failed is polled again', '', '1 0-1 ok >x:a@0', '2 2-3 fail <x:a@0', '2 4-5 ok <x:a@0'],
  ['another process does not go back', '', '1 0-1 ok >x:a@0', '2 2-3 ok <x:a@0', '3 4-5 ok <x:a@0'],
  [
    'assigned something else, and it again',
    '',
    '1 0-1 ok >x:a@0',
    '2 2-3 ok <x:a@0',
    '2 3-3 ok assign y',
    '2 3-3 ok assign x',
    '2 4-5 ok <x:a@0',
  ],
  [
    'an assignment that keeps it',
    'nonmonotonic-poll',
    '1 0-1 ok >x:a@0',
    '2 2-3 ok <x:a@0',
    '2 3-3 ok assign x y',
    '2 4-5 ok <x:a@0',
  ],
  [
    'one that seeks to the beginning',
    '',
    '1 0-1 ok >x:a@0',
    '2 2-3 ok <x:a@0',
    '2 3-3 ok assign x from-start',
    '2 4-5 ok <x:a@0',
  ],
  [
    'one that failed',
    'nonmonotonic-poll',
    '1 0-1 ok >x:a@0',
    '2 2-3 ok <x:a@0',
    '2 3-3 fail assign y',
    '2 4-5 ok <x:a@0',
  ],
  [
    'one whose outcome nobody knows',
    '',
    '1 0-1 ok >x:a@0',
    '2 2-3 ok <x:a@0',
    '2 3-3 info assign y',
    '2 4-5 ok <x:a@0',
  ],
  [
    'where anybody subscribes it is an observation',
    '| nonmonotonic-poll',
    '1 0-1 ok >x:a@0',
    '3 0-1 ok subscribe x',
    '2 2-3 ok <x:a@0',
    '2 4-5 ok <x:a@0',
  ],

  // Sends.
  ['an operation sends in its order', '', '1 0-1 ok >x:a@0 >x:b@1', '2 2-3 ok <x:a@0,b@1'],
  ['and in another', 'int-nonmonotonic-send', '1 0-1 ok >x:a@1 >x:b@0', '2 2-3 ok <x:b@0,a@1'],
  [
    'others send between',
    '| G0 int-send-skip',
    '1 0-9 ok >x:a@0 >x:c@2',
    '3 0-9 ok >x:b@1',
    '2 10-11 ok <x:a@0,b@1,c@2',
  ],
  ['a process sends in its order', '', '1 0-1 ok >x:a@0', '1 2-3 ok >x:b@1', '2 4-5 ok <x:a@0,b@1'],
  [
    'and in another',
    'nonmonotonic-send send-realtime | G0-process',
    '1 0-1 ok >x:a@1',
    '1 2-3 ok >x:b@0',
    '2 4-5 ok <x:b@0,a@1',
  ],
  [
    'also where nobody knows the outcome',
    'nonmonotonic-send',
    '1 0-1 info >x:a',
    '1 2-3 ok >x:b@0',
    '2 4-5 ok <x:b@0,a@1',
  ],
  [
    'one of which nobody knows the place is passed over',
    'nonmonotonic-send send-realtime | G0-process',
    '1 0-1 ok >x:a@1',
    '1 1-2 info >x:z',
    '1 2-3 ok >x:b@0',
    '2 4-5 ok <x:b@0,a@1',
  ],
  [
    'an assignment says nothing of sends',
    'nonmonotonic-send send-realtime | G0-process',
    '1 0-1 ok >x:a@1',
    '1 1-1 ok assign y',
    '1 2-3 ok >x:b@0',
    '2 4-5 ok <x:b@0,a@1',
  ],
  [
    'acknowledged before the other was sent',
    'send-realtime | G0-realtime',
    '1 0-1 ok >x:a@1',
    '3 2-3 ok >x:b@0',
    '2 4-5 ok <x:b@0,a@1',
  ],
  ['at the same moment', '', '1 0-2 ok >x:a@1', '3 2-3 ok >x:b@0', '2 4-5 ok <x:b@0,a@1'],
  ['sent before nobody knows what', '', '1 0-1 info >x:a', '3 2-3 ok >x:b@0', '2 4-5 ok <x:b@0,a@1'],
  [
    'unknown, and behind what was there before',
    'send-realtime | G0-realtime',
    '1 0-1 ok >x:a@1',
    '3 2-3 info >x:b',
    '2 4-5 ok <x:b@0,a@1',
  ],
  [
    'a producer misses one of its values',
    'sequence-gap unseen',
    '1 0-1 ok >x:a%p0',
    '1 0-1 ok >x:b%p1',
    '1 2-3 ok >x:c%p2',
    '2 4-5 ok <x:a@0,c@1',
  ],
  ['or its first', 'sequence-gap unseen', '1 0-1 ok >x:a%p0', '1 2-3 ok >x:c%p2', '2 4-5 ok <x:c@1'],
  ['not one that nobody has acknowledged', '', '1 0-1 info >x:a%p0', '1 2-3 ok >x:c%p2', '2 4-5 ok <x:c@1'],
  ['what is behind all of it is not a gap', 'unseen', '1 0-1 ok >x:a%p0', '1 2-3 ok >x:c%p2', '2 4-5 ok <x:a@1'],
  ['two producers', '', '1 0-9 ok >x:a%p0', '3 0-9 ok >x:c%q0', '2 14-15 ok <x:c@0,a@1'],
  ['a sequence goes back', 'nonmonotonic-send', '1 0-9 ok >x:a%p0', '3 0-9 ok >x:c%p1', '2 14-15 ok <x:c@0,a@1'],

  // Transactions.
  ['an aborted read', 'G1a', '1 0-1 fail >x:a', '2 2-3 ok <x:a@0'],
  ['by one that failed itself', 'empty-transaction-graph', '1 0-1 fail >x:a', '2 2-3 fail <x:a@0'],
  ['of one that nobody knows', '', '1 0-1 info >x:a', '2 2-3 ok <x:a@0'],
  ['polled what it sent', 'precommitted-read', '1 0-1 ok >x:a@0 <x:a@0'],
  [
    'in an operation that failed',
    'precommitted-read',
    '1 0-1 fail >x:a@0 <x:a@0',
    '3 0-1 ok >y:b@0',
    '3 2-3 ok <y:b@0',
  ],
  ['polled before it was to be committed', 'G1b', '1 0-9 ok >x:a@0 commit:5', '2 2-3 ok <x:a@0'],
  ['and when it was', '', '1 0-9 ok >x:a@0 commit:5', '2 2-6 ok <x:a@0'],
  [
    'torn: a part, and read past the rest',
    'torn-transaction unseen',
    '1 0-1 ok >x:a@0 >y:b markers:y=1',
    '3 2-3 ok >y:c@2',
    '2 4-4 ok assign x y from-start',
    '2 5-6 ok <x:a@0 <y:c@2',
  ],
  [
    'also where nobody knows, and nobody has seen it',
    'torn-transaction',
    '1 0-1 info >x:a >y:b markers:y=1',
    '3 2-3 ok >y:c@2',
    '2 4-4 ok assign x y from-start',
    '2 5-6 ok <x:a@0 <y:c@2',
  ],
  [
    'not read that far',
    'unseen',
    '1 0-1 ok >x:a@0 >y:b markers:y=1',
    '3 0-1 ok >y:c@0',
    '2 4-4 ok assign x y from-start',
    '2 5-6 ok <x:a@0 <y:c@0',
  ],
  [
    'not read from in front of it',
    'unseen',
    '1 0-1 ok >x:a@0 >y:b markers:y=1',
    '3 2-3 ok >y:c@2',
    '2 5-6 ok <x:a@0 <y:c@2',
  ],
  [
    'torn within a key, between two that are there',
    'torn-transaction unseen',
    '1 0-1 ok >x:a@0 >x:b >x:c@2',
    '2 2-3 ok <x:a@0,c@2',
  ],
  [
    'nothing of it',
    'unseen',
    '1 0-1 ok >x:a >y:b markers:x=1,y=1',
    '3 2-3 ok >y:c@2',
    '2 4-4 ok assign x y from-start',
    '2 5-6 ok <y:c@2',
  ],
  [
    'a part of it, while a group moves keys',
    '| poll-skip',
    '1 0-1 ok >x:a@0 >x:b@1 >x:c@2',
    '2 2-2 ok subscribe x',
    '3 2-2 ok subscribe x',
    '2 3-4 ok <x:a@0',
    '3 5-6 ok <x:b@1',
    '2 7-8 ok <x:c@2',
  ],
  ['the other part is of another client', '', '1 0-1 ok >x:a@0 >y:b@0', '2 2-3 ok <x:a@0', '3 2-3 ok <y:b@0'],

  // Cycles.
  [
    'two wrote among one another',
    '| G0',
    '1 0-9 ok >x:a@0 >y:b@1',
    '3 0-9 ok >x:c@1 >y:d@0',
    '2 10-11 ok <x:a@0,c@1 <y:d@0,b@1',
  ],
  ['one after the other', '', '1 0-9 ok >x:a@0 >y:b@0', '3 0-9 ok >x:c@1 >y:d@1', '2 10-11 ok <x:a@0,c@1 <y:b@0,d@1'],
  ['each read of the other', 'G1c', '1 0-9 ok >x:a@0 <y:b@0', '3 0-9 ok >y:b@0 <x:a@0'],
  ['one read of the other', '', '1 0-9 ok >x:a@0 <y:b@0', '3 0-9 ok >y:b@0', '2 10-11 ok <x:a@0'],
  ['three in a circle', 'G1c', '1 0-9 ok >x:a@0 <z:c@0', '3 0-9 ok >y:b@0 <x:a@0', '4 0-9 ok >z:c@0 <y:b@0'],
  ['read what was sent later', 'G1c-realtime', '1 0-1 ok <x:a@0', '2 2-3 ok >x:a@0'],
  ['read what its process sent later', 'G1c-process', '1 0-1 ok <x:a@0', '1 2-3 ok >x:a@0'],
  ['at the same moment', '', '1 0-2 ok <x:a@0', '2 2-3 ok >x:a@0'],
  ['an unknown one may have sent before it ended', '', '2 0-9 info >x:a', '1 10-11 ok <x:a@0'],
  ['and not before it began', 'G1c-realtime', '1 0-1 ok <x:a@0', '2 2-3 info >x:a'],
  ['through others', 'G1c-realtime', '1 0-1 ok <x:a@0', '3 2-3 ok >y:b@0', '4 2-9 ok >x:a@0 <y:b@0'],
  [
    'wrote in front of who it read',
    '| G1c',
    '1 0-9 ok >x:a@0 <y:c@0',
    '3 0-9 ok >x:b@1 >y:c@0',
    '2 10-11 ok <x:a@0,b@1',
  ],
  [
    'read of one and wrote in front of it later',
    '| G1c-process',
    '1 0-9 ok <y:c@0',
    '1 10-19 ok >x:a@0',
    '3 0-19 ok >x:b@1 >y:c@0',
    '2 20-21 ok <x:a@0,b@1',
  ],
  [
    'another wrote later',
    '| G1c-realtime',
    '1 0-9 ok <y:c@0',
    '4 10-19 ok >x:a@0',
    '3 0-19 ok >x:b@1 >y:c@0',
    '2 20-21 ok <x:a@0,b@1',
  ],
  [
    'wrote among one another, one process later',
    '| G0-process',
    '1 0-9 ok >x:a@1',
    '1 10-19 ok >y:b@0',
    '3 0-19 ok >y:d@1 >x:c@0',
    '2 20-21 ok <x:c@0,a@1 <y:b@0,d@1',
  ],
]

test('histories told by hand', () => {
  const wrong: unknown[] = []
  for (const [name, expected, ...lines] of TOLD) {
    const { findings, observations, valid } = verdictOf(lines)
    const found = [names(findings), names(observations)].join(' | ').replace(/ \| $/, '').trim()
    if (found !== expected) wrong.push({ name, expected, found, details: [...findings, ...observations] })
    assert.equal(valid, findings.length === 0, name)
  }
  assert.deepEqual(wrong, [])
})

const KEYS = ['x', 'y']
const CYCLES = /^G[01]c?(-|$)/
/** What the slow judge does not know. */
const UNJUDGED = new Set([
  'duplicate-nonzero',
  'empty-transaction-graph',
  'int-send-skip',
  'nonmonotonic-send',
  'torn-transaction',
])

const anyKey = fc.constantFrom(...KEYS)
const anyOffset = fc.integer({ min: 0, max: 5 })
const anyPart = fc.oneof(
  fc.record({ f: fc.constant('send' as const), key: anyKey, offset: fc.option(anyOffset, { nil: undefined }) }),
  fc.record({
    f: fc.constant('poll' as const),
    key: anyKey,
    records: fc.array(fc.tuple(anyOffset, fc.integer({ min: 0, max: 4 })), { minLength: 1, maxLength: 3 }),
  }),
)
const anyOperation = fc.record({
  process: fc.integer({ min: 1, max: 3 }),
  outcome: fc.constantFrom('ok' as const, 'ok' as const, 'ok' as const, 'info' as const, 'fail' as const),
  invokedMs: fc.integer({ min: 0, max: 14 }),
  takesMs: fc.integer({ min: 0, max: 6 }),
  assigned: fc.option(fc.subarray(KEYS), { nil: undefined, freq: 8 }),
  parts: fc.array(anyPart, { minLength: 1, maxLength: 3 }),
})

/** Offsets are drawn; or those of one log, and polls say where a value was said to stand; or all of it was said, and polls are of what was sent. */
function anyHistory(kind: 'any' | 'one log' | 'said'): fc.Arbitrary<ClientOperation[]> {
  const lengths = kind === 'said' ? { minLength: 6, maxLength: 10 } : { minLength: 1, maxLength: 6 }
  return fc.array(anyOperation, lengths).map((all) => {
    const sent = new Map<string, number>()
    const inAll = (key: string): number =>
      all
        .flatMap(({ assigned, parts }) => (assigned === undefined ? parts : []))
        .filter((part) => part.f === 'send' && part.key === key).length
    const operations = all.map(({ process, outcome, invokedMs, takesMs, assigned, parts }): ClientOperation => {
      const common = { process, outcome, invokedMs, completedMs: invokedMs + takesMs }
      if (assigned !== undefined) return { ...common, f: 'assign', keys: assigned }
      const told = parts.map((part): MessagesOperation['parts'][number] => {
        const { key } = part
        if (part.f === 'poll') {
          const drawn = kind === 'said' ? part.records.slice(0, inAll(key) === 0 ? 0 : 1) : part.records
          const records = drawn.map(([offset, n]): [number, string] => {
            const number = kind === 'said' ? n % inAll(key) : n
            return [kind === 'any' ? offset : number, `v${number}`]
          })
          return { f: 'poll', key, records }
        }
        const n = sent.get(key) ?? 0
        sent.set(key, n + 1)
        const offset = kind === 'any' ? part.offset : kind === 'said' || part.offset !== undefined ? n : undefined
        return { f: 'send', key, value: `v${n}`, ...(offset === undefined ? {} : { offset }) }
      })
      return { ...common, f: 'txn', parts: told }
    })
    return operations.sort((a, b) => a.completedMs - b.completedMs)
  })
}

test('the verdict is that of a judge who takes the definitions at their word', () => {
  const times = new Map<string, number>()
  for (const kind of ['any', 'one log', 'said'] as const) {
    fc.assert(
      fc.property(anyHistory(kind), (history) => {
        const { findings, observations } = checkWorkload(history)
        const found = [
          ...findings.map(({ anomaly, key }) => (CYCLES.test(anomaly) ? anomaly : `${anomaly} ${key}`)),
          ...observations.filter(({ anomaly }) => CYCLES.test(anomaly)).map(({ anomaly }) => `${anomaly}*`),
        ].filter((each) => !UNJUDGED.has(each.split(' ')[0]!))
        const expected = judgeSlowly(history, KEYS)
        for (const each of new Set(expected.map((name) => name.split(' ')[0]!)))
          times.set(each, (times.get(each) ?? 0) + 1)
        assert.deepEqual([...new Set(found)].sort(), expected)
      }),
      { numRuns: 2000 },
    )
  }
  // Each was there to be compared.
  assert.ok(times.size >= 20, [...times.keys()].join(' '))
})
