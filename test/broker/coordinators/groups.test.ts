/** Groups of a whole node over the wire, in the simulator: finding the coordinator, rounds, offsets, and what old versions are told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedBroker } from '../simulated-broker.js'
import { GroupClient, type Joined, nameOf, outcomeOf } from './group-client.js'
import type { Sent } from '../simulated-broker.js'

const SETTINGS = { 'offsets.topic.num.partitions': '4', 'log.dir.reserved.bytes': '0' }

function started(settings: Readonly<Record<string, string>> = {}): SimulatedBroker {
  return new SimulatedBroker('groups', { ...SETTINGS, ...settings })
}

const waitIn =
  (broker: SimulatedBroker) =>
  (sent: Sent<unknown>): void =>
    broker.until(() => sent.response !== undefined, 'an answer')

test('a group finds its coordinator, joins, syncs, commits and fetches; offsets are there after a restart', () => {
  const broker = started()
  broker.createTopic('t')
  const member = new GroupClient(broker.client())
  const { errorCode, nodeId, host, port } = member.find()
  assert.deepEqual([nameOf(errorCode), nodeId, host, port], ['NONE', 1, 'broker1', 9092])
  const joined: Joined = member.join(waitIn(broker))
  assert.equal(joined.leader, joined.memberId)
  assert.deepEqual(
    joined.members.map(({ metadata }) => Buffer.from(metadata).toString()),
    ['wants t'],
  )
  assert.equal(member.sync(joined, { [joined.memberId]: 't-0' }), 't-0')
  assert.equal(member.heartbeat(joined), 'NONE')
  const sent = member.sendCommit({ topic: 't', offset: 42 }, joined)
  waitIn(broker)(sent)
  assert.equal(outcomeOf(sent.response!), 'NONE')
  assert.equal(member.fetch('t'), 42)

  broker.world.crash()
  broker.until(() => !broker.world.serving, 'it is gone')
  broker.until(() => broker.world.serving, 'it is back')
  const after = new GroupClient(broker.client())
  broker.until(() => after.fetch('t') === 42, 'the offset is there')
  assert.equal(after.heartbeat(joined), 'NONE')
  assert.equal(after.leave(joined), 'NONE')
  assert.equal(after.heartbeat(joined), 'UNKNOWN_MEMBER_ID')
})
