/** What is asked for besides records: ends of logs, offsets of groups, transformed records, bytes of replicas. Each anomaly where it is and where it is not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Findings } from '../../src/check/anomalies.js'
import { checkGroupOffsets, type GroupOperation } from '../../src/check/check-group-offsets.js'
import { type BatchSeen, checkReplicas, type ReplicaSeen } from '../../src/check/check-replicas.js'
import { checkTransforms, type SourceRecord, type TargetRecord } from '../../src/check/check-transforms.js'
import {
  checkListedOffsets,
  checkWatermarks,
  type OffsetListed,
  type Watermarks,
} from '../../src/check/check-watermarks.js'
import { tell } from './told-workload.js'

function found(check: (findings: Findings) => void): string {
  const findings = new Findings()
  check(findings)
  for (const { detail } of findings.told) assert.doesNotMatch(detail, /undefined|NaN|\[object/)
  return [...findings.counts].map(([name, count]) => (count === 1 ? name : `${name}*${count}`)).join(' ')
}

/** "from-to latest|earliest|committed offset". */
function listed(line: string): OffsetListed {
  const [times, of, offset] = line.split(' ')
  const [invokedMs, completedMs] = times!.split('-').map(Number)
  const kind = of === 'committed' ? 'latest committed' : (of as 'latest' | 'earliest')
  return { process: 5, key: 'x', of: kind, offset: Number(offset), invokedMs: invokedMs!, completedMs: completedMs! }
}

const LISTED: readonly (readonly [string, string, readonly string[], ...string[]])[] = [
  ['behind what was acknowledged', '', ['1 0-1 ok >x:a@4'], '2-3 latest 5', '2-3 committed 5'],
  ['not behind it', 'stale-latest', ['1 0-1 ok >x:a@4'], '2-3 latest 4'],
  ['nor what is committed', 'stale-latest', ['1 0-1 ok >x:a@4'], '2-3 committed 4'],
  ['asked before it was acknowledged', '', ['1 0-2 ok >x:a@4'], '1-3 latest 4', '2-3 latest 4'],
  ['acknowledged without an offset', '', ['1 0-1 ok >x:a'], '2-3 latest 0'],
  ['nobody knows whether it is there', '', ['1 0-1 info >x:a@4'], '2-3 latest 4'],
  ['another key', '', ['1 0-1 ok >y:a@4'], '2-3 latest 0'],
  ['the start of the log', '', ['1 0-1 ok >x:a@4'], '2-3 earliest 0'],
  ['an open transaction may hold back what is committed', '', ['1 0-1 ok >x:a@4 >x:b@5'], '2-3 committed 4'],
  ['but not the end', 'stale-latest', ['1 0-1 ok >x:a@4 >x:b@5'], '2-3 latest 4'],
  ['the end goes up', '', [], '2-3 latest 4', '4-5 latest 4', '6-7 latest 9'],
  ['the end goes back', 'latest-went-back', [], '2-3 latest 4', '4-5 latest 3'],
  [
    'also of what is committed, with transactions',
    'latest-went-back',
    ['1 0-1 ok >x:a@4 >x:b@5'],
    '2-3 committed 4',
    '4-5 committed 3',
  ],
  ['answers that cross', '', [], '2-4 latest 4', '3-5 latest 3', '4-6 latest 3'],
  ['each by its own', '', [], '2-3 latest 4', '4-5 committed 3', '6-7 earliest 1'],
  ['the start goes back', 'start-went-back', [], '2-3 earliest 4', '4-5 earliest 3'],
]

test('ends and starts of logs, told by hand', () => {
  for (const [name, expected, history, ...lines] of LISTED) {
    assert.equal(
      found((findings) => checkListedOffsets(tell(history), lines.map(listed), findings)),
      expected,
      name,
    )
  }
})

test('watermarks of one answer stand in order', () => {
  const of = (logStartOffset?: number, lastStableOffset?: number, highWatermark?: number, logEndOffset?: number) =>
    found((findings) => {
      const answer = { key: 'x', timeMs: 1, logStartOffset, lastStableOffset, highWatermark, logEndOffset }
      const said = Object.entries(answer).filter(([, value]) => value !== undefined)
      checkWatermarks([Object.fromEntries(said) as unknown as Watermarks], findings)
    })
  assert.equal(of(0, 0, 0, 0), '')
  assert.equal(of(1, 2, 3, 4), '')
  assert.equal(of(1, 4, 3, 5), 'watermarks-crossed')
  assert.equal(of(0, 2, 5, 4), 'watermarks-crossed')
  assert.equal(of(2, 1, 3, 4), 'watermarks-crossed')
  assert.equal(of(0, 4, undefined, 3), 'watermarks-crossed')
  assert.equal(of(undefined, undefined, 3), '')
})

/** "from-to commit|reset outcome offset generation", "from-to fetch offset". */
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
  }
}

const GROUPED: readonly (readonly [string, string, ...string[]])[] = [
  ['committed and told', '', '0-1 commit ok 5', '2-3 fetch 5'],
  ['nothing is committed', '', '2-3 fetch -1'],
  ['forgotten', 'offset-went-back', '0-1 commit ok 5', '2-3 fetch -1'],
  ['an earlier one', 'offset-went-back', '0-1 commit ok 3', '2-3 commit ok 5', '4-5 fetch 3'],
  ['asked meanwhile', '', '0-1 commit ok 3', '2-6 commit ok 5', '4-5 fetch 3'],
  ['one that nobody knows of', '', '0-1 commit ok 3', '2-3 commit info 5', '4-5 fetch 3', '6-7 fetch 5'],
  [
    'is not taken back once it was told',
    'offset-went-back',
    '0-1 commit ok 3',
    '2-3 commit info 5',
    '4-5 fetch 5',
    '6-7 fetch 3',
  ],
  ['nobody committed it', 'offset-phantom', '0-1 commit ok 3', '2-3 fetch 4'],
  ['nobody has yet', 'offset-phantom', '2-3 fetch 4', '4-5 commit ok 4'],
  ['an aborted one', 'aborted-offset', '0-1 commit ok 3', '2-3 commit fail 4', '4-5 fetch 4'],
  ['and the one before it', '', '0-1 commit ok 3', '2-3 commit fail 4', '4-5 fetch 3'],
  ['set back', '', '0-1 commit ok 5', '2-3 reset ok 2', '4-5 fetch 2'],
  [
    'further than it was set back',
    'offset-went-back',
    '0-1 commit ok 1',
    '2-3 commit ok 5',
    '4-5 reset ok 2',
    '6-7 fetch 1',
  ],
  ['asked while it is set back', '', '0-1 commit ok 5', '2-5 reset ok 2', '3-4 fetch 5', '3-4 fetch 2'],
  ['a commit while it is set back', '', '0-1 commit ok 5', '2-5 reset ok 3', '3-4 commit ok 2', '6-7 fetch 2'],
  ['before it is set back', 'offset-went-back', '0-1 commit ok 3', '0-1 commit ok 5', '2-3 fetch 3', '4-5 reset ok 2'],
  ['a commit after that', 'offset-went-back', '0-1 commit ok 5', '2-3 reset ok 2', '4-5 commit ok 6', '6-7 fetch 2'],
  ['perhaps set back', '', '0-1 commit ok 5', '2-3 reset info 2', '4-5 fetch 5', '6-7 fetch 2'],
  ['it was not set back', 'offset-went-back', '0-1 commit ok 2', '0-1 commit ok 5', '2-3 reset fail 2', '4-5 fetch 2'],
  ['generations go up', '', '0-1 commit ok 3 1', '2-3 commit ok 5 2', '4-5 fetch 5'],
  ['a generation that is over', 'stale-generation', '0-1 commit ok 3 2', '2-3 commit ok 5 1', '4-5 fetch 5'],
  ['was refused', '', '0-1 commit ok 3 2', '2-3 commit fail 5 1', '4-5 fetch 3'],
  ['was under way', '', '0-2 commit ok 3 2', '1-3 commit ok 5 1', '4-5 fetch 5'],
]

test('committed offsets of groups, told by hand', () => {
  for (const [name, expected, ...lines] of GROUPED) {
    assert.equal(
      found((findings) => checkGroupOffsets(lines.map(grouped), findings)),
      expected,
      name,
    )
  }
})

test('groups and keys are judged by themselves', () => {
  const all = [
    grouped('0-1 commit ok 5'),
    { ...grouped('2-3 fetch -1'), group: 'h' },
    { ...grouped('2-3 fetch -1'), key: 'y' },
  ]
  assert.equal(
    found((findings) => checkGroupOffsets(all, findings)),
    '',
  )
})

test('each source record has one target', () => {
  const sources: SourceRecord[] = [0, 1, 2].map((offset) => ({ key: 'x', offset }))
  const target = (offset: number, of: number, key = 'y'): TargetRecord => ({
    key,
    offset,
    source: { key: 'x', offset: of },
  })
  const of = (isComplete: boolean, ...targets: TargetRecord[]): string =>
    found((findings) => checkTransforms(sources, targets, isComplete, findings))
  assert.equal(of(true, target(0, 1), target(3, 0), target(7, 2)), '')
  assert.equal(of(true, target(0, 1), target(0, 1), target(3, 0), target(7, 2)), '', 'read by two')
  assert.equal(of(true, target(0, 1), target(3, 0)), 'not-transformed')
  assert.equal(of(false, target(0, 1), target(3, 0)), '')
  assert.equal(of(false, target(0, 1), target(3, 1)), 'transformed-twice')
  assert.equal(of(false, target(0, 1), target(0, 1, 'z')), 'transformed-twice')
  assert.equal(of(false, target(0, 9)), 'phantom')
})

test('replicas have the same bytes below what all count as committed', () => {
  const replica = (name: string, highWatermark: number, text: string): ReplicaSeen => {
    let baseOffset = 0
    const batches: BatchSeen[] = []
    for (const word of text.split(' ').filter((each) => each !== '')) {
      const [length, digest] = word.split(':')
      if (digest !== '-') batches.push({ baseOffset, lastOffset: baseOffset + Number(length) - 1, digest: digest! })
      baseOffset += Number(length)
    }
    return { name, key: 'x', highWatermark, batches }
  }
  const of = (...all: ReplicaSeen[]): string => found((findings) => checkReplicas(all, findings))
  assert.equal(of(replica('a', 3, '2:p 1:q'), replica('b', 3, '2:p 1:q')), '')
  assert.equal(of(replica('a', 3, '2:p 1:q'), replica('b', 3, '2:p 1:r')), 'replicas-differ')
  assert.equal(of(replica('a', 3, '2:p 1:q'), replica('b', 2, '2:p 1:r')), '', 'not committed everywhere')
  assert.equal(of(replica('a', 3, '2:p 1:q'), replica('b', 3, '2:p')), 'replicas-differ')
  assert.equal(of(replica('a', 3, '2:p 1:q'), replica('b', 3, '')), 'replicas-differ')
  assert.equal(of(replica('a', 3, '2:p 1:q'), replica('b', 3, '2:- 1:q')), '', 'its front was removed')
  assert.equal(of(replica('a', 3, '2:p 1:q'), replica('b', 3, '1:p 2:q')), 'replicas-differ')
  const three = [replica('a', 3, '2:p 1:q'), replica('b', 3, '2:p 1:q'), replica('c', 3, '2:s 1:q')]
  assert.equal(of(...three), 'replicas-differ')
  assert.equal(of(three[0]!, { ...three[2]!, key: 'y' }), '')
})
