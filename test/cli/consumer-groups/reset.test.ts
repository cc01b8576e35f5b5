/** What offsets are reset to, the files that plan it, and the times that say it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { planText, readPlan } from '../../../src/cli/consumer-groups/reset-file.js'
import { type KnownOffsets, type Reset, ResetError, resetPlan } from '../../../src/cli/consumer-groups/reset-plan.js'
import { parseDateTime, parseDuration } from '../../../src/cli/consumer-groups/times.js'

const PARTITION = { topic: 't', partition: 0 }
const KNOWN: KnownOffsets = {
  committed: new Map([['t-0', 50]]),
  starts: new Map([['t-0', 10]]),
  ends: new Map([['t-0', 100]]),
  atTime: new Map([['t-0', 70]]),
}

function planned(reset: Reset, known: KnownOffsets = KNOWN): readonly [number, number] {
  const { offsets, remarks } = resetPlan(reset, [PARTITION], known)
  return [offsets[0]!.offset, remarks.length]
}

test('each way to reset, and a remark where it is not what was asked for', () => {
  assert.deepEqual(planned({ to: 'earliest' }), [10, 0])
  assert.deepEqual(planned({ to: 'latest' }), [100, 0])
  assert.deepEqual(planned({ to: 'current' }), [50, 0])
  assert.deepEqual(planned({ to: 'offset', offset: 42 }), [42, 0])
  assert.deepEqual(planned({ to: 'offset', offset: 5 }), [10, 1])
  assert.deepEqual(planned({ to: 'offset', offset: 101 }), [100, 1])
  assert.deepEqual(planned({ to: 'shift', by: -20 }), [30, 0])
  assert.deepEqual(planned({ to: 'shift', by: -200 }), [10, 1])
  assert.deepEqual(planned({ to: 'shift', by: 200 }), [100, 1])
  assert.deepEqual(planned({ to: 'time', timestampMs: 0 }), [70, 0])
  assert.deepEqual(planned({ to: 'time', timestampMs: 0 }, { ...KNOWN, atTime: new Map() }), [100, 1])
  assert.deepEqual(planned({ to: 'plan', offsets: new Map([['t-0', 60]]) }), [60, 0])
})

test('where nothing is committed the end counts as current, and nothing can be shifted', () => {
  const known = { ...KNOWN, committed: new Map() }
  assert.deepEqual(planned({ to: 'current' }, known), [100, 0])
  assert.throws(() => planned({ to: 'shift', by: 1 }, known), ResetError)
  assert.throws(() => planned({ to: 'plan', offsets: new Map() }), ResetError)
})

test('what is reset lies within the log, whatever is asked for', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (offset, by) => {
      for (const reset of [{ to: 'offset', offset } as const, { to: 'shift', by } as const]) {
        const [reached] = planned(reset)
        assert.ok(reached >= 10 && reached <= 100)
      }
    }),
  )
})

test('files: as kafka-consumer-groups.sh writes them, long names in quotes', () => {
  const long = 'a-topic-with-a-rather-long-name'
  const offsets = [
    { groupId: undefined, topic: 'orders', partition: 1, offset: 10 },
    { groupId: undefined, topic: long, partition: 0, offset: 0 },
  ]
  assert.equal(planText(offsets), `orders,1,10\n"${long}",0,0\n`)
  assert.equal(planText(offsets.map((each) => ({ ...each, groupId: 'g' }))), `g,orders,1,10\ng,"${long}",0,0\n`)
})

test('files: what is written is read', () => {
  const name = fc.string({ unit: fc.constantFrom(...'ab ,"é-.'), minLength: 1, maxLength: 40 })
  const number = fc.nat()
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.option(name, { nil: undefined }), name, number, number)), (rows) => {
      const offsets = rows.map(([groupId, topic, partition, offset]) => ({ groupId, topic, partition, offset }))
      assert.deepEqual(readPlan(planText(offsets)), offsets)
    }),
  )
})

test('files: a line that is none is named', () => {
  for (const line of [
    't,0',
    't,0,x',
    't,x,0',
    'g,t,0,0,0',
    't,0,-1',
    '"t,0,0',
    'a"b,0,0',
    't,0,99999999999999999999',
  ]) {
    const said = readPlan(`t,0,0\n\n${line}\n`)
    assert.match(typeof said === 'string' ? said : 'taken', /^line 3 is not allowed/, line)
  }
})

test('times: in UTC unless they say otherwise, and only such as exist', () => {
  const noon = Date.UTC(2026, 10, 22, 12, 0, 0)
  for (const [text, ms] of [
    ['2026-11-22T12:00:00.000', noon],
    ['2026-11-22T12:00', noon],
    ['2026-11-22T12:00:00.250Z', noon + 250],
    ['2026-11-22T13:30:00.000+01:30', noon],
    ['2026-11-22T13:30:00.000+0130', noon],
    ['2026-11-22T07:00:00.000-05', noon],
    ['2024-02-29T00:00:00', Date.UTC(2024, 1, 29)],
  ] as const) {
    assert.equal(parseDateTime(text), ms, text)
  }
  for (const text of [
    '',
    '2026-11-22',
    '2026-02-30T00:00:00',
    '2026-11-22T24:00:00',
    '2026-13-01T00:00:00',
    '1234',
    'now',
  ]) {
    assert.equal(parseDateTime(text), undefined, text)
  }
})

test('durations: each part may be missing, or have a sign', () => {
  const hour = 3_600_000
  for (const [text, ms] of [
    ['PT1H', hour],
    ['P1D', 24 * hour],
    ['P1DT2H3M4.5S', 26 * hour + 184_500],
    ['-PT1H', -hour],
    ['PT-1H', -hour],
    ['PT-0.5S', -500],
    ['pt0s', 0],
  ] as const) {
    assert.equal(parseDuration(text), ms, text)
  }
  for (const text of ['', 'P', 'PT', 'P1', '1H', 'P1H', 'P1Y', 'PT1.5H', 'P1DT'])
    assert.equal(parseDuration(text), undefined, text)
})
