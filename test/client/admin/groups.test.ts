/** What an administrator asks about groups, of a broker in this process: listed, described, their offsets, deleted, members removed. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Admin } from '../../../src/client/admin/admin.js'
import { askCoordinators, onlyAnswer } from '../../../src/client/admin/coordinators.js'
import { alterGroupOffsets, deleteGroupOffsets, fetchGroupOffsets } from '../../../src/client/admin/group-offsets.js'
import {
  deleteGroups,
  describeGroups,
  listGroups,
  readAssignment,
  removeMembers,
} from '../../../src/client/admin/groups.js'
import { describeRebalances } from '../../../src/client/admin/rebalances.js'
import { ClientError } from '../../../src/client/client-error.js'
import { ClusterClient } from '../../../src/client/cluster-client.js'
import { startNode } from '../../../src/index.js'
import { NodeClock } from '../../../src/io/node/clock.js'
import { NodeNetwork } from '../../../src/io/node/network.js'
import { NodeRandom } from '../../../src/io/node/random.js'
import { joinGroup } from './group-member.js'

const node = await startNode({ 'group.initial.rebalance.delay.ms': '0', 'offsets.topic.num.partitions': '3' })
const client = new ClusterClient({
  ports: { clock: new NodeClock(), network: new NodeNetwork(), random: new NodeRandom() },
  bootstrapServers: node.bootstrapServers,
})
after(async () => {
  client.close()
  await node.stop()
})
await new Admin(client).createTopics([
  { name: 'orders', partitions: 3 },
  { name: 'other', partitions: 1 },
])

function offset(partition: number, at: number, topic = 'orders') {
  return { topic, partition, offset: at }
}

async function errorOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    assert.ok(error instanceof ClientError)
    return error.error
  }
}

test('a group that has offsets and no members: committed, read, forgotten', async () => {
  await alterGroupOffsets(client, 'reader', [offset(1, 7), { ...offset(0, 5), leaderEpoch: 3, metadata: 'seen' }])
  await alterGroupOffsets(client, 'reader', [])
  const fetched = await fetchGroupOffsets(client, ['reader', 'nobody'])
  assert.deepEqual(fetched.get('reader'), [
    { topic: 'orders', partition: 0, offset: 5, leaderEpoch: 3, metadata: 'seen' },
    { topic: 'orders', partition: 1, offset: 7, leaderEpoch: -1, metadata: '' },
  ])
  assert.deepEqual(fetched.get('nobody'), [])
  assert.deepEqual(await deleteGroupOffsets(client, 'reader', [{ topic: 'orders', partition: 0 }]), [
    { topic: 'orders', partition: 0, error: undefined },
  ])
  const left = onlyAnswer(await fetchGroupOffsets(client, ['reader']), 'reader')
  assert.deepEqual(
    left.map(({ partition }) => partition),
    [1],
  )
  assert.equal(
    await errorOf(deleteGroupOffsets(client, 'nobody', [{ topic: 'orders', partition: 0 }])),
    'GROUP_ID_NOT_FOUND',
  )
})

test('a group with a member is described, and may not be deleted', async () => {
  const member = await joinGroup(client, 'described', 'orders', [2, 0])
  const group = onlyAnswer(await describeGroups(client, ['described']), 'described')
  assert.deepEqual(
    { ...group, coordinator: group.coordinator?.nodeId },
    {
      groupId: 'described',
      type: 'Classic',
      protocolType: 'consumer',
      state: 'Stable',
      assignor: 'range',
      coordinator: 1,
      members: [
        {
          memberId: member.memberId,
          instanceId: null,
          clientId: 'lograft',
          host: '/127.0.0.1',
          assignment: [
            { topic: 'orders', partition: 2 },
            { topic: 'orders', partition: 0 },
          ],
        },
      ],
    },
  )
  const refused = (await deleteGroups(client, ['described'])).get('described')
  assert.equal(refused?.error, 'NON_EMPTY_GROUP')
  assert.equal(await errorOf(alterGroupOffsets(client, 'described', [offset(0, 1)])), 'UNKNOWN_MEMBER_ID')
  const [topic] = await deleteGroupOffsets(client, 'described', [{ topic: 'orders', partition: 0 }])
  assert.equal(topic?.error?.error, 'GROUP_SUBSCRIBED_TO_TOPIC')
  await member.leave()
  assert.equal(onlyAnswer(await describeGroups(client, ['described']), 'described').state, 'Empty')
})

test('a group that is not there is an error of its own', async () => {
  const described = await describeGroups(client, ['absent', 'reader'])
  const absent = described.get('absent')
  assert.ok(absent instanceof ClientError)
  assert.equal(absent.error, 'GROUP_ID_NOT_FOUND')
  assert.ok(!(described.get('reader') instanceof ClientError))
})

test('groups are listed once each, by id, and by state and type', async () => {
  await alterGroupOffsets(client, 'listed', [offset(0, 1)])
  const member = await joinGroup(client, 'busy', 'orders', [0])
  const all = await listGroups(client)
  const ids = all.map(({ groupId }) => groupId)
  assert.deepEqual(ids, [...new Set(ids)].sort())
  assert.deepEqual(
    all.find(({ groupId }) => groupId === 'busy'),
    {
      groupId: 'busy',
      protocolType: 'consumer',
      state: 'Stable',
      type: 'Classic',
    },
  )
  const stable = await listGroups(client, { states: ['Stable'] })
  assert.deepEqual(
    stable.map(({ groupId }) => groupId),
    ['busy'],
  )
  assert.deepEqual(await listGroups(client, { types: ['Consumer'] }), [])
  await member.leave()
})

test('members are removed by their ids and by those of their instances', async () => {
  const member = await joinGroup(client, 'shrinking', 'orders', [0])
  await removeMembers(client, 'shrinking', [{ memberId: member.memberId }], 'for a test')
  assert.equal(onlyAnswer(await describeGroups(client, ['shrinking']), 'shrinking').members.length, 0)
  await joinGroup(client, 'shrinking', 'orders', [0], 'rack-1')
  const [described] = onlyAnswer(await describeGroups(client, ['shrinking']), 'shrinking').members
  assert.equal(described?.instanceId, 'rack-1')
  await removeMembers(client, 'shrinking', [{ instanceId: 'rack-1' }])
  assert.equal(await errorOf(removeMembers(client, 'shrinking', [{ memberId: 'x' }])), 'UNKNOWN_MEMBER_ID')
})

test('what is deleted is gone with its offsets, and others stay', async () => {
  await alterGroupOffsets(client, 'deleted', [offset(0, 1)])
  const answers = await deleteGroups(client, ['deleted', 'absent'])
  assert.equal(answers.get('deleted'), undefined)
  assert.ok(answers.has('deleted'))
  assert.equal(answers.get('absent')?.error, 'GROUP_ID_NOT_FOUND')
  assert.deepEqual((await fetchGroupOffsets(client, ['deleted'])).get('deleted'), [])
})

test('why a group has rebalanced: who came and who went', async () => {
  const member = await joinGroup(client, 'explained', 'orders', [0])
  await member.leave()
  const explained = await describeRebalances(client, ['explained', 'absent'])
  const group = onlyAnswer(explained, 'explained')
  assert.equal(group.groupType.toLowerCase(), 'classic')
  const [first, last] = [group.rounds[0]!, group.rounds.at(-1)!]
  assert.deepEqual([first.outcome, first.generation, first.members], ['assigned', 1, 1])
  assert.ok(first.totalMs >= 0 && first.totalMs >= first.joinMs)
  assert.deepEqual(
    first.causes.map(({ reason, memberId }) => [reason, memberId]),
    [['joined', member.memberId]],
  )
  assert.equal(last.outcome, 'empty')
  assert.deepEqual(
    last.causes.map(({ reason }) => reason),
    ['left'],
  )
  const absent = explained.get('absent')
  assert.ok(absent instanceof ClientError && absent.error === 'GROUP_ID_NOT_FOUND')
})

test('what may pass is asked again, only of those whom it is about; what is final is not', async () => {
  const asked: string[][] = []
  const answers = await askCoordinators<string>(client, 'trying', ['a', 'b', 'c', 'a'], async (_, groupIds) => {
    asked.push([...groupIds].sort())
    const error = (name: 'NOT_COORDINATOR' | 'GROUP_ID_NOT_FOUND') =>
      new ClientError(name, name, name === 'NOT_COORDINATOR')
    return new Map(
      groupIds.map((id) => [
        id,
        id === 'b' && asked.length < 3 ? error('NOT_COORDINATOR') : id === 'c' ? error('GROUP_ID_NOT_FOUND') : id,
      ]),
    )
  })
  assert.deepEqual(asked, [['a', 'b', 'c'], ['b'], ['b']])
  assert.equal(answers.get('b'), 'b')
  assert.throws(() => onlyAnswer(answers, 'c'), /GROUP_ID_NOT_FOUND/)
  assert.throws(() => onlyAnswer(answers, 'd'), /nothing was answered about group d/)
})

test('an assignment that cannot be read is none', () => {
  assert.deepEqual(readAssignment(Buffer.alloc(0)), [])
  assert.deepEqual(readAssignment(Buffer.from('nonsense')), [])
  assert.deepEqual(
    readAssignment(Buffer.from([0, 0, 0, 0, 0, 1, 0, 1, 0x74, 0, 0, 0, 1, 0, 0, 0, 9, 255, 255, 255, 255])),
    [{ topic: 't', partition: 9 }],
  )
})
