/** How groups are printed: the very lines of kafka-consumer-groups.sh of Apache Kafka 4.3.1, seen beside it on the same broker. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assignmentText,
  membersText,
  offsetRows,
  offsetsText,
  remarkOn,
  stateText,
} from '../../../src/cli/consumer-groups/described.js'
import type { GroupDescription, MemberDescription } from '../../../src/client/admin/groups.js'

const coordinator = { nodeId: 1, host: 'localhost', port: 9092, rack: null }

function member(
  memberId: string,
  partitions: readonly number[],
  more: Partial<MemberDescription> = {},
): MemberDescription {
  const assignment = partitions.map((partition) => ({ topic: 'orders', partition }))
  return { memberId, instanceId: null, clientId: 'c', host: '/127.0.0.1', assignment, ...more }
}

function group(members: readonly MemberDescription[], more: Partial<GroupDescription> = {}): GroupDescription {
  return {
    groupId: 'billing',
    type: 'Classic',
    protocolType: 'consumer',
    state: 'Stable',
    assignor: 'range',
    coordinator,
    members,
    ...more,
  }
}

function committed(partition: number, offset: number, topic = 'orders', leaderEpoch = -1) {
  return { topic, partition, offset, leaderEpoch, metadata: '' }
}

test('offsets: who has most comes first, what nobody reads comes last, and what is not known is a dash', () => {
  const ends = new Map([
    ['orders-0', 10],
    ['orders-1', 20],
    ['orders-2', 30],
  ])
  const offsets = [committed(1, 5, 'orders', 7), committed(0, 10), committed(0, 3, 'gone')]
  const rows = offsetRows(group([member('a', [2]), member('b', [1, 0])]), offsets, ends)
  assert.deepEqual(offsetsText('billing', rows, false).split('\n'), [
    '',
    'GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID     HOST            CLIENT-ID',
    'billing         orders          0          10              10              0               b               /127.0.0.1      c',
    'billing         orders          1          5               20              15              b               /127.0.0.1      c',
    'billing         orders          2          -               30              -               a               /127.0.0.1      c',
    'billing         gone            0          3               -               -               -               -               -',
    '',
  ])
  const verbose = offsetsText('billing', rows, true).split('\n')
  assert.equal(
    verbose[1],
    'GROUP           TOPIC           PARTITION  LEADER-EPOCH    CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID     HOST            CLIENT-ID',
  )
  assert.match(verbose[3]!, /^billing +orders +1 {10}7 {15}5 /)
  assert.match(verbose[2]!, /^billing +orders +0 {10}- {15}10 /)
})

test('offsets: columns are as wide as what stands in them', () => {
  const rows = offsetRows(group([member('a-member-with-a-long-name', [0])]), [], new Map())
  const [, head, line] = offsetsText('a-group-with-a-long-name', rows, false).split('\n')
  assert.equal(head!.indexOf('TOPIC'), line!.indexOf('orders'))
  assert.equal(head!.indexOf('CONSUMER-ID'), line!.indexOf('a-member'))
  assert.equal(head!.indexOf('HOST'), line!.indexOf('/127'))
})

test('members: with instances where somebody has one, with epochs and assignments if that is wanted', () => {
  assert.equal(
    membersText(group([member('a', [1, 0])]), false),
    '\nGROUP           CONSUMER-ID     HOST            CLIENT-ID       #PARTITIONS     \n' +
      'billing         a               /127.0.0.1      c               2               \n',
  )
  const isStatic = [member('a', [0], { instanceId: 'first' }), member('b', [])]
  assert.deepEqual(membersText(group(isStatic), false).split('\n').slice(1, 4), [
    'GROUP           CONSUMER-ID     GROUP-INSTANCE-ID HOST            CLIENT-ID       #PARTITIONS     ',
    'billing         a               first             /127.0.0.1      c               1               ',
    'billing         b                                 /127.0.0.1      c               0               ',
  ])
  const target = [{ topic: 'orders', partition: 0 }]
  const modern = group([member('a', [0], { target, memberEpoch: 4, upgraded: true })], {
    type: 'Consumer',
    groupEpoch: 5,
    assignmentEpoch: 4,
  })
  assert.deepEqual(membersText(modern, true).split('\n').slice(1, 3), [
    'GROUP           CONSUMER-ID     HOST            CLIENT-ID       #PARTITIONS     CURRENT-EPOCH   CURRENT-ASSIGNMENT   TARGET-EPOCH    TARGET-ASSIGNMENT   ',
    'billing         a               /127.0.0.1      c               1               4               orders:0             4               orders:0            ',
  ])
  const mixed = group([member('a', [], { memberEpoch: 1, upgraded: true }), member('b', [], { upgraded: false })])
  assert.match(membersText(mixed, true), / UPGRADED\n.* true\n.* false\n$/)
})

test('members: a group without any has its heading', () => {
  assert.equal(
    membersText(group([]), false),
    '\nGROUP           CONSUMER-ID     HOST            CLIENT-ID       #PARTITIONS     \n',
  )
})

test('states: where the group is coordinated, and its epochs', () => {
  assert.deepEqual(stateText(group([member('a', [])]), false).split('\n'), [
    '',
    'GROUP           COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE                #MEMBERS',
    'billing         localhost:9092  (1)       range                Stable               1',
    '',
  ])
  assert.deepEqual(
    stateText(group([], { assignor: '', state: 'Empty', groupEpoch: 3, assignmentEpoch: 2 }), true).split('\n'),
    [
      '',
      'GROUP           COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE                GROUP-EPOCH     TARGET-ASSIGNMENT-EPOCH   #MEMBERS',
      'billing         localhost:9092  (1)       -                    Empty                3               2                         0',
      '',
    ],
  )
})

test('assignments by topic, in order', () => {
  const partitions = [
    { topic: 'z', partition: 3 },
    { topic: 'a', partition: 10 },
    { topic: 'a', partition: 2 },
  ]
  assert.equal(assignmentText(partitions), 'a:2,10;z:3')
  assert.equal(assignmentText([]), '-')
})

test('what is to be known of a group that is empty or on the move', () => {
  assert.equal(remarkOn(group([])), undefined)
  assert.match(remarkOn(group([], { state: 'Empty' }))!, /billing has no members/)
  assert.match(remarkOn(group([], { state: 'CompletingRebalance' }))!, /rebalancing/)
})
