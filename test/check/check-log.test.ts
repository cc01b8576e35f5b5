import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Anomaly, type CheckOptions, checkLog } from '../../src/check/check-log.js'
import { type Operation, type PollOperation, type SendOperation, selfDescribing } from '../../src/check/history.js'

const key = 't-0'
const v = (n: number): string => selfDescribing(key, 1, n)

function send(n: number, times: [number, number], rest: Partial<SendOperation>): Operation[] {
  const common = { f: 'send', key, value: v(n), process: 1, acks: -1, ...rest } as const
  return [
    { ...common, type: 'invoke', time: times[0] },
    { ...common, type: rest.type ?? 'ok', time: times[1] },
  ]
}

function poll(time: number, records: [number, string][], rest: Partial<PollOperation> = {}): Operation {
  return { f: 'poll', type: 'ok', key, time, process: 2, records, ...rest }
}

/** Three values acknowledged at 0, 1, 2 and read back. */
const clean: Operation[] = [
  ...send(0, [0, 1], { offset: 0 }),
  ...send(1, [2, 3], { offset: 1 }),
  ...send(2, [4, 5], { offset: 2 }),
]
const read: [number, string][] = [
  [0, v(0)],
  [1, v(1)],
  [2, v(2)],
]
const final = (records = read): Operation => poll(1000, records, { final: true, process: 99 })

function anomalies(history: Operation[], options?: CheckOptions): Anomaly[] {
  const sorted = [...history].sort((a, b) => a.time - b.time)
  return [...new Set(checkLog(sorted, options).findings.map(({ anomaly }) => anomaly))].sort()
}

test('a clean history is valid', () => {
  const verdict = checkLog([...clean, poll(6, read), final()])
  assert.deepEqual(verdict, { valid: true, findings: [], acknowledged: 3, unknown: 0, keys: 1 })
})

test('without a final read nothing can be said', () => {
  assert.equal(checkLog([...clean, poll(6, read)]).valid, undefined)
})

test('lost-write: acknowledged and gone; a gap in the middle counts, a send without acknowledgement does not', () => {
  assert.deepEqual(anomalies([...clean, final([read[0]!, read[2]!])]), ['lost-write'])
  assert.deepEqual(anomalies([...clean, final(read.slice(0, 2))]), ['lost-write'])
  assert.deepEqual(anomalies([...clean, ...send(3, [6, 7], { type: 'info' }), final()]), [])
  assert.deepEqual(anomalies([...clean, ...send(3, [6, 7], { offset: -1, acks: 0 }), final()]), [])
  assert.deepEqual(anomalies([...clean, ...send(3, [6, 7], { offset: 3, acks: 1 }), final()]), ['lost-write'])
})

test('an invocation that was never completed is unknown', () => {
  const [invoke] = send(3, [6, 7], {})
  assert.equal(checkLog([...clean, invoke!, final([...read, [3, v(3)]])]).unknown, 1)
  assert.deepEqual(anomalies([...clean, invoke!, final([...read, [3, v(3)]])]), [])
})

test('what may be lost is excused, and only that', () => {
  const options: CheckOptions = { mayBeLost: (_, time, acks) => acks === 1 && time < 8 }
  const history = [...clean, ...send(3, [6, 7], { offset: 3, acks: 1 })]
  assert.deepEqual(anomalies([...history, final()], options), [])
  assert.deepEqual(anomalies([...history, final(read.slice(0, 2))], options), ['lost-write'])
  // Its offset may have been given to another.
  const reused = [...history, ...send(4, [9, 10], { offset: 3 }), final([...read, [3, v(4)]])]
  assert.deepEqual(anomalies(reused, options), [])
  assert.deepEqual(anomalies(reused), ['inconsistent-offsets', 'lost-write'])
})

test('lost-read: given to a consumer and gone, whatever the producer knew', () => {
  const history = [...clean, ...send(3, [6, 7], { type: 'info' }), poll(8, [...read, [3, v(3)]]), final()]
  assert.deepEqual(anomalies(history), ['lost-read'])
})

test('uncommitted-read: given, though the same answer says that it is not committed', () => {
  const upTo = (highWatermark: number): Operation[] => [...clean, poll(8, read, { highWatermark }), final()]
  assert.deepEqual(anomalies(upTo(read.at(-1)![0])), ['uncommitted-read'])
  assert.deepEqual(anomaliesOf(upTo(read.at(-1)![0] + 1)), [])
})

test('duplicate: a value at two offsets, also where only the acknowledgement names the other', () => {
  assert.deepEqual(anomalies([...clean, final([...read, [3, v(1)]])]), ['duplicate'])
  assert.deepEqual(anomalies([...send(0, [0, 1], { offset: 5 }), final([[4, v(0)]])]), ['duplicate'])
})

test('inconsistent-offsets: two values at one offset', () => {
  const history = [...clean, ...send(3, [6, 7], { type: 'info' }), poll(8, [[2, v(3)]]), final()]
  assert.deepEqual(anomalies(history), ['inconsistent-offsets', 'lost-read'])
})

test('phantom: never sent, sent elsewhere, or damaged', () => {
  assert.deepEqual(anomalies([...clean, final([...read, [3, v(9)]])]), ['phantom'])
  const damaged = `${v(3)}x`
  const sent: Operation[] = [{ f: 'send', type: 'invoke', key, value: damaged, process: 1, acks: 1, time: 6 }]
  assert.deepEqual(anomalies([...clean, ...sent, final([...read, [3, damaged]])]), ['phantom'])
})

test('failed-write-visible: the client was told that it did not happen', () => {
  assert.deepEqual(anomalies([...clean, ...send(3, [6, 7], { type: 'fail' }), final([...read, [3, v(3)]])]), [
    'failed-write-visible',
  ])
})

test('nonmonotonic-poll: within a poll and between two of one client, but not after a seek', () => {
  assert.deepEqual(anomalies([...clean, poll(6, [read[1]!, read[0]!]), final()]), ['nonmonotonic-poll'])
  assert.deepEqual(anomalies([...clean, poll(6, [read[0]!]), poll(7, [read[0]!]), final()]), ['nonmonotonic-poll'])
  assert.deepEqual(anomalies([...clean, poll(6, [read[0]!]), poll(7, [read[0]!], { process: 3 }), final()]), [])
  assert.deepEqual(anomalies([...clean, poll(6, read), poll(7, read, { seek: true }), final()]), [])
})

test('poll-skip: a value is passed over; a gap of offsets is none', () => {
  assert.deepEqual(anomalies([...clean, poll(6, [read[0]!, read[2]!]), final()]), ['poll-skip'])
  assert.deepEqual(anomalies([...clean, poll(6, [read[0]!]), poll(7, [read[2]!]), final()]), ['poll-skip'])
  const gap: [number, string][] = [
    [0, v(0)],
    [5, v(1)],
  ]
  const sends = [...send(0, [0, 1], { offset: 0 }), ...send(1, [2, 3], { offset: 5 })]
  assert.deepEqual(anomalies([...sends, poll(6, gap), final(gap)]), [])
})

test('nonmonotonic-send: one producer, another order; also for sends of unknown outcome', () => {
  const of = (sequence: number) => ({ producer: 'p', sequence })
  const both = (type: 'ok' | 'info'): Operation[] => [
    ...send(0, [0, 10], { ...of(0), type }),
    ...send(1, [1, 11], { ...of(1), type }),
  ]
  const swapped: [number, string][] = [
    [0, v(1)],
    [1, v(0)],
  ]
  assert.deepEqual(anomalies([...both('ok'), final(swapped)]), ['nonmonotonic-send'])
  assert.deepEqual(anomalies([...both('info'), final(swapped)]), ['nonmonotonic-send'])
  assert.deepEqual(anomalies([...both('ok'), final(read.slice(0, 2))]), [])
})

test('send-realtime: acknowledged before the other was sent, and behind it', () => {
  const swapped: [number, string][] = [
    [0, v(1)],
    [1, v(0)],
  ]
  assert.deepEqual(anomalies([...send(0, [0, 1], {}), ...send(1, [2, 3], {}), final(swapped)]), ['send-realtime'])
  assert.deepEqual(anomalies([...send(0, [0, 2], {}), ...send(1, [1, 3], {}), final(swapped)]), [])
  const unasked = { acks: 0, offset: -1 } as const
  assert.deepEqual(anomalies([...send(0, [0, 1], unasked), ...send(1, [2, 3], {}), final(swapped)]), [])
})

test('a hundred thousand operations are checked in linear time', () => {
  const history: Operation[] = []
  const records: [number, string][] = []
  for (let n = 0; n < 50_000; n++) {
    history.push(...send(n, [n, n + 0.5], { offset: n, producer: 'p', sequence: n }))
    records.push([n, v(n)])
  }
  history.push(poll(60_000, records), poll(70_000, records, { final: true, process: 9 }))
  assert.equal(checkLog(history).valid, true)
})

function deletion(offset: number, type: 'invoke' | 'ok' | 'info', time = 6): Operation {
  return { f: 'delete', type, key, offset, process: 3, time }
}

function anomaliesOf(history: readonly Operation[], options: CheckOptions = {}): Anomaly[] {
  return checkLog(history, options).findings.map(({ anomaly }) => anomaly)
}

test('what stood in front of the start of the log is lost, unless a client wanted it deleted or it had its time', () => {
  const rest = poll(9, read.slice(2), { final: true, startOffset: 2 })
  assert.deepEqual(anomaliesOf([...clean, rest]), ['lost-write', 'lost-write'])
  assert.deepEqual(anomaliesOf([...clean, deletion(2, 'invoke'), rest]), [])
  assert.deepEqual(anomaliesOf([...clean, deletion(1, 'invoke'), rest]), ['lost-write'])
  assert.deepEqual(anomaliesOf([...clean, rest], { mayBeRemoved: (_, time) => time < 2 }), ['lost-write'])
  assert.deepEqual(anomaliesOf([...clean, rest], { mayBeRemoved: () => true }), [])
  // A gap behind the start is none of that.
  const gap = poll(9, [read[2]!], { final: true, startOffset: 1 })
  assert.deepEqual(anomaliesOf([...clean, deletion(2, 'ok'), gap], { mayBeRemoved: () => true }), ['lost-write'])
})

test('what was read and is gone in front of the start is judged alike', () => {
  const early = poll(6, read)
  const rest = poll(9, read.slice(2), { process: 4, final: true, startOffset: 2 })
  assert.deepEqual(
    anomaliesOf([...clean, early, rest]).filter((anomaly) => anomaly === 'lost-read'),
    ['lost-read', 'lost-read'],
  )
  assert.deepEqual(anomaliesOf([...clean, early, deletion(2, 'info'), rest]), [])
})

test('what is there though its deletion was acknowledged has come back', () => {
  const all = poll(9, read, { final: true })
  assert.deepEqual(anomaliesOf([...clean, deletion(2, 'info'), all]), [])
  assert.deepEqual(anomaliesOf([...clean, deletion(1, 'ok'), all]), ['deleted-visible'])
})

test('compaction: a later record of the key, or one that deletes it, takes the place of those in front of it', () => {
  const a = { recordKey: 'a' }
  const keyed = [
    ...send(0, [0, 1], { ...a, offset: 0 }),
    ...send(1, [2, 3], { recordKey: 'b', offset: 1 }),
    ...send(2, [4, 5], { ...a, offset: 2 }),
  ]
  assert.deepEqual(anomalies([...keyed, poll(6, read), final()]), [])
  assert.deepEqual(anomalies([...keyed, poll(6, read), final(read.slice(1))]), [])
  assert.deepEqual(anomalies([...keyed, final(read.slice(2))]), ['lost-write'], 'nothing took the place of b')
  assert.deepEqual(anomalies([...keyed, poll(6, read), final(read.slice(0, 2))]), ['lost-read', 'lost-write'])
  const moved: [number, string][] = [read[1]!, [0, v(2)]]
  assert.ok(
    anomalies([...keyed, final(moved)]).includes('inconsistent-offsets') ||
      anomalies([...keyed, final(moved)]).includes('duplicate'),
  )
  const deleted = [...keyed, ...send(3, [6, 7], { ...a, offset: 3, deletes: true })]
  const tombstone: [number, string] = [3, v(3)]
  assert.deepEqual(anomalies([...deleted, final([read[1]!, tombstone])]), [])
  assert.deepEqual(anomalies([...deleted, final([read[1]!])]), [], 'it may go itself')
  const unknown = [...keyed, ...send(3, [6, 7], { ...a, type: 'info', deletes: true })]
  assert.deepEqual(anomalies([...unknown, final([read[1]!])]), [], 'it may have been there')
  const failed = [...keyed, ...send(3, [6, 7], { ...a, type: 'fail', deletes: true })]
  assert.deepEqual(anomalies([...failed, final([read[1]!])]), ['lost-write'])
})

test('poll-skip: what a later record took the place of after the last reading had it may be passed over', () => {
  const keyed = [
    ...send(0, [0, 1], { offset: 0 }),
    ...send(1, [2, 3], { recordKey: 'a', offset: 1 }),
    ...send(2, [4, 5], { recordKey: 'a', offset: 2 }),
  ]
  const passing: [number, string][] = [read[0]!, read[2]!]
  assert.deepEqual(anomalies([...keyed, final(), poll(1001, passing)]), [])
  assert.deepEqual(anomalies([...keyed, poll(999, passing), final()]), ['poll-skip'], 'it came back')
  assert.deepEqual(anomalies([...clean, final(), poll(1001, passing)]), ['poll-skip'], 'it has no key')
})

test('resurrected: what was deleted is there again when the deletion is gone', () => {
  const history = [
    ...send(0, [0, 1], { recordKey: 'a', offset: 0 }),
    ...send(1, [2, 3], { recordKey: 'a', offset: 1, deletes: true }),
  ]
  assert.deepEqual(anomalies([...history, final([read[0]!])]), ['resurrected'])
  assert.deepEqual(anomalies([...history, final([])]), [])
  assert.deepEqual(anomalies([...history, final(read.slice(0, 2))]), [])
})
