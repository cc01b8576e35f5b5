/** Who has which partition, and whether a group passes over records: each anomaly where it is and where it is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Findings } from '../../src/check/anomalies.js'
import { checkGroupOffsets, type GroupOperation } from '../../src/check/check-group-offsets.js'
import { checkGroupOwnership, type Ownership } from '../../src/check/check-group-ownership.js'
import { checkGroupProgress, type GroupProgress } from '../../src/check/check-group-progress.js'

function found(check: (findings: Findings) => void): string {
  const findings = new Findings()
  check(findings)
  for (const { detail } of findings.told) assert.doesNotMatch(detail, /undefined|NaN|\[object/)
  return [...findings.counts].map(([name, count]) => (count === 1 ? name : `${name}*${count}`)).join(' ')
}

/** "member[/instance] generation from-to certain"; a dash: its number may come again. */
function owned(line: string): Ownership {
  const [who, generation, times, certain] = line.split(' ')
  const [member, instance] = who!.split('/')
  const [fromMs, toMs] = times!.split('-').map(Number)
  return {
    group: 'g',
    key: 'x',
    member: member!,
    ...(instance === undefined ? {} : { instance }),
    ...(generation === '-' ? {} : { generation: Number(generation) }),
    fromMs: fromMs!,
    toMs: toMs!,
    certainUntilMs: Number(certain),
  }
}

const OWNED: readonly (readonly [string, string, ...string[]])[] = [
  ['one after the other', '', 'a 1 0-5 9', 'b 2 5-9 9'],
  ['the same member again', '', 'a 1 0-5 9', 'a 2 5-9 9'],
  ['two at once', 'owned-twice', 'a 1 0-5 9', 'b 2 4-9 9'],
  ['two in one generation', 'owned-twice', 'a 1 0-5 9', 'b 1 6-9 9'],
  ['both', 'owned-twice*2', 'a 1 0-5 9', 'b 1 4-9 9'],
  ['two in a generation whose number may come again', '', 'a - 0-5 9', 'b - 6-9 9'],
  ['two at once, whose numbers may come again', 'owned-twice', 'a - 0-5 9', 'b - 4-9 9'],
  ['a session is over before', '', 'a 1 0-9 3', 'b 2 4-9 9'],
  ['who comes later is not certain at all', '', 'a 1 0-9 9', 'b 2 4-9 4'],
  ['it may be until it takes over', '', 'a 1 0-4 9', 'b 2 4-9 9'],
  ['inside of another', 'owned-twice', 'a 1 0-9 9', 'a 2 1-2 9', 'b 3 3-4 9'],
  ['its instance is replaced', '', 'a/i 1 0-9 9', 'b/i 1 4-9 9'],
  ['another instance', 'owned-twice*2', 'a/i 1 0-9 9', 'b/j 1 4-9 9'],
]

test('who had a partition, told by hand', () => {
  for (const [name, expected, ...lines] of OWNED) {
    assert.equal(
      found((findings) => checkGroupOwnership(lines.map(owned), findings)),
      expected,
      name,
    )
  }
})

test('groups and partitions are judged by themselves', () => {
  const all = [owned('a 1 0-9 9'), { ...owned('b 1 0-9 9'), group: 'h' }, { ...owned('b 1 0-9 9'), key: 'y' }]
  assert.equal(
    found((findings) => checkGroupOwnership(all, findings)),
    '',
  )
})

/** "from-to" is read, "@offset" is where a member begins. */
function progress(step: string): GroupProgress {
  const common = { group: 'g', key: 'x', process: 1, timeMs: 1 }
  if (step.startsWith('@')) return { ...common, f: 'begin', offset: Number(step.slice(1)) }
  const [fromOffset, toOffset] = step.split('-').map(Number)
  return { ...common, f: 'read', fromOffset: fromOffset!, toOffset: toOffset! }
}

const PROGRESS: readonly (readonly [string, string, string, readonly number[]])[] = [
  ['goes on where it was', '', '@0 0-5 @5 5-9', [0, 4, 8]],
  ['goes back', '', '@0 0-5 @3 3-9', [8]],
  ['passes over something', 'group-skip', '@0 0-5 @6 6-9', []],
  ['it was given to somebody else before', '', '@0 0-5 @0 0-7 @6 6-9', []],
  ['it is given only later', 'group-skip', '@0 0-5 @6 6-9 5-6', [5]],
  ['begins in the middle', 'group-skip', '@3 3-5', []],
  ['from two sides', '', '0-2 4-6 2-4 @6', [0, 5]],
  ['is given to nobody', 'group-unseen*2', '@0 0-5', [4, 5, 9]],
  ['nothing is read', 'group-unseen', '', [0]],
]

test('how a group gets on, told by hand', () => {
  for (const [name, expected, steps, offsets] of PROGRESS) {
    const history = steps.split(' ').filter(Boolean).map(progress)
    assert.equal(
      found((findings) => checkGroupProgress(history, [{ group: 'g', key: 'x', offsets }], findings)),
      expected,
      name,
    )
  }
})

/** "from-to commit|late|reset outcome offset [generation]", "from-to fetch offset". */
function grouped(line: string): GroupOperation {
  const [times, f, ...rest] = line.split(' ')
  const [invokedMs, completedMs] = times!.split('-').map(Number)
  const common = { process: 1, group: 'g', key: 'x', invokedMs: invokedMs!, completedMs: completedMs! }
  if (f === 'fetch') return { ...common, f, offset: Number(rest[0]) }
  const [outcome, offset, generation] = rest
  return {
    ...common,
    f: 'commit',
    outcome: outcome as 'ok',
    offset: Number(offset),
    ...(generation === undefined ? {} : { generation: Number(generation) }),
    ...(f === 'reset' ? { isReset: true } : {}),
    ...(f === 'late' ? { mayComeLate: true } : {}),
  }
}

const GROUPED: readonly (readonly [string, string, ...string[]])[] = [
  ['a commit comes late', '', '0-1 late info 3 1', '2-3 commit ok 5 1', '4-5 fetch 3'],
  [
    'and counts from then on',
    '',
    '0-1 late info 3 1',
    '2-3 commit ok 5 1',
    '4-5 fetch 3',
    '6-7 commit ok 4 2',
    '8-9 fetch 4',
  ],
  ['it was shut out', 'offset-went-back', '0-1 late info 3 1', '2-3 commit ok 5 2', '4-5 fetch 3'],
  [
    'it is another one',
    'offset-went-back',
    '0-1 late info 3 1',
    '0-1 commit ok 4 1',
    '2-3 commit ok 5 1',
    '6-7 fetch 4',
  ],
  ['it cannot come late', 'offset-went-back', '0-1 commit info 3 1', '2-3 commit ok 5 1', '4-5 fetch 3'],
  ['deleted', '', '0-1 commit ok 5 1', '2-3 reset ok -1', '4-5 fetch -1'],
  ['deleted, and there again', 'reset-undone', '0-1 commit ok 5 1', '2-3 reset ok -1', '4-5 fetch 5'],
  ['asked while it is deleted', '', '0-1 commit ok 5 1', '2-5 reset ok -1', '4-5 fetch 5'],
  ['committed again', '', '0-1 commit ok 5 1', '2-3 reset ok -1', '4-5 commit ok 6 2', '6-7 fetch 6'],
  ['set back, and there again', 'reset-undone', '0-1 commit ok 5 1', '2-3 reset ok 2', '4-5 fetch 5'],
  [
    'one without a member is still on its way',
    '',
    '0-1 late info 5',
    '0-1 commit ok 5',
    '2-3 reset ok -1',
    '4-5 fetch 5',
  ],
]

test('late commits and resets, told by hand', () => {
  for (const [name, expected, ...lines] of GROUPED) {
    assert.equal(
      found((findings) => checkGroupOffsets(lines.map(grouped), findings)),
      expected,
      name,
    )
  }
})
