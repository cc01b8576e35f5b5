/** Histories of single sends and polls as those of a workload, and the options of its checker. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkWorkload } from '../../src/check/check-workload.js'
import { clientOperations } from '../../src/check/client-history.js'
import { type Operation, selfDescribing } from '../../src/check/history.js'
import { tell } from './told-workload.js'

const send = { f: 'send', key: 'x', value: 'a', process: 1, acks: -1 } as const

function anomaliesOf(history: readonly Operation[]): string[] {
  return checkWorkload(clientOperations(history)).findings.map(({ anomaly }) => anomaly)
}

test('a send is one operation from its invocation to its answer, a poll one at its time', () => {
  const history: Operation[] = [
    { ...send, type: 'invoke', time: 1, producer: 'p', sequence: 3 },
    { f: 'fault', type: 'info', kind: 'crash', process: 0, time: 2 },
    { ...send, type: 'ok', time: 3, offset: 7, producer: 'p', sequence: 3 },
    { f: 'delete', type: 'ok', key: 'x', offset: 0, process: 3, time: 4 },
    { f: 'poll', type: 'ok', key: 'x', process: 2, time: 5, records: [[7, 'a']], seek: true },
  ]
  const part = { f: 'send', key: 'x', value: 'a', offset: 7, producer: 'p', sequence: 3 }
  const poll = { f: 'poll', key: 'x', records: [[7, 'a']], sought: true }
  assert.deepEqual(clientOperations(history), [
    { process: 1, f: 'send', outcome: 'ok', invokedMs: 1, completedMs: 3, parts: [part] },
    { process: 2, f: 'poll', outcome: 'ok', invokedMs: 5, completedMs: 5, parts: [poll] },
  ])
})

test('of a send without an answer, and of one that asked for none, nobody knows', () => {
  const poll: Operation = { f: 'poll', type: 'ok', key: 'x', process: 2, time: 9, records: [[0, 'b']] }
  const other: Operation[] = [
    { ...send, value: 'b', type: 'invoke', time: 1 },
    { ...send, value: 'b', type: 'ok', time: 2, offset: 0 },
  ]
  const invoke: Operation = { ...send, type: 'invoke', time: 3 }
  assert.deepEqual(anomaliesOf([...other, invoke, poll]), [])
  assert.equal(clientOperations([...other, invoke, poll]).at(-1)!.completedMs, 9)
  assert.deepEqual(
    anomaliesOf([...other, { ...invoke, acks: 0 }, { ...send, type: 'ok', acks: 0, time: 4 } as Operation, poll]),
    [],
  )
  assert.deepEqual(anomaliesOf([...other, invoke, { ...send, type: 'ok', time: 4, offset: 1 }, poll]), ['unseen'])
})

test('a client that sought is not behind where it was', () => {
  const sent: Operation[] = [
    { ...send, type: 'invoke', time: 1 },
    { ...send, type: 'ok', time: 2, offset: 0 },
  ]
  const poll = { f: 'poll', type: 'ok', key: 'x', process: 2, records: [[0, 'a']] } as const
  assert.deepEqual(anomaliesOf([...sent, { ...poll, time: 3 }, { ...poll, time: 4 }]), ['nonmonotonic-poll'])
  assert.deepEqual(anomaliesOf([...sent, { ...poll, time: 3 }, { ...poll, time: 4, seek: true }]), [])
})

test('values that describe themselves are looked at, if the workload makes such', () => {
  const whole = selfDescribing('x', 1, 1)
  const history = (value: string): Operation[] => [
    { ...send, value, type: 'invoke', time: 1 },
    { ...send, value, type: 'ok', time: 2, offset: 0 },
    { f: 'poll', type: 'ok', key: 'x', process: 2, time: 3, records: [[0, value]] },
  ]
  const judge = (value: string, options: { readonly selfDescribing?: true }): string[] =>
    checkWorkload(clientOperations(history(value)), options).findings.map(({ anomaly }) => anomaly)
  assert.deepEqual(judge(whole, { selfDescribing: true }), [])
  assert.deepEqual(judge(`${whole}0`, { selfDescribing: true }), ['phantom'])
  assert.deepEqual(judge(selfDescribing('y', 1, 1), { selfDescribing: true }), ['phantom'])
  assert.deepEqual(judge('a', {}), [])
})

test('who reads what is not committed may see it', () => {
  const told = [
    ['G1a', '1 0-1 fail >x:a', '2 2-3 ok <x:a@0'],
    ['precommitted-read', '1 0-1 ok >x:a@0 <x:a@0'],
    ['G1b', '1 0-9 ok >x:a@0 commit:5', '2 2-3 ok <x:a@0'],
    ['G1c', '1 0-9 ok >x:a@0 <y:b@0', '3 0-9 ok >y:b@0 <x:a@0'],
    ['torn-transaction', '1 0-1 info >x:a@0 >x:b >x:c@2', '2 2-3 ok <x:a@0,c@2'],
  ]
  for (const [anomaly, ...lines] of told) {
    const committed = checkWorkload(tell(lines))
    assert.deepEqual([committed.findings.map((each) => each.anomaly), committed.observations], [[anomaly], []])
    const all = checkWorkload(tell(lines), { isolation: 'read_uncommitted' })
    assert.deepEqual([all.findings, all.observations.map((each) => each.anomaly)], [[], [anomaly]])
    assert.equal(all.valid, true)
  }
})

test('of one anomaly a few are told, and all are counted', () => {
  const lines = Array.from({ length: 100 }, (_, n) => `1 ${n}-${n + 1} ok >x:v${n}@${n}`)
  const { findings, counts } = checkWorkload(tell(lines))
  assert.equal(findings.length, 32)
  assert.equal(counts.get('unseen'), 100)
})
