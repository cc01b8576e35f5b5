/** What the regular expressions of a consumer group may cost: each is compiled once, and many large ones are resolved in turn, not in one decision. */
import assert from 'node:assert/strict'
import { afterEach, describe, it, mock } from 'node:test'
import { LARGEST_RESOLUTION_BYTES } from '../../../../src/coordinator/group/consumer/group-steps.js'
import { encodeGroupRecord } from '../../../../src/coordinator/group/group-records.js'
import type { GroupDecision } from '../../../../src/coordinator/group/group-requests.js'
import { RegularExpression } from '../../../../src/coordinator/regex/regular-expression.js'
import { errorOf, type Rig } from '../rig.js'
import { addTopic, ask, checkGroup, groupOf, joining, modernRig, topicId } from './modern-rig.js'

afterEach(() => mock.restoreAll())

function compiling(): () => number {
  const { mock: calls } = mock.method(RegularExpression, 'compile')
  return () => calls.callCount()
}

/** It becomes more than 45000 instructions, and stands for every topic. */
function large(n: number): string {
  return `.*|(${'x'.repeat(45)}${n}){1000}`
}

function beat(rig: Rig): void {
  const memberEpoch = groupOf(rig.shard).members.get('0')!.epoch
  assert.equal(errorOf(ask(rig, { memberId: '0', memberEpoch })), 'NONE')
}

/** Kafka's default of `max.message.bytes`. */
const MAX_MESSAGE_BYTES = 1_048_588

/** Without partitions: there is nothing to assign. */
function addLongTopics(rig: Rig, from: number, to: number): void {
  rig.changeMetadata((delta, offset) => {
    for (let i = from; i < to; i++) {
      delta.replay({ type: 'topic', topicId: topicId(`t${i}`), name: `t${i}`.padEnd(249, '-') }, offset())
    }
  })
}

/** Bytes of the largest decision so far. */
function largestDecision(rig: Rig): () => number {
  let largest = 0
  const { shard } = rig
  const decide = shard.decide.bind(shard)
  shard.decide = (...asked): GroupDecision => {
    const decision = decide(...asked)
    let bytes = 0
    for (const { key, value } of decision.records.map(encodeGroupRecord)) bytes += key.length + (value?.length ?? 0)
    largest = Math.max(largest, bytes)
    return decision
  }
  return () => largest
}

describe('regular expressions of a consumer group', () => {
  it('are compiled once by who joins, and not again when topics come', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 1)
    const compiled = compiling()
    ask(rig, joining('0', null, { subscribedTopicRegex: 'ord.*|bills' }))
    assert.equal(compiled(), 1)
    rig.advance(11_000)
    addTopic(rig, 'bills', 1)
    beat(rig)
    assert.deepEqual([...groupOf(rig.shard).subscribedTopics.keys()].sort(), ['bills', 'orders'])
    assert.equal(compiled(), 1)
  })

  it('are not all compiled in one decision where that is much, and all of them in the end', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 1)
    const count = 60
    for (let i = 0; i < count; i++) ask(rig, joining(`${i}`, null, { subscribedTopicRegex: large(i) }))
    rig.move()
    addTopic(rig, 'bills', 1)
    const compiled = compiling()
    beat(rig)
    const first = compiled()
    assert.ok(first >= 1 && first < count / 2, `${first} at once`)
    const resolved = () =>
      [...groupOf(rig.shard).expressions.values()].filter(({ topics }) => topics.has('bills')).length
    for (let turn = 0; turn < 10 && resolved() < count; turn++) {
      const before = compiled()
      rig.advance(10_000)
      beat(rig)
      assert.ok(compiled() - before < count / 2)
    }
    assert.equal(resolved(), count)
  })

  it('are not resolved again at once where the records were refused', () => {
    const rig = modernRig()
    addTopic(rig, 'orders', 1)
    ask(rig, joining('0', null, { subscribedTopicRegex: 'ord.*|bills' }))
    rig.advance(11_000)
    addTopic(rig, 'bills', 1)
    const matching = mock.method(RegularExpression.prototype, 'matches')
    rig.refuseNext = 'NOT_ENOUGH_REPLICAS'
    const memberEpoch = groupOf(rig.shard).members.get('0')!.epoch
    assert.equal(errorOf(ask(rig, { memberId: '0', memberEpoch })), 'COORDINATOR_NOT_AVAILABLE')
    const after = matching.mock.callCount()
    assert.ok(after > 0)
    beat(rig)
    assert.equal(matching.mock.callCount(), after)
    rig.advance(10_000)
    beat(rig)
    assert.ok(groupOf(rig.shard).subscribedTopics.has('bills'))
  })

  it('that stand for many topics are written down piece by piece, and all of them in the end', () => {
    const rig = modernRig()
    const largest = largestDecision(rig)
    addLongTopics(rig, 0, 400)
    const count = 30
    for (let i = 0; i < count; i++) ask(rig, joining(`${i}`, null, { subscribedTopicRegex: `t.*|x${i}` }))
    const resolved = () => [...groupOf(rig.shard).expressions.values()].filter(({ topics }) => topics.size === 400)
    rig.advance(10_000)
    for (let turn = 0; turn < 2 * count; turn++) beat(rig)
    assert.equal(resolved().length, count)
    assert.ok(largest() < MAX_MESSAGE_BYTES, `${largest()} bytes in one decision`)
    checkGroup(rig, groupOf(rig.shard))
  })

  it('are looked at again in turn, also where no topic has come since', () => {
    const rig = modernRig()
    const largest = largestDecision(rig)
    addLongTopics(rig, 0, 400)
    const count = 8
    for (let i = 0; i < count; i++) ask(rig, joining(`${i}`, null, { subscribedTopicRegex: `t.*|x${i}` }))
    rig.advance(10_000)
    for (let turn = 0; turn < 2 * count; turn++) beat(rig)
    for (let atMs = 0; atMs <= 630_000; atMs += 30_000) {
      rig.advance(30_000)
      for (const [memberId, { epoch }] of groupOf(rig.shard).members) ask(rig, { memberId, memberEpoch: epoch })
    }
    const since = rig.wallMs - 600_000
    const stale = [...groupOf(rig.shard).expressions.values()].filter(({ timestampMs }) => timestampMs < since)
    assert.equal(stale.length, 0)
    assert.ok(largest() < MAX_MESSAGE_BYTES / 2, `${largest()} bytes in one decision`)
    const matching = mock.method(RegularExpression.prototype, 'matches')
    rig.advance(10_000)
    beat(rig)
    assert.equal(matching.mock.callCount(), 0)
  })

  it('are taken apart further where the partition takes less', () => {
    const rig = modernRig()
    addLongTopics(rig, 0, 100)
    const count = 8
    for (let i = 0; i < count; i++) ask(rig, joining(`${i}`, null, { subscribedTopicRegex: `t.*|x${i}` }))
    rig.maxBatchBytes = 60_000
    for (let turn = 0; turn < 2 * count; turn++) {
      rig.advance(10_000)
      for (const [memberId, { epoch }] of groupOf(rig.shard).members) ask(rig, { memberId, memberEpoch: epoch })
    }
    for (const { topics } of groupOf(rig.shard).expressions.values()) assert.equal(topics.size, 100)
    assert.equal(groupOf(rig.shard).expressions.size, count)
  })

  it('that would not fit into a batch are refused, and what has become too much stays as it was', () => {
    const rig = modernRig()
    const topics = Math.floor(LARGEST_RESOLUTION_BYTES / 260)
    addLongTopics(rig, 0, topics)
    assert.equal(errorOf(ask(rig, joining('0', null, { subscribedTopicRegex: 't.*' }))), 'NONE')
    assert.equal(groupOf(rig.shard).expressions.get('t.*')?.topics.size, topics)
    addLongTopics(rig, topics, 2 * topics)
    rig.advance(11_000)
    beat(rig)
    assert.equal(groupOf(rig.shard).expressions.get('t.*')?.topics.size, topics)
    const refused = ask(rig, joining('1', null, { subscribedTopicRegex: '.*' }))
    assert.equal(errorOf(refused), 'INVALID_REGULAR_EXPRESSION')
    assert.match(refused.errorMessage!, /more topics than fit/)
  })
})
