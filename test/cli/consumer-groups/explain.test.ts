/** Rebalances in sentences: who, what, and what it cost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explanationText } from '../../../src/cli/consumer-groups/explain.js'
import type { GroupRebalances, RebalanceCause, RebalanceRound } from '../../../src/client/admin/rebalances.js'

const AT = Date.UTC(2026, 10, 22, 11, 14, 1, 318)

function cause(reason: string, more: Partial<RebalanceCause> = {}): RebalanceCause {
  const client = { clientId: 'app', clientHost: '/10.0.0.1', clientReason: null }
  return { reason, atMs: AT, memberId: 'app-1', groupInstanceId: null, ...client, ...more }
}

function round(more: Partial<RebalanceRound>): RebalanceRound {
  const times = { startedAtMs: AT, joinMs: 3005, totalMs: 3012 }
  return {
    groupType: 'Classic',
    generation: 2,
    ...times,
    members: 2,
    outcome: 'assigned',
    causes: [],
    moreCauses: 0,
    ...more,
  }
}

function explained(...rounds: readonly RebalanceRound[]): string {
  const group: GroupRebalances = { groupId: 'g', groupType: 'Classic', groupState: 'Stable', members: 2, rounds }
  return explanationText(group)
}

test('a round: when, to which generation, what it cost, and who began it', () => {
  const causes = [cause('joined'), cause('left', { memberId: 'app-2', clientReason: 'the consumer is being closed' })]
  assert.deepEqual(explained(round({ causes, moreCauses: 3 })).split('\n'), [
    '',
    'Group g: Stable, 2 members, of the classic protocol. Its coordinator remembers 1 rebalance:',
    '  2026-11-22 11:14:01.318Z  to generation 2: it took 3012 ms, 3005 ms of it until all had joined; 2 members',
    '    app-1 (app at /10.0.0.1) joined',
    '    app-2 (app at /10.0.0.1) left, and says: the consumer is being closed',
    '    and 3 causes more',
    '',
  ])
})

test('static members by their names, and causes that are nobody', () => {
  const nobody = { memberId: '', clientId: '', clientHost: '' }
  const text = explained(
    round({ causes: [cause('timed out', { groupInstanceId: 'rack-1' }), cause('metadata changed', nobody)] }),
  )
  assert.match(text, /^ {4}static member rack-1, app-1 \(app at \/10\.0\.0\.1\) timed out$/m)
  assert.match(text, /^ {4}the topics that it reads, or their partitions, have changed$/m)
})

test('how a round ends, or has not yet', () => {
  const head = (more: Partial<RebalanceRound>): string => explained(round(more)).split('\n')[2]!.slice(28)
  assert.equal(head({ outcome: 'empty' }), 'to generation 2: nobody was left')
  assert.equal(head({ outcome: 'overtaken', totalMs: -1 }), 'to generation 2: overtaken by the next one after 3005 ms')
  assert.equal(head({ outcome: 'under way', joinMs: -1, totalMs: -1 }), 'to generation 2: waits for members to join')
  assert.match(head({ outcome: 'under way', totalMs: -1 }), /waits for the assignment, all had joined after 3005 ms$/)
  const consumer = { groupType: 'Consumer', outcome: 'under way', joinMs: -1, totalMs: -1 }
  assert.equal(head(consumer), 'to epoch 2: is not over yet; 2 members')
  assert.equal(head({ outcome: 'no round needed' }), 'no rebalance: nothing had to move')
  assert.equal(
    head({ groupType: 'Consumer', joinMs: -1, totalMs: 12_345, members: 1 }),
    'to epoch 2: it took 12.3 s; 1 member',
  )
})

test('a group of which nothing is remembered', () => {
  assert.match(explained(), /^\nGroup g: .* remembers no rebalance\.\n$/)
})
