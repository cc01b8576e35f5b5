/** Members of consumer groups that are put out because they are late, where the records of all of them are more than the partition takes at once. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeGroupRecord } from '../../../../src/coordinator/group/group-records.js'
import type { Rig } from '../rig.js'
import { addTopic, ask, checkGroup, findGroup, groupOf, imageOf, joining, modernRig } from './modern-rig.js'

/** Kafka's default of `max.message.bytes`. */
const MAX_MESSAGE_BYTES = 1_048_588
const LONG = 32_000

/** Lets time go by where a decision of more bytes is refused. Gives how many were taken, and how many not. */
function advance(rig: Rig, ms: number, maxBytes: number): { taken: number; refused: number } {
  const { shard } = rig
  const end = rig.monotonicMs + ms
  const counts = { taken: 0, refused: 0 }
  for (let next = shard.nextDeadlineMs(); next <= end; next = shard.nextDeadlineMs()) {
    rig.monotonicMs = Math.max(rig.monotonicMs, next)
    let decision = shard.expire(rig.now)
    const bytes = decision.records.map(encodeGroupRecord).reduce((sum, { key, value }) => {
      return sum + key.length + (value?.length ?? 0)
    }, 0)
    if (bytes > maxBytes) {
      counts.refused++
      decision = shard.refused(decision, 'MESSAGE_TOO_LARGE', rig.now)
    } else if (bytes > 0) counts.taken++
    for (const record of decision.records) {
      rig.log.push({ bytes: encodeGroupRecord(record), timestampMs: rig.wallMs })
      shard.apply(record, { offset: rig.log.length - 1, timestampMs: rig.wallMs, producerId: -1, producerEpoch: -1 })
    }
  }
  rig.monotonicMs = end
  return counts
}

/** `count` members whose records are large in each of these groups, and one in another group; all begin their sessions at the same time, and are not heard of. */
function silentMembers(count: number, groupIds: readonly string[]): Rig {
  const rig = modernRig()
  addTopic(rig, 'orders', 2)
  for (const groupId of groupIds) {
    for (let i = 0; i < count; i++) ask(rig, { ...joining(`${i}`.padEnd(LONG, 'x'), ['orders']), groupId })
  }
  ask(rig, { ...joining('a', ['orders']), groupId: 'other' })
  rig.move()
  return rig
}

function counts(rig: Rig): number[] {
  return [...rig.shard.groups].map(({ memberCount }) => memberCount)
}

describe('late members of consumer groups', () => {
  it('of one group go as fast as the partition takes their records', () => {
    const groupId = 'g'.repeat(LONG)
    const rig = silentMembers(7, [groupId])
    assert.deepEqual(counts(rig), [7, 1])
    const { taken, refused } = advance(rig, 46_000, MAX_MESSAGE_BYTES)
    assert.equal(refused, 0)
    assert.ok(taken > 1)
    assert.deepEqual(counts(rig), [0, 0])
    checkGroup(rig, groupOf(rig.shard, groupId))
    assert.deepEqual(imageOf(groupOf(rig.loadedCopy(), groupId)), imageOf(groupOf(rig.shard, groupId)))
  })

  it('of several groups do not all go with one decision', () => {
    const rig = silentMembers(
      1,
      [...'abcdefg'].map((each) => each.repeat(LONG)),
    )
    const { refused } = advance(rig, 46_000, MAX_MESSAGE_BYTES)
    assert.equal(refused, 0)
    assert.deepEqual(counts(rig), [0, 0, 0, 0, 0, 0, 0, 0])
  })

  it('where the partition takes no more than one at once go one by one, and others do not wait for them', () => {
    const rig = silentMembers(2, ['g'.repeat(LONG), 'h'.repeat(LONG)])
    const { refused } = advance(rig, 60_000, 6.5 * LONG + 2 * LONG)
    assert.ok(refused > 0)
    assert.deepEqual(counts(rig), [0, 0, 0])
  })

  it('that cannot be put out at all keep nobody else', () => {
    const groupId = 'g'.repeat(LONG)
    const rig = silentMembers(2, [groupId])
    advance(rig, 60_000, LONG)
    assert.equal(findGroup(rig.shard, groupId)?.memberCount, 2)
    assert.equal(findGroup(rig.shard, 'other')?.memberCount, 0)
  })
})
