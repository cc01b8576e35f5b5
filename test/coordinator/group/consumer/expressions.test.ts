/** What the regular expressions of a consumer group may cost: each is compiled once, and many large ones are resolved in turn, not in one decision. */
import assert from 'node:assert/strict'
import { afterEach, describe, it, mock } from 'node:test'
import { RegularExpression } from '../../../../src/coordinator/regex/regular-expression.js'
import { errorOf, type Rig } from '../rig.js'
import { addTopic, ask, groupOf, joining, modernRig } from './modern-rig.js'

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
})
