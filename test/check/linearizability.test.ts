/**
 * Linearizability: histories told by hand that must and must not pass, the verdicts of the search next to those of one that tries every order, and the
 * limit of the search.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Call, checkLinearizable, type Model } from '../../src/check/linearizability.js'
import {
  EXISTENCE,
  followed,
  MEMBERSHIP,
  type MetadataCall,
  REGISTER,
  type Version,
  withAcknowledgements,
} from '../../src/check/models.js'

/** "process f version @broker from-to", with "?" for no answer and "!" for one that failed. */
function call(line: string): MetadataCall {
  const [process, f, version, broker, times] = line.split(' ')
  const [from, to] = times!.split('-')
  const outcome = to === '?' ? 'info' : to!.endsWith('!') ? 'fail' : 'ok'
  return {
    process: Number(process),
    f: f!,
    value: { broker: Number(broker!.slice(1)), version: version === '-' ? undefined : version },
    invokedMs: Number(from),
    answeredMs: to === '?' ? undefined : Number.parseInt(to!, 10),
    outcome,
  }
}

const SETTING = followed(REGISTER)
const TOPIC = followed(EXISTENCE)
const MEMBER = followed(MEMBERSHIP)

const TOLD: readonly (readonly [string, typeof SETTING, boolean, ...string[]])[] = [
  ['nothing at all', SETTING, true],
  ['a read of what was written', SETTING, true, '1 write a @1 0-1', '2 read a @1 2-3'],
  ['a read of what nobody wrote', SETTING, false, '1 write a @1 0-1', '2 read b @1 2-3'],
  ['a write under way may be seen', SETTING, true, '1 write a @1 0-9', '2 read a @2 2-3', '2 read a @2 4-5'],
  ['and is not taken back', SETTING, false, '1 write a @1 0-9', '2 read a @2 2-3', '2 read - @2 4-5'],
  ['another broker may be late', SETTING, true, '1 write a @1 0-1', '2 read - @2 2-3', '2 read a @2 4-5'],
  ['the one that acknowledged may not', SETTING, false, '1 write a @1 0-1', '2 read - @1 2-3'],
  [
    'but it may as long as the answer is on its way',
    SETTING,
    true,
    ...['1 write a @1 0-9', '2 read a @2 2-3', '3 read - @1 4-5', '3 read a @1 10-11'],
  ],
  ['nobody reads before it is written', SETTING, false, '2 read a @2 0-1', '1 write a @1 2-3'],
  [
    'one order of writes for all brokers',
    SETTING,
    false,
    ...['1 write a @1 0-9', '2 write b @2 0-9', '3 read a @3 10-11', '3 read b @3 12-13', '4 read b @4 10-11'],
    '4 read a @4 12-13',
  ],
  [
    'an open write may take effect much later',
    SETTING,
    true,
    '1 write a @1 0-?',
    '2 write b @2 1-2',
    '3 read a @3 9-10',
  ],
  ['or never', SETTING, true, '1 write a @1 0-?', '2 write b @2 1-2', '3 read b @2 9-10'],
  [
    'but only once',
    SETTING,
    false,
    ...['1 write a @1 0-?', '3 read a @3 1-2', '2 write b @3 3-4', '3 read b @3 5-6', '3 read a @3 7-8'],
  ],
  ['what failed did not happen', SETTING, false, '1 write a @1 0-1!', '2 read a @2 2-3'],
  ['a topic is made once', TOPIC, false, '1 create x @1 0-1', '2 create y @2 2-3'],
  ['or one of two is refused', TOPIC, true, '1 create x @1 0-5', '2 exists - @2 0-5'],
  ['not for something that is not there', TOPIC, false, '2 exists - @2 0-5', '1 create x @1 6-7'],
  ['made, deleted, made again', TOPIC, true, '1 create x @1 0-1', '2 delete - @2 2-3', '3 create y @3 4-5'],
  ['a deletion of nothing', TOPIC, false, '1 delete - @1 0-1'],
  ['nothing to delete', TOPIC, true, '1 absent - @1 0-1', '1 create x @1 2-3', '1 delete - @1 4-5'],
  ['an acknowledged topic that nobody deletes stays', TOPIC, false, '1 create x @1 0-1', '2 absent - @2 2-3'],
  ['an open deletion may have been it', TOPIC, true, '1 create x @1 0-1', '3 delete - @3 2-?', '2 absent - @2 4-5'],
  ['an open creation is known by its id later', TOPIC, true, '1 create - @1 0-?', '2 read x @2 1-2', '3 read x @3 3-4'],
  ['and by one only', TOPIC, false, ...['1 create - @1 0-?', '2 read x @2 1-2', '3 read y @3 3-4']],
  [
    'two open creations, whose ids are told in another order',
    TOPIC,
    true,
    ...['1 create - @1 0-?', '2 delete - @2 1-2', '1 create - @1 3-?', '4 read x @4 5-6', '3 read y @3 7-8'],
    '3 read x @3 9-10',
  ],
  ['a broker registers again', MEMBER, true, '1 join - @0 0-1', '2 join - @0 2-3', '3 leave - @1 4-5'],
  ['and is forgotten', MEMBER, true, '1 join - @0 0-1', '3 leave - @1 2-3', '2 absent - @2 4-5'],
  ['an acknowledged registration stays', MEMBER, false, '1 join - @0 0-1', '2 absent - @2 2-3'],
  ['nobody is forgotten twice', MEMBER, false, '1 join - @0 0-1', '2 leave - @1 2-3', '3 leave - @2 4-5'],
  [
    'who is forgotten is not shown again',
    MEMBER,
    false,
    ...['1 join - @0 0-1', '2 leave - @1 2-3', '3 read registered @1 4-5'],
  ],
  ['a deleted topic does not come back', TOPIC, false, '1 create x @1 0-1', '1 delete - @1 2-3', '1 read x @1 4-5'],
]

test('histories told by hand', () => {
  for (const [name, model, isWell, ...lines] of TOLD) {
    const judgement = checkLinearizable(withAcknowledgements(lines.map(call)), model)
    assert.equal(judgement.verdict, isWell ? 'linearizable' : 'not linearizable', name)
    if (judgement.verdict === 'not linearizable') assert.match(judgement.detail, /none can be next: /)
  }
})

/** Tries every order of every choice of the open calls. */
function isLinearizable<State, Value>(calls: readonly Call<Value>[], model: Model<State, Value>): boolean {
  const left = calls.filter(({ outcome }) => outcome !== 'fail')
  const tryAll = (state: State, rest: readonly Call<Value>[]): boolean => {
    if (rest.every(({ outcome }) => outcome === 'info')) return true
    return rest.some((next) => {
      const others = rest.filter((each) => each !== next)
      const isTooEarly = others.some(
        ({ outcome, answeredMs }) => outcome === 'ok' && (answeredMs ?? 0) < next.invokedMs,
      )
      return !isTooEarly && model.step(state, next).some((after) => tryAll(after, others))
    })
  }
  return tryAll(model.initial, left)
}

const versions = fc.constantFrom<Version>('a', 'b', undefined)

function anyCalls(fs: readonly string[]): fc.Arbitrary<MetadataCall[]> {
  const each = fc.record({
    process: fc.integer({ min: 1, max: 3 }),
    f: fc.constantFrom(...fs),
    value: fc.record({ broker: fc.integer({ min: 1, max: 2 }), version: versions }),
    invokedMs: fc.integer({ min: 0, max: 12 }),
    takesMs: fc.integer({ min: 1, max: 8 }),
    outcome: fc.constantFrom('ok' as const, 'ok' as const, 'ok' as const, 'info' as const, 'fail' as const),
  })
  return fc.array(each, { maxLength: 5 }).map((all) =>
    all.map(({ takesMs, ...rest }) => ({
      ...rest,
      answeredMs: rest.outcome === 'info' ? undefined : rest.invokedMs + takesMs,
    })),
  )
}

test('the verdict is that of a search that tries every order', () => {
  const kinds = [
    [SETTING, ['write', 'read', 'read']],
    [TOPIC, ['create', 'delete', 'exists', 'absent', 'read', 'read']],
    [MEMBER, ['join', 'leave', 'absent', 'read', 'read']],
  ] as const
  for (const [model, fs] of kinds) {
    const counts = { well: 0, not: 0 }
    fc.assert(
      fc.property(anyCalls(fs), (calls) => {
        const judged = withAcknowledgements(calls)
        const expected = isLinearizable(judged, model)
        counts[expected ? 'well' : 'not']++
        assert.equal(checkLinearizable(judged, model).verdict, expected ? 'linearizable' : 'not linearizable')
      }),
      { numRuns: 1500 },
    )
    assert.ok(counts.well > 100 && counts.not > 100, JSON.stringify(counts))
  }
})

test('a long history is judged, and one that hangs on too many open calls is said not to be', () => {
  const long: MetadataCall[] = []
  for (let n = 0; n < 3000; n++) {
    long.push(call(`1 write v${n} @1 ${n * 10}-${n * 10 + 5}`))
    long.push(call(`2 read v${n} @1 ${n * 10 + 2}-${n * 10 + 8}`))
  }
  assert.equal(checkLinearizable(long, REGISTER_READ).verdict, 'linearizable')
  const open = Array.from({ length: 20 }, (_, n) => call(`1 write v${n} @1 ${n}-?`))
  const judgement = checkLinearizable([...open, call('2 read never @2 100-101')], SETTING, 1000)
  assert.equal(judgement.verdict, 'could not judge')
  assert.match(
    (judgement as { readonly detail: string }).detail,
    /^1000 configurations of 1 answered and 20 open calls$/,
  )
})

/** A register that is read as it is at the moment. */
const REGISTER_READ: typeof REGISTER = {
  ...REGISTER,
  step: (state, each) =>
    each.f === 'read' ? (state === each.value.version ? [state] : []) : REGISTER.step(state, each),
}
