/** What a monitor is told of groups. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_UUID } from '../../../src/base/uuid.js'
import { Exposition } from '../../../src/broker/metrics/exposition.js'
import { ofGroups } from '../../../src/broker/metrics/group-metrics.js'
import { DeleteGroups } from '../../../src/protocol/messages/delete-groups.js'
import { DeleteTopics } from '../../../src/protocol/messages/delete-topics.js'
import { batchOf, Produce, produceRequest } from '../requests.js'
import { type Sent, SimulatedBroker } from '../simulated-broker.js'
import { GroupClient, nameOf, outcomeOf } from './group-client.js'

function metrics(broker: SimulatedBroker): ReadonlyMap<string, number> {
  const page = new Exposition()
  ofGroups(page, broker.world.node!.broker!)
  const samples = page
    .text()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  )
}

const MANAGER = 'kafka_coordinator_group_groupmetadatamanager'
const COORDINATOR = 'kafka_server_group_coordinator_metrics'

test('groups by state, what they do, and how far behind they are', () => {
  const broker = new SimulatedBroker('group metrics', {
    'offsets.topic.num.partitions': '3',
    'log.dir.reserved.bytes': '0',
  })
  const topic = { name: 't', topicId: broker.createTopic('t', 2) }
  const member = new GroupClient(broker.client())
  const wait = (sent: Sent<unknown>): void => broker.until(() => sent.response !== undefined, 'an answer')
  assert.equal(metrics(broker).get(`${COORDINATOR}_num_partitions{state="active"}`), 0)
  broker.until(() => nameOf(member.find().errorCode) === 'NONE' && member.fetch('t') === -1, 'a coordinator')
  const joined = member.join(wait)
  member.sync(joined, { [joined.memberId]: 'all of it' })
  const { responses } = member.client.request(Produce, 12, produceRequest(topic, batchOf(['a', 'b', 'c', 'd'])))
  assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 0)
  const commit = (offset: number, by?: typeof joined, group = member, partition = 0): void => {
    const sent = group.sendCommit({ topic: 't', partition, offset }, by)
    wait(sent)
    assert.equal(outcomeOf(sent.response!), 'NONE')
  }
  commit(1, joined)
  const other = new GroupClient(member.client, 'other')
  commit(9, undefined, other, 1)
  const told = metrics(broker)
  assert.deepEqual(
    ['numgroups', 'numoffsets', 'numgroupsstable', 'numgroupsempty', 'numgroupsdead'].map((name) =>
      told.get(`${MANAGER}_${name}`),
    ),
    [2, 2, 1, 1, 0],
  )
  assert.equal(told.get('lograft_group_offset{group="g",topic="t",partition="0"}'), 1)
  assert.equal(told.get('lograft_group_lag{group="g",topic="t",partition="0"}'), 3)
  assert.equal(told.get('lograft_group_lag{group="other",topic="t",partition="1"}'), 0, 'never less than nothing')
  assert.equal(told.get(`${COORDINATOR}_num_partitions{state="active"}`), 3)
  assert.equal(told.get(`${COORDINATOR}_partition_load_time_count`), 3)
  assert.equal(told.get(`${COORDINATOR}_offset_commit_count_total`), 2)
  assert.equal(told.get(`${COORDINATOR}_group_completed_rebalance_count_total{protocol="classic"}`), 1)
  commit(4, joined)
  assert.equal(metrics(broker).get('lograft_group_lag{group="g",topic="t",partition="0"}'), 0)

  assert.equal(member.client.request(DeleteGroups, 2, { groupsNames: ['other'] }).results[0]!.errorCode, 0)
  const waiting = member.sendJoin(joined.memberId, { metadata: 'wants more' })
  const later = metrics(broker)
  assert.equal(later.get(`${MANAGER}_numgroups`), 1)
  assert.equal(later.get('lograft_group_offsets_removed_total'), 1)
  wait(waiting)
  member.client.request(DeleteTopics, 6, { topics: [{ name: 't', topicId: ZERO_UUID }], timeoutMs: 5000 })
  broker.pass(1000)
  const end = metrics(broker)
  assert.equal(end.get('lograft_group_lag{group="g",topic="t",partition="0"}'), undefined)
  assert.equal(end.get(`${MANAGER}_numoffsets`), 0)
})
